"""The error tree: one class per remedy, each with the exit code it leads to.

::

    FtopsError                     1
    ├── UsageProblem               2   the command's words are off, or the project cannot be found
    ├── Invalid                    2   manifests or datasets, with all problems at once
    ├── NotPassed                  4   a gate did not pass
    ├── Refused                    5   a guard says no
    ├── Stale                      6   a saved plan no longer fits, or a newer commit was applied
    ├── BackendError               1   what a backend did
    │   ├── AnswerLost             1   nobody knows whether the call took effect
    │   ├── Unreachable            1   connection refused: the call took no effect
    │   │   └── Throttled          1   429: too fast
    │   ├── Rejected               1   4xx: the call took no effect, and would not if repeated
    │   │   ├── NotFound           1
    │   │   └── Unauthorized       9   401 and 403
    │   │       └── TrainingNotAvailable  9   this organisation may not train any more
    ├── MissingKey                 9   no key in the environment
    ├── LedgerError                1
    │   ├── LedgerUnreachable      1   network
    │   ├── LedgerForbidden        9   permission or hook
    │   ├── LedgerCorrupt          1   does not parse or breaks an invariant
    │   └── LedgerRewritten        5   the tip does not descend from the last one seen
    ├── HostError                  1   what the git host's API answered, or did not answer
    │   ├── HostAnswerLost         1   nobody knows whether the call took effect
    │   ├── HostNotFound           1   404: it is not there, or the token may not see it
    │   └── HostForbidden          9   401 and 403
    ├── LocalStorageFailed         1   this machine's disk is full or can't be written
    └── Interrupted              130

Errors carry their data as fields; adapters translate foreign errors with ``raise … from``.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

FREE_SPACE: Final = "free space on the disk that holds .ftops"


class FtopsError(Exception):
    """Anything ftops reports in a sentence instead of a traceback. ``remedy`` says how to mend it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageProblem(FtopsError):
    """The command's words are off, or there is no project here."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in a file: where, which field, what was expected, and a near miss if there is one.

    ``line`` and ``column`` count from 1; what is wrong with a file as a whole stands at its beginning, so that editors and
    code review have a place to show it. ``field`` is a JSON pointer, empty for the whole file.
    """

    file: str
    line: int = 1
    column: int = 1
    field: str = ""
    expected: str
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column} {self.field}".rstrip()
        return f"{where}: {self.expected}" + (f" ({self.hint})" if self.hint else "")


class Invalid(FtopsError):
    """Manifests or datasets that are wrong: every problem of every file, sorted."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.field, p.expected)))
        count = len(self.problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'} found")


class NotPassed(FtopsError):
    """What was asked for is for models that passed their gates, and there is none such."""

    exit_code = 4


class Refused(FtopsError):
    """A guard about where we stand refuses the whole run."""

    exit_code = 5


class Stale(FtopsError):
    """A saved plan no longer fits the world, or a newer commit was applied meanwhile."""

    exit_code = 6


class Interrupted(FtopsError):
    """Somebody pressed Ctrl-C or sent SIGTERM; remote jobs go on."""

    exit_code = 130


class HostError(FtopsError):
    """What the API of the git host (GitHub) answered, or did not answer."""


class HostAnswerLost(HostError):
    """Time-out, dropped connection or 5xx: whether the call took effect is not known."""


class HostNotFound(HostError):
    """404: it is not there, or the token may not see it."""


class HostForbidden(HostError):
    """401 and 403: the token is wrong, or may not do this."""

    exit_code = 9

    def __init__(self, message: str, *, status: int = 403, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status


class LocalStorageFailed(FtopsError):
    """A file on this machine can't be read or written: the disk is full, or permission is wanting."""


def local_storage_failed(error: OSError) -> LocalStorageFailed:
    """Translates what the operating system said, with the remedy for a full disk."""
    where = f": {error.filename}" if error.filename else ""
    remedy = FREE_SPACE if error.errno in {errno.ENOSPC, errno.EDQUOT} else None
    return LocalStorageFailed(f"{error.strerror or error}{where}", remedy=remedy)


class MissingKey(FtopsError):
    """A backend needs a key that the environment does not hold."""

    exit_code = 9


class BackendError(FtopsError):
    """What a backend answered, or did not answer."""


class AnswerLost(BackendError):
    """Time-out, dropped connection or 5xx: whether the call took effect is not known."""


class Unreachable(BackendError):
    """The connection was refused, or the backend throttles: the call took no effect and may be repeated."""


class Throttled(Unreachable):
    """A 429: calls came too fast. ``wait`` is for how many seconds the backend asks to wait, None where it doesn't say."""

    def __init__(self, message: str, *, wait: float | None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.wait = wait


class Rejected(BackendError):
    """A 4xx: the call took no effect, and would not if it were repeated."""

    def __init__(self, message: str, *, status: int, code: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status
        self.code = code


class NotFound(Rejected):
    """404: no such object."""


class Unauthorized(Rejected):
    """401 or 403: the key is wrong, or may not do this."""

    exit_code = 9


class TrainingNotAvailable(Unauthorized):
    """403 ``training_not_available``: this organisation can create no new fine-tuning job."""


class LedgerError(FtopsError):
    """What went wrong with the ledger. ``is_kept``: what was to be recorded was done, and waits on this machine."""

    is_kept = False


class LedgerUnreachable(LedgerError):
    """The ledger's remote can't be reached: nothing paid is started that can't be recorded."""


class LedgerForbidden(LedgerError):
    """The push was refused for want of permission, or by a hook."""

    exit_code = 9


class LedgerCorrupt(LedgerError):
    """The ledger doesn't parse, or breaks one of its invariants."""


class LedgerRewritten(LedgerError):
    """The ledger's tip does not descend from the last one seen."""

    exit_code = 5
