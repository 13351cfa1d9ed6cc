"""The ledger in memory is held to the real one: the same scenes, on clones of a real bare remote and on the storm's."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from storm_ledger import CloneLedger, Folder, MemoryRemote, PushFailed

from ftops.adapters.git_ledger import GitLedger
from ftops.adapters.ledger_inspection import LedgerInspection
from ftops.domain.attempts import JobStatus
from ftops.domain.events import CommitApplied, EventRefused, Intended, JobRecorded, RevisionDeclared, Started
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.records import DatasetRecord
from ftops.errors import LedgerForbidden, LedgerRewritten, LedgerUnreachable, Stale
from ftops.ports import LedgerWriter
from scratch_project import git

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REVISION = Revision("3f9a1c2b7d10")
BRANCH = "ftops-ledger"
ABOUT: dict[str, Any] = {
    "at": AT,
    "fine_tune": FineTuneName("ada"),
    "revision": REVISION,
    "backend": BackendName("openai"),
    "attempt": 1,
}
DECLARED = RevisionDeclared(
    at=AT,
    fine_tune=FineTuneName("ada"),
    revision=REVISION,
    spec={},
    train=DatasetRecord(path="a.jsonl", sha256="a" * 64, rows=3),
)
STARTED = Started(at=AT, project="acme", ledger_id="L1")


def applied(commit: str) -> CommitApplied:
    return CommitApplied(at=AT, commit=commit, owner="ada")


def intended(intent: str) -> Intended:
    return Intended(**ABOUT, intent=intent, owner=f"owner of {intent}")


def job(name: str) -> JobRecorded:
    return JobRecorded(**ABOUT, job=name, status=JobStatus.QUEUED)


class MemoryScene:
    """Clones of a branch in memory; the next pushes and fetches can be made to fail."""

    def __init__(self) -> None:
        self.remote = MemoryRemote()
        self.folders: dict[str, Folder] = {}
        self.trouble: str | None = None

    def accept(self, name: str) -> tuple[str, ...]:
        return CloneLedger(self.folders[name], self).accept()

    def clone(self, name: str) -> LedgerWriter:
        folder = self.folders.setdefault(name, Folder(self.remote))
        return CloneLedger(folder, self)

    def call(self, operation: str, place: str, act: Callable[[], Any]) -> Any:
        if operation in {"ledger.push", "ledger.fetch"} and self.trouble == "unreachable":
            raise PushFailed("unreachable")
        if operation == "ledger.push" and self.trouble == "forbidden":
            raise PushFailed("forbidden", is_forbidden=True)
        result = act()
        if operation == "ledger.push" and self.trouble == "lost":
            self.trouble = None
            raise PushFailed("the connection died after the update")
        return result

    def sleep(self, seconds: float) -> None:
        return None

    def delete(self) -> None:
        self.remote.tip = None

    def set_back(self) -> None:
        assert self.remote.tip is not None
        self.remote.tip = self.remote.commits[self.remote.tip].parent


class GitScene:
    """The same with real clones of a real remote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bare = folder / "remote.git"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        self._moved = folder / "gone.git"

    def clone(self, name: str) -> LedgerWriter:
        to = self.folder / name
        if not to.exists():
            git(self.folder, "clone", "-q", str(self.bare), str(to))
        return GitLedger(to, project="acme", branch=BRANCH, remote="origin", ftops_dir=to / ".ftops", clock=_NoNaps())

    def accept(self, name: str) -> tuple[str, ...]:
        at = self.folder / name
        return LedgerInspection(at, project="acme", branch=BRANCH, remote="origin", clock=_NoNaps()).accept().lost

    @property
    def trouble(self) -> str | None:
        raise NotImplementedError

    @trouble.setter
    def trouble(self, what: str | None) -> None:
        hook = self.bare / "hooks"
        if self._moved.exists():
            self._moved.rename(self.bare)
        for one in ("pre-receive", "post-receive"):
            (hook / one).unlink(missing_ok=True)
        if what == "unreachable":
            self.bare.rename(self._moved)
        elif what == "forbidden":
            self._hook("pre-receive", "echo 'no permission to write' >&2; exit 1")
        elif what == "lost":
            # The update takes place, and then the connection dies before git hears of it.
            self._hook("post-receive", 'rm -f "$0"; kill -9 $PPID')

    def _hook(self, name: str, script: str) -> None:
        path = self.bare / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def delete(self) -> None:
        git(self.bare, "update-ref", "-d", f"refs/heads/{BRANCH}")

    def set_back(self) -> None:
        git(self.bare, "update-ref", f"refs/heads/{BRANCH}", f"refs/heads/{BRANCH}~1")


class _NoNaps:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        return None


