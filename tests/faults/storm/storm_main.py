"""``make storm``: plays worlds by the thousand, on all cores, and says what rained and what broke.

make storm                       2,400 worlds, 20 minutes at most
make storm STORM="--from 5000"   other worlds
make storm STORM="--seed 58"     one world, told in full
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from storm_generator import script_of
from storm_play import play
from storm_report import never_struck, rainfall, reproducing_test, shrunk

LEAST = 2000
SHRUNK = 3


@dataclass
class Fallen:
    """What became of one world."""

    seed: int
    wrong: list[str]
    struck: Counter[str]
    runs: int = 0
    jobs: int = 0
    calls: int = 0


@dataclass
class Storm:
    """The sum of many."""

    worlds: int = 0
    runs: int = 0
    jobs: int = 0
    calls: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    broken: list[Fallen] = field(default_factory=list)

    def add(self, fallen: Fallen) -> None:
        self.worlds += 1
        self.runs += fallen.runs
        self.jobs += fallen.jobs
        self.calls += fallen.calls
        self.struck += fallen.struck
        if fallen.wrong:
            self.broken.append(fallen)
            tell(f"seed {fallen.seed}: {fallen.wrong[0]}")


def play_seed(seed: int) -> Fallen:
    played = play(script_of(seed))
    jobs = sum(len(backend.world.jobs) for _, backend in played.world.all_backends())
    return Fallen(seed, played.wrong, played.world.struck, len(played.runs), jobs, played.world.calls)


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    options = _options()
    if options.seed is not None:
        return _tell(options.seed)
    began = time.monotonic()
    last = options.first + options.worlds - 1
    tell(f"Worlds of seeds {options.first} to {last}, {options.workers} at a time.")
    storm = _play_all(options, began)
    seconds = time.monotonic() - began
    tell(
        f"{storm.worlds:,} worlds in {seconds:.0f} s ({storm.worlds / seconds:.1f} a second): {storm.runs:,} runs of apply, "
        f"{storm.calls:,} calls, {storm.jobs:,} jobs. What struck:\n{rainfall(storm.struck)}"
    )
    for fallen in storm.broken[:SHRUNK]:
        tell(f"\nseed {fallen.seed} broke a promise; made small:\n")
        small = shrunk(script_of(fallen.seed))
        tell(reproducing_test(small, play(small).wrong))
    return _verdict(storm, is_long=options.worlds >= LEAST)


def _play_all(options: argparse.Namespace, began: float) -> Storm:
    storm = Storm()
    seeds = range(options.first, options.first + options.worlds)
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        for fallen in pool.imap_unordered(play_seed, seeds, chunksize=4):
            storm.add(fallen)
            if time.monotonic() - began > options.minutes * 60:
                tell(f"Time is up after {options.minutes:g} minutes.")
                break
    return storm


def _verdict(storm: Storm, *, is_long: bool) -> int:
    problems = [f"{len(storm.broken)} worlds broke a promise"] if storm.broken else []
    if is_long:
        problems += [f"only {storm.worlds:,} worlds"] if storm.worlds < LEAST else []
        problems += [f"never struck: {what}" for what in never_struck(storm.struck)]
    for problem in problems:
        tell(f"FAILED: {problem}")
    if not problems:
        tell("Every promise was kept.")
    return 1 if problems else 0


def _tell(seed: int) -> int:
    played = play(script_of(seed))
    tell(repr(played.script))
    tell("\n".join(played.world.trace))
    for line in played.wrong:
        tell(f"BROKEN: {line}")
    if played.wrong:
        small = shrunk(played.script)
        tell(f"\n{reproducing_test(small, play(small).wrong)}")
    return 1 if played.wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Plays storms of faults in generated worlds.")
    parser.add_argument("--worlds", type=int, default=2400)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--minutes", type=float, default=18.0, help="begin no more worlds after that")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="play this one, and tell all of it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
