"""What ``gates.py`` draws: evaluations whose true value is known, alone and in pairs, with and without clusters.

Each world is drawn many times at once, as arrays of evaluations by items. Owns the distributions, and no verdict.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ftops.domain.scores import ItemScore

Array = Any
SIZES = (30, 50, 100, 200, 500, 1000, 2000)
DRAWN_SIZES = (30, 50, 100, 200, 500, 2000)
RATES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
FEWER_RATES = (0.5, 0.8, 0.9, 0.99)
PAIRED_RATES = (0.6, 0.9, 0.99)
WITHIN = 0.3  # correlation of pass/fail scores within a cluster
REPEATS = 3
SHARED = 0.5  # of the items, two models' answers are scored alike
BETTER = 0.05
CLASSES = (0.4, 0.3, 0.15, 0.1, 0.05)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One true value, one number of items and one way of scoring. ``gain`` is the true difference of a comparison."""

    table: str
    kind: str
    n: int
    true: float
    gain: float | None = None

    def better(self) -> "Cell":
        """The same with a model that is better by 0.05."""
        gain = None if self.gain is None else self.gain + BETTER
        return replace(self, true=self.true + BETTER, gain=gain)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Evaluations: scores by evaluation, item and repeat; the cluster of each item where there are some."""

    candidate: Array
    baseline: Array | None = None
    clusters: Array | None = None
    marks: tuple[Array, ...] = ()

    def answers(self, index: int) -> tuple[list[ItemScore], list[ItemScore] | None]:
        """One evaluation as the ledger records it."""
        expected, first, second = self.marks or (None, None, None)
        if expected is not None:
            return self._marked(expected[index], first[index]), self._marked(expected[index], second[index])
        baseline = None if self.baseline is None else self._scored(self.baseline[index])
        return self._scored(self.candidate[index]), baseline

    def _scored(self, scores: Array) -> list[ItemScore]:
        return [
            ItemScore(
                row=f"{row:016x}",
                score=float(score),
                output=None,
                repeat=repeat,
                cluster=None if self.clusters is None else f"{self.clusters[row]:016x}",
            )
            for row, repeats in enumerate(scores)
            for repeat, score in enumerate(np.atleast_1d(repeats))
        ]

    @staticmethod
    def _marked(expected: Array, marks: Array) -> list[ItemScore]:
        return [
            ItemScore(row=f"{row:016x}", score=float(e == m), output=None, mark=str(m), expected=str(e))
            for row, (e, m) in enumerate(zip(expected, marks, strict=True))
        ]

    def deviations(self, threshold: float, *, sign: float = 1.0) -> Array:
        """How many standard errors each evaluation's value lies beyond a threshold; infinite where nothing varies."""
        values = self.candidate if self.baseline is None else self.candidate - self.baseline
        values = values.mean(axis=2) if values.ndim == 3 else values
        n = values.shape[1]
        clusters = np.arange(n) if self.clusters is None else self.clusters
        units = int(clusters.max()) + 1
        member = np.zeros((n, units))
        member[np.arange(n), clusters] = 1
        means = values.mean(axis=1, keepdims=True)
        residuals = values - means
        sums = residuals if self.clusters is None else residuals @ member
        error = np.sqrt((sums**2).sum(axis=1) * units / (units - 1)) / n
        beyond = sign * (means[:, 0] - threshold)
        return np.where(error > 0, beyond / np.maximum(error, 1e-300), np.where(beyond > 0, np.inf, -np.inf))


def value_cells() -> Iterator[Cell]:
    """Means of one model: graded in two ways, clustered, repeated."""
    for n in DRAWN_SIZES:
        for true in FEWER_RATES:
            yield Cell(table="mean", kind="mostly 1", n=n, true=true)
            yield Cell(table="mean", kind="anywhere", n=n, true=true)
            yield Cell(table="mean, clusters", kind="pass/fail", n=n, true=true)
            yield Cell(table="mean, clusters", kind="mostly 1", n=n, true=true)
            yield Cell(table="mean, 3 repeats", kind="pass/fail", n=n, true=true)


def paired_cells() -> Iterator[Cell]:
    """Differences at the margin: for superiority the candidate is better by just that, for non-inferiority worse."""
    for n in DRAWN_SIZES:
        for true in PAIRED_RATES:
            margin = min(0.05, 1 - true)
            for gain, test in ((margin, "superiority"), (-margin, "non-inferiority")):
                for kind in ("mostly 1", "anywhere"):
                    yield Cell(table=f"difference of means, {test}", kind=kind, n=n, true=true, gain=gain)
                for kind in ("pass/fail", "mostly 1"):
                    yield Cell(table=f"difference in clusters, {test}", kind=kind, n=n, true=true, gain=gain)


