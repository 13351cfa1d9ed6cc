"""Remotes that can't be reached, refuse, die half-way or were rewritten, and what is kept for later."""

import os
import shutil
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ftops.adapters.git_ledger import GitLedger
from ftops.adapters.git_process import GitFailed, GitProcess, GitTimedOut, OutputTooLarge
from ftops.adapters.ledger_branches import Look
from ftops.adapters.ledger_remote import RemoteBranch
from ftops.domain.events import EventRefused
from ftops.errors import LedgerForbidden, LedgerRewritten, LedgerUnreachable
from ledger_kit import (
    BRANCH,
    NAME,
    REF,
    World,
    applied,
    branch,
    declared,
    evaluated,
    git,
    intended,
    job_recorded,
    ledger,
    started,
)

Push = Callable[[RemoteBranch, str, str | None], None]
PUSH: Push = RemoteBranch._push


@pytest.fixture
def at(world: World) -> GitLedger:
    opened = ledger(world.repo)
    opened.record([started(), declared()])
    return opened


def test_unreachable_remote_is_never_an_empty_ledger(world: World, at: GitLedger) -> None:
    kept = at.read()
    world.remote.rename(world.remote.with_suffix(".away"))
    for opened in (at, ledger(world.repo)):
        with pytest.raises(LedgerUnreachable):
            opened.read()
        with pytest.raises(LedgerUnreachable):
            opened.record([applied("c1")])
    cached = ledger(world.repo).read_cached()
    assert (cached.state, cached.tip, cached.is_missing) == (kept.state, kept.tip, False)
    assert cached.stale_since is not None
    assert cached.stale_since.tzinfo is UTC
    assert cached.stale_since <= datetime.now(UTC)


def test_cached_copy_of_a_clone_that_never_asked(world: World) -> None:
    assert ledger(world.repo).read_cached().is_missing
    ledger(world.repo).read()
    known_empty = ledger(world.repo).read_cached()
    assert not known_empty.is_missing
    assert known_empty.stale_since is not None


def test_cached_copy_without_remote_is_the_ledger(world: World) -> None:
    at = ledger(world.repo, remote=None)
    assert at.read_cached() == at.read()
    at.record([started()])
    assert at.read_cached() == at.read()


def test_hook_that_refuses_is_forbidden_at_once(world: World, at: GitLedger) -> None:
    tip = world.tip()
    counter = world.remote / "count"
    world.hook(f"echo x >> {counter}; echo 'policy: no' >&2; exit 1")
    with pytest.raises(LedgerForbidden) as caught:
        at.record([applied("c1")])
    assert caught.value.remedy is not None
    assert f"contents: write on {REF}" in caught.value.remedy
    words = "[remote rejected] (pre-receive hook declined); remote says: policy: no"
    assert caught.value.message == f"the remote origin refused: {words}"
    assert counter.read_text() == "x\n", "tried once"
    assert world.tip() == tip
    world.hook("exit 0")
    state = at.record([declared("next")]).state
    assert state.project is not None
    assert state.project.applied is None, "the commit that was not pushed is dropped"


def test_first_push_refused(world: World) -> None:
    world.hook("exit 1")
    with pytest.raises(LedgerForbidden):
        ledger(world.repo).record([started()])


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_remote(world: World, at: GitLedger) -> None:
    folders = [world.remote / "objects", *(world.remote / "objects").iterdir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        with pytest.raises(LedgerForbidden):
            at.record([applied("c1")])
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("fatal: unable to access 'https://x/': Could not resolve host: x", LedgerUnreachable),
        ("ssh: connect to host x port 22: Connection refused", LedgerUnreachable),
        ("error: RPC failed; HTTP 502 curl 22", LedgerUnreachable),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", LedgerForbidden),
        ("remote: Permission to acme/x.git denied to bot.", LedgerForbidden),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", LedgerForbidden),
        ("! [remote rejected] a -> b (protected branch hook declined)", LedgerForbidden),
        ("error: remote unpack failed: unable to create temporary object directory", LedgerForbidden),
    ],
)
def test_words_of_git(at: GitLedger, monkeypatch: pytest.MonkeyPatch, words: str, error: type[Exception]) -> None:
    pushes = []

    def push(branch: RemoteBranch, commit: str, old: str | None) -> None:
        pushes.append(commit)
        raise GitFailed(("push",), 128, words.encode())

    monkeypatch.setattr(RemoteBranch, "_push", push)
    with pytest.raises(error):
        at.record([applied("c1")])
    assert len(pushes) == (3 if error is LedgerUnreachable else 1)
    assert len(set(pushes)) == 1, "the same commit each time: it can't count twice"


