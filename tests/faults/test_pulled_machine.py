"""What befalls the machine that a run is on: its disk fills up, it sleeps, its clock jumps, its terminal is closed.

As in ``test_pulled_plugs``: one clean apply afterwards ends in the state of an undisturbed run, with one job that survives.
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from forking_ftops import Nursery, jobs_of, open_nursery
from kill_scenarios import APPLY, Stage, check_recovery, end_of, make_stage

from scratch_project import git
from server_process import ServerProcess, start_server, wait_for

IS_ALL = os.environ.get("FTOPS_KILLS") == "all"
DISK_BYTES = 8 * 1024 * 1024
CREATION = "train.run: POST /v1/fine_tuning/jobs #1"
CLAIMED = "train._claim: git update-ref #1"
# Where room is needed: for git's objects and refs, and for what waits to be written.
WRITES = re.compile(r"git (fast-import|push|update-ref) #|write .*pending|POST [^ ]*/jobs #|keep an answer #1$")
PLACES = ("uploads.", "train._claim", "train.run", "train._record", "measuring.", "execute._promote")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("host")
    with start_server(folder, "--workers", "8", "--min-step-seconds", "0.01") as running:
        yield running


@pytest.fixture
def slow_host(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on which no job ends before a run that is awake has had the time to cancel it."""
    folder = tmp_path / "slow"
    folder.mkdir()
    with start_server(folder, "--workers", "8", "--min-step-seconds", "0.1") as running:
        yield running


@pytest.fixture(scope="module")
def nurseries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nursery, Nursery]]:
    folder = tmp_path_factory.mktemp("nurseries")
    environment = {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}
    with open_nursery(folder / "one", environment) as one, open_nursery(folder / "two", environment) as two:
        yield one, two


@pytest.fixture
def begin(host: ServerProcess, nurseries: tuple[Nursery, Nursery], tmp_path: Path) -> Callable[..., Stage]:
    """Gives a project with a new revision, as often as asked."""

    def make(folder: Path = tmp_path, scenario: str = "new-revision") -> Stage:
        return make_stage(folder, host.base_url, nurseries[0], scenario)

    return make


@pytest.fixture(scope="module")
def calm(host: ServerProcess, nurseries: tuple[Nursery, Nursery], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An undisturbed run: its points, and what it comes to."""
    stage = make_stage(tmp_path_factory.mktemp("calm"), host.base_url, nurseries[0], "new-revision")
    return stage.apply().points, end_of(stage)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk in memory; skips where none can be mounted."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system can't be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


def room_taking(points: tuple[str, ...]) -> list[str]:
    writes = [point for point in points if WRITES.search(point)]
    if IS_ALL:
        return writes
    return [point for point in writes if point.startswith(PLACES) and re.search(r"(?<!push)(?<!-ref) #1$", point)]


@pytest.mark.timeout(3600 if IS_ALL else 300)
def test_the_disk_is_full_from_any_write_on(begin: Callable[..., Stage], tmp_path: Path, calm: Any) -> None:
    points, wanted = calm
    codes = set()
    for number, point in enumerate(room_taking(points)):
        folder = tmp_path / str(number)
        with small_disk(folder / "clone"):
            stage = begin(folder)
            temporary = stage.scratch.root / ".git/temporary"
            temporary.mkdir()
            run = stage.run(*APPLY, at=point, plug="fill", temporary=str(temporary))
            assert run.code in {0, 1}, (point, run.code, run.said)
            assert "Traceback" not in run.said, (point, run.said)
            assert run.code == 0 or re.search("No space left|disk is full", run.said), (point, run.said)
            check_is_claimed(stage, point)
            codes.add(run.code)
            (stage.scratch.root / ".git/filler").unlink()
            check_recovery(stage, wanted)
    assert 1 in codes


def check_is_claimed(stage: Stage, point: str) -> None:
    """Nothing was paid for that the ledger's remote doesn't know of."""
    folder = f"ftops-ledger:projects/{stage.scratch.project_name}/fine-tunes"
    for job in jobs_of(stage.jobs):
        record = json.loads(git(stage.remote, "show", f"{folder}/router.json"))
        attempts = record["revisions"][job["metadata"]["ftops_revision"]]["attempts"]["lab"]
        intents = [intent["id"] for attempt in attempts for intent in attempt["intents"]]
        assert job["metadata"]["ftops_intent"] in intents, point


@pytest.mark.parametrize("point", [CLAIMED, CREATION], ids=["claimed", "about to create"])
def test_a_suspended_run_wakes_up_when_another_has_taken_over(
    slow_host: ServerProcess, nurseries: tuple[Nursery, Nursery], tmp_path: Path, point: str
) -> None:
    """Asleep before its last look it creates nothing; asleep in the moment after, its job is surplus and is cancelled."""
    stage = make_stage(tmp_path, slow_host.base_url, nurseries[0], "followed")
    second = stage.scratch.clone(stage.remote, tmp_path)
    other = Stage(second, stage.remote, nurseries[1], stage.server)
    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(stage.run, *APPLY, at=point, plug="stop")
        run = wait_for(stage.nursery.stopped)
        assert run is not None
        other.apply()
        target = end_of(other)["fine_tunes"][0]["aliases"]
        assert len(jobs_of(stage.jobs)) == 1
        run.send_signal(signal.SIGCONT)
        woken = asleep.result(timeout=120)
    assert woken.code == 0, woken.said
    stage.apply()
    statuses = sorted(job["status"] for job in jobs_of(stage.jobs))
    assert statuses == (["succeeded"] if point == CLAIMED else ["cancelled", "succeeded"])
    assert end_of(stage)["fine_tunes"][0]["aliases"] == target
    planned = other.run("plan", "--detailed-exitcode")
    assert planned.code == 0, planned.said


@pytest.mark.parametrize(
    "jumps", [[0, 86_400, -86_400, 3_600], [-7_200], [0] * 40 + [900]], ids=["about", "back", "on"]
)
def test_the_clock_jumps(begin: Callable[..., Stage], calm: Any, jumps: list[int]) -> None:
    stage = begin()
    run = stage.run(*APPLY, clock=jumps)
    assert run.code == 0, run.said
    check_recovery(stage, calm[1])


def test_the_terminal_is_closed(begin: Callable[..., Stage], calm: Any, host: ServerProcess) -> None:
    stage = begin(scenario="followed")
    master, slave = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "ftops", "apply", "--auto-approve"],
        cwd=stage.scratch.root,
        env=stage.scratch._environment({}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )
    os.close(slave)
    try:
        wait_for(lambda: any(job["status"] == "running" for job in jobs_of(stage.jobs)))
        os.close(master)
        assert run.wait(30) == 130
    finally:
        run.kill()
        run.wait()
    # The job was recorded, or is found: it goes on, and is the only one.
    assert len(jobs_of(stage.jobs)) == 1
    stage.apply()
    assert [job["status"] for job in jobs_of(stage.jobs)] == ["succeeded"]
    planned = stage.run("plan", "--detailed-exitcode")
    assert planned.code == 0, planned.said
