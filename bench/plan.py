"""How long ``ftops plan`` takes when there is nothing to do, beside octoDNS and Terraform with as much to compare.

1,000 manifests in one repository, with data and evaluations of their own, and 10,000 finished jobs, in a ledger with a remote.
Each command is a process of its own, timed from its start to its exit, in turns: what else the machine does weighs on all.
Cold is without ``.ftops/cache``, warm with it. The backend is ``ftops serve`` behind a front that has recorded its answers and
gives them at once.

What is demanded is a time without waiting for HTTP. Nothing is taken off for that: the demands are held against all the time
from start to exit, in which one process asks the backend beside the one that plans. How much of it was waiting, the column
``waited`` says: from each request's arrival at the front until its answer had left, summed up over a run. Ends with 1 when a
demand is not met.

Usage: python bench/plan.py [--rounds N] [--peers FOLDER] [--terraform PROGRAM] [--json]
(make peers installs octoDNS and Terraform into .venv-peers)
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import plan_peers
from plan_peers import Peer
from plan_project import BenchProject, environment, make_project
from replaying_front import Front
from server_processes import run_ftops

MOST_SECONDS = {"ftops cold": 2.0, "ftops warm": 1.0}
MOST_REQUESTS = 5
NOTHING_TO_DO = "No changes."
PEERS = Path(__file__).resolve().parents[1] / ".venv-peers"


@dataclass(kw_only=True, slots=True)
class Side:
    """One command, measured in every round: seconds on the clock, and of the processor (its children's too).

    ``waited`` are the seconds that it waited for the front's answers, in all of its processes; ftops alone asks it.
    """

    name: str
    things: str
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    requests: int | None = None

    @property
    def median(self) -> float:
        """Of the rounds, on the clock."""
        return statistics.median(self.seconds)


def main() -> int:
    """Makes everything, measures in turns, and prints a table or one JSON object."""
    asked = _parse_arguments()
    with tempfile.TemporaryDirectory(prefix="ftops-bench-") as name:
        folder = Path(name)
        front = Front()
        _say(f"making {asked.fine_tunes:,} fine-tunes with {asked.jobs:,} finished jobs each …")
        project = make_project(
            folder,
            base_url=f"{front.url}/v1",
            fine_tunes=asked.fine_tunes,
            jobs_each=asked.jobs,
            scored_each=asked.scored,
        )
        with run_ftops(project.data_dir) as server:
            front.backend = server.url
            _say("making the peers' projects …")
            peers = _peers(folder, asked)
            sides = _measure(project, front, peers, rounds=asked.rounds)
        front.close()
    unmet = _unmet(sides)
    if asked.json:
        print(json.dumps({"sides": [asdict(side) for side in sides.values()], "unmet": unmet}, indent=2))
    else:
        print("\n".join([*_table(sides, asked.rounds), "", *(unmet or ["every demand is met"])]))
    return 1 if unmet else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fine-tunes", type=int, default=1_000, metavar="N", help="manifests; default: 1,000")
    parser.add_argument("--jobs", type=int, default=10, metavar="N", help="finished jobs of each; default: 10")
    parser.add_argument(
        "--scored", type=int, default=1, metavar="N", help="revisions of each with scores in the ledger; default: 1"
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="how often each is run; default: 7")
    parser.add_argument("--peers", type=Path, default=PEERS, metavar="FOLDER", help="where make peers put them")
    parser.add_argument("--terraform", metavar="PROGRAM", help="another Terraform (1.4 or newer) or OpenTofu")
    parser.add_argument("--json", action="store_true", help="print all numbers as one JSON object")
    return parser.parse_args()


def _peers(folder: Path, asked: argparse.Namespace) -> list[Peer]:
    found = [
        plan_peers.octodns(folder / "octodns", asked.peers, zones=asked.fine_tunes, records=asked.jobs),
        plan_peers.terraform(
            folder / "terraform", asked.peers, asked.terraform, resources=asked.fine_tunes, values=asked.jobs
        ),
    ]
    if None in found:
        _say("a peer is not installed: make peers")
    return [peer for peer in found if peer is not None]


def _measure(project: BenchProject, front: Front, peers: Sequence[Peer], *, rounds: int) -> Mapping[str, Side]:
    things = f"{project.fine_tunes:,} manifests, {project.jobs:,} jobs"
    sides = {name: Side(name=name, things=things) for name in MOST_SECONDS}
    sides |= {peer.name: Side(name=peer.name, things=peer.things) for peer in peers}
    plan = (sys.executable, "-m", "ftops", "plan")
    cache = project.root / ".ftops/cache"
    # The front records what the server answers, compilers and disks do what they do once.
    _run(plan, project.root, environment(), NOTHING_TO_DO)
    for peer in peers:
        _run(peer.command, peer.folder, plan_peers.peer_environment(), peer.says)
    for number in range(rounds):
        _say(f"round {number + 1} of {rounds}")
        for name in MOST_SECONDS:
            if name == "ftops cold":
                shutil.rmtree(cache, ignore_errors=True)
            front.start_counting()
            _take(sides[name], _run(plan, project.root, environment(), NOTHING_TO_DO))
            sides[name].requests = len(front.lines)
            sides[name].waited.append(front.seconds)
        for peer in peers:
            _take(sides[peer.name], _run(peer.command, peer.folder, plan_peers.peer_environment(), peer.says))
    return sides


def _take(side: Side, measured: tuple[float, float]) -> None:
    seconds, processor = measured
    side.seconds.append(seconds)
    side.processor.append(processor)


def _run(command: Sequence[str], folder: Path, env: Mapping[str, str], says: str) -> tuple[float, float]:
    """Runs a command that must find nothing to do; gives its seconds, and those of the processor."""
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=dict(env), capture_output=True, check=False)
    seconds, after = time.perf_counter() - began, os.times()
    said = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    if done.returncode != 0 or says not in said:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{said[-3000:]}")
    return seconds, after.children_user + after.children_system - before.children_user - before.children_system


def _table(sides: Mapping[str, Side], rounds: int) -> list[str]:
    lines = [
        f"A plan with nothing to do, from start to exit; seconds, medians of {rounds} rounds in turns",
        f"{'':28}{'median':>8}{'(range)':>16}{'processor':>11}{'requests':>10}{'waited':>8}  compares",
    ]
    for side in sides.values():
        spread = f"({min(side.seconds):.2f}–{max(side.seconds):.2f})"
        asked = "" if side.requests is None else str(side.requests)
        waited = f"{statistics.median(side.waited):.4f}" if side.waited else ""
        processor = statistics.median(side.processor)
        figures = f"{side.median:8.2f}{spread:>16}{processor:11.2f}{asked:>10}{waited:>8}"
        lines.append(f"{side.name:28}{figures}  {side.things}")
    for peer in (name for name in sides if name not in MOST_SECONDS):
        ratios = ", ".join(f"{name} {sides[peer].median / sides[name].median:.1f}x" for name in MOST_SECONDS)
        lines.append(f"faster than {peer}: {ratios}")
    return lines


def _unmet(sides: Mapping[str, Side]) -> list[str]:
    unmet = []
    for name, most in MOST_SECONDS.items():
        side = sides[name]
        if side.median > most:
            unmet.append(f"NOT MET: {name} takes {side.median:.2f} s, at most {most:g} demanded")
        if (side.requests or 0) > MOST_REQUESTS:
            unmet.append(f"NOT MET: {name} sends {side.requests} requests, at most {MOST_REQUESTS} demanded")
        unmet += [
            f"NOT MET: {name} takes {side.median:.2f} s, and {peer} {sides[peer].median:.2f} s"
            for peer in sides
            if peer not in MOST_SECONDS and side.median >= sides[peer].median
        ]
    return unmet


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
