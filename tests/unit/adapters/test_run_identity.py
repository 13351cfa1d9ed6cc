"""Whether another run's owner is dead: proved, or not."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ftops.adapters import run_identity
from ftops.adapters.run_identity import is_dead, new_id, own_identity, run_url


@pytest.fixture(params=["files", "no files"])
def told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Where the system tells of processes: in files, or by calls alone."""
    if request.param == "no files":
        monkeypatch.setattr(run_identity, "_PROCESSES", tmp_path)
        monkeypatch.setattr(run_identity, "_BOOT_ID", tmp_path / "boot_id")
    elif not Path("/proc/self/stat").exists():
        pytest.skip("this system has no such files")
    run_identity._host.cache_clear()
    return str(request.param)


@pytest.fixture(autouse=True)
def _forget_host() -> Any:
    yield
    run_identity._host.cache_clear()


def test_who_lives_is_not_dead(told: str) -> None:
    host, pid, started = own_identity().split("/")
    assert not is_dead(own_identity())
    assert is_dead(f"{host}/{pid}/{int(started) - 1}")


def test_who_has_ended_is_dead_even_where_nobody_asked_for_its_exit_code(told: str) -> None:
    host = own_identity().split("/")[0]
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = f"{host}/{child.pid}/{run_identity._started(child.pid)}"
    assert not is_dead(owner)
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert is_dead(owner)
    child.wait()
    assert child.stdin is not None
    child.stdin.close()
    assert is_dead(owner)


def test_who_tells_nothing_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host, pid, started = own_identity().split("/")

    def refuse(_: object) -> str:
        raise psutil.AccessDenied

    monkeypatch.setattr(run_identity, "_started", lambda _: 0)
    assert not is_dead(f"{host}/{pid}/{started}")
    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert not is_dead(f"{host}/{pid}/{started}")
    monkeypatch.setattr(psutil, "pid_exists", lambda _: False)
    assert is_dead(f"{host}/{pid}/{started}")


def test_nothing_is_proved_of_others() -> None:
    _, pid, started = own_identity().split("/")
    name = run_identity.socket.gethostname()
    # Runners often share a name; a process number of one says nothing about the other's.
    for owner in ("elsewhere/1/1", f"{name}/{pid}/1", f"{name}.00000000/{pid}/{started}", "", "a/b/c", "x/1/2/3"):
        assert not is_dead(owner)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="elsewhere the clock is all there is")
def test_a_clock_that_jumps_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    owner = own_identity()
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: real(process) + 3600)
    assert not is_dead(owner)


def test_ids_differ_and_an_address_is_taken_from_ci_alone() -> None:
    assert new_id() != new_id()
    assert run_url({}) is None
    assert run_url({"CI_JOB_URL": "https://git.example/acme/-/jobs/7"}) == "https://git.example/acme/-/jobs/7"
    assert run_url({"CI_JOB_URL": "javascript:alert(1)"}) is None
    github = {"GITHUB_RUN_ID": "9", "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "acme/models"}
    assert run_url(github) == "https://github.example/acme/models/actions/runs/9"
