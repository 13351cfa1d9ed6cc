"""Real processes, killed; a real network, cut: one job, and the state that an undisturbed run ends in."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from scratch_project import Scratch, jobs_at, make_project, opened
from server_process import ServerProcess, start_server

TRAINING = ("--min-step-seconds", "0.02", "--workers", "8")
CREATION = {"method": "POST", "path": "/v1/fine_tuning/jobs"}


@pytest.fixture
def lab(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """A server, to which may befall what a test says."""
    file = tmp_path / "faults.yaml"
    file.write_text(json.dumps({"faults": getattr(request, "param", [])}), encoding="utf-8")
    with start_server(tmp_path, *TRAINING, "--faults", str(file)) as running:
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


@pytest.mark.parametrize(
    ("lab", "creations"),
    [
        ([{"fault": "drop-after", "count": 1, "match": CREATION}], 1),
        ([{"fault": "status", "status": 500, "after": True, "count": 1, "match": CREATION}], 1),
        ([{"fault": "status", "status": 500, "count": 1, "match": CREATION}], 1),
        ([{"fault": "duplicate", "count": 1, "match": CREATION}], 2),
    ],
    indirect=["lab"],
    ids=["drop", "500", "refuse", "twice"],
)
def test_a_creation_whose_answer_is_not_what_happened(lab: ServerProcess, tmp_path: Path, creations: int) -> None:
    with opened(make_project(tmp_path, lab.base_url)) as scratch:
        done = scratch.apply()
        assert_settled(scratch, lab, others=creations - 1)
        assert ("(duplicate)" in done.out) == (creations > 1)


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


def test_the_server_is_killed_while_a_job_runs(lab: ServerProcess, tmp_path: Path) -> None:
    with opened(make_project(tmp_path, lab.base_url)) as scratch:
        scratch.apply("--no-wait", code=8)
        scratch.wait_for_job()
        lab.kill9()
        scratch.apply(code=1)
        # It comes back at the address that the ledger knows, and its job goes on.
        again = lab.restart(*TRAINING, "--port", str(urlsplit(lab.url).port))
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
