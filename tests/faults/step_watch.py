"""Sees every step that a run of ftops takes outside its own memory, and lets something happen at one of them: a kill, mostly.

A step is a git command, a change to a file of the project, an HTTP request, an answer put aside. Between two steps nothing
happens that would outlive the process, so that a kill anywhere is a kill at one of these points: before each step; in those
that change something also while git or the backend is at work on it, and when the backend has answered; and at the end.
Nothing in ftops was written for this: it is watched from outside.
"""

import functools
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

# Git commands that only read change nothing: the point before them is the one after them.
_WRITING = frozenset({"fast-import", "fetch", "push", "update-ref"})
_FILE_EVENTS = {"os.remove": "remove", "os.rename": "replace", "os.mkdir": "make folder", "os.rmdir": "remove folder"}
_CHANCE = (
    (re.compile(r"\b[0-9a-f]{32}\b"), "*"),
    (re.compile(r"\b(ftjob|file)-[A-Za-z0-9]{8,}"), r"\1-*"),
    (re.compile(r"(/models/ft:(?:[^:/ ]*:){3})[A-Za-z0-9]+"), r"\1*"),
    (re.compile(r"\d{8}T\d{15}-[0-9a-f]+"), "*"),
    (re.compile(r"(/\.[^/]+)\.[a-z0-9_]{8}$|(\.jsonl|\.yaml)\.\d+$"), r"\1\2.*"),
)


class Plug(StrEnum):
    """What happens at a point: the process is killed, is stopped until somebody wakes it, or finds its disk full."""

    KILL = "kill"
    STOP = "stop"
    FILL = "fill"


class StepWatch:
    """Writes each point's name to a file, and pulls a plug at the one named ``at``.

    A name is the function of ftops that is at work, what it does, and for the how-manyeth time; chance (ids, times) is left
    out of it, so that two runs of the same have the same points.
    """

    def __init__(self, points: Path, *, root: Path, at: str | None, plug: Plug, on_waking: Callable[[], None]) -> None:
        self._file = os.open(points, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._root = f"{root}/"
        self._at = at
        self._plug = plug
        self._on_waking = on_waking
        self._seen: Counter[str] = Counter()
        self._lock = threading.RLock()

    def point(self, what: str) -> None:
        """Notes that the run has come to a point; does not return from the one to die at."""
        for pattern, instead in _CHANCE:
            what = pattern.sub(instead, what)
        where = f"{_place()}: {what}"
        with self._lock:
            self._seen[where] += 1
            name = f"{where} #{self._seen[where]}"
            os.write(self._file, f"{name}\n".encode())
            if name == self._at:
                self._pull()

    def _pull(self) -> None:
        match self._plug:
            case Plug.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)  # never comes to its end
            case Plug.STOP:
                os.kill(os.getpid(), signal.SIGSTOP)
                self._on_waking()
            case Plug.FILL:
                fill_disk(Path(self._root))

    def install(self) -> None:
        """Begins to watch this process, for as long as it lives."""
        self._watch_git()
        self._watch_requests()
        self._watch_outputs()
        sys.addaudithook(self._watch_files)

    def _watch_git(self) -> None:
        from ftops.adapters import git_process

        collect = git_process._collect

        def started(process: Any, **options: Any) -> Any:
            command = _command_of(process.args)
            if command in _WRITING:
                self.point(f"git {command} at work")
            return collect(process, **options)

        git_process._collect = started
        self._before(git_process.GitProcess, "run", lambda _, *words, **__: f"git {words[0]}")

    def _watch_outputs(self) -> None:
        from ftops.adapters.output_files import OutputFiles

        self._before(OutputFiles, "put", lambda *_: "keep an answer")

    def _before(self, kind: type, name: str, describe: Callable[..., str]) -> None:
        method = getattr(kind, name)

        @functools.wraps(method)
        def watched(*args: Any, **options: Any) -> Any:
            self.point(describe(*args, **options))
            return method(*args, **options)

        setattr(kind, name, watched)

    def _watch_requests(self) -> None:
        import httpx2

        # Some of httpcore's traces tell how far a request is.
        send, send_async = httpx2.HTTPTransport.handle_request, httpx2.AsyncHTTPTransport.handle_async_request

        def handle(transport: Any, request: Any) -> Any:
            what = f"{request.method} {request.url.path}"
            self.point(what)
            request.extensions = {**request.extensions, "trace": lambda name, _: self._follow(what, name)}
            return send(transport, request)

        async def handle_async(transport: Any, request: Any) -> Any:
            what = f"{request.method} {request.url.path}"
            self.point(what)

            async def trace(name: str, _: Any) -> None:
                self._follow(what, name)

            request.extensions = {**request.extensions, "trace": trace}
            return await send_async(transport, request)

        httpx2.HTTPTransport.handle_request = handle
        httpx2.AsyncHTTPTransport.handle_async_request = handle_async

    def _follow(self, what: str, event: str) -> None:
        if what.startswith("GET"):
            return  # changes nothing
        if event.endswith("send_request_body.complete"):
            self.point(f"{what} sent")
        elif event.endswith("receive_response_body.complete"):
            self.point(f"{what} answered")

    def _watch_files(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            is_writing = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            what, paths = "write", args[:1] if is_writing else ()
        elif event in _FILE_EVENTS:
            what, paths = _FILE_EVENTS[event], args[:2] if event == "os.rename" else args[:1]
        else:
            return
        names = [str(path) for path in paths if isinstance(path, str | os.PathLike)]
        ours = [name for name in names if name.startswith(self._root)]
        # A folder that is there is not made, and a lock file that is there is not written.
        if ours and not (Path(ours[-1]).exists() and (what == "make folder" or ours[-1].endswith(".lock"))):
            self.point(f"{what} {ours[-1].removeprefix(self._root)}")


def fill_disk(folder: Path) -> None:
    """Leaves no room on the disk that a folder is on."""
    descriptor = os.open(folder / ".git/filler", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        os.close(descriptor)


def _command_of(arguments: list[str]) -> str:
    words = iter(arguments[1:])
    for word in words:
        if word != "-c":
            return word
        next(words)
    return ""


def _place() -> str:
    """Gives the innermost function of the application that is being carried out, else of the command line."""
    best, frame = "", sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("ftops.application."):
            return f"{module.rpartition('.')[2]}.{frame.f_code.co_name}"
        if module.startswith(("ftops.cli.", "ftops.bootstrap")):
            best = best or f"{module.rpartition('.')[2]}.{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return best or "outside"
