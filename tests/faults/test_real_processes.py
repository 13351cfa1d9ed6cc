"""Real processes, killed; a real network, cut: one job, and the state that an undisturbed run ends in."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fault_proxy import start_proxy

from scratch_project import Scratch, jobs_at, make_project, opened
from server_process import ServerProcess, start_server, wait_for


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with start_server(tmp_path_factory.mktemp("lab"), "--min-step-seconds", "0.02", "--workers", "8") as running:
        yield running


def assert_settled(scratch: Scratch, server: ServerProcess, *, others: int = 0) -> None:
    """One job survives, the alias points to its model, and nothing is left to do."""
    jobs = jobs_at(server.base_url, scratch.project_name)
    alive = [job for job in jobs if job["status"] == "succeeded"]
    assert (len(alive), len(jobs)) == (1, 1 + others)
    assert scratch.resolve() == alive[0]["fine_tuned_model"]
    tip = scratch.tip()
    scratch.apply()
    assert scratch.tip() == tip
    scratch.plan()


@pytest.mark.parametrize("fault", ["drop", "500", "twice", "refuse"])
def test_a_creation_whose_answer_is_not_what_happened(lab: ServerProcess, tmp_path: Path, fault: str) -> None:
    with start_proxy(lab.url, fault) as proxy, opened(make_project(tmp_path, proxy.base_url)) as scratch:
        done = scratch.apply()
        assert_settled(scratch, lab, others=fault == "twice")
        assert proxy.creations == (2 if fault == "refuse" else 1)
        if fault == "twice":
            assert "(duplicate)" in done.out


def test_killed_the_moment_the_job_was_made(lab: ServerProcess, tmp_path: Path) -> None:
    with start_proxy(lab.url, "drop") as proxy, opened(make_project(tmp_path, proxy.base_url)) as scratch:
        # No time to record anything: the answer never arrives.
        run = scratch.start("apply", "--auto-approve")
        proxy.on_created = lambda: os.kill(run.pid, signal.SIGKILL)
        assert scratch.finish(run).code == -signal.SIGKILL
        proxy.on_created = None
        assert len(jobs_at(lab.base_url, scratch.project_name)) == 1
        scratch.apply()
        assert_settled(scratch, lab)
        assert proxy.creations == 1


@pytest.mark.parametrize("phase", ["training", "evaluating"])
def test_killed_while_it_says_what_it_does(lab: ServerProcess, tmp_path: Path, phase: str) -> None:
    with opened(make_project(tmp_path, lab.base_url)) as scratch:
        run = scratch.start("apply", "--auto-approve")
        assert run.stderr is not None
        for line in run.stderr:
            if f"router: {phase}" in line:
                break
        run.kill()
        scratch.finish(run)
        scratch.apply()
        assert_settled(scratch, lab)


def test_the_server_is_killed_while_a_job_runs(tmp_path: Path) -> None:
    slowly = ("--min-step-seconds", "0.02")
    with (
        start_server(tmp_path, *slowly) as server,
        start_proxy(server.url) as proxy,
        opened(make_project(tmp_path, proxy.base_url)) as scratch,
    ):
        scratch.apply("--no-wait", code=8)
        wait_for(lambda: any(job["status"] == "running" for job in jobs_at(server.base_url)))
        server.kill9()
        scratch.apply(code=1)
        # It comes back at the address that the ledger knows, and its job goes on.
        again = server.restart(*slowly)
        proxy.target = again.url
        scratch.apply()
        assert_settled(scratch, again)


def test_the_embedded_server_is_killed_under_a_run(tmp_path: Path) -> None:
    with opened(make_project(tmp_path, None)) as scratch:
        scratch.manifest(epochs=25)
        scratch.commit()
        run = scratch.start("apply", "--auto-approve")
        assert run.stderr is not None
        for line in run.stderr:
            if "router: training" in line:
                break
        announced = json.loads((scratch.root / ".ftops/embedded/server.json").read_text(encoding="utf-8"))
        psutil.Process(announced["pid"]).kill()
        first = scratch.finish(run)
        done = scratch.apply()
        assert scratch.resolve().startswith("ft:"), first.text + done.text
        scratch.plan()
        log = scratch.ftops("history", "--json")
        assert log.out.count('"job_recorded"') <= 1, log.out
        announcement = scratch.root / ".ftops/embedded/server.json"
        with contextlib.suppress(OSError):  # it ends by itself: nobody needs it
            address = json.loads(announcement.read_text(encoding="utf-8"))["url"]
            assert [job["status"] for job in jobs_at(f"{address}/v1")] == ["succeeded"]
