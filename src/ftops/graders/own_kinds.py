"""The kinds of graders that ftops adds to OpenAI's, as values: for evaluations only, no job takes them.

Owns their fields and nothing that they do. ``input`` and ``reference`` are templates.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from ftops.graders.prompt_kinds import JudgeSampling

OWN_TYPES: Final = ("regex", "json_schema", "numeric", "tool_call", "label", "outcome", "scorecard")
LOWEST_RATING: Final = 1
HIGHEST_RATING: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Regex:
    """1 where the pattern, in RE2's syntax, is found in the input, else 0."""

    TYPE: ClassVar[str] = "regex"

    name: str
    pattern: str
    input: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonSchema:
    """1 where the input is JSON that fits the schema, else 0. ``schema`` is the schema's JSON text."""

    TYPE: ClassVar[str] = "json_schema"

    name: str
    schema: str
    input: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Numeric:
    """1 where the number in the input is that in the reference, within either tolerance, else 0."""

    TYPE: ClassVar[str] = "numeric"

    name: str
    input: str
    reference: str
    absolute: float = 0.0
    relative: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolCall:
    """1 where the answer's tool calls are those of the reference, by Berkeley's AST match, else 0."""

    TYPE: ClassVar[str] = "tool_call"

    name: str
    reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """1 where the input is of the reference's class, else 0. ``labels`` are the classes, () where only references tell."""

    TYPE: ClassVar[str] = "label"

    name: str
    input: str
    reference: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """1 where the answer is correct, 0 where it is wrong, abstains or is made up.

    With a ``model`` that is what judges; else ``abstained`` and ``hallucinated`` are patterns of such answers.
    """

    TYPE: ClassVar[str] = "outcome"

    name: str
    input: str
    reference: str
    abstained: tuple[str, ...] = ()
    hallucinated: tuple[str, ...] = ()
    model: str | None = None
    sampling: JudgeSampling = field(default_factory=JudgeSampling)


@dataclass(frozen=True, kw_only=True, slots=True)
class Criterion:
    """What a scorecard's judge rates from 1 to 5."""

    name: str
    description: str
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorecard:
    """The weighted mean of a model's ratings, from 1 to 5 each, scaled to 0 … 1 (G-Eval).

    The judge sees a reference only where one is declared.
    """

    TYPE: ClassVar[str] = "scorecard"

    name: str
    model: str
    criteria: tuple[Criterion, ...]
    input: str
    reference: str | None = None
    sampling: JudgeSampling = field(default_factory=JudgeSampling)
