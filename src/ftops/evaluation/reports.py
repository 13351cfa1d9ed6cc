"""Figures of one model's answers that a report shows beside the verdicts: what they took, classes, outcomes, repeats.

Owns the figures and their definitions. Nothing here decides anything: ``gates`` does, from the same scores.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import Final

from ftops.domain.manifest import Price
from ftops.domain.scores import ItemScore, Outcome
from ftops.evaluation.intervals import mean_of
from ftops.evaluation.metrics import MetricRefused, Reading, metric_values
from ftops.evaluation.units import sample_of

_REQUESTS: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What answers took, on average over requests: tokens, milliseconds at the median and at p95, USD per 1,000 requests.

    None is unknown, never zero. Times are those of the calls that were made, whenever that was.
    """

    requests: int
    input_tokens: float | None
    output_tokens: float | None
    p50_ms: int | None
    p95_ms: int | None
    usd_per_1k: float | None


def usage_of(items: Sequence[ItemScore], price: Price | None) -> Usage:
    """Gives what answers took; requests that were never answered count for nothing."""
    answered = [item for item in items if item.output is not None]
    known = [item for item in answered if item.input_tokens or item.output_tokens]
    times = sorted(item.milliseconds for item in answered if item.milliseconds)
    return Usage(
        requests=len(answered),
        input_tokens=fmean(item.input_tokens for item in known) if known else None,
        output_tokens=fmean(item.output_tokens for item in known) if known else None,
        p50_ms=percentile(times, 0.50),
        p95_ms=percentile(times, 0.95),
        usd_per_1k=_usd_per_1k(known, price),
    )


def percentile(ordered: Sequence[int], share: float) -> int | None:
    """Gives the least value that at least that share of all does not exceed; None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def break_even(candidate: Usage, baseline: Usage, training_usd: float | None) -> int | None:
    """Gives after how many requests the training has paid for itself by cheaper ones; None where never, or nobody knows."""
    if training_usd is None or candidate.usd_per_1k is None or baseline.usd_per_1k is None:
        return None
    saved = (baseline.usd_per_1k - candidate.usd_per_1k) / _REQUESTS
    return math.ceil(training_usd / saved) if saved > 0 else None


def _usd_per_1k(items: Sequence[ItemScore], price: Price | None) -> float | None:
    if not items:
        return None
    scored = [item for item in items if item.score is not None]
    try:
        return fmean(metric_values("usd_per_1k", scored, Reading(price=price))) if scored else None
    except MetricRefused:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassFigures:
    """One class, to which ``support`` answers are due. Precision is None where it was never given."""

    label: str
    precision: float | None
    recall: float | None
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Classes:
    """Answers by class. ``counts`` maps (due, given) to answers; ``given`` also has marks that are no class of a reference."""

    due: tuple[str, ...]
    given: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]

    @property
    def figures(self) -> tuple[ClassFigures, ...]:
        """The figures of each class that an item is due to, by name."""
        return tuple(self._of(label) for label in self.due)

    def _of(self, label: str) -> ClassFigures:
        right = self.counts.get((label, label), 0)
        support = sum(count for (due, _), count in self.counts.items() if due == label)
        given = sum(count for (_, given), count in self.counts.items() if given == label)
        return ClassFigures(
            label=label,
            precision=right / given if given else None,
            recall=right / support if support else None,
            f1=2 * right / (support + given) if support + given else 0.0,
            support=support,
        )


def classes_in(items: Sequence[ItemScore]) -> Classes | None:
    """Gives the answers by class; None where the grader read none."""
    pairs = [(item.expected, item.mark) for item in items if item.expected is not None and item.mark is not None]
    if not pairs:
        return None
    counts = Counter((due, given) for due, given in pairs)
    due = sorted({due for due, _ in pairs})
    others = sorted({given for _, given in pairs} - set(due))
    return Classes(due=tuple(due), given=(*due, *others), counts=counts)


def marks_in(items: Sequence[ItemScore]) -> Mapping[str, int]:
    """Counts what the grader said besides the score, most frequent first, where it names no class of a reference."""
    counts = Counter(item.mark for item in items if item.mark is not None and item.expected is None)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def outcomes_in(items: Sequence[ItemScore]) -> Mapping[Outcome, int]:
    """Counts how answers ended, in the order of ``Outcome``; what never happened is left out."""
    counts = Counter(item.outcome for item in items)
    return {outcome: counts[outcome] for outcome in Outcome if counts[outcome]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How far repeats of an item differ: the mean standard deviation of scores, and the share of items that vary at all."""

    repeats: int
    deviation: float
    varying: float


def spread_of(items: Sequence[ItemScore]) -> Spread | None:
    """Gives the spread over repeats; None where no item was asked twice."""
    asked = [[answer.score for answer in answers if answer.score is not None] for answers in sample_of(items).candidate]
    repeated = [scores for scores in asked if len(scores) > 1]
    if not repeated:
        return None
    return Spread(
        repeats=max(map(len, repeated)),
        deviation=mean_of([pstdev(scores) for scores in repeated]),
        varying=sum(len(set(scores)) > 1 for scores in repeated) / len(repeated),
    )
