"""How often a gate lets a model pass that is not better than asked: the rate of false passes, over a grid of true values.

The true value stands exactly at the threshold (``min``, or the margin of a comparison), where nothing may pass more often than
a two-sided interval of 95 % allows: 2.5 % of all evaluations. Beside it stands the power: how often a model passes whose true
value is 0.05 above a threshold of 0.90. The verdicts are those of ``ftops.evaluation.gates``, for scores drawn here.

Pass/fail scores of one model are not drawn: the fewest right items that pass are found, and their probability is exact. Of two
models 20,000 tables are drawn for each cell. Elsewhere --replicates evaluations are (two fifths of it from 500 items), of
which one is judged only where its value lies more than 1.9 standard errors beyond the threshold (1.2 for F1) or has no spread,
because nothing else passes at 95 %; each is judged by --resamples resamples, not 10,000. Ends with 1 where a cell has more
than 3.5 % of false passes, or a table more than 2.5 % on average; not with --quick.

Usage: python bench/gates.py [--quick] [--replicates N] [--resamples N] [--only TABLE] [--peers]
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import binom

import gates_worlds as worlds
from ftops.domain.judgement import Verdict
from ftops.domain.manifest import Baseline, Condition, Test
from ftops.domain.scores import ItemScore
from ftops.evaluation import resampling
from ftops.evaluation.evidence import weigh_table
from ftops.evaluation.gates import judge, verdict_of
from ftops.evaluation.intervals import Interval, PairedTable, newcombe_paired, tango_paired
from ftops.evaluation.units import Sample, Unit
from gates_rates import Rate, print_rates
from gates_worlds import Cell, Drawn

CONFIDENCE = 0.95
TABLES_DRAWN = 20_000
BASE = Baseline(base=True)
NOBODY = Sample(candidate=(), baseline=(), units=(), unit=Unit.ITEM)
NOTHING = Interval(low=math.inf, high=-math.inf)  # what is wider than it is anything


def rates_alone(sizes: tuple[int, ...] = worlds.SIZES) -> Iterator[Rate]:
    """Pass/fail scores of one model, exactly."""
    for n in sizes:
        for true in worlds.RATES:
            fewest = _fewest_right(n, true)
            power = float(binom.sf(fewest - 1, n, true + worlds.BETTER)) if true == 0.9 else None
            yield Rate(
                table="rate", kind="pass/fail", n=n, true=true, false=float(binom.sf(fewest - 1, n, true)), power=power
            )


def _fewest_right(n: int, threshold: float) -> int:
    condition = Condition(min=threshold, confidence=CONFIDENCE)
    low, high = -1, n + 1
    while high - low > 1:
        right = (low + high) // 2
        answers = [ItemScore(row=f"{i:016x}", score=float(i < right), output=None) for i in range(n)]
        passes = judge(condition, answers, None, seed=0).verdict is Verdict.PASS
        low, high = (low, right) if passes else (right, high)
    return high


def rates_of_tables(rng: Any, draws: int, sizes: tuple[int, ...] = worlds.SIZES) -> Iterator[Rate]:
    """Pass/fail scores of two models on the same items: differing as little as the margin allows, by 10 % more, or freely."""
    for test in Test:
        for n in sizes:
            for true in worlds.RATES:
                for margin in (0.0, 0.02, 0.05, 0.1):
                    gain = margin if test is Test.SUPERIORITY else -margin
                    if not 0 < true - gain <= 1:
                        continue
                    for kind, both in _overlaps(true, true - gain):
                        condition = Condition(baseline=BASE, test=test, margin=margin, confidence=CONFIDENCE)
                        shares = (both, true - both, true - gain - both, 1 - 2 * true + gain + both)
                        false = share_passing(condition, tables_of(rng, n, shares, draws), gain)
                        power = None
                        if true == 0.9 and margin in {0.0, 0.05}:
                            more = (both, true - both + worlds.BETTER, *shares[2:3], shares[3] - worlds.BETTER)
                            power = (
                                share_passing(condition, tables_of(rng, n, more, 300), gain) if more[3] >= 0 else None
                            )
                        yield Rate(
                            table=f"difference of rates, {test.replace('_', '-')}",
                            kind=kind,
                            n=n,
                            true=true,
                            false=false,
                            power=power,
                        )


def _overlaps(first: float, second: float) -> Iterator[tuple[str, float]]:
    """Shares of items that both pass: as many as can be, 5 % fewer, and as by chance."""
    most, chance = min(first, second), first * second
    yield "as alike as can be", most
    if most - 0.05 > chance:
        yield "alike", most - 0.05
    yield "independent", chance


def tables_of(rng: Any, n: int, shares: tuple[float, ...], draws: int) -> Any:
    """Draws tables of both, only the first, only the second, neither, each of ``n`` items."""
    positive = np.clip(np.asarray(shares), 0, 1)
    return rng.multinomial(n, positive / positive.sum(), size=draws)


def share_passing(condition: Condition, tables: Any, threshold: float) -> float:
    """Gives the share of tables that pass a condition whose difference has to be beyond ``threshold``."""
    found, counts = np.unique(tables, axis=0, return_counts=True)
    passing = 0
    for row, count in zip(found, counts, strict=True):
        both, only_first, only_second, neither = (int(cell) for cell in row)
        if only_first - only_second <= threshold * (both + only_first + only_second + neither):
            continue
        table = PairedTable(both=both, only_first=only_first, only_second=only_second, neither=neither)
        if _is_out_of_reach(table, threshold):
            continue
        evidence = weigh_table(NOBODY, table, CONFIDENCE)
        passing += int(count) * (verdict_of(condition, evidence, CONFIDENCE) is Verdict.PASS)
    return passing / len(tables)


def _is_out_of_reach(table: PairedTable, threshold: float) -> bool:
    """Whether a table is within 1.5 of its own standard errors of the threshold."""
    spread = (table.only_first + table.only_second) / table.n - table.difference**2
    return spread > 0 and (table.difference - threshold) < 1.5 * (spread / table.n) ** 0.5


def rates_of_cells(cells: Iterator[Cell], rng: Any, replicates: int) -> Iterator[Rate]:
    """Means and differences of means, drawn and judged."""
    for cell in cells:
        if cell.gain is None:
            condition = Condition(min=cell.true, confidence=CONFIDENCE)
        else:
            test = Test.SUPERIORITY if cell.gain > 0 else Test.NON_INFERIORITY
            condition = Condition(baseline=BASE, test=test, margin=abs(cell.gain), confidence=CONFIDENCE)
        threshold = cell.true if cell.gain is None else cell.gain
        count = replicates if cell.n < 500 else replicates * 2 // 5
        false = _share_judged(condition, worlds.draw(cell, rng, count), threshold, rng)
        power = None
        if cell.true == 0.9:
            power = _share_judged(
                condition, worlds.draw(cell.better(), rng, 50 if cell.n < 500 else 20), threshold, rng
            )
        yield Rate(table=cell.table, kind=cell.kind, n=cell.n, true=cell.true, false=false, power=power)


def _share_judged(condition: Condition, drawn: Drawn, threshold: float, rng: Any) -> float:
    beyond = drawn.deviations(threshold) > 1.9
    return _passing(condition, drawn, np.flatnonzero(beyond), rng) / len(beyond)


def _passing(condition: Condition, drawn: Drawn, indices: Any, rng: Any) -> int:
    passing = 0
    for index in indices:
        candidate, baseline = drawn.answers(int(index))
        seed = int(rng.integers(2**62))
        passing += judge(condition, candidate, baseline, seed=seed).verdict is Verdict.PASS
    return passing


def rates_of_f1(rng: Any, replicates: int) -> Iterator[Rate]:
    """Macro-F1 over five classes, the rarest of 5 % of the items; alone, and of two models that are equally good."""
    for n in (100, 200, 500, 1000):
        for true in (0.7, 0.9, 0.95):
            errors = worlds.class_errors(true)
            better = worlds.class_errors(min(true + worlds.BETTER, 0.999))
            for gain in (None, 0.05):
                start = errors if gain is None else worlds.class_errors(true - gain)
                condition = Condition(metric="macro_f1", min=true, confidence=CONFIDENCE)
                if gain is not None:
                    condition = Condition(
                        metric="macro_f1", baseline=BASE, test=Test.SUPERIORITY, margin=gain, confidence=CONFIDENCE
                    )
                false = _share_of_f1(
                    condition, worlds.draw_classes(rng, replicates, n, (errors, start)), gain or true, rng
                )
                power = None
                if true == 0.9:
                    drawn = worlds.draw_classes(rng, 50, n, (better, start))
                    power = _share_of_f1(condition, drawn, gain or true, rng)
                table = "macro-F1" if gain is None else "difference of macro-F1, superiority"
                yield Rate(table=table, kind="5 classes", n=n, true=true, false=false, power=power)


def _share_of_f1(condition: Condition, drawn: Drawn, threshold: float, rng: Any) -> float:
    values = worlds.macro_f1(drawn)
    values = values[:, 0] if condition.baseline is None else values[:, 0] - values[:, 1]
    beyond = values - threshold > 1.2 * values.std()
    return _passing(condition, drawn, np.flatnonzero(beyond), rng) / len(beyond)


def rates_of_times(rng: Any, replicates: int) -> Iterator[Rate]:
    """The 95th percentile of times of two models that are equally fast, half of it the item's doing; power: 20 % faster."""
    condition = Condition(metric="latency_p95_ms", baseline=BASE, test=Test.SUPERIORITY, confidence=CONFIDENCE)
    for n in (100, 200, 500, 1000):
        shares = []
        for faster, count in ((1.0, replicates), (0.8, 50)):
            item, first, second = (rng.normal(0, 0.35, size=(count, n)) for _ in range(3))
            times = (faster * 800 * np.exp(item + first), 800 * np.exp(item + second))
            passing = 0
            for mine, theirs in zip(*times, strict=True):
                if np.quantile(mine, 0.95) < np.quantile(theirs, 0.95) * 1.01:
                    answers = (_timed(one) for one in (mine, theirs))
                    passing += judge(condition, *answers, seed=0).verdict is Verdict.PASS
            shares.append(passing / count)
        yield Rate(
            table="difference of p95, superiority", kind="log-normal", n=n, true=1, false=shares[0], power=shares[1]
        )


