"""What each metric is: the value that an answer has under it, and what scores it needs.

Owns the metrics and their refusals in words. ``figures`` puts the values of a sample together; ``gates`` judges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ftops.domain.foreign_text import visible
from ftops.domain.manifest import Price
from ftops.domain.scores import ItemScore
from ftops.graders.marks import OutcomeMark

_REQUESTS: Final = 1_000
_MILLION: Final = 1_000_000
_LARGEST: Final = 1e100  # differences and squares of what is larger may be no numbers any more
# Graders' types: those that mark answers, and those whose scores are seldom all 0 or 1.
_MARKING: Final = ("label", "label_model", "outcome", "tool_call")
_GRADED: Final = ("text_similarity", "scorecard")
_OUTCOMES: Final = frozenset(mark.value for mark in OutcomeMark)


class MetricRefused(Exception):
    """These scores have no such metric; the message says why."""


class Kind(StrEnum):
    """How a metric comes from its sample: as a mean of answers' values, from counts of classes, or as a percentile."""

    MEAN = "mean"
    F1 = "f1"
    PERCENTILE = "percentile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a model's recorded scores are read with.

    ``pass_threshold`` is the grader's. ``bounds`` are the lowest and highest score it can give. ``price`` is what calling
    the model costs, USD per million tokens; None is unknown.
    """

    pass_threshold: float | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    price: Price | None = None


def kind_of(metric: str) -> Kind:
    """Says how a metric comes from its sample."""
    if metric == "macro_f1" or label_of(metric) is not None:
        return Kind.F1
    return Kind.PERCENTILE if metric == "latency_p95_ms" else Kind.MEAN


def label_of(metric: str) -> str | None:
    """Gives LABEL of ``f1[LABEL]``, else None."""
    return metric[3:-1] if metric.startswith("f1[") else None


def is_less_better(metric: str) -> bool:
    """Whether the better model has the lower value, so that being better means a difference below zero."""
    return metric in {"abstained", "hallucinated", "latency_p95_ms", "usd_per_1k"}


def score_bounds(grader: Mapping[str, Any]) -> tuple[float, float]:
    """Gives the lowest and highest score of a declared grader: the ``range`` of a score_model, else 0 and 1."""
    if grader.get("type") != "score_model":
        return 0.0, 1.0
    low, high = grader.get("range", (0.0, 1.0))
    return float(low), float(high)


def why_never(metric: str, grader: Mapping[str, Any]) -> str | None:
    """Says why no scores of a declared grader can have a metric, whatever they are; None where they may have it.

    Of a grader within a ``multi`` there are classes or outcomes where no other in it marks answers, too.
    """
    marking = [part for part in _parts(grader) if part.get("type") in _MARKING]
    only = marking[0] if len(marking) == 1 else {}
    if metric in {"accuracy", "pass_rate"} and grader.get("type") in _GRADED and grader.get("pass_threshold") is None:
        return f"{metric} needs a pass_threshold in a grader of type {grader['type']}"
    if metric in {"abstained", "hallucinated"} and only.get("type") != "outcome":
        return f"{metric} needs a grader of type outcome"
    if kind_of(metric) is not Kind.F1:
        return None
    if only.get("type") != "label":
        return f"{visible(metric)} needs a grader of type label"
    label, labels = label_of(metric), only.get("labels")
    if label is None or not isinstance(labels, list | tuple) or label in labels:
        return None
    return f"{visible(label)} is none of the grader's labels"


def _parts(grader: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    inner = grader.get("graders", (grader,))
    parts = inner.values() if isinstance(inner, Mapping) else inner if isinstance(inner, list | tuple) else ()
    return tuple(part for part in parts if isinstance(part, Mapping))


def metric_bounds(metric: str, reading: Reading) -> tuple[float, float] | None:
    """Gives the lowest and highest value that an answer can have; None where nothing bounds it."""
    if metric == "usd_per_1k":
        return None
    return reading.bounds if metric == "mean" else (0.0, 1.0)


def metric_values(metric: str, answers: Sequence[ItemScore], reading: Reading) -> tuple[float, ...]:
    """Gives one value per answer, in order; the metric is their mean. For metrics of kind mean.

    ``mean`` takes the scores as they are. ``pass_rate`` and ``accuracy`` take 1 for a score of at least the pass threshold
    and 0 for a lower one; without a threshold the scores must be 0 or 1. ``abstained`` and ``hallucinated`` take 1 where that
    is the grader's mark. ``win_rate`` takes 1 for a win, 0.5 for a tie, 0 for a loss. ``usd_per_1k`` is what a thousand such
    answers cost. Raises MetricRefused where an answer has no score, or not one that the metric needs.
    """
    scores = scores_of(answers)
    match metric:
        case "mean":
            if not all(abs(score) <= _LARGEST for score in scores):  # nor is anything that is no number
                raise MetricRefused(
                    f"a score is not within ±{_LARGEST:g}: no mean says anything of the others beside it"
                )
            return scores
        case "pass_rate" | "accuracy":
            return _passes(metric, scores, reading.pass_threshold)
        case "abstained" | "hallucinated":
            if not {answer.mark for answer in answers} <= _OUTCOMES:
                raise MetricRefused(f"{metric} needs a grader of type outcome")
            return tuple(1.0 if answer.mark == metric else 0.0 for answer in answers)
        case "win_rate":
            if not set(scores) <= {0.0, 0.5, 1.0}:
                raise MetricRefused("win_rate needs choices: 1 for a win, 0.5 for a tie, 0 for a loss")
            return scores
        case "usd_per_1k":
            return _costs(answers, reading.price)
        case _:
            raise MetricRefused(f"{visible(metric)} is not a mean of what single answers are worth")


def scores_of(answers: Sequence[ItemScore]) -> tuple[float, ...]:
    """Gives the scores of answers; raises MetricRefused where one has none."""
    scores = tuple(answer.score for answer in answers if answer.score is not None)
    if len(scores) < len(answers):
        raise MetricRefused(f"{len(answers) - len(scores)} of {len(answers)} items have no score")
    return scores


def _passes(metric: str, scores: tuple[float, ...], threshold: float | None) -> tuple[float, ...]:
    if threshold is not None:
        return tuple(1.0 if score >= threshold else 0.0 for score in scores)
    if not is_pass_fail(scores):
        raise MetricRefused(f"{metric} needs scores of 0 and 1, or a pass_threshold in the grader")
    return scores


def _costs(answers: Sequence[ItemScore], price: Price | None) -> tuple[float, ...]:
    if price is None or price.input is None or price.output is None:
        raise MetricRefused("usd_per_1k needs the model's price of input and output tokens: state it for the backend")
    per_token = (price.input * _REQUESTS / _MILLION, price.output * _REQUESTS / _MILLION)
    if any(per_token) and not all(answer.input_tokens for answer in answers):  # no request has no tokens
        raise MetricRefused("usd_per_1k needs the tokens of every answer: the backend reported none of some")
    return tuple(answer.input_tokens * per_token[0] + answer.output_tokens * per_token[1] for answer in answers)


def is_pass_fail(values: Sequence[float]) -> bool:
    """Whether every value is 0 or 1."""
    return all(value in {0.0, 1.0} for value in values)


def classes_of(metric: str, answers: Sequence[ItemScore]) -> tuple[str, ...]:
    """Gives the classes whose F1 counts: LABEL of ``f1[LABEL]``; of macro_f1 all that a reference has, sorted.

    Raises MetricRefused where a grader read no classes, or no reference is LABEL.
    """
    scores_of(answers)
    known = {answer.expected for answer in answers}
    if None in known:
        raise MetricRefused(f"{visible(metric)} needs a grader of type label")
    label = label_of(metric)
    if label is None:
        return tuple(sorted(name for name in known if name is not None))
    if label not in known:
        raise MetricRefused(f"no item's reference is the class {visible(label)}")
    return (label,)
