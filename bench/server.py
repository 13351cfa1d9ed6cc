"""What ``ftops serve`` bears: throughput beside a bare Starlette handler, lists of 100,000 jobs, memory over 200,000 requests.

Usage: python bench/server.py [--quick] [--json] [PART …]

The load comes from a process of its own. A machine with few cores, or with other work to do, gives lower numbers for both
sides; the ratios, taken in turns within one run, stay comparable. Ends with 1 when a demand is not met.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from http_load import Driver
from server_measures import (
    Memory,
    Throughput,
    Walk,
    measure_memory,
    measure_pages,
    measure_throughput,
)
from server_scripts import CONNECTIONS

LEAST_RATIO = 0.5
"""Of the bare handler's throughput, for each kind of request. Where a model computes the answer, the handler asks it too."""
MOST_GROWTH_OF_A_PAGE = 1.5
"""A page at the end of a list beside one at its beginning, and an object of a list beside one of a list of a tenth."""
MOST_GROWTH_MIB = 4.0
"""Of resident memory, over the second half of the requests: at 100,000 of them, 42 bytes each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much is measured."""

    rounds: int
    seconds: float
    jobs: int
    requests: int


FULL = Sizes(rounds=5, seconds=3.0, jobs=100_000, requests=200_000)
QUICK = Sizes(rounds=3, seconds=1.0, jobs=10_000, requests=40_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A measurement, done: its table, its numbers, and the demands that it doesn't meet."""

    table: Sequence[str]
    numbers: Any
    unmet: Sequence[str]


def main() -> int:
    """Measures the parts asked for and prints their tables, or one JSON object."""
    asked = _parse_arguments()
    sizes = QUICK if asked.quick else FULL
    done: dict[str, Part] = {}
    with tempfile.TemporaryDirectory(prefix="ftops-bench-") as folder, Driver() as driver:
        for name in asked.parts or PARTS:
            done[name] = PARTS[name](Path(folder), driver, sizes)
            if not asked.json:
                print("\n".join(done[name].table), end="\n\n", flush=True)
    unmet = [demand for part in done.values() for demand in part.unmet]
    if asked.json:
        numbers = {name: part.numbers for name, part in done.items()}
        print(json.dumps({"sizes": asdict(sizes), **numbers, "unmet": unmet}, indent=2))
    else:
        print("\n".join(f"NOT MET: {demand}" for demand in unmet) or "every demand is met")
    return 1 if unmet else 0


def _parse_arguments() -> argparse.Namespace:
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        choices=[*PARTS, []],
        help=f"one or more of {', '.join(PARTS)}; default: all",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"about a minute: {QUICK.jobs:,} jobs, {QUICK.requests:,} requests, {QUICK.rounds} short rounds",
    )
    parser.add_argument("--json", action="store_true", help="print all numbers as one JSON object")
    return parser.parse_args()


def _throughput(folder: Path, driver: Driver, sizes: Sizes) -> Part:
    measured = measure_throughput(folder, driver, rounds=sizes.rounds, seconds=sizes.seconds)
    table = [
        f"Requests a second at {CONNECTIONS} connections; medians of {sizes.rounds} rounds of {sizes.seconds:g} s, in turns",
        _THROUGHPUT_HEADINGS,
        *map(_throughput_line, measured),
    ]
    unmet = [
        f"{each.name}: {each.ratio:.2f} of the bare handler's throughput, at least {LEAST_RATIO:g} demanded"
        for each in measured
        if each.is_demanded and each.ratio < LEAST_RATIO
    ]
    return Part(table=table, numbers=[asdict(each) for each in measured], unmet=unmet)


_THROUGHPUT_HEADINGS = (
    f"{'':26}{'ftops':>8}{'bare':>8}{'ratio':>8}  {'(range)':13}{'CPU µs':>7}{'bare':>6}{'p50 ms':>8}{'bare':>6}"
    f"{'p99 ms':>8}{'bare':>6}{'bytes':>8}{'load':>6}"
)


def _throughput_line(each: Throughput) -> str:
    ours, theirs = each.ftops, each.bare
    return (
        f"{each.name:26}{ours.per_second:8,.0f}{theirs.per_second:8,.0f}{each.ratio:7.2f}x  "
        f"{f'({each.lowest:.2f}–{each.highest:.2f})':13}{ours.cpu_microseconds:7.0f}{theirs.cpu_microseconds:6.0f}"
        f"{ours.p50:8.1f}{theirs.p50:6.1f}{ours.p99:8.1f}{theirs.p99:6.1f}{each.answer_bytes:8,}{each.generator_busy:6.0%}"
    )


def _pages(folder: Path, driver: Driver, sizes: Sizes) -> Part:
    walks = measure_pages(folder, driver, jobs=sizes.jobs)
    table = [
        "Lists of jobs read by pages of 100, over one connection; a page's ms, medians of its list's first and last tenth",
        f"{'':26}{'stored':>8}{'listed':>8}{'seconds':>9}{'CPU µs a job':>14}{'first':>8}{'last':>8}",
    ]
    unmet: list[str] = []
    half = len(walks) // 2
    for walk in walks:
        table.append(_walk_line(walk))
        if walk.last_tenth > MOST_GROWTH_OF_A_PAGE * walk.first_tenth:
            unmet.append(
                f"{walk.name} of {walk.stored:,}: pages slow down, {walk.first_tenth:.1f} to {walk.last_tenth:.1f} ms"
            )
    for short, long in zip(walks[:half], walks[half:], strict=True):
        growth = long.cpu_microseconds_a_job / short.cpu_microseconds_a_job
        if growth > MOST_GROWTH_OF_A_PAGE:
            unmet.append(f"{long.name}: a job costs {growth:.1f} times what it costs in a tenth of the list")
    return Part(table=table, numbers=[asdict(walk) for walk in walks], unmet=unmet)


def _walk_line(walk: Walk) -> str:
    return (
        f"{walk.name:26}{walk.stored:8,}{walk.listed:8,}{walk.seconds:9.3f}{walk.cpu_microseconds_a_job:14.0f}"
        f"{walk.first_tenth:8.2f}{walk.last_tenth:8.2f}"
    )


def _memory(folder: Path, driver: Driver, sizes: Sizes) -> Part:
    memory = measure_memory(folder, driver, requests=sizes.requests)
    table = [
        f"Resident memory over {memory.requests:,} requests of all kinds at {CONNECTIONS} connections, in MiB",
        f"start {memory.start:.1f}, middle {memory.middle:.1f}, end {memory.end:.1f}; 2nd half's trend {memory.growth:+.2f}",
        _load_line(memory),
    ]
    unmet = (
        [f"memory grows by {memory.growth:.1f} MiB over the second half, at most {MOST_GROWTH_MIB:g} allowed"]
        if memory.growth > MOST_GROWTH_MIB
        else []
    )
    return Part(table=table, numbers=asdict(memory), unmet=unmet)


def _load_line(memory: Memory) -> str:
    statuses = ", ".join(f"{status}: {count:,}" for status, count in memory.statuses.items())
    return f"{memory.requests / memory.seconds:,.0f} requests a second for {memory.seconds:.0f} s; answers {statuses}"


PARTS: dict[str, Callable[[Path, Driver, Sizes], Part]] = {
    "throughput": _throughput,
    "pages": _pages,
    "memory": _memory,
}


if __name__ == "__main__":
    sys.exit(main())
