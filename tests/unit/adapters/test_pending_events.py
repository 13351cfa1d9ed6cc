"""What waits to be written: in the order of time, and nothing twice."""

import time
from pathlib import Path

import pytest

from ftops.adapters.git_process import GitFailed
from ftops.adapters.pending_events import PendingEvents
from ledger_kit import BRANCH, NAME, World, applied, declared, intended, job_recorded, ledger, started


@pytest.fixture
def pending(tmp_path: Path) -> PendingEvents:
    return PendingEvents(tmp_path / ".ftops", project="acme", branch=BRANCH)


def test_files_sort_by_time_though_the_clock_stands_still(
    pending: PendingEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time_ns() + 10**9
    monkeypatch.setattr(time, "time_ns", lambda: now)
    commits = [f"c{number}" for number in range(9)]
    for number, commit in enumerate(commits):
        pending.keep([applied(commit)], unique=str(9 - number))
    assert [batch.events for _, batch in pending.load()] == [(applied(commit),) for commit in commits]


def test_files_that_earlier_versions_kept_come_first(pending: PendingEvents) -> None:
    kept = pending.keep([applied("old")], unique="a")
    assert kept is not None
    kept.rename(kept.with_name("20260101T120000000000-ffff.json"))
    pending.keep([applied("new")], unique="a")
    assert [batch.events for _, batch in pending.load()] == [(applied("old"),), (applied("new"),)]


def test_equal_batch_is_kept_once(pending: PendingEvents, tmp_path: Path) -> None:
    assert pending.keep([applied("c1")], unique="a") is not None
    assert pending.keep([applied("c1")], unique="b") is None
    assert pending.keep([applied("c2")], unique="c") is not None
    other = PendingEvents(tmp_path / ".ftops", project="other", branch=BRANCH)
    assert other.keep([applied("c1")], unique="d") is not None
    assert len(pending.load()) == 2


def test_events_repeated_while_they_wait_are_written_in_order(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    away = world.remote.with_suffix(".away")
    world.remote.rename(away)
    for event in (intended(), job_recorded(), intended(), job_recorded()):
        assert at.record_eventually([event]) is None
    folder = world.repo / ".ftops" / "pending"
    assert len(list(folder.glob("*.json"))) == 2
    away.rename(world.remote)
    snapshot = at.record_eventually([job_recorded()])
    assert snapshot is not None
    assert [job.id for *_, job in snapshot.state.fine_tunes[NAME].jobs()] == ["ftjob-1"]
    assert not list(folder.glob("*.json"))
    assert not (folder / "refused").exists()


@pytest.mark.parametrize(
    ("stdout", "stderr", "gist"),
    [
        (
            "To x\n!\t1cc4:refs/heads/b\t[remote rejected] (pre-receive hook declined)\nDone\n",
            "remote:   \nremote: no   \nremote: more\nerror: failed to push some refs to 'x'\n",
            "[remote rejected] (pre-receive hook declined); remote says: no",
        ),
        ("!\ta:b\t[rejected] (fetch first)\n", "", "[rejected] (fetch first)"),
        ("", "remote: error: GH006\nremote: more\nerror: failed to push some refs\n", "remote: error: GH006"),
        ("", "remote: denied\nfatal: returned error: 403\n", "fatal: returned error: 403; remote says: denied"),
        ("", "", "no message"),
    ],
)
def test_gist_of_what_git_said(stdout: str, stderr: str, gist: str) -> None:
    assert GitFailed(("push",), 1, stderr.encode(), stdout.encode()).gist == gist