def _timed(times: Any) -> list[ItemScore]:
    return [
        ItemScore(row=f"{row:016x}", score=1.0, output=None, milliseconds=int(time)) for row, time in enumerate(times)
    ]


def compare_peers(rng: Any) -> None:
    """Shows why the wider of two intervals is taken: the worst cell of each alone."""
    rows: dict[str, list[tuple[float, str]]] = {"Tango": [], "Newcombe": []}
    for n, true, gain in ((200, 0.92, 0.02), (100, 0.95, 0.1), (30, 0.5, -0.05), (200, 0.5, -0.02)):
        both = min(true, true - gain)
        tables = tables_of(rng, n, (both, true - both, true - gain - both, 1 - 2 * true + gain + both), TABLES_DRAWN)
        found, counts = np.unique(tables, axis=0, return_counts=True)
        for name, interval in (("Tango", tango_paired), ("Newcombe", newcombe_paired)):
            passing = sum(
                int(count) * (interval(_table(row), CONFIDENCE).low > gain)
                for row, count in zip(found, counts, strict=True)
            )
            rows[name].append((passing / TABLES_DRAWN, f"{n} items, {true:g} against {true - gain:g}"))
    for name, cells in rows.items():
        worst, where = max(cells)
        print(f"{name} alone: {worst:.1%} false passes with {where}")


