"""The real command line in a process of its own for each run, without the second that its imports take.

A nursery has imported what earlier runs did, and forks; the child is a process like any other: its own id, which the ledger
knows as an owner's, its own files, and a SIGKILL ends it. Waiting costs no time there: a sleep lasts until the backend's jobs
have ended, and the monotonic clock is put forward by what it should have lasted. And two runs of the same see the same: a
creation is answered when its job has ended, or runs if it is a long one, and no run looks around while it is at work.
"""

import contextlib
import http.client
import importlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

RUN_SECONDS = 120.0
ASLEEP_SECONDS = 200.0
"""How long a run that was stopped slept, by the wall clock; longer than anybody waits for the owner of a claim."""
LONG_EPOCHS = 10
"""Jobs of so many epochs are seen at work before they are seen to have ended."""
ENDLESS_EPOCHS = 50
"""Jobs of so many epochs are there to be cancelled: nobody waits for their end."""

_asleep = [0.0]


@dataclass(frozen=True)
class Run:
    """How a run ended: its exit code (negative: the signal), what it said, and the points that it came to."""

    code: int
    said: str
    points: tuple[str, ...]


@dataclass
class Nursery:
    """Runs ftops, one at a time; ``environment`` is what every run sees."""

    folder: Path
    environment: dict[str, str]
    _process: "subprocess.Popen[str]" = field(init=False)

    def __post_init__(self) -> None:
        # Coverage would slow it down, and sees nothing of what a SIGKILL ends.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**kept, **self.environment, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def run(self, root: Path, *arguments: str, jobs: str, **conditions: Any) -> Run:
        """Runs ``ftops arguments`` in a folder. ``jobs`` is the address of the list of jobs that a sleep waits for.

        Conditions: ``at``, a point, and ``plug``, what happens there (``step_watch``); ``answer_seconds``, how long answers
        are waited for; ``clock``, seconds that the wall clock is off in turn, each time it is read; ``temporary``, the folder
        for temporary files.
        """
        output, points = self.folder / "output", self.folder / "points"
        points.unlink(missing_ok=True)
        order = {"root": str(root), "arguments": arguments, "jobs": jobs, "conditions": conditions}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**order, "output": str(output), "points": str(points)}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery is gone"
        text = output.read_text(encoding="utf-8", errors="replace")
        names = points.read_text(encoding="utf-8").splitlines() if points.exists() else []
        return Run(code=int(answer), said=text, points=tuple(names))

    def stopped(self) -> psutil.Process | None:
        """Gives the run that has been stopped, if it has."""
        runs = psutil.Process(self._process.pid).children()
        return next((run for run in runs if run.status() == psutil.STATUS_STOPPED), None)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextlib.contextmanager
def open_nursery(folder: Path, environment: dict[str, str]) -> Iterator[Nursery]:
    folder.mkdir(parents=True, exist_ok=True)
    nursery = Nursery(folder, environment)
    try:
        yield nursery
    finally:
        nursery.close()


def jobs_address(base_url: str, project: str) -> str:
    return f"{base_url}/fine_tuning/jobs?limit=100&" + urllib.parse.urlencode({"metadata[ftops_project]": project})


