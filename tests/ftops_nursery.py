"""Runs ``ftops`` for tests without importing everything anew for each command, which would take most of their time.

A nursery has imported what commands import, and forks for each: a process of its own, with the caller's folder, environment
and streams, that goes through the command line's own ``main``. ``ftops_nursery.py serve SOCKET`` is the nursery; it ends when
its standard input does. ``ftops_nursery.py call SOCKET WORDS…`` is what tests start in place of ``ftops``, and what stands on
the path of a reader of the docs.
"""

import array
import json
import os
import signal
import socket
import sys
from types import FrameType

_HEAVY = (
    "deepdiff git jsonschema jsonschema_rs msgspec numpy openai psutil rapidfuzz rich.live rich.progress rich.table "
    "scipy.stats yaml ftops.application.reconcile ftops.bootstrap ftops.bootstrap_import ftops.cli.live_rows"
)


def call(address: str, words: list[str]) -> int:
    """Hands a command to the nursery with this process's streams; passes signals on, and gives its exit code."""
    asked = json.dumps({"words": words, "folder": os.getcwd(), "env": dict(os.environ)}).encode()  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        # Not socket.send_fds: without the site module this starts in a few milliseconds.
        fds = array.array("i", [0, 1, 2])
        line.sendmsg([len(asked).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        line.sendall(asked)
        pid = int.from_bytes(_read(line, 4), "big")

        def pass_on(number: int, _frame: FrameType | None) -> None:
            os.kill(pid, number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, pass_on)
        return int.from_bytes(_read(line, 4), "big")


def serve(address: str) -> None:
    """Answers calls until standard input ends. Returns in each child, to run its command, and in the parent at the end."""
    import gc
    import selectors
    from importlib import import_module, invalidate_caches

    for name in _HEAVY.split():
        import_module(name)
    invalidate_caches()
    gc.freeze()  # what is never looked at is never copied by a child
    lines: dict[int, socket.socket] = {}
    wakeup, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as waiting:
        door.bind(address)
        door.listen(16)
        for file in (door, sys.stdin, wakeup):
            waiting.register(file, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in waiting.select()}
            if sys.stdin in ready:
                return
            if wakeup in ready:
                os.read(wakeup, 4096)
                _bury(lines)
            if door in ready:
                line = door.accept()[0]
                pid = _birth(line)
                if pid == 0:
                    break
                line.sendall(pid.to_bytes(4, "big"))
                lines[pid] = line
    _become_the_command()


_ASKED: dict[str, object] = {}


def _birth(line: socket.socket) -> int:
    head, fds, _, _ = socket.recv_fds(line, 4, 3)
    asked = json.loads(_read(line, int.from_bytes(head, "big")))
    pid = os.fork()
    if pid == 0:
        line.close()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, fd in enumerate(fds):
            os.dup2(fd, number)
        _ASKED.update(asked)
    for fd in fds:
        os.close(fd)
    return pid


def _become_the_command() -> None:
    os.chdir(str(_ASKED["folder"]))
    os.environ.clear()
    os.environ.update(dict(_ASKED["env"]))  # type: ignore[call-overload]
    sys.argv = ["ftops", *_ASKED["words"]]  # type: ignore[misc]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout, sys.stderr = (
        os.fdopen(os.dup(number), "w", encoding="utf-8", errors="backslashreplace", buffering=1) for number in (1, 2)
    )
    from ftops.cli.main import main

    main()


def _bury(lines: dict[int, socket.socket]) -> None:
    while lines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        line = lines.pop(pid)
        code = os.waitstatus_to_exitcode(status)
        with line:
            try:
                line.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))
            except OSError:
                continue  # whoever asked is gone


def _read(line: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = line.recv(count - len(got))
        if not more:
            raise SystemExit("the nursery is gone")
        got += more
    return got


if __name__ == "__main__":
    if sys.argv[1] == "call":
        sys.exit(call(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2])