def _table(row: Any) -> PairedTable:
    both, only_first, only_second, neither = (int(cell) for cell in row)
    return PairedTable(both=both, only_first=only_first, only_second=only_second, neither=neither)


def main() -> int:
    """Runs the simulation, prints its table, and gives 1 where a demand is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--quick", action="store_true", help="300 replicates of each cell: too few to demand anything of"
    )
    parser.add_argument("--replicates", type=int, default=1_200)
    parser.add_argument("--resamples", type=int, default=1_000)
    parser.add_argument("--only", default="", help="only rate, two rates, mean, difference, macro-F1 or p95")
    parser.add_argument("--peers", action="store_true", help="only show what Tango's and Newcombe's intervals do alone")
    options = parser.parse_args()
    rng = np.random.default_rng(20261121)
    if options.peers:
        compare_peers(rng)
        return 0
    resampling.RESAMPLES = options.resamples
    replicates = 300 if options.quick else options.replicates
    draws = 2_000 if options.quick else TABLES_DRAWN
    parts: dict[str, Callable[[], Iterator[Rate]]] = {
        "rate": rates_alone,
        "two rates": lambda: rates_of_tables(rng, draws),
        "mean": lambda: rates_of_cells(worlds.value_cells(), rng, replicates),
        "difference": lambda: rates_of_cells(worlds.paired_cells(), rng, replicates),
        "macro-F1": lambda: rates_of_f1(rng, replicates),
        "p95": lambda: rates_of_times(rng, replicates),
    }
    started, rates = time.monotonic(), []
    for name, part in parts.items():
        if name.startswith(options.only):
            rates += list(part())
            print(f"{name}: {time.monotonic() - started:.0f} s so far", file=sys.stderr)
    is_met = print_rates(rates)
    return 0 if is_met or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