def jobs_of(address: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(address, timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]
    return found


def main() -> None:
    """Reads orders, one a line, and answers each with the exit code of its run."""
    _load_vocabulary()
    for line in sys.stdin:
        order = json.loads(line)
        learned = Path(order["output"]).with_name("modules")
        child = os.fork()
        if child == 0:
            _be_born(order, learned)
        print(_exit_code(child), flush=True)  # noqa: T201
        _learn(learned)


def _load_vocabulary() -> None:
    from ftops.datasets.tokens import count_tokens

    count_tokens(["a word"])


def _learn(learned: Path) -> None:
    """Imports what a run imported, so that the next ones need not."""
    with contextlib.suppress(OSError):
        for name in learned.read_text(encoding="utf-8").splitlines():
            if name not in sys.modules:
                importlib.import_module(name)
        learned.unlink()


def _exit_code(child: int) -> int:
    until = time.monotonic() + RUN_SECONDS
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(child, 9)
        time.sleep(0.002)


def _be_born(order: dict[str, Any], learned: Path) -> None:
    """Becomes a run of ftops, and ends with its exit code."""
    code = 70
    try:
        os.setsid()
        os.chdir(order["root"])
        output = os.open(order["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        from ftops.cli.main import run

        _set(order["conditions"])
        _skip_waiting(order["jobs"])
        _answer_late(order["jobs"])
        watch = _watch(order)
        code = run(order["arguments"])
        watch.point("the end")
        learned.write_text("\n".join(name for name in list(sys.modules) if name.startswith("ftops")), encoding="utf-8")
    except BaseException:  # noqa: BLE001 - told by the code, and by what it said
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _watch(order: dict[str, Any]) -> Any:
    sys.path.insert(0, str(Path(__file__).parent))
    from step_watch import Plug, StepWatch

    conditions = order["conditions"]
    watch = StepWatch(
        Path(order["points"]),
        root=Path(order["root"]),
        at=conditions.get("at"),
        plug=Plug(conditions.get("plug", Plug.KILL)),
        # A lid was closed: the wall clock went on, the monotonic one stood still.
        on_waking=lambda: _asleep.__setitem__(0, ASLEEP_SECONDS),
    )
    watch.install()
    return watch


def _set(conditions: dict[str, Any]) -> None:
    """Changes what a run can't choose: how long it waits for answers, and what its clock says."""
    from ftops.adapters import openai_backend
    from ftops.adapters.clock import SystemClock

    if seconds := conditions.get("answer_seconds"):
        for name in ("create", "read", "upload", "chat"):
            object.__setattr__(openai_backend._TIMING, name, seconds)
        # The SDK's pauses between its tries.
        sleep = time.sleep
        time.sleep = lambda pause: sleep(min(pause, 0.05))
    now, off = SystemClock.now, itertools.cycle(conditions.get("clock") or [0])
    SystemClock.now = lambda clock: now(clock) + timedelta(seconds=next(off) + _asleep[0])  # type: ignore[method-assign]
    if conditions.get("temporary"):
        tempfile.tempdir = conditions["temporary"]


def _skip_waiting(jobs: str) -> None:
    from ftops.adapters.clock import SystemClock
    from ftops.application import pacing

    assert pacing.REST_WHILE_BUSY > 0
    pacing.REST_WHILE_BUSY = 1e9  # type: ignore[misc]
    skipped = [0.0]

    def sleep(clock: Any, seconds: float) -> None:
        if not clock._stop.is_set():
            _wait_while(jobs, lambda job: _epochs(job) < ENDLESS_EPOCHS)
            skipped[0] += seconds

    SystemClock.sleep = sleep  # type: ignore[method-assign]
    SystemClock.monotonic = lambda _: time.monotonic() + skipped[0]  # type: ignore[method-assign]


def _answer_late(jobs: str) -> None:
    import httpx2

    send = httpx2.HTTPTransport.handle_request

    def handle(transport: Any, request: Any) -> Any:
        answer = send(transport, request)
        if request.method == "POST" and request.url.path.endswith("/fine_tuning/jobs"):
            _wait_while(jobs, lambda job: _epochs(job) < LONG_EPOCHS or job["status"] != "running")
        return answer

    httpx2.HTTPTransport.handle_request = handle  # type: ignore[method-assign]


def _wait_while(jobs: str, is_due: Callable[[dict[str, Any]], bool]) -> None:
    """Waits while any unfinished job is one to wait for. A server in trouble is not waited for."""
    unfinished = {"validating_files", "queued", "running", "pausing"}
    until = time.monotonic() + RUN_SECONDS
    with contextlib.suppress(OSError, http.client.HTTPException):
        while any(job["status"] in unfinished and is_due(job) for job in jobs_of(jobs)) and time.monotonic() < until:
            time.sleep(0.02)


def _epochs(job: dict[str, Any]) -> int:
    return int(job["hyperparameters"]["n_epochs"])


if __name__ == "__main__":
    main()
