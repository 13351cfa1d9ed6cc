"""The kinds of graders, as values: a closed union with one frozen dataclass for each ``type``.

Owns the fields of OpenAI's six and nothing that they do; those that ftops adds are in ``own_kinds``. ``name`` only labels
results; ``pass_threshold`` belongs to evaluations, which apply it when scores are judged.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from ftops.graders.formula import Formula
from ftops.graders.own_kinds import JsonSchema, Label, Numeric, Outcome, Regex, Scorecard, ToolCall
from ftops.graders.prompt_kinds import JudgeSampling, PromptMessage


class Operation(StrEnum):
    """How ``string_check`` compares: equal, not equal, and whether input contains reference, minding case or not."""

    EQ = "eq"
    NE = "ne"
    LIKE = "like"
    ILIKE = "ilike"


class Metric(StrEnum):
    """How ``text_similarity`` measures."""

    FUZZY_MATCH = "fuzzy_match"
    BLEU = "bleu"
    GLEU = "gleu"
    METEOR = "meteor"
    ROUGE_1 = "rouge_1"
    ROUGE_2 = "rouge_2"
    ROUGE_3 = "rouge_3"
    ROUGE_4 = "rouge_4"
    ROUGE_5 = "rouge_5"
    ROUGE_L = "rouge_l"
    COSINE = "cosine"


@dataclass(frozen=True, kw_only=True, slots=True)
class StringCheck:
    """1 where the comparison holds, else 0. Nothing is trimmed or folded but by ``ilike``."""

    name: str
    input: str
    reference: str
    operation: Operation


@dataclass(frozen=True, kw_only=True, slots=True)
class TextSimilarity:
    """How alike two texts are, from 0 to 1. ``embedding_model`` is what embeds them for ``cosine``, ftops' own field."""

    name: str
    input: str
    reference: str
    metric: Metric
    embedding_model: str | None = None
    pass_threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreModel:
    """The number that a model answers with, cut to ``lowest`` … ``highest``."""

    name: str
    model: str
    input: tuple[PromptMessage, ...]
    lowest: float
    highest: float
    sampling: JudgeSampling
    pass_threshold: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelModel:
    """1 where the label that a model answers with is a passing one, else 0."""

    name: str
    model: str
    input: tuple[PromptMessage, ...]
    labels: tuple[str, ...]
    passing_labels: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """The number that the function ``grade(sample, item)`` of a program returns."""

    name: str
    source: str
    image_tag: str | None = None
    pass_threshold: float | None = None


OpenAIGrader = StringCheck | TextSimilarity | ScoreModel | LabelModel | Python
OwnGrader = Regex | JsonSchema | Numeric | ToolCall | Label | Outcome | Scorecard
SingleGrader = OpenAIGrader | OwnGrader


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A grader inside a ``multi``. ``key`` names its score in results, ``at`` is where it was declared."""

    key: str
    at: str
    grader: SingleGrader


@dataclass(frozen=True, kw_only=True, slots=True)
class Multi:
    """A formula over the scores of other graders. ``aliases`` are further names in the formula, each for a part's key."""

    name: str
    parts: tuple[Part, ...]
    formula: Formula
    aliases: tuple[tuple[str, str], ...] = ()
    pass_threshold: float | None = None


Grader = SingleGrader | Multi


def type_of(grader: Grader) -> str:
    """The grader's ``type`` on the wire."""
    match grader:
        case StringCheck():
            return "string_check"
        case TextSimilarity():
            return "text_similarity"
        case ScoreModel():
            return "score_model"
        case LabelModel():
            return "label_model"
        case Python():
            return "python"
        case Multi():
            return "multi"
        case Regex() | JsonSchema() | Numeric() | ToolCall() | Label() | Outcome() | Scorecard():
            return grader.TYPE
        case _:
            assert_never(grader)
