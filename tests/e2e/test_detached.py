"""Runs that end before their jobs do, and runs that race: one job whatever happens."""

import os
import signal
import time
from pathlib import Path

from scratch_project import Scratch, git, opened
from server_process import wait_for


def test_no_wait_leaves_the_rest_to_the_next_run(slow: Scratch) -> None:
    slow.manifest(epochs=1)
    slow.commit()
    done = slow.apply("--no-wait", code=8)
    assert "Jobs still run" in done.err
    assert done.out.count("waits for job") == 2
    slow.plan(code=3)
    slow.apply()
    assert [job["status"] for job in slow.jobs()] == ["succeeded"]
    assert slow.resolve() == slow.jobs()[0]["fine_tuned_model"]


def test_ctrl_c_detaches_within_5_seconds_and_the_job_goes_on(slow: Scratch) -> None:
    slow.manifest(epochs=2)
    slow.commit()
    run = slow.start("apply", "--auto-approve")
    slow.wait_for_job()
    at = time.monotonic()
    os.kill(run.pid, signal.SIGINT)
    done = slow.finish(run)
    assert time.monotonic() - at < 5
    assert (done.code, "Traceback" in done.err) == (130, False), done.text
    assert [job["status"] for job in slow.jobs()] == ["running"]
    slow.apply()
    assert [job["status"] for job in slow.jobs()] == ["succeeded"]


def test_sigterm_detaches_too(slow: Scratch) -> None:
    run = slow.start("apply", "--auto-approve")
    slow.wait_for_job()
    run.terminate()
    assert slow.finish(run).code == 130
    assert len(slow.jobs()) == 1


def test_two_applies_at_once_on_one_clone(slow: Scratch) -> None:
    slow.manifest(epochs=1)
    slow.commit()
    runs = [slow.start("apply", "--auto-approve") for _ in range(2)]
    done = [slow.finish(run) for run in runs]
    assert [each.code for each in done] == [0, 0], [each.text for each in done]
    assert [job["status"] for job in slow.jobs()] == ["succeeded"]
    slow.plan()


def test_two_applies_at_once_on_two_clones_with_one_remote(slow: Scratch, tmp_path: Path) -> None:
    slow.manifest(epochs=1)
    slow.commit()
    remote = slow.add_remote(tmp_path)
    with opened(slow.clone(remote, tmp_path)) as second:
        runs = [(each, each.start("apply", "--auto-approve")) for each in (slow, second)]
        done = [each.finish(run) for each, run in runs]
        assert [each.code for each in done] == [0, 0], [each.text for each in done]
        assert [job["status"] for job in slow.jobs()] == ["succeeded"]
        assert slow.resolve() == second.resolve()
        second.plan()
    ids = git(remote, "log", "--format=%H", "ftops-ledger").splitlines()
    assert len(ids) == len(set(ids)) > 1


def test_a_newer_commit_applied_meanwhile_ends_the_older_run(slow: Scratch, tmp_path: Path) -> None:
    remote = slow.add_remote(tmp_path)
    with opened(slow.clone(remote, tmp_path)) as second:
        run = slow.start("apply", "--auto-approve")
        slow.wait_for_job()
        second.manifest(epochs=1)
        second.commit("Newer")
        done = second.apply()
        assert "(superseded)" in done.out
        # The older run does not know that commit: it is not in its clone.
        assert slow.finish(run).code == 6
        statuses = sorted(job["status"] for job in slow.jobs())
        assert statuses == ["cancelled", "succeeded"]
        assert slow.resolve() == second.resolve()


def test_the_embedded_server_outlives_a_run_that_does_not_wait(tmp_path: Path) -> None:
    from scratch_project import make_project

    with opened(make_project(tmp_path, None)) as scratch:
        scratch.apply("--no-wait", code=8)
        scratch.apply()
        assert scratch.resolve().startswith("ft:gpt-4.1-mini-2025-04-14:")
        branches = git(scratch.root, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        assert "ftops-ledger-embedded" in branches.split()
        announced = scratch.root / ".ftops/embedded/server.json"
        wait_for(lambda: not announced.exists())
