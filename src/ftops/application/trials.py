"""Trials: a fine-tune's evaluations run against any model, also before anything was trained.

Owns which model is tried, what it may cost, and that nothing is recorded: what was measured lives in the record that comes
back. Answers and judges' replies are kept as for an apply, which then calls nothing twice.
"""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ftops.application.baselines import Candidate, base_model_of, resolve_baseline
from ftops.application.evaluate import EvaluationProgress, Evaluations
from ftops.application.measurements import Measurement
from ftops.application.prompt_tokens import prompt_saving
from ftops.application.subject import EvaluationFiles
from ftops.domain.checkpoints import chosen_model
from ftops.domain.desired import Dataset, Declared
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import Backend, BackendName, Baseline, EvalSpec, ModelId, PromptFile
from ftops.domain.near_misses import hint
from ftops.domain.record_types import FORMAT_VERSION
from ftops.domain.records import FineTuneRecord
from ftops.domain.replay import record_after
from ftops.errors import UsageProblem
from ftops.evaluation.graders import GraderProblem, parse_grader
from ftops.evaluation.identity import form_digest, is_dated
from ftops.evaluation.pairwise import is_pairwise
from ftops.evaluation.prompts import Examples
from ftops.graders.rules import embedding_models_of, models_of

_MILLION: Final = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What is tried: the fine-tune with the evaluations chosen, a model, and what the ledger knows of both.

    ``why`` says how the model was chosen; ``notices`` are remarks for people.
    """

    declared: Declared
    candidate: Candidate
    record: FineTuneRecord
    why: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What a trial would send: requests, tokens and USD. None is unknown, never zero.

    Besides, ``judges`` are asked about up to ``judged`` answers, or embed them; what that takes is not in the other figures.
    ``is_free`` where all backends that would be asked are known to cost nothing.
    """

    calls: int
    tokens: int
    usd: float | None
    is_free: bool
    judged: int = 0
    judges: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether nobody would be asked anything."""
        return not self.calls and not self.judged


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What came of a trial; ``record`` is the ledger's with what was measured now, and is written nowhere."""

    trial: Trial
    record: FineTuneRecord
    judgement: Judgement


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesWithPrompt:
    """The files of evaluations, and one prompt that may lie anywhere, read by who was given its name."""

    files: EvaluationFiles
    path: str
    prompt: str

    def rows(self, dataset: Dataset) -> Sequence[Mapping[str, Any]]:
        """Gives a dataset's rows."""
        return self.files.rows(dataset)

    def each_row(self, dataset: Dataset) -> Iterator[Mapping[str, Any]]:
        """Gives them one after the other."""
        return self.files.each_row(dataset)

    def text(self, path: str) -> str:
        """Gives the text of a prompt file."""
        return self.prompt if path == self.path else self.files.text(path)


def find_declared(declared: Sequence[Declared], name: str) -> Declared:
    """Gives the fine-tune of a present or former name. Raises UsageProblem, with a near miss where there is one."""
    found = [one for one in declared if one.name == name] or [d for d in declared if name in d.fine_tune.moved_from]
    if found:
        return found[0]
    names = [one.name for one in declared]
    raise UsageProblem(
        f"no manifest declares {quoted(name)}", remedy=hint(name, names, there_are="the manifests declare")
    )


def choose_evals(declared: Declared, names: Sequence[str]) -> Declared:
    """Leaves the evaluations that are named, all where none is. Raises UsageProblem where there is none of that name."""
    known = [one.spec.name for one in declared.evals]
    if not known:
        raise UsageProblem(f"{declared.name} has no evaluations", remedy="add spec.evals to its manifest")
    for name in names:
        if name not in known:
            where = f"{declared.name} has no evaluation {quoted(name)}"
            raise UsageProblem(where, remedy=hint(name, known, there_are="it has"))
    chosen = tuple(one for one in declared.evals if not names or one.spec.name in names)
    return dataclasses.replace(declared, evals=chosen)


def make_trial(
    declared: Declared,
    known: FineTuneRecord | None,
    *,
    model: str | None,
    today: date,
    asks: PromptFile | None = None,
) -> Trial:
    """Chooses the model: the one named, else the declared revision's, else the base model that it would be trained from.

    A condition that would compare the model with itself is left out, and that is said. What an undated model answers counts
    for ``today`` only (UTC): it may be another model tomorrow. Raises UsageProblem for a name that none can have.
    """
    if model is not None and (not model.strip() or not _is_text(model)):
        message = f"no model is called {quoted(model)}"
        raise UsageProblem(message, remedy="leave --model out to try the declared revision's")
    record = known or FineTuneRecord(format_version=FORMAT_VERSION, name=declared.name)
    candidate, why = _candidate(declared, record, model, asks)
    is_lasting = candidate.revision is not None or is_dated(candidate.model)
    candidate = dataclasses.replace(candidate, day=None if is_lasting else today.isoformat())
    evals, notices = [], []
    for one in declared.evals:
        kept = tuple(c for c in one.spec.gate if not _is_itself(record, declared, candidate, one.spec.opponent(c)))
        if len(kept) < len(one.spec.gate):
            notices.append(f"{one.spec.name}: {candidate.model} is its own baseline there: nothing to compare with")
        evals.append(dataclasses.replace(one, spec=dataclasses.replace(one.spec, gate=kept)))
    if not is_lasting:
        notices.append(f"{visible(candidate.model)} has no date in its name: its answers count for today only")
    return Trial(
        declared=dataclasses.replace(declared, evals=tuple(evals)),
        candidate=candidate,
        record=record,
        why=why,
        notices=tuple(notices),
    )


