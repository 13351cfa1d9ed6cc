"""From recorded scores to the values that a metric is the mean of, alone or in pairs.

Owns the metrics mean, pass_rate and accuracy. Others are refused by validation; here they are a MetricRefused.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

from ftops.domain.scores import ItemScore


class MetricRefused(Exception):
    """These scores have no such metric; the message says why."""


def metric_values(metric: str, items: Sequence[ItemScore], *, pass_threshold: float | None) -> tuple[float, ...]:
    """Gives one value per item, in order; the metric is their mean.

    ``mean`` takes the scores as they are. ``pass_rate`` and ``accuracy`` take 1 for a score of at least ``pass_threshold``
    and 0 for a lower one; without a threshold the scores must be 0 or 1. Raises MetricRefused where an item has no score,
    where its score is not what the metric needs, and for a metric that this version does not compute.
    """
    scores = [item.score for item in items if item.score is not None]
    if len(scores) < len(items):
        raise MetricRefused(f"{len(items) - len(scores)} of {len(items)} items have no score")
    if metric == "mean":
        return tuple(scores)
    if metric not in {"pass_rate", "accuracy"}:
        raise MetricRefused(f"this version does not compute {metric}")
    if pass_threshold is not None:
        return tuple(1.0 if score >= pass_threshold else 0.0 for score in scores)
    if not is_pass_fail(scores):
        raise MetricRefused(f"{metric} needs scores of 0 and 1, or a pass_threshold in the grader")
    return tuple(scores)


def is_pass_fail(values: Sequence[float]) -> bool:
    """Whether every value is 0 or 1."""
    return all(value in {0.0, 1.0} for value in values)


def pair_items(
    candidate: Sequence[ItemScore], baseline: Sequence[ItemScore]
) -> tuple[tuple[ItemScore, ItemScore], ...]:
    """Pairs two models' items by row, in the candidate's order; a row that stands twice is paired in order.

    A row that only one of them has (it was in the other's training set) is left out.
    """
    waiting: defaultdict[str, deque[ItemScore]] = defaultdict(deque)
    for item in baseline:
        waiting[item.row].append(item)
    return tuple((item, waiting[item.row].popleft()) for item in candidate if waiting.get(item.row))
