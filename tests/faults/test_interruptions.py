"""Terminals that close, backends that hang, keys that expire, storms: real processes, a real server, real signals."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scratch_project import Scratch, jobs_at, make_project, opened
from server_process import ServerProcess, start_server

if sys.platform == "win32":
    pytest.skip("terminals and hang-ups as POSIX has them", allow_module_level=True)

import pty

# The promise is 5 seconds; a busy machine may take some more to notice.
SOON_SECONDS = 15.0


class Lab:
    """A server on which jobs take seconds, with faults that a test can change while it runs."""

    def __init__(self, server: ServerProcess, faults: Path) -> None:
        self.server = server
        self._faults = faults

    def set(self, *rules: str) -> None:
        """Replaces the faults in one step, as docs/faults.md asks for."""
        fresh = self._faults.with_suffix(".new")
        fresh.write_text("faults:\n" + "".join(f"  - {rule}\n" for rule in rules) if rules else "faults: []\n")
        fresh.replace(self._faults)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    faults = folder / "faults.yaml"
    faults.write_text("faults: []\n", encoding="utf-8")
    options = ("--min-step-seconds", "0.02", "--workers", "8", "--faults", str(faults))
    with start_server(folder, *options) as server:
        yield Lab(server, faults)


@pytest.fixture
def lab(running: Lab) -> Lab:
    running.set()
    return running


@pytest.fixture
def scratch(lab: Lab, tmp_path: Path) -> Iterator[Scratch]:
    with opened(make_project(tmp_path, lab.server.base_url)) as project:
        yield project


# What a shell does for a job in the foreground; ``nohup`` is a word on the command line here.
ON_A_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-m", "ftops", "apply", "--auto-approve"])
"""


def on_a_terminal(scratch: Scratch, how: str = "") -> tuple["subprocess.Popen[bytes]", int]:
    """Starts an apply as the first process of a session on a terminal of its own; gives the terminal's other end too."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, how],
        cwd=scratch.root,
        env=scratch._environment({}),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    threading.Thread(target=read_all, args=(ours,), daemon=True).start()
    return process, ours


def read_all(terminal: int) -> None:
    """Keeps a terminal from filling up until it is closed."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


def test_a_closed_terminal_detaches_and_loses_nothing(scratch: Scratch) -> None:
    run, terminal = on_a_terminal(scratch)
    scratch.wait_for_job()
    os.close(terminal)
    assert run.wait(SOON_SECONDS) == 130
    assert [job["status"] for job in scratch.jobs()] == ["running"]
    # Its id was recorded: the next run asks for that job, and makes none.
    assert scratch.jobs()[0]["id"] in scratch.ftops("history", "--json").out
    scratch.apply()
    assert [job["status"] for job in scratch.jobs()] == ["succeeded"]


def test_under_nohup_a_closed_terminal_ends_nothing(scratch: Scratch) -> None:
    run, terminal = on_a_terminal(scratch, "nohup")
    scratch.wait_for_job()
    os.close(terminal)
    run.wait(60)
    assert [job["status"] for job in scratch.jobs()] == ["succeeded"]
    assert scratch.resolve() == scratch.jobs()[0]["fine_tuned_model"]
    scratch.plan()


@contextlib.contextmanager
def silence() -> Iterator[tuple[str, threading.Event]]:
    """A backend that takes every connection and never says a word; and an event that is set once somebody is connected."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        met, held = threading.Event(), []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(listener.accept()[0])
                    met.set()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", met
        for connection in held:
            connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_backend_that_hangs_while_planning_does_not_keep_an_interrupted_run(tmp_path: Path, number: int) -> None:
    with silence() as (base_url, met), opened(make_project(tmp_path, base_url)) as scratch:
        run = scratch.start("apply", "--auto-approve")
        assert met.wait(60)
        os.kill(run.pid, number)
        out, err = run.communicate(timeout=SOON_SECONDS)
        assert (run.returncode, "Traceback" in err) == (130, False), out + err
        assert scratch.tip() == ""


def test_a_backend_that_hangs_half_way_does_not_keep_an_interrupted_run(lab: Lab, scratch: Scratch) -> None:
    run = scratch.start("apply", "--auto-approve")
    job = scratch.wait_for_job()
    lab.set('{fault: delay, seconds: 600, match: {path: "/v1/**"}}')
    os.kill(run.pid, signal.SIGTERM)
    out, err = run.communicate(timeout=SOON_SECONDS)
    assert (run.returncode, "Traceback" in err) == (130, False), out + err
    lab.set()
    scratch.apply()
    assert [(job["id"], job["status"]) for job in scratch.jobs()] == [(job["id"], "succeeded")]


def test_a_second_interruption_leaves_at_once(lab: Lab, scratch: Scratch) -> None:
    lab.set("{fault: delay, seconds: 600, match: {method: POST, path: /v1/files}}")
    run = scratch.start("apply", "--auto-approve")
    assert run.stderr is not None
    for line in run.stderr:
        if "router: upload" in line:
            break
    os.kill(run.pid, signal.SIGINT)
    for line in run.stderr:
        if "Once more to leave at once" in line:
            break
    os.kill(run.pid, signal.SIGINT)
    run.communicate(timeout=SOON_SECONDS)
    assert run.returncode == 130
    lab.set()
    scratch.apply()
    assert [job["status"] for job in scratch.jobs()] == ["succeeded"]


def test_a_key_that_expires_half_way_ends_in_9_and_the_next_run_goes_on(lab: Lab, scratch: Scratch) -> None:
    run = scratch.start("apply", "--auto-approve")
    job = scratch.wait_for_job()
    lab.set('{fault: status, status: 401, code: invalid_api_key, match: {path: "/v1/**"}}')
    done = scratch.finish(run)
    assert (done.code, "check the key" in done.err) == (9, True), done.text
    lab.set()
    scratch.apply()
    assert [(j["id"], j["status"]) for j in jobs_at(lab.server.base_url, scratch.project_name)] == [
        (job["id"], "succeeded")
    ]
    scratch.plan()


def test_a_storm_is_waited_out_with_one_job(lab: Lab, scratch: Scratch) -> None:
    lab.set(
        "{fault: status, status: 503, match: {method: POST, path: /v1/files}, count: 5}",
        "{fault: throttle, retry_after: 1, match: {method: POST, path: /v1/fine_tuning/jobs}, count: 2}",
        '{fault: status, status: 502, match: {method: GET, path: "/v1/fine_tuning/jobs"}, count: 3}',
    )
    scratch.manifest(epochs=1)
    scratch.commit()
    done = scratch.apply()
    assert "trying again in" in done.err
    assert [job["status"] for job in scratch.jobs()] == ["succeeded"]
    scratch.plan()
