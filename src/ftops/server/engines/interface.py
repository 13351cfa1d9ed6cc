"""The contract between the server and whatever trains inside it: prepare, estimate, train, answer.

Owns the words that both sides share. An engine knows nothing of HTTP, SQLite, job ids or files: it takes rows that the server
has validated, yields progress and checkpoints, and answers conversations. A further engine is one more folder beside
``linear``, and a line in ``engines``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = Mapping[str, Any]
Message = Mapping[str, Any]
Tool = Mapping[str, Any]

Reward = Callable[[Row, Message], float]
"""What a grader gives for an assistant message that answers a row's ``messages``: a finite number, the more the better.

May raise what isn't the engine's to handle, such as a grader's own failure; it then ends the run.
"""

Accepts = Callable[[Message], bool]
"""Whether an assistant message has the form that a request demands."""


class NothingToLearn(ValueError):
    """The rows have nothing that the method could learn from. The message says what is missing, and holds nothing of them."""


class UnknownBase(LookupError):
    """The engine has no base model of this name. Raised by an engine that stands for some models only."""


class TrainingDiverged(Exception):
    """Losses or weights have left the range of numbers, so that no model can come of this run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSpec:
    """What determines a training run: equal specs give equal weights, bit for bit.

    ``base`` names the base model, the parent's own one where there is a parent: ``parent`` is the weights that training
    continues from, None for the base model itself. ``train_rows`` and ``validation_rows`` are parsed rows in OpenAI's training
    formats, already checked. ``hyperparameters`` holds only what was given; whatever is missing is ``auto``. ``reward`` is
    there for the method ``reinforcement`` only.
    """

    base: str
    method: str
    train_rows: Sequence[Row]
    validation_rows: Sequence[Row]
    seed: int
    hyperparameters: Mapping[str, float | str]
    parent: bytes | None = None
    reward: Reward | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """The hyperparameters in force (``auto`` made concrete), the number of steps, and the tokens that will be billed."""

    hyperparameters: Mapping[str, float | str]
    n_epochs: int
    total_steps: int
    trained_tokens: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMetrics:
    """Measured after a step, which counts from 1. Losses in nats; accuracies from 0 to 1.

    ``valid_*`` is measured on one validation batch, ``full_valid_*`` on the whole validation file; None where not measured.
    ``*_reward`` is the mean reward of the answers drawn in the step, or for all validation rows: reinforcement only, which
    has no accuracies, since it knows no right answer.
    """

    step: int
    train_loss: float
    train_accuracy: float | None = None
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_accuracy: float | None = None
    train_reward: float | None = None
    full_valid_reward: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """The weights at the end of an epoch. Training resumed from one ends in the same weights as training undisturbed."""

    step: int
    epoch: int
    weights: bytes
    metrics: StepMetrics


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How to draw answers. ``temperature`` 0 takes the likeliest; equal seeds give equal answers.

    ``top_logprobs`` asks for the logarithms of the tokens' probabilities, and for so many of the likeliest beside each token.

    ``max_tokens`` and ``stops`` spare an engine that writes word by word what nobody will see: it may end an answer at
    either, and needn't, since the server cuts what is longer by its own count of tokens, and before the first stop.
    """

    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    top_logprobs: int | None = None
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token of an answer's content, as UTF-8, perhaps a part of a character.

    ``logprob`` is the natural logarithm of its probability after the tokens before it, at temperature 1; ``top`` has the
    likeliest tokens in its place with theirs, the likeliest first.
    """

    content: bytes
    logprob: float
    top: tuple[tuple[bytes, float], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An assistant message: ``content``, and ``tool_calls`` where the reply learnt had some.

    ``tokens`` make up the content, where they were asked for and the engine knows probabilities. ``is_cut`` says that the
    engine itself ended the answer at ``Sampling.max_tokens``.
    """

    message: Message
    tokens: tuple[Token, ...] | None = None
    is_cut: bool = False


class Model(Protocol):
    """A model that answers; safe to call from several threads."""

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        """Gives ``sampling.n`` answers.

        With ``accepts`` answers of other forms are as if the model didn't know them; where that leaves none, it gives none.
        One that is cut short needn't be accepted. ``tools`` are those that may be called, in OpenAI's format; that one must
        be called is for ``accepts`` to say.
        """
        ...


class Engine(Protocol):
    """Trains and answers."""

    @property
    def name(self) -> str:
        """A short word for people and for the data folder, whose weights no engine of another name is given."""
        ...

    @property
    def methods(self) -> frozenset[str]:
        """The training methods this engine knows."""
        ...

    def prepare(self, spec: TrainingSpec) -> Prepared:
        """Makes ``auto`` concrete and counts steps and tokens, without training.

        ``NothingToLearn`` where the rows don't serve the method, ``UnknownBase`` where the engine can't train that model.
        """
        ...

    def estimate(self, spec: TrainingSpec, prepared: Prepared) -> float:
        """Roughly how many seconds the training will take, before any of it is done."""
        ...

    def train(
        self, spec: TrainingSpec, prepared: Prepared, resume: Checkpoint | None = None
    ) -> Iterator[StepMetrics | Checkpoint]:
        """Trains step by step: metrics after each step, then a checkpoint at each epoch's end, the last one being the model.

        The caller may stop iterating at any time (cancel, pause), and may start again with the last checkpoint it kept.
        ``TrainingDiverged`` when the steps are too long for the run to come to anything.
        """
        ...

    def load(self, base: str, weights: bytes | None) -> Model:
        """Makes a model of a base model's name and a checkpoint's weights; None is the untuned base model.

        ``UnknownBase`` where there is no such base model, ValueError for weights that are damaged. The server keeps the
        models used last and drops the others: what several share, such as a base model's own weights, is the engine's to keep.
        """
        ...