def draw(cell: Cell, rng: Any, count: int) -> Drawn:
    """Draws ``count`` evaluations of a cell."""
    clusters = _clusters(cell.n) if "clusters" in cell.table else None
    if cell.gain is None:
        if "repeats" in cell.table:
            rates = _rates(cell.true, (count, cell.n), rng)[..., np.newaxis]
            return Drawn(candidate=(rng.random((count, cell.n, REPEATS)) < rates).astype(float))
        return Drawn(candidate=_scores(cell.kind, cell.true, clusters, (count, cell.n), rng), clusters=clusters)
    start = min(cell.true - cell.gain, 1.0)
    baseline = _scores(cell.kind, start, clusters, (count, cell.n), rng)
    other = _scores(cell.kind, start + cell.gain / (1 - SHARED), clusters, (count, cell.n), rng)
    shares = rng.random(baseline.shape) < SHARED
    return Drawn(candidate=np.where(shares, baseline, other), baseline=baseline, clusters=clusters)


def _clusters(n: int) -> Array:
    """Clusters of one item and more, two and a half on average; the same ones in every evaluation."""
    rng = np.random.default_rng(n)
    sizes = 1 + rng.poisson(1.5, size=n)
    return np.repeat(np.arange(n), sizes)[:n]


def _scores(kind: str, mean: float, clusters: Array | None, shape: tuple[int, int], rng: Any) -> Array:
    """Scores of a true mean: 0 and 1; or mostly 1 with some anywhere below; or anywhere, by a beta distribution."""
    if kind == "anywhere":
        return rng.beta(2 * mean, 2 * (1 - mean), size=shape) if mean < 1 else np.ones(shape)
    chance = 1 - mean if kind == "pass/fail" else 2 * (1 - mean)
    if kind == "mostly 1" and chance > 1:
        raise ValueError(f"mostly 1 has no mean of {mean}")
    if clusters is None:
        fails = rng.random(shape) < chance
    else:
        units = int(clusters.max()) + 1
        fails = rng.random(shape) < _rates(chance, (shape[0], units), rng)[:, clusters]
    return np.where(fails, 0.0 if kind == "pass/fail" else rng.random(shape), 1.0)


def _rates(mean: float, shape: tuple[int, int], rng: Any) -> Array:
    """Rates that vary between units so that what is drawn by them is correlated within one."""
    if mean <= 0 or mean >= 1:
        return np.full(shape, float(mean >= 1))
    odds = (1 - WITHIN) / WITHIN
    return rng.beta(mean * odds, (1 - mean) * odds, size=shape)


def class_errors(true: float) -> float:
    """Gives the share of wrong answers at which macro-F1 over ``CLASSES`` is ``true``; wrong ones are any other class."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if true_macro_f1(middle) > true else (low, middle)
    return low


def true_macro_f1(errors: float) -> float:
    """Gives macro-F1 where each class is missed equally often, for any of the others."""
    others = len(CLASSES) - 1
    scores = []
    for share in CLASSES:
        given = share * (1 - errors) + (1 - share) * errors / others
        scores.append(2 * share * (1 - errors) / (share + given))
    return math.fsum(scores) / len(scores)


def draw_classes(rng: Any, count: int, n: int, errors: tuple[float, float]) -> Drawn:
    """Draws classes, and how two models read them, the one and the other wrong on a share of items."""
    expected = rng.choice(len(CLASSES), p=CLASSES, size=(count, n))

    def read(share: float) -> Array:
        wrong = (expected + rng.integers(1, len(CLASSES), size=expected.shape)) % len(CLASSES)
        return np.where(rng.random(expected.shape) < share, wrong, expected)

    first, second = (read(share) for share in errors)
    return Drawn(candidate=first == expected, baseline=second == expected, marks=(expected, first, second))


def macro_f1(drawn: Drawn) -> Array:
    """Macro-F1 of both models in every evaluation, by (evaluation, model)."""
    expected, *models = drawn.marks
    found = []
    for marks in models:
        scores = []
        for label in range(len(CLASSES)):
            due, given = (expected == label).sum(axis=1), (marks == label).sum(axis=1)
            right = ((expected == label) & (marks == label)).sum(axis=1)
            scores.append(np.where(due > 0, 2 * right / np.maximum(due + given, 1), np.nan))
        found.append(np.nanmean(scores, axis=0))
    return np.stack(found, axis=1)
