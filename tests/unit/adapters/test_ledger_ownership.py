"""Branches that are not ftops' own: they are neither read as a ledger nor written to."""

from collections.abc import Callable

import pytest

from ftops.adapters.git_ledger import GitLedger
from ftops.adapters.ledger_ownership import NotALedger
from ftops.adapters.rehearsal_ledger import bind_rehearsal
from ftops.errors import LedgerError, Refused
from ledger_kit import BRANCH, REF, World, applied, commit_file, git, intended, ledger, started

CALLS: tuple[Callable[[GitLedger], object], ...] = (
    GitLedger.read,
    GitLedger.read_cached,
    lambda it: it.record([started()]),
)


def refs(world: World) -> tuple[str, str]:
    listing = ("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    return git(world.remote, *listing), git(world.repo, *listing)


def assert_refused(call: Callable[[GitLedger], object], at: GitLedger, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        call(at)
    assert caught.value.exit_code == 5
    assert isinstance(caught.value, LedgerError), "what writes eventually keeps its events"
    assert "spec.ledger.branch" in (caught.value.remedy or "")


@pytest.mark.parametrize("remote", ["origin", None])
@pytest.mark.parametrize("call", CALLS)
def test_branch_that_is_checked_out(world: World, call: Callable[[GitLedger], object], remote: str | None) -> None:
    before = refs(world)
    assert_refused(call, ledger(world.repo, branch="main", remote=remote), "checked out")
    assert refs(world) == before


def test_branch_that_is_checked_out_without_a_commit_or_elsewhere(world: World) -> None:
    git(world.repo, "checkout", "-q", "--orphan", "unborn")
    git(world.repo, "worktree", "add", "-q", str(world.repo.parent / "tree"), "-b", "topic", "main")
    for branch in ("unborn", "topic"):
        assert_refused(GitLedger.read, ledger(world.repo, branch=branch, remote=None), "checked out")


@pytest.mark.parametrize("remote", ["origin", None])
def test_branch_of_sources_that_is_not_checked_out(world: World, remote: str | None) -> None:
    git(world.repo, "checkout", "-q", "--detach")
    before = refs(world)
    at = ledger(world.repo, branch="main", remote=remote)
    for call in (GitLedger.read, CALLS[2]):
        assert_refused(call, at, "it holds 'a.txt', not ledgers alone")
    assert_refused(GitLedger.read_cached, at, "a.txt")
    assert refs(world) == before


def test_sources_that_come_onto_the_ledger_later(world: World) -> None:
    at = ledger(world.repo)
    at.record([started()])
    other = world.clone("other")
    git(other, "fetch", "-q", "origin", REF)
    git(other, "checkout", "-q", "--detach", "FETCH_HEAD")
    commit_file(other, "README.md", "ours")
    git(other, "push", "-q", "origin", f"HEAD:{REF}")
    tip = world.tip()
    with pytest.raises(NotALedger, match="nothing is read from the ledger's branch") as caught:
        at.record([applied("c1")])
    assert caught.value.exit_code == 5
    remedy = caught.value.remedy or ""
    assert "remove all that lies beside projects/ ('README.md') in a commit on top" in remedy
    assert "ftops ledger verify" in remedy
    assert "spec.ledger.branch" not in remedy, "another branch would be an empty ledger"
    assert world.tip() == tip
    git(other, "rm", "-q", "README.md")
    git(other, "commit", "-q", "-m", "Give it back")
    git(other, "push", "-q", "origin", f"HEAD:{REF}")
    at.record([applied("c1")])


def test_branch_that_is_checked_out_between_two_writes(world: World) -> None:
    at = ledger(world.repo, remote=None)
    tip = at.record([started()]).tip
    git(world.repo, "checkout", "-q", BRANCH)
    assert_refused(lambda it: it.record([applied("c1")]), at, "checked out")
    assert git(world.repo, "rev-parse", REF) == tip
    git(world.repo, "checkout", "-q", "--detach")
    at.record([applied("c1")])


def test_paid_events_wait_for_a_ledger_of_its_own(world: World) -> None:
    at = ledger(world.repo, branch="main")
    assert at.record_eventually([intended()]) is None
    assert isinstance(at.trouble, NotALedger)
    assert len(list((world.repo / ".ftops" / "pending").glob("*.json"))) == 1


def test_tree_of_very_many_files(world: World) -> None:
    names = "".join(f"100644 {'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391'} 0\t{'n' * 90}{n}\n" for n in range(1000))
    git(world.repo, "hash-object", "-w", "--stdin", stdin="")
    git(world.repo, "update-index", "--index-info", stdin=names)
    commit = git(world.repo, "commit-tree", "-m", "many", git(world.repo, "write-tree"))
    git(world.repo, "update-ref", REF, commit)
    assert_refused(GitLedger.read, ledger(world.repo, remote=None), "very many files")


def test_sources_with_a_folder_of_projects_never_were_a_ledger(world: World) -> None:
    (world.repo / "projects" / "acme").mkdir(parents=True)
    commit_file(world.repo, "projects/acme/main.py", "1")
    git(world.repo, "checkout", "-q", "--detach")
    assert_refused(GitLedger.read, ledger(world.repo, branch="main", remote=None), "a.txt")


def test_so_many_projects_that_it_may_be_a_ledger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftops.adapters.ledger_ownership._RECORDS_LIMIT", 4)
    (world.repo / "projects").mkdir()
    commit_file(world.repo, "projects/main.py", "1")
    git(world.repo, "checkout", "-q", "--detach")
    with pytest.raises(NotALedger, match=r"a\.txt") as caught:
        ledger(world.repo, branch="main", remote=None).read()
    assert "spec.ledger.branch" not in (caught.value.remedy or "")


def test_rehearsals_take_no_branch_of_sources(world: World) -> None:
    git(world.repo, "branch", "main-embedded")
    before = refs(world)
    with pytest.raises(Refused, match=r"a\.txt"):
        bind_rehearsal(world.repo, branch="main-embedded", ftops_dir=world.repo / ".ftops")
    git(world.repo, "checkout", "-q", "main-embedded")
    with pytest.raises(Refused, match="checked out"):
        bind_rehearsal(world.repo, branch="main-embedded", ftops_dir=world.repo / ".ftops")
    assert refs(world) == before
