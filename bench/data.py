"""How fast datasets are checked, and with how much memory, beside the script that people copy.

A chat file is made by a seed (``data_rows``), 200 MB or with ``--quick`` 20, and read by ``ftops data check`` on one core and
on two, by its pass for format, tools, digest, tokens and exact duplicates alone, and by the script (``data_script``); half of
the file too, since twice the rows should take twice the time. Then near duplicates are searched for among a million short
rows (``--quick``: 100,000), some of them made alike with a Jaccard index of 0.8 to 0.85. Each is a process of its own, timed
from start to exit (the search for near duplicates by itself, on two cores), in turns. Memory is the most that a process and
its children held together, shared pages counted once; it is watched in a round of its own, as to look takes time. Ends with 1
when a demand isn't met; with ``--quick`` none is made.

Usage: python bench/data.py [--quick] [--rounds N] [--megabytes N] [--rows N] [--seed N] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

from data_rows import write_chat_file
from data_script import write_vocabulary

_FOLDER = Path(__file__).resolve().parent
_PLANTED = 2_000
_SAMPLED_SECONDS = 0.05
_FINE = (0, 2)
"""How ``ftops data check`` may end: the file has advice and warnings, and with few rows it may have errors."""

FORMAT, CHECK_1, CHECK_2, HALF, SCRIPT = (
    "format pass, 1 core",
    "all checks, 1 core",
    "all checks, 2 cores",
    "half of it",
    "script",
)
NEAR, NEAR_HALF = "near duplicates", "among half as many"


@dataclass(kw_only=True, slots=True)
class Side:
    """One command, measured in every round: seconds on the clock, and of the processor (its children's too).

    ``size`` is in MB or rows; ``memory`` in bytes.
    """

    name: str
    size: float
    unit: str
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    memory: int = 0
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.seconds)

    @property
    def rate(self) -> float:
        """MB or rows a second."""
        return self.size / self.median


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A process to measure, and on how many cores."""

    side: Side
    arguments: Sequence[str]
    cores: int = 1


def main() -> int:
    """Makes the files, measures in turns, and prints a table or one JSON object."""
    asked = _parse_arguments()
    with tempfile.TemporaryDirectory(prefix="ftops-bench-") as name:
        folder = Path(name)
        vocabulary = folder / "vocabulary"
        write_vocabulary(vocabulary)
        os.environ["TIKTOKEN_CACHE_DIR"] = str(vocabulary)
        commands = [*_file_commands(folder, asked), *_near_commands(asked)]
        for command in commands:
            _say(f"memory: {command.side.name} …")
            command.side.memory = _run(command, folder, is_watched=True).memory
        for number in range(asked.rounds):
            for command in commands:
                _say(f"round {number + 1} of {asked.rounds}: {command.side.name} …")
                _measure(command, folder)
    sides = {command.side.name: command.side for command in commands}
    unmet = [] if asked.quick else list(_unmet(sides))
    if asked.json:
        print(json.dumps({"sides": [asdict(side) for side in sides.values()], "unmet": unmet}, indent=2))
    else:
        verdict = "--quick makes no demands" if asked.quick else "every demand is met"
        print("\n".join([*_table(sides, asked.rounds), "", *(unmet or [verdict])]))
    return 1 if unmet else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of all, and no demands")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is run; default: 3")
    parser.add_argument("--megabytes", type=float, metavar="N", help="size of the file; default: 200, or 20")
    parser.add_argument("--rows", type=int, metavar="N", help="short rows; default: 1,000,000, or 100,000")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other rows; default: 0")
    parser.add_argument("--json", action="store_true", help="print all numbers as one JSON object")
    asked = parser.parse_args()
    asked.megabytes = asked.megabytes or (20 if asked.quick else 200)
    asked.rows = asked.rows or (100_000 if asked.quick else 1_000_000)
    return asked


def _file_commands(folder: Path, asked: argparse.Namespace) -> Iterator[Command]:
    whole, half = folder / "train.jsonl", folder / "half.jsonl"
    _say(f"making a file of {asked.megabytes:g} MB …")
    write_chat_file(whole, size=int(asked.megabytes * 1e6), seed=asked.seed)
    write_chat_file(half, size=int(asked.megabytes * 5e5), seed=asked.seed)
    check = (sys.executable, "-m", "ftops", "data", "check")
    passes = (sys.executable, str(_FOLDER / "data_passes.py"), "format", str(whole))
    yield Command(side=_file_side(FORMAT, whole), arguments=passes)
    yield Command(side=_file_side(CHECK_1, whole), arguments=(*check, str(whole)))
    yield Command(side=_file_side(CHECK_2, whole), arguments=(*check, str(whole)), cores=2)
    yield Command(side=_file_side(HALF, half), arguments=(*check, str(half)))
    yield Command(
        side=_file_side(SCRIPT, whole), arguments=(sys.executable, str(_FOLDER / "data_script.py"), str(whole))
    )