def quote(evaluations: Evaluations, trial: Trial) -> Quote:
    """Estimates what a trial would send and cost, each model by its own price; asks no backend.

    Answers count as long as the references, at the price of input.
    """
    record, declared, candidate = trial.record, trial.declared, trial.candidate
    subject = evaluations.subject(record, declared, candidate)
    calls = tokens = judged = 0
    usd: float | None = 0.0
    asked: set[BackendName] = set()
    for wanted, count in evaluations.calls_due(record, declared, candidate=candidate):
        if not count:
            continue
        sent = round(count * _tokens_of_a_call(evaluations, trial, wanted))
        price = subject.price(wanted.model, wanted.backend)
        usd = None if usd is None or price is None or price.input is None else usd + sent * price.input / _MILLION
        calls, tokens = calls + count, tokens + sent
        asked.add(wanted.backend)
    judges: dict[str, None] = {}
    lacking = Counter(m.eval for m in evaluations.judgement(record, declared, candidate=candidate).missing)
    for one in declared.evals:
        models = models_asked(one.spec)
        if models and lacking[one.spec.name]:
            judges |= dict.fromkeys(models)
            judged += one.dataset.rows * one.spec.repeats * lacking[one.spec.name]
            asked.add(candidate.backend)
    known = {**evaluations.backends, declared.backend.name: declared.backend}
    is_free = all(name in known and is_free_of_charge(known[name]) for name in asked)
    return Quote(calls=calls, tokens=tokens, usd=usd, is_free=is_free, judged=judged, judges=tuple(judges))


def _tokens_of_a_call(evaluations: Evaluations, trial: Trial, wanted: Measurement) -> float:
    """Gives what a row takes on average, with the examples or the prompt that it is given besides."""
    dataset, train = wanted.declared.dataset, trial.declared.train
    row = dataset.tokens / dataset.rows if dataset.rows else 0.0
    if isinstance(wanted.prompt, Examples):
        return row + (wanted.prompt.count * train.tokens / train.rows if train.rows else 0.0)
    if isinstance(wanted.asks, PromptFile) and wanted.asks == trial.candidate.asks:
        saving = prompt_saving(evaluations, trial.declared, trial.candidate, wanted.declared)
        return row - (saving.tokens if saving is not None else 0.0)
    return row


def models_asked(spec: EvalSpec) -> tuple[str, ...]:
    """Gives the models that an evaluation's grader asks: judges, and those that embed texts."""
    if is_pairwise(spec.grader):
        return (str(spec.grader.get("model", "")),)
    try:
        grader = parse_grader(spec.grader)
    except GraderProblem:
        return ()  # the evaluation will say so
    return (*models_of(grader), *embedding_models_of(grader))


def run_trial(
    evaluations: Evaluations,
    trial: Trial,
    *,
    stop: threading.Event | None = None,
    progress: EvaluationProgress | None = None,
) -> Tried:
    """Measures what is missing, and judges. Raises Interrupted when ``stop`` is set; answers so far are kept."""
    events = evaluations.evaluate(trial.record, trial.declared, candidate=trial.candidate, stop=stop, progress=progress)
    record = record_after(trial.record, events)
    judgement = evaluations.judgement(record, trial.declared, candidate=trial.candidate)
    return Tried(trial=trial, record=record, judgement=judgement)


def is_free_of_charge(backend: Backend) -> bool:
    """Whether calling a backend is known to cost nothing."""
    price = backend.price
    return backend.is_rehearsal or (price is not None and price.input == 0 and price.output == 0)


def _candidate(
    declared: Declared, record: FineTuneRecord, model: str | None, asks: PromptFile | None
) -> tuple[Candidate, str]:
    backend = declared.backend.name
    if model is not None:
        made_by = record.revision_of_model(backend, model)
        why = f"asked for; the model of revision {made_by}" if made_by else "asked for"
        return Candidate(model=ModelId(model), backend=backend, revision=made_by, asks=asks), why
    chosen = chosen_model(record, declared.revision, backend, declared.fine_tune.policy.checkpoints)
    if chosen is not None:
        why = f"the model of the declared revision {declared.revision}"
        return Candidate(model=chosen, backend=backend, revision=declared.revision, asks=asks), why
    base = base_model_of(record, declared, declared.revision)
    why = f"the base model: revision {declared.revision} is not trained on {backend}"
    return Candidate(model=ModelId(base), backend=backend, revision=None, asks=asks), why


def _is_itself(record: FineTuneRecord, declared: Declared, candidate: Candidate, baseline: Baseline | None) -> bool:
    """Whether a condition's baseline is the candidate, asked in the same way."""
    if baseline is None or baseline.prompt is not None or candidate.asks is not None:
        return False
    found = resolve_baseline(record, declared, candidate, baseline, form=form_digest(baseline, None))
    return (found.model, found.backend) == (candidate.model, candidate.backend)


def _is_text(words: str) -> bool:
    """Whether a word of the command line was UTF-8."""
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True