@pytest.fixture(params=["memory", "git"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return MemoryScene() if request.param == "memory" else GitScene(tmp_path)


def commit_of(ledger: LedgerWriter) -> str | None:
    project = ledger.read().state.project
    return project.applied.commit if project and project.applied else None


def test_who_loses_the_first_push_takes_the_winners_id(scene: Any) -> None:
    one, two = scene.clone("one"), scene.clone("two")
    assert one.read().tip is None
    assert two.read().tip is None
    one.record([STARTED])
    state = two.record([Started(at=AT, project="acme", ledger_id="L2"), applied("c1")]).state
    assert state.project.ledger_id == "L1"
    assert commit_of(one) == "c1"


def test_one_of_two_claims_wins(scene: Any) -> None:
    one, two = scene.clone("one"), scene.clone("two")
    one.record([STARTED, DECLARED])
    two.read()
    one.record([intended("i1")])
    with pytest.raises(EventRefused) as caught:
        two.record([intended("i2")])
    assert caught.value.claim_lost
    assert two.read().state == one.read().state


def test_a_guard_sees_the_newest_state(scene: Any) -> None:
    one, two = scene.clone("one"), scene.clone("two")
    one.record([STARTED])
    two.read()
    one.record([applied("c2")])

    def guard(state: Any) -> None:
        if state.project.applied is not None:
            raise Stale("somebody was here")

    with pytest.raises(Stale):
        two.record([applied("c1")], guard)
    assert commit_of(one) == "c2"


def test_what_changes_nothing_writes_nothing(scene: Any) -> None:
    one = scene.clone("one")
    tip = one.record([STARTED, DECLARED]).tip
    assert one.record([DECLARED]).tip == tip


def test_a_push_whose_answer_is_lost_counts(scene: Any) -> None:
    one = scene.clone("one")
    one.record([STARTED, DECLARED])
    scene.trouble = "lost"
    tip = one.record([intended("i1")]).tip
    scene.trouble = None
    snapshot = scene.clone("two").read()
    assert snapshot.tip == tip
    (attempt,) = snapshot.state.fine_tunes["ada"].revisions[REVISION].on(BackendName("openai"))
    assert [intent.id for intent in attempt.intents] == ["i1"]


def test_a_remote_out_of_reach_writes_nothing_and_keeps_what_was_paid_for(scene: Any) -> None:
    one = scene.clone("one")
    one.record([STARTED, DECLARED])
    scene.trouble = "unreachable"
    with pytest.raises(LedgerUnreachable):
        one.record([intended("i1")])
    with pytest.raises(LedgerUnreachable):
        one.read()
    assert one.record_eventually([job("ftjob-1")]) is None
    assert isinstance(one.trouble, LedgerUnreachable)
    assert one.read_cached().state.project is not None
    scene.trouble = None
    again = scene.clone("one")  # another process in the same folder
    state = again.record([applied("c1")]).state
    assert state.knows_job("ftjob-1")
    assert scene.clone("two").read().state == state


def test_a_refused_push_is_no_race(scene: Any) -> None:
    one = scene.clone("one")
    one.record([STARTED, DECLARED])
    scene.trouble = "forbidden"
    with pytest.raises(LedgerForbidden):
        one.record([intended("i1")])
    assert one.record_eventually([job("ftjob-1")]) is None
    scene.trouble = None
    assert commit_of(one) is None
    assert not one.read().state.knows_job("ftjob-1")
    assert one.record([applied("c1")]).state.knows_job("ftjob-1")


def test_what_the_newest_state_refuses_of_what_was_kept_spoils_nothing_else(scene: Any) -> None:
    one, two = scene.clone("one"), scene.clone("two")
    one.record([STARTED])
    scene.trouble = "unreachable"
    assert one.record_eventually([job("ftjob-1")]) is None  # of a revision that nobody declared
    scene.trouble = None
    assert one.record([applied("c1")]).state.project.applied.commit == "c1"
    assert not two.read().state.knows_job("ftjob-1")


@pytest.mark.parametrize("how", ["delete", "set_back"])
def test_a_branch_that_no_longer_holds_what_was_seen_is_refused_and_can_be_accepted(scene: Any, how: str) -> None:
    one, two = scene.clone("one"), scene.clone("two")
    one.record([STARTED])
    one.record([applied("c1"), DECLARED, intended("i1")])
    getattr(scene, how)()
    for call in (one.read, lambda: one.record([applied("c2")])):
        with pytest.raises(LedgerRewritten):
            call()
    assert one.record_eventually([applied("c3")]) is None
    fresh = two.read().state
    assert (fresh.project is None) == (how == "delete")
    lost = scene.accept("one")
    assert [line.partition(":")[0] for line in lost] == [
        *(["the ledger's id, L1"] if how == "delete" else []),
        "fine-tune ada",
        "claim i1 of owner of i1 to create a job of ada",
    ]
    assert scene.clone("one").read().state == fresh
    if how == "set_back":
        state = scene.clone("one").record([DECLARED]).state
        assert state.project.applied.commit == "c3"  # it was kept, and is written with what comes next


def test_the_log_is_newest_first(scene: Any) -> None:
    one = scene.clone("one")
    one.record([STARTED])
    one.record([applied("c1"), DECLARED])
    assert [type(entry.event).__name__ for entry in one.log()] == ["RevisionDeclared", "CommitApplied", "Started"]
    assert [type(entry.event).__name__ for entry in one.log(1)] == ["RevisionDeclared"]