def _near_commands(asked: argparse.Namespace) -> Iterator[Command]:
    for name, rows in ((NEAR, asked.rows), (NEAR_HALF, asked.rows // 2)):
        arguments = (sys.executable, str(_FOLDER / "data_passes.py"), "near", str(rows), str(min(_PLANTED, rows // 10)))
        yield Command(side=Side(name=name, size=rows, unit="rows"), arguments=arguments, cores=2)


def _file_side(name: str, file: Path) -> Side:
    return Side(name=name, size=file.stat().st_size / 1e6, unit="MB")


def _measure(command: Command, folder: Path) -> None:
    """Runs a command, and takes down its seconds and what it found."""
    ran, side = _run(command, folder), command.side
    side.found = ran.found
    side.seconds.append(ran.found.get("seconds", ran.seconds))
    side.processor.append(ran.found.get("processor", ran.processor))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One run of a command: its seconds, what it found, and the most bytes that it held, 0 where nobody watched."""

    seconds: float
    processor: float
    memory: int
    found: Mapping[str, Any]


def _run(command: Command, folder: Path, *, is_watched: bool = False) -> _Run:
    cores = sorted(os.sched_getaffinity(0))[: command.cores]
    if len(cores) < command.cores:
        sys.exit(f"{command.side.name} needs {command.cores} cores")
    own = os.sched_getaffinity(0)
    before, began = os.times(), perf_counter()
    os.sched_setaffinity(0, cores)  # which the process inherits
    try:
        process = subprocess.Popen(command.arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        os.sched_setaffinity(0, own)
    memory = _Memory(process.pid) if is_watched else None
    out, err = process.communicate()
    seconds, after = perf_counter() - began, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    most = memory.most() if memory is not None else 0
    if process.returncode not in _FINE:
        sys.exit(
            f"{' '.join(command.arguments)} ended with {process.returncode}:\n{err.decode(errors='replace')[-3000:]}"
        )
    last = out.decode().strip().rpartition("\n")[2]
    found = json.loads(last) if last.startswith("{") else {"says": last}
    return _Run(seconds=seconds, processor=processor, memory=most, found=found)


class _Memory:
    """Looks on, several times a second, at what a process and its children hold."""

    def __init__(self, pid: int) -> None:
        self._most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def most(self) -> int:
        """Ends watching; gives the most bytes that were held at one time."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self, pid: int) -> None:
        while not self._ended.wait(_SAMPLED_SECONDS):
            try:
                first = psutil.Process(pid)
                self._most = max(self._most, sum(_held(one) for one in (first, *first.children(recursive=True))))
            except psutil.Error:
                continue


def _held(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:  # it has just ended
        return 0


def _table(sides: Mapping[str, Side], rounds: int) -> list[str]:
    lines = [
        f"Datasets; medians of {rounds} rounds in turns",
        f"{'':24}{'of':>14}{'seconds':>9}{'(range)':>16}{'a second':>14}{'processor':>11}{'memory':>9}",
    ]
    for side in sides.values():
        spread = f"({min(side.seconds):.2f}–{max(side.seconds):.2f})"
        rate = f"{side.rate:,.0f} {side.unit}"
        size = f"{side.size:,.0f} {side.unit}"
        used = f"{statistics.median(side.processor):11.2f}{side.memory / 1e6:6.0f} MB"
        lines.append(f"{side.name:24}{size:>14}{side.median:9.2f}{spread:>16}{rate:>14}{used}")
    lines += [
        f"format pass and script: {sides[SCRIPT].median / sides[FORMAT].median:.1f}x as fast",
        f"two cores and one: {sides[CHECK_1].median / sides[CHECK_2].median:.2f}x as fast",
        f"twice the rows: {sides[CHECK_1].median / sides[HALF].median:.2f}x the time",
        f"twice the short rows: {sides[NEAR].median / sides[NEAR_HALF].median:.2f}x the time",
        f"recall of near duplicates: {sides[NEAR].found['recall']:.3f}",
    ]
    return lines


def _unmet(sides: Mapping[str, Side]) -> Iterator[str]:
    """Gives the demands that aren't met: of the file of 200 MB, and of a million short rows."""
    near = sides[NEAR]
    demands = (
        ("MB/s of the format pass, at least", sides[FORMAT].rate, 60, True),
        ("MB/s of all checks on one core, at least", sides[CHECK_1].rate, 15, True),
        ("times as fast on two cores, at least", sides[CHECK_1].median / sides[CHECK_2].median, 1.6, True),
        ("MB of memory on one core, at most", sides[CHECK_1].memory / 1e6, 400, False),
        ("MB of memory on two cores, at most", sides[CHECK_2].memory / 1e6, 400, False),
        ("times as fast as the script, at least", sides[SCRIPT].median / sides[FORMAT].median, 3, True),
        ("times the time for twice the rows, at most", sides[CHECK_1].median / sides[HALF].median, 2.2, False),
        ("seconds for near duplicates, at most", near.median, 30, False),
        ("MB of memory for near duplicates, at most", near.memory / 1e6, 2_000, False),
        ("of near duplicates found, at least", near.found["recall"], 0.95, True),
        ("times the time for twice the short rows, at most", near.median / sides[NEAR_HALF].median, 2.2, False),
    )
    for what, value, limit, is_least in demands:
        if value < limit if is_least else value > limit:
            yield f"NOT MET: {value:.2f} {what} {limit:g}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
