"""Branch names that are in each other's way, locks at the remote, and names with slashes."""

import pytest

from ftops.adapters.git_process import GitProcess
from ftops.adapters.git_refs import branch_ref, flat, rival_of, rival_patterns
from ftops.adapters.ledger_ownership import NotALedger
from ftops.errors import LedgerUnreachable, UsageProblem
from ledger_kit import BRANCH, World, applied, branch, git, ledger, started

remote_or_not = pytest.mark.parametrize("remote", ["origin", None])


def test_which_refs_are_in_each_others_way() -> None:
    assert rival_patterns("refs/heads/a/b/c") == ("refs/heads/a", "refs/heads/a/b", "refs/heads/a/b/c/*")
    others = ("refs/heads/a/b", "refs/heads/a-b", "refs/heads/ab/c")
    assert rival_of("refs/heads/a", others) == "refs/heads/a/b"
    assert rival_of("refs/heads/a/b/c", others) == "refs/heads/a/b"
    assert rival_of("refs/heads/ab", others) == "refs/heads/ab/c"
    assert rival_of("refs/heads/b", others) is None
    assert flat("a/b%2Fc") == "a%2Fb%252Fc"


@remote_or_not
@pytest.mark.parametrize(
    ("ours", "theirs"), [(BRANCH, f"{BRANCH}/x"), (BRANCH, f"{BRANCH}/x/y"), ("a/b", "a"), ("a/b/c", "a/b")]
)
def test_branch_beside_which_ours_cannot_exist(world: World, ours: str, theirs: str, remote: str | None) -> None:
    where = world.remote if remote else world.repo
    git(where, "branch", theirs, "main")
    at = ledger(world.repo, branch=ours, remote=remote)
    for call in (at.read, lambda: at.record([started()])):
        with pytest.raises(NotALedger, match="can't be made beside") as caught:
            call()
        assert f"'{ours}'" in caught.value.message
        assert f"the branch '{theirs}" in caught.value.message
        assert "rename that branch, or set spec.ledger.branch" in (caught.value.remedy or "")
        assert caught.value.exit_code == 5
    git(where, "branch", "-D", theirs)
    at.record([started()])


@remote_or_not
def test_branches_that_only_look_alike(world: World, remote: str | None) -> None:
    where = world.remote if remote else world.repo
    for name in (f"x/refs/heads/{BRANCH}", f"{BRANCH}-more/x", f"team/{BRANCH}/x"):
        git(where, "branch", name, "main")
    assert ledger(world.repo, remote=remote).read().tip is None
    ledger(world.repo, remote=remote).record([started()])


def test_ledger_that_moves_below_its_earlier_name(world: World) -> None:
    ledger(world.repo, branch="ledger").record([started("L1")])
    git(world.remote, "update-ref", "-d", "refs/heads/ledger")
    below = ledger(world.repo, branch="ledger/acme")
    below.record([started("L2")])
    assert below.read().tip == below.read_cached().tip == git(world.remote, "rev-parse", "refs/heads/ledger/acme")


def test_remotes_with_slashes(world: World) -> None:
    git(world.repo, "remote", "add", "team/x", str(world.remote))
    ledger(world.repo).record([started()])
    at = ledger(world.repo, remote="team/x")
    at.record([applied("c1")])
    assert at.read().tip == ledger(world.repo).read().tip == world.tip()


def test_lock_that_a_crash_left_at_the_remote(world: World) -> None:
    at = ledger(world.repo)
    tip = at.record([started()]).tip
    lock = world.remote / "refs" / "heads" / f"{BRANCH}.lock"
    lock.touch()
    with pytest.raises(LedgerUnreachable, match="keeps the branch locked"):
        at.record([applied("c1")])
    assert world.tip() == tip
    lock.unlink()
    at.record([applied("c1")])


@remote_or_not
def test_accepting_says_what_was_seen(world: World, remote: str | None) -> None:
    assert branch(world.repo, remote=remote).accepted() is None
    empty = branch(world.repo, remote=remote).look()
    assert (empty.tip, empty.before, empty.is_rewritten) == (None, None, False)
    tip = ledger(world.repo, remote=remote).record([started()]).tip
    same = branch(world.repo, remote=remote).look()
    assert (same.tip, same.before, same.is_rewritten) == (tip, tip, False)
    branch(world.repo, remote=remote).accept(same)
    assert branch(world.repo, remote=remote).accepted() == tip
    assert branch(world.repo, remote=remote).place == ("at origin" if remote else "in this clone")


@pytest.mark.parametrize("name", ["a", "-a", "a/b-c/d_e", "a.b", "ä"])
def test_names_that_branches_may_have(world: World, name: str) -> None:
    assert branch_ref(GitProcess(folder=world.repo), name) == f"refs/heads/{name}"
    git(world.repo, "check-ref-format", f"refs/heads/{name}")


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "a..b", ".a", "a.lock", "a@{b", "a b", "a\nb", "a:b", "a^b"])
def test_names_that_branches_may_not_have(world: World, name: str) -> None:
    with pytest.raises(UsageProblem, match="can't be a branch's name"):
        branch_ref(GitProcess(folder=world.repo), name)
