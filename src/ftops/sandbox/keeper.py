"""The keeper: builds the walls once, then forks a child for each item, and ends it in time.

Owns the life of children, and that nothing of one is left for the next: no process, no file, nothing in memory. The keeper
runs no line of a grader and reads nothing that a child says: it imports the well-known libraries that a grader names, so that
a child finds them there, and hands the rest on as bytes. As process 1 of its namespace it takes all other processes with it
when it ends, and it ends when ftops does.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn, cast

from ftops.sandbox import confinement, item, kernel, walls
from ftops.sandbox.kernel import Unsupported
from ftops.sandbox.wire import MOST_SAID, Ending, Order, Setup, receive, send, send_json, wipe

_ORDERS: Final = 0
_ANSWERS: Final = 1
# A library that starts a thread for each processor would start none here, and fail.
_THREAD_NUMBERS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def main() -> None:
    """Serves ftops on standard input and output until it closes them."""
    asked = receive(_ORDERS)
    if asked is None:
        return
    setup = cast("Setup", json.loads(asked))
    os.environ.clear()
    os.environ.update(dict.fromkeys(_THREAD_NUMBERS, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ftops hears of it, and decides
    sys.dont_write_bytecode = True
    if not setup["isolated"]:
        _serve(setup, inside=None)
    try:
        becomes_nobody = walls.leave_namespaces()
        machine = kernel.machine()
    except Unsupported as problem:
        send_json(_ANSWERS, {"refused": str(problem)})
        return
    child = os.fork()
    if child == 0:
        _keep(setup, machine=machine, becomes_nobody=becomes_nobody)
    for descriptor in (_ORDERS, _ANSWERS):
        os.close(descriptor)
    os.waitpid(child, 0)


def _keep(setup: Setup, *, machine: str, becomes_nobody: bool) -> NoReturn:
    """Process 1 of the new namespace."""
    try:
        kernel.die_with_parent()
        kernel.set_dumpable(0)
        os.setsid()
        inside = _Inside(machine=machine, becomes_nobody=becomes_nobody, processes=walls.open_processes())
        walls.build_root(setup["folders"])
    except (Unsupported, OSError) as problem:
        send_json(_ANSWERS, {"refused": str(problem)})
        os._exit(0)
    _serve(setup, inside=inside)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inside:
    """What a keeper behind walls knows of them: the architecture, and its own namespace for processes, open as a file."""

    machine: str
    becomes_nobody: bool
    processes: int


def _serve(setup: Setup, *, inside: _Inside | None) -> NoReturn:
    keeper = _Keeper(setup, inside=inside)
    answers = os.dup(_ANSWERS)
    for printed in (1, 2):
        os.dup2(keeper.nowhere, printed)  # what a library prints when it is imported is no answer
    send_json(answers, {"refused": None})
    with suppress(OSError):  # ftops has ended: nobody is left to tell
        while (order := receive(_ORDERS)) is not None and (given := receive(_ORDERS)) is not None:
            ending, said = keeper.run(cast("Order", json.loads(order)), given)
            send_json(answers, {**ending})
            send(answers, said)
            wipe(given)
            wipe(said)
    os._exit(0)


class _Keeper:
    """Grades one item after the other. ``inside`` is None where there are no walls, ``nowhere`` an open ``/dev/null``."""

    def __init__(self, setup: Setup, *, inside: _Inside | None) -> None:
        self._memory_bytes = setup["memory_bytes"]
        self._inside = inside
        self.nowhere = os.open("/dev/null", os.O_RDWR)
        self._sources: dict[str, bytes] = {}
        # Ours is the last place: what is imported inside are its packages, not ftops.
        sys.path[-1:] = setup["packages"]

    def run(self, order: Order, given: bytearray) -> tuple[Ending, memoryview]:
        """Grades an item, and leaves no process and no file of its child. Raises OSError where ftops has ended."""
        source = self._source(order)
        listening, saying = os.pipe()
        child = os.fork() if self._inside is None else walls.fork_alone(self._inside.processes)
        if child == 0:
            os.close(listening)
            self._run_child(source, given, saying, seconds=order["seconds"])
        os.close(saying)
        room = memoryview(bytearray(MOST_SAID + 1))
        try:
            count, trouble = _listen(listening, room, seconds=order["seconds"])
        finally:
            os.close(listening)
            status = self._end(child)
        said = room[:count]
        if trouble is not None:
            wipe(said)
            return Ending(how=trouble, number=0), room[:0]
        if os.WIFSIGNALED(status) and not said:
            return Ending(how="signal", number=os.WTERMSIG(status)), said
        return Ending(how="exit", number=os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0), said

    def _source(self, order: Order) -> bytes:
        if order["source"] is not None:
            self._sources[order["program"]] = order["source"].encode(errors="surrogatepass")
            _import(order["preload"])
        return self._sources[order["program"]]

    def _run_child(self, source: bytes, given: bytearray, saying: int, *, seconds: float) -> NoReturn:
        try:
            if self._inside is None:
                confinement.confine(
                    saying=saying, nowhere=self.nowhere, memory_bytes=self._memory_bytes, seconds=seconds
                )
            else:
                confinement.confine_behind_walls(
                    saying=saying,
                    nowhere=self.nowhere,
                    memory_bytes=self._memory_bytes,
                    seconds=seconds,
                    becomes_nobody=self._inside.becomes_nobody,
                    machine=self._inside.machine,
                )
            for name in [each for each in sys.modules if each.split(".")[0] == "ftops"]:
                del sys.modules[name]
            item.grade_and_exit(source, given, confinement.SAYING)
        except OSError as error:  # of the confinement: the kernel doesn't know one of its calls
            told = json.dumps({"error": "OSError", "message": str(error), "line": None})
            os.write(confinement.SAYING, told.encode())
        finally:
            os._exit(70)  # whatever happens, a child never becomes a keeper

    def _end(self, child: int) -> int:
        """Kills what still runs, and gives the child's status."""
        if self._inside is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # it may not have had a group of its own yet
            return os.waitpid(child, 0)[1]
        if os.getpid() != 1:
            raise RuntimeError("not behind walls: the next line would be for every process of this user")
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        walls.renew_scratch()
        return status


def _listen(listening: int, room: memoryview, *, seconds: float) -> tuple[int, str | None]:
    """Reads into ``room`` what a child says until it closes its pipe; ``room`` has a byte more than that may be.

    Gives how many bytes it said, or all that came, and what is wrong. Raises OSError where ftops has ended.
    """
    ends = time.monotonic() + seconds
    waiting = select.poll()
    waiting.register(listening, select.POLLIN)
    waiting.register(_ORDERS, 0)  # nothing but its end
    count = 0
    while count < len(room):
        left = ends - time.monotonic()
        happened = dict(waiting.poll(max(0.0, left) * 1000) if left > 0 else ())
        if not happened:
            return count, "late"
        if _ORDERS in happened:
            raise BrokenPipeError
        read = os.readv(listening, [room[count:]])
        if not read:
            return count, None
        count += read
    return count, "flood"


def _import(names: Sequence[str]) -> None:
    """Imports what children would each import for themselves; what fails will fail there, in its words."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # or the first collection in each child would copy all of it
