"""What an unattended run may do of a plan: go on, never begin."""

from pathlib import Path

import pytest

from ftops.domain.continuing import continuing
from ftops.domain.loaded import LoadedProject
from ftops.domain.plan import Plan, kind_of
from ftops.domain.planner import build_plan
from plan_cases import read_case

CASES = Path(__file__).parents[2] / "plans"


def plan_of(name: str) -> Plan:
    case = read_case(CASES / name)
    return build_plan(case.desired, case.observed, case.policy, case.today)


@pytest.mark.parametrize(
    ("name", "kinds", "is_due"),
    [
        ("train-new", [], True),
        ("move-and-train", [], True),
        ("superseded-is-cancelled", [], True),
        ("duplicate-is-cancelled", [], False),
        ("train-takes-over-an-intent", ["train"], False),
        ("adopt-succeeded", ["adopt", "evaluate", "promote"], False),
        ("evaluate-candidate", ["evaluate", "evaluate", "promote"], False),
        ("nothing-to-do", [], False),
    ],
)
def test_what_goes_on(name: str, kinds: list[str], is_due: bool) -> None:
    before = plan_of(name)
    after = continuing(before)
    assert [kind_of(action) for action in after.actions] == kinds
    assert any("an apply is due" in notice.message for notice in after.notices) is is_due


def test_what_is_begun_holds_up_its_own_fine_tune_alone() -> None:
    after = continuing(plan_of("blocked-organisation"))
    assert [action.fine_tune for action in after.actions] == ["other"]


def test_waiting_goes_on_where_no_apply_is_due() -> None:
    assert continuing(plan_of("running-is-deferred")).deferred
    assert not continuing(plan_of("superseded-but-pinned")).deferred


def test_refusals_are_the_next_applys() -> None:
    assert continuing(plan_of("budget-own")).refusals == ()


def test_a_project_is_loaded_empty() -> None:
    case = read_case(CASES / "nothing-declared")
    assert LoadedProject(project=case.desired.project).fine_tunes == ()
