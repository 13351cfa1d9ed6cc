"""Where we stand: dirty work trees, newer commits and history that diverged."""

from dataclasses import replace

import pytest

from apply_world import MINE, NEWER, OLD, FakeRepository, World, allowing
from fakes import EPOCH
from ftops.application.standing import check_before_apply, check_standing
from ftops.application.workspace import Workspace
from ftops.domain.records import Applied, LedgerState, ProjectRecord
from ftops.errors import Refused, Stale

FOREIGN = "f" * 40


def after(commit: str | None) -> LedgerState:
    applied = Applied(commit=commit, at=EPOCH, owner="other/1/1")
    return LedgerState(project=ProjectRecord(format_version="1", name="acme", ledger_id="l1", applied=applied))


def here(*words: str, commit: str | None = MINE, is_dirty: bool = False, is_unknown: bool = False) -> Workspace:
    world = World()
    world.repository.is_unknown = is_unknown
    desired = world.desired(world.declare(), commit=commit, is_dirty=is_dirty)
    return replace(world.workspace(desired=desired), policy=allowing(*words), is_ledger_shared=True)


@pytest.mark.parametrize("commit", [None, OLD, MINE])
def test_what_ours_contains_lets_us_go_on(commit: str | None) -> None:
    check_standing(here(), after(commit))
    check_standing(here(), LedgerState())
    check_standing(here(commit=None), after(commit))


def test_a_newer_commit_makes_us_stale() -> None:
    with pytest.raises(Stale, match="descends from"):
        check_standing(here("diverged"), after(NEWER))


@pytest.mark.parametrize("is_unknown", [False, True])
def test_what_ours_does_not_contain_is_refused_unless_allowed(is_unknown: bool) -> None:
    with pytest.raises(Refused, match="does not contain it") as caught:
        check_standing(here(is_unknown=is_unknown), after(FOREIGN))
    assert "--allow diverged" in (caught.value.remedy or "")
    check_standing(here("diverged", is_unknown=is_unknown), after(FOREIGN))


def test_a_dirty_work_tree_is_refused_where_others_see_the_ledger() -> None:
    with pytest.raises(Refused, match="not committed"):
        check_standing(here(is_dirty=True), after(MINE))
    check_standing(here("dirty", is_dirty=True), after(MINE))
    check_standing(replace(here(is_dirty=True), is_ledger_shared=False), after(MINE))


def cut_off(*, commit: str | None = MINE, is_remote_whole: bool = True) -> tuple[Workspace, FakeRepository]:
    workspace = here(commit=commit, is_unknown=True)
    repository = workspace.repository
    assert isinstance(repository, FakeRepository)
    repository.is_remote_whole = is_remote_whole
    return workspace, repository


def test_missing_history_is_fetched_once_the_answer_needs_it() -> None:
    workspace, repository = cut_off()
    check_before_apply(workspace, after(OLD))
    assert repository.fetched == [(OLD, "origin")]
    check_before_apply(workspace, after(OLD))
    assert repository.fetched == [(OLD, "origin")], "now it is here"


def test_history_that_stays_missing_counts_as_diverged() -> None:
    workspace, repository = cut_off(is_remote_whole=False)
    with pytest.raises(Refused, match="does not contain it"):
        check_before_apply(workspace, after(OLD))
    assert len(repository.fetched) == 1


def test_a_newer_commit_that_was_fetched_makes_us_stale() -> None:
    workspace, _ = cut_off()
    with pytest.raises(Stale):
        check_before_apply(workspace, after(NEWER))


def test_nothing_is_fetched_where_the_answer_is_known_or_there_is_no_remote() -> None:
    workspace, repository = cut_off()
    check_before_apply(workspace, LedgerState())
    check_before_apply(workspace, after(None))
    with pytest.raises(Refused):
        check_before_apply(replace(workspace, is_ledger_shared=False), after(OLD))
    without_commit, other = cut_off(commit=None)
    check_before_apply(without_commit, after(OLD))
    known = here()
    check_before_apply(known, after(OLD))
    with pytest.raises(Refused):
        check_before_apply(known, after(FOREIGN))
    assert repository.fetched == other.fetched == []
    assert isinstance(known.repository, FakeRepository)
    assert known.repository.fetched == []