def test_reading_that_is_not_allowed(at: GitLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    run = GitProcess.run

    def refuse(process: GitProcess, *arguments: str, **options: object) -> bytes:
        if arguments[0] == "ls-remote":
            raise GitFailed(arguments, 128, b"fatal: Authentication failed for 'https://x/'")
        return run(process, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(GitProcess, "run", refuse)
    with pytest.raises(LedgerForbidden) as caught:
        at.read()
    assert "contents: read" in (caught.value.remedy or "")


def test_connection_that_dies_after_the_update(world: World, at: GitLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    def push(branch: RemoteBranch, commit: str, old: str | None) -> None:
        PUSH(branch, commit, old)
        raise GitFailed(("push",), 128, b"fatal: the remote end hung up unexpectedly")

    monkeypatch.setattr(RemoteBranch, "_push", push)
    before = int(git(world.remote, "rev-list", "--count", REF))
    snapshot = at.record([intended()])
    assert snapshot.tip == world.tip()
    assert int(git(world.remote, "rev-list", "--count", REF)) == before + 1


def test_connection_that_dies_after_the_update_and_another_writes(
    world: World, at: GitLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ledger(world.clone("other"))

    def push(branch: RemoteBranch, commit: str, old: str | None) -> None:
        monkeypatch.setattr(RemoteBranch, "_push", PUSH)
        PUSH(branch, commit, old)
        other.record([applied("theirs")])
        raise GitFailed(("push",), 128, b"fatal: the remote end hung up unexpectedly")

    monkeypatch.setattr(RemoteBranch, "_push", push)
    at.record([intended()])
    log = [type(entry.event).__name__ for entry in other.log()]
    assert log.count("Intended") == 1
    assert at.read().state == other.read().state


def test_connection_that_comes_back(at: GitLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [b"fatal: early EOF", b"fatal: unable to connect"]

    def push(branch: RemoteBranch, commit: str, old: str | None) -> None:
        if failures:
            raise GitFailed(("push",), 128, failures.pop())
        PUSH(branch, commit, old)

    monkeypatch.setattr(RemoteBranch, "_push", push)
    assert at.record([applied("c1")]).tip == at.read().tip


def test_rewritten_branch_stops_everything_until_accepted(world: World, at: GitLedger) -> None:
    old = at.record([intended()])
    git(world.remote, "update-ref", REF, f"{old.tip}^")
    for call in (at.read, ledger(world.repo).read, lambda: at.record([applied("c1")])):
        with pytest.raises(LedgerRewritten) as caught:
            call()
        assert caught.value.remedy is not None
        assert f"git push origin +{str(old.tip)[:12]}:{REF}" in caught.value.remedy
        assert "ftops ledger verify --accept" in caught.value.remedy
    found = branch(world.repo).look()
    assert found == Look(tip=world.tip(), before=old.tip, is_rewritten=True)
    branch(world.repo).accept(found)
    assert not at.read().state.fine_tunes[NAME].revisions[declared().revision].attempts
    assert git(world.repo, "rev-parse", f"refs/ftops/ledger-lost/origin/{BRANCH}/{str(old.tip)[:12]}") == old.tip
    at.record([applied("c1")])


def test_putting_a_rewritten_branch_back_works(world: World, at: GitLedger) -> None:
    old = at.record([intended()])
    git(world.remote, "update-ref", REF, f"{old.tip}^")
    with pytest.raises(LedgerRewritten) as caught:
        at.read()
    command = str(caught.value.remedy).partition("git push ")[2].partition(";")[0]
    git(world.repo, "push", "-q", *command.split())
    assert at.read() == old


def test_deleted_branch_is_a_rewritten_one(world: World, at: GitLedger) -> None:
    git(world.remote, "update-ref", "-d", REF)
    with pytest.raises(LedgerRewritten, match="deleted"):
        at.record([applied("c1")])
    found = branch(world.repo).look()
    assert found.tip is None
    branch(world.repo).accept(found)
    assert at.record([started("L9")]).tip == world.tip()


def test_branch_fetched_with_a_depth_is_no_rewritten_one(world: World, at: GitLedger) -> None:
    git(world.repo.parent, "clone", "-q", "--depth=1", f"file://{world.remote}", "cut")
    cut = world.repo.parent / "cut"
    ledger(cut).read()
    at.record([applied("c1")])
    at.record([applied("c2")])
    git(cut, "fetch", "-q", "--depth=1", "origin", REF)
    git(cut, "update-ref", "-d", "refs/ftops/ledger/origin")
    assert ledger(cut).read().tip == world.tip()


def test_paid_events_wait_until_they_can_be_written(world: World, at: GitLedger) -> None:
    at.record([intended()])
    away = world.remote.with_suffix(".away")
    world.remote.rename(away)
    assert at.record_eventually([job_recorded()]) is None
    assert ledger(world.repo).record_eventually([evaluated(50)]) is None
    files = sorted((world.repo / ".ftops" / "pending").glob("*.json"))
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    away.rename(world.remote)
    record = ledger(world.repo).record([applied("c1")]).state.fine_tunes[NAME]
    assert [job.id for *_, job in record.jobs()] == ["ftjob-1"]
    assert len(record.evaluations[0].items) == 50
    assert not list((world.repo / ".ftops" / "pending").glob("*.json"))


def test_trouble_says_why_paid_events_wait(world: World, at: GitLedger) -> None:
    assert ledger(world.repo).trouble is None
    world.hook("exit 1")
    assert at.record_eventually([intended()]) is None
    assert isinstance(at.trouble, LedgerForbidden)
    world.hook("exit 0")
    assert at.record_eventually([job_recorded()]) is not None
    assert at.trouble is None


def test_paid_events_are_written_at_once_where_possible(world: World, at: GitLedger) -> None:
    snapshot = at.record_eventually([intended(), job_recorded()])
    assert snapshot is not None
    assert snapshot.tip == world.tip()
    assert not list((world.repo / ".ftops" / "pending").glob("*.json"))


def test_pending_events_of_another_project_wait(world: World, at: GitLedger) -> None:
    world.hook("exit 1")
    at.record([])
    assert at.record_eventually([intended()]) is None
    world.hook("exit 0")
    ledger(world.repo, project="other").record([started("L2")])
    assert len(list((world.repo / ".ftops" / "pending").glob("*.json"))) == 1
    assert at.record([]).state.fine_tunes[NAME].revisions[declared().revision].attempts


def test_pending_events_that_are_refused_are_kept_aside(world: World, at: GitLedger) -> None:
    away = world.remote.with_suffix(".away")
    world.remote.rename(away)
    assert ledger(world.repo).record_eventually([job_recorded(revision="0" * 12), intended()]) is None
    away.rename(world.remote)
    record = at.record([applied("c1")]).state.fine_tunes[NAME]
    assert record.revisions[declared().revision].attempts, "one that is refused spoils no other"
    pending = world.repo / ".ftops" / "pending"
    assert not list(pending.glob("*.json"))
    (refused,) = (pending / "refused").iterdir()
    assert "ftjob-1" in refused.read_text()


def test_refused_at_once_is_raised_and_kept(world: World, at: GitLedger) -> None:
    with pytest.raises(EventRefused):
        at.record_eventually([job_recorded(revision="0" * 12)])
    pending = world.repo / ".ftops" / "pending"
    assert not list(pending.glob("*.json"))
    assert len(list((pending / "refused").iterdir())) == 1


def test_pending_file_that_cannot_be_read_is_put_aside(world: World, at: GitLedger) -> None:
    pending = world.repo / ".ftops" / "pending"
    pending.mkdir()
    (pending / "x.json").write_text("{")
    at.record([applied("c1")])
    assert [path.name for path in (pending / "refused").iterdir()] == ["x.json"]


@pytest.mark.parametrize("ref", ["refs/ftops/ledger/origin", f"refs/ftops/ledger-seen/origin/{BRANCH}"])
def test_locks_that_a_kill_left_behind(world: World, at: GitLedger, ref: str) -> None:
    ledger(world.clone("other")).record([applied("theirs")])
    lock = world.repo / ".git" / f"{ref}.lock"
    lock.touch()
    os.utime(lock, (time.time() - 3600, time.time() - 3600))
    assert at.read().tip == world.tip()
    at.record([applied("ours")])


def test_local_branch_that_cannot_be_written(world: World) -> None:
    at = ledger(world.repo, remote=None)
    at.record([started()])
    lock = world.repo / ".git" / f"{REF}.lock"
    lock.touch()
    with pytest.raises(LedgerForbidden, match="can't be written"):
        at.record([applied("c1")])
    lock.unlink()
    at.record([applied("c1")])


def test_git_that_takes_too_long_is_stopped(world: World) -> None:
    git(world.repo, "config", "alias.nap", "!sleep 60")
    with pytest.raises(GitTimedOut):
        GitProcess(folder=world.repo).run("nap", seconds=0.2)


def test_output_is_bounded(world: World) -> None:
    with pytest.raises(OutputTooLarge):
        GitProcess(folder=world.repo).run("cat-file", "--batch-check", stdin=b"HEAD\n" * 10, limit=10)


def test_lost_ftops_folder_loses_nothing(world: World, at: GitLedger) -> None:
    shutil.rmtree(world.repo / ".ftops")
    assert at.record([applied("c1")]).tip == world.tip()
