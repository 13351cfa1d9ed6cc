"""What ``ftops doctor`` can find: its checks, the findings they end in, and the exit code that these come to.

Owns the words of the answer. ``diagnosing_*`` come from facts to findings; how a check finds out is ``doctor_catalogue``'s.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ftops.domain.foreign_text import visible
from ftops.domain.manifest import BackendName

# What apply meets first when several things are wrong: manifests are read before a key is looked for, the key before the
# guards about where we stand, and these before anything that can fail on the way.
_ORDER: Final = (2, 9, 5, 6, 1)
_BLOT: Final = "***"
# OpenAI's keys; GitHub's and GitLab's tokens; what stands before the @ of an address.
_TOKEN: Final = re.compile(
    r"\bsk-[A-Za-z0-9_-]{8,}|\bgh[a-z]_[A-Za-z0-9]{8,}|\bgithub_pat_\w{8,}|\bglpat-[\w-]{8,}|(?<=://)[^/\s@']+(?=@)"
)


class Group(StrEnum):
    """Where a check belongs, in the order in which they are shown."""

    PROJECT = "Project"
    GIT = "Git"
    LEDGER = "Ledger"
    BACKEND = "Backend"
    MACHINE = "Machine"


class Check(StrEnum):
    """One question that the doctor asks."""

    PROJECT_FILE = "project-file"
    MANIFESTS = "manifests"
    DATA_FILES = "data-files"
    BACKEND_CHOICE = "backend-choice"
    PRICES = "prices"
    BUDGET = "budget"
    GIT = "git"
    REPOSITORY = "repository"
    IDENTITY = "identity"
    HISTORY = "history"
    CHECKOUT = "checkout"
    WORK_TREE = "work-tree"
    IGNORED = "ignored"
    REMOTE = "remote"
    PUSH = "push"
    LEDGER_PROTECTION = "ledger-protection"
    MAIN_PROTECTION = "main-protection"
    WORKFLOWS = "workflows"
    CI_TOKEN = "ci-token"  # noqa: S105 - the name of a check
    LEDGER = "ledger"
    LEDGER_NAME = "ledger-name"
    APPLIED = "applied"
    INTENTS = "intents"
    PENDING = "pending"
    TRAINING = "training"
    KEY = "key"
    ADDRESS = "address"
    CONNECTION = "connection"
    ACCESS = "access"
    READING = "reading"
    WRITING = "writing"
    ORGANISATION = "organisation"
    BASE_MODELS = "base-models"
    EMBEDDED_SERVER = "embedded-server"
    CLOCK = "clock"
    PYTHON = "python"
    PACKAGES = "packages"
    VERSIONS = "versions"
    DISK = "disk"
    LEFTOVERS = "leftovers"
    SANDBOX = "sandbox"
    TERMINAL = "terminal"


class State(StrEnum):
    """How a check ended. ``WRONG`` is what keeps plan or apply from working; a warning doesn't."""

    WELL = "well"
    WARNING = "warning"
    WRONG = "wrong"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one check came to: a sentence, and commands or lines to write that mend it.

    ``exit_code`` is what apply would end in for it, 0 unless it is wrong. ``backend`` says about which one it is.
    """

    check: Check
    state: State
    says: str
    mends: tuple[str, ...] = ()
    exit_code: int = 0
    backend: BackendName | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """In place of facts: nobody looked, or the look failed (``is_trouble``)."""

    why: str
    is_trouble: bool = False


def well(check: Check, says: str, *, backend: BackendName | None = None) -> Finding:
    """Makes the finding of a check that is in order."""
    return Finding(check=check, state=State.WELL, says=says, backend=backend)


def warning(check: Check, says: str, *mends: str, backend: BackendName | None = None) -> Finding:
    """Makes the finding of something that will hurt one day."""
    return Finding(check=check, state=State.WARNING, says=says, mends=mends, backend=backend)


def wrong(check: Check, says: str, *mends: str, code: int, backend: BackendName | None = None) -> Finding:
    """Makes the finding of what plan or apply fails of, with the exit code that it fails with."""
    return Finding(check=check, state=State.WRONG, says=says, mends=mends, exit_code=code, backend=backend)


def unknown(check: Check, why: Unknown, *, backend: BackendName | None = None) -> Finding:
    """Makes the finding of a check whose facts are wanting: not asked, or a warning where the look failed."""
    if why.is_trouble:
        return Finding(check=check, state=State.WARNING, says=f"can't be told: {why.why}", backend=backend)
    return Finding(check=check, state=State.NOT_ASKED, says=why.why, backend=backend)


def exit_code(findings: Iterable[Finding]) -> int:
    """Gives 0 where nothing is wrong, else the code that apply would end in: that of what it meets first."""
    codes = {finding.exit_code for finding in findings if finding.state is State.WRONG}
    return next((code for code in _ORDER if code in codes), 1 if codes else 0)


def without_secrets(finding: Finding, secrets: Iterable[str]) -> Finding:
    """Gives a finding in which no secret stands, nor what looks like a key or token, whoever wrote it there."""

    def clean(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, _BLOT).replace(visible(secret), _BLOT)
        return _TOKEN.sub(_BLOT, text)

    return replace(finding, says=clean(finding.says), mends=tuple(map(clean, finding.mends)))


def listed(names: Iterable[str], *, limit: int = 3) -> str:
    """Gives some names in a row, and how many more there are."""
    every = list(names)
    more = len(every) - limit
    return ", ".join(every[:limit]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, what: str) -> str:
    """Gives a number of things in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
