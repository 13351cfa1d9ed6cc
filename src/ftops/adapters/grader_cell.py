"""One process in which python graders run, ``ftops.sandbox``: starting it, asking it, ending it.

Owns the process, and what is handed to it: no environment, no open file, a list of folders to be shown inside. What a grader's
failure is called is for ``grader_programs`` to say.
"""

import json
import os
import select
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

from ftops import version
from ftops.domain.foreign_text import visible
from ftops.errors import Interrupted
from ftops.sandbox.walls import outer_first
from ftops.sandbox.wire import Ending, Order, Setup, receive, send, send_json

# ftops is found by a path that the keeper forgets: -S leaves out all packages, -P the current folder, -s the user's own.
_PROGRAM: Final = "import sys; sys.path.append(sys.argv[1]); from ftops.sandbox.keeper import main; main()"
_FLAGS: Final = ("-s", "-S", "-P", "-B")
# The order of sets and dictionaries of a grader's is the same in every run.
_ENVIRONMENT: Final = {"PYTHONHASHSEED": "0"}
_SYSTEM_FOLDERS: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache")
_START_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 15.0
_END_SECONDS: Final = 2.0
_SLICE_SECONDS: Final = 0.1
_TAIL: Final = 500


class CellRefused(Exception):
    """The process can't be had as it was asked for; the message says why."""


class CellLost(Exception):
    """The process ended, or no longer answers: it is of no use any more."""


class GraderCell:
    """A running process. Use it from one thread at a time; raises CellRefused where it can't be isolated as asked."""

    def __init__(self, *, is_isolated: bool, memory_bytes: int, stop: threading.Event) -> None:
        if not hasattr(os, "fork"):
            raise CellRefused("python graders need a system with fork, such as Linux")
        self.has_ended = False
        self._stop = stop
        self._known: set[str] = set()
        self._process = _started()
        packages = package_folders()
        setup: Setup = {
            "isolated": is_isolated,
            "folders": shown_folders(packages),
            "packages": packages,
            "memory_bytes": memory_bytes,
        }
        try:
            send_json(self._input, cast("Mapping[str, Any]", setup))
            refused = json.loads(self._answer(time.monotonic() + _START_SECONDS))["refused"]
        except (OSError, CellLost) as error:
            raise CellRefused(f"the process for python graders did not start: {self._last_words()}") from error
        except BaseException:
            self.end()
            raise
        if refused is not None:
            self.end()
            raise CellRefused(visible(refused))

    def ask(
        self, program: str, source: str, preload: Sequence[str], given: bytes, *, seconds: float
    ) -> tuple[Ending, bytearray]:
        """Grades one item; ``program`` is the source's digest, ``given`` JSON. Gives how it ended and what was said.

        Raises CellLost, and Interrupted; the process has ended then.
        """
        is_new = program not in self._known
        order: Order = {
            "program": program,
            "source": source if is_new else None,
            "preload": preload if is_new else (),
            "seconds": seconds,
        }
        ends = time.monotonic() + seconds + _GRACE_SECONDS
        try:
            send_json(self._input, cast("Mapping[str, Any]", order))
            send(self._input, given)
            ending = cast("Ending", json.loads(self._answer(ends)))
            said = self._answer(ends)
        except BaseException as error:
            self.end()
            if isinstance(error, OSError):
                raise CellLost from error
            raise
        self._known.add(program)
        return ending, said

    def end(self) -> None:
        """Ends the process and all that runs in it."""
        self.has_ended = True
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):  # its last frame may not have gone out
                    pipe.close()
        # The keeper ends by itself when its input does, and kills its child first.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._process.kill()
        self._process.wait()

    def _answer(self, ends: float) -> bytearray:
        """Reads one frame; looks now and then whether the run is to stop. Raises CellLost, Interrupted."""
        descriptor = self._output
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        while not waiting.poll(_SLICE_SECONDS * 1000):
            if self._stop.is_set():
                raise Interrupted("interrupted; what was graded so far is kept")
            if time.monotonic() > ends:
                raise CellLost
        answer = receive(descriptor)
        if answer is None:
            raise CellLost
        return answer

    def _last_words(self) -> str:
        error = self._process.stderr
        said = b""
        if error is not None:
            self._process.kill()
            with suppress(OSError, ValueError):
                said = error.read()
        self.end()
        return visible(said.decode(errors="replace").strip()[-_TAIL:]) or "it said nothing"

    @property
    def _input(self) -> int:
        return _number(self._process.stdin)

    @property
    def _output(self) -> int:
        return _number(self._process.stdout)


def _started() -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            [sys.executable, *_FLAGS, "-c", _PROGRAM, str(Path(version.__file__).parents[1])],
            env=_ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise CellRefused(f"the process for python graders did not start: {error.strerror}") from error


def package_folders() -> tuple[str, ...]:
    """Gives the folders from which this Python imports installed packages."""
    return tuple(dict.fromkeys(path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}))


def shown_folders(packages: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Gives (source, target) of what can be read behind the walls: Python, installed packages and the system's libraries.

    Sources are without links; a folder with a link in its path is shown at both places.
    """
    paths = sysconfig.get_paths()
    wanted = (
        *_SYSTEM_FOLDERS,
        str(Path(sys.base_prefix) / "lib"),
        str(Path(sys.base_exec_prefix) / "lib"),
        paths["stdlib"],
        paths["platstdlib"],
        *packages,
    )
    found: list[tuple[str, str]] = []
    for path in wanted:
        if Path(path).exists():
            real = str(Path(path).resolve())
            found.extend(((real, path), (real, real)))
    return outer_first(found)


def _number(pipe: Any) -> int:
    number: int = pipe.fileno()
    return number
