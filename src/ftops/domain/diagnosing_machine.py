"""From facts about this machine to findings: clock, Python, packages, versions, disk, sandbox, terminal.

Pure: ``adapters.doctor_machine`` looks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ftops.domain.diagnosing_hosting import WorkflowFacts
from ftops.domain.diagnosis import Check, Finding, Unknown, counted, listed, unknown, warning, well, wrong
from ftops.domain.foreign_text import shell_word, visible

OLDEST_PYTHON: Final = (3, 11)
# A claim is judged by times that several machines write; from here on one of them would take over too early.
MOST_SKEW: Final = timedelta(seconds=60)
LEAST_FREE: Final = 1 << 30
_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package that ftops needs: the least version and the one installed, None where there is none."""

    name: str
    least: str
    installed: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dated:
    """What another machine's clock said (``theirs``) when ours said ``ours``, in UTC."""

    host: str
    theirs: datetime
    ours: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineFacts:
    """This machine. ``refusal`` is why ``.ftops`` can't be written, ``free`` how many bytes its disk has left.

    ``leftovers`` are files that killed processes never finished. ``encoding`` is that of standard output.
    """

    python: tuple[int, int, int]
    version: str
    packages: tuple[Package, ...] = ()
    free: int = LEAST_FREE
    refusal: str | None = None
    leftovers: tuple[str, ...] = ()
    encoding: str = "utf-8"


def diagnose_machine(
    facts: MachineFacts | Unknown,
    *,
    clocks: tuple[Dated, ...] | Unknown,
    workflows: tuple[WorkflowFacts, ...] | Unknown,
    sandbox: str | Unknown | None,
) -> Iterator[Finding]:
    """Gives the findings about this machine. ``sandbox`` is why python graders can't run here, None where they can."""
    yield _clock(clocks)
    if isinstance(facts, Unknown):
        checks = (Check.PYTHON, Check.PACKAGES, Check.VERSIONS, Check.DISK, Check.LEFTOVERS, Check.TERMINAL)
        yield from (unknown(check, facts) for check in checks)
    else:
        yield _python(facts)
        yield _packages(facts)
        yield _versions(facts, workflows)
        yield _disk(facts)
        yield _leftovers(facts)
        yield _terminal(facts)
    yield _sandbox(sandbox)


def _clock(clocks: tuple[Dated, ...] | Unknown) -> Finding:
    if isinstance(clocks, Unknown):
        return unknown(Check.CLOCK, clocks)
    if not clocks:
        return unknown(Check.CLOCK, Unknown(why="no host told its time"))
    apart, host = max((abs(one.theirs - one.ours), one.host) for one in clocks)
    if apart <= MOST_SKEW:
        return well(Check.CLOCK, "this machine's clock agrees with the hosts'")
    says = f"this machine's clock and that of {visible(host)} are {apart.total_seconds():,.0f} s apart"
    return warning(Check.CLOCK, says, "sudo timedatectl set-ntp true")


def _python(facts: MachineFacts) -> Finding:
    shown = ".".join(map(str, facts.python))
    if facts.python < OLDEST_PYTHON:
        return wrong(Check.PYTHON, f"Python {shown} is too old", "install Python 3.11 or newer", code=1)
    return well(Check.PYTHON, f"Python {shown}")


def _packages(facts: MachineFacts) -> Finding:
    if not facts.packages:
        why = "ftops runs without being installed, and nobody says what it needs"
        return unknown(Check.PACKAGES, Unknown(why=why))
    old = [
        f"{one.name} {one.installed or 'is missing'} (needs {one.least})"
        for one in facts.packages
        if one.installed is None or _release(one.installed) < _release(one.least)
    ]
    if old:
        return wrong(
            Check.PACKAGES, f"installed packages don't fit: {listed(old)}", "pip install --upgrade ftops", code=1
        )
    early = [f"{one.name} {one.installed}" for one in facts.packages if _is_early(one.installed or "")]
    if early:
        names = " ".join(text.split()[0] for text in early)
        return warning(
            Check.PACKAGES, f"releases that are not final: {listed(early)}", f"pip install --upgrade {names}"
        )
    return well(Check.PACKAGES, f"{counted(len(facts.packages), 'package')} as ftops needs them")


def _versions(facts: MachineFacts, workflows: tuple[WorkflowFacts, ...] | Unknown) -> Finding:
    pins = {} if isinstance(workflows, Unknown) else {pin: flow.path for flow in workflows for pin in flow.pins}
    others = sorted(pin for pin in pins if pin != facts.version)
    if others:
        says = f"this is ftops {facts.version}; {visible(pins[others[0]])} installs {visible(others[0])}"
        return warning(Check.VERSIONS, says, f"pip install ftops=={visible(others[0])}")
    if _is_early(facts.version):
        return warning(Check.VERSIONS, f"ftops {facts.version} is not a final release", "pip install --upgrade ftops")
    return well(Check.VERSIONS, f"ftops {facts.version}" + (", as CI has it" if pins else ""))


def _disk(facts: MachineFacts) -> Finding:
    if facts.refusal is not None:
        mends = ("ls -ld .ftops", 'sudo chown -R "$(id -un)" .ftops')
        return wrong(Check.DISK, f".ftops can't be written: {visible(facts.refusal)}", *mends, code=1)
    if facts.free < LEAST_FREE:
        says = f"{facts.free / (1 << 20):,.0f} MiB are left on the disk that holds .ftops"
        return warning(Check.DISK, says, "ftops keeps what can be made again in .ftops/cache: rm -r .ftops/cache")
    return well(Check.DISK, f".ftops can be written; {facts.free / (1 << 30):,.0f} GiB are free")


def _leftovers(facts: MachineFacts) -> Finding:
    if facts.leftovers:
        says = f"killed processes left {counted(len(facts.leftovers), 'unfinished file')} in .ftops"
        return warning(Check.LEFTOVERS, says, f"rm -- {' '.join(map(shell_word, facts.leftovers[:3]))}")
    return well(Check.LEFTOVERS, "nothing unfinished lies in .ftops")


def _terminal(facts: MachineFacts) -> Finding:
    if facts.encoding.lower().replace("-", "").replace("_", "") != "utf8":
        says = f"standard output is {visible(facts.encoding)}, so that signs and foreign text may not show"
        return warning(Check.TERMINAL, says, "export PYTHONUTF8=1")
    return well(Check.TERMINAL, "standard output is UTF-8")


def _sandbox(sandbox: str | Unknown | None) -> Finding:
    if isinstance(sandbox, Unknown):
        return unknown(Check.SANDBOX, sandbox)
    if sandbox is not None:
        says = f"python graders can't be isolated here: {visible(sandbox)}"
        return warning(Check.SANDBOX, says, "run evaluations on Linux with user namespaces, or --unsafe-python-graders")
    return well(Check.SANDBOX, "python graders can be isolated here")


def _release(version: str) -> tuple[int, ...]:
    """Gives the numbers of a version's release part, which is what the least versions state."""
    release = re.split(r"[^0-9.]", version, maxsplit=1)[0]
    return tuple(int(number) for number in _NUMBER.findall(release))


def _is_early(version: str) -> bool:
    """Whether a version is a pre-release or a developers' one (PEP 440: a, b, rc, dev)."""
    return re.search(r"\d(?:a|b|rc|\.dev)\d", version) is not None
