"""What a child gives up before it runs a line of a grader: files, memory, time, rights, and system calls.

Owns the order: nothing here can be taken back by what runs afterwards.
"""

import os
import resource
import signal
from contextlib import suppress
from typing import Final

from ftops.sandbox import kernel, walls
from ftops.sandbox.filter import filter_program

SAYING: Final = 3
"""The descriptor of the pipe on which a child says its score; 0, 1 and 2 lead nowhere."""

_MOST_FILES: Final = 64
_MOST_KEPT_FILES: Final = 4096  # more than a keeper ever has
_MOST_FILE_BYTES: Final = 64 << 20
_STACK_BYTES: Final = 8 << 20


def confine(*, saying: int, nowhere: int, memory_bytes: int, seconds: float) -> None:
    """Leaves this process with the pipe ``saying``, limits, and nothing else; ``nowhere`` is an open ``/dev/null``."""
    _keep_files(saying=saying, nowhere=nowhere)
    _limit(memory_bytes=memory_bytes, seconds=seconds, is_strict=False)


def confine_behind_walls(
    *, saying: int, nowhere: int, memory_bytes: int, seconds: float, becomes_nobody: bool, machine: str
) -> None:
    """Does what ``confine`` does, and gives up every right that this process has in its namespaces. Raises OSError."""
    _keep_files(saying=saying, nowhere=nowhere)
    _limit(memory_bytes=memory_bytes, seconds=seconds, is_strict=True)
    kernel.drop_bounding_capabilities()
    if becomes_nobody:
        walls.become_nobody()
    kernel.drop_capabilities()
    kernel.forbid_new_privileges()
    kernel.set_dumpable(0)  # no limit keeps a core from a program of the machine's that takes them
    kernel.install_filter(filter_program(machine))


def _keep_files(*, saying: int, nowhere: int) -> None:
    os.setsid()  # a signal to its group is for the child alone
    for sign in (signal.SIGINT, signal.SIGPIPE):  # Python and the keeper changed these
        signal.signal(sign, signal.SIG_DFL)
    # Out of the way of the numbers that are given out now: both may be among them.
    saying, nowhere = os.dup(saying), os.dup(nowhere)
    high = max(saying, nowhere, SAYING) + 1
    os.dup2(saying, high)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.dup2(high, SAYING)
    os.closerange(SAYING + 1, max(high + 1, _MOST_KEPT_FILES))


def _limit(*, memory_bytes: int, seconds: float, is_strict: bool) -> None:
    """``is_strict`` also forbids processes and threads, and raises where the system doesn't know a limit."""
    whole_seconds = int(seconds) + 2  # processor time: the clock ends it before
    limits: list[tuple[str, int]] = [
        ("RLIMIT_AS", memory_bytes),
        ("RLIMIT_CPU", whole_seconds),
        ("RLIMIT_FSIZE", _MOST_FILE_BYTES),
        ("RLIMIT_NOFILE", _MOST_FILES),
        ("RLIMIT_CORE", 0),
    ]
    if is_strict:
        limits += [("RLIMIT_NPROC", 0), ("RLIMIT_MSGQUEUE", 0), ("RLIMIT_STACK", _STACK_BYTES)]
    for name, most in limits:
        if is_strict:
            _set_limit(name, most)
        else:
            with suppress(AttributeError, ValueError, OSError):
                _set_limit(name, most)


def _set_limit(name: str, most: int) -> None:
    number: int = getattr(resource, name)
    hardest = resource.getrlimit(number)[1]
    within = most if hardest == resource.RLIM_INFINITY else min(most, hardest)
    resource.setrlimit(number, (within, within))
