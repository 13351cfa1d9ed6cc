"""What was approved is what runs: the same kinds of action for each fine-tune, and no tenth dearer."""

from dataclasses import replace
from pathlib import Path

import pytest

from ftops.domain.approval import Approval
from ftops.domain.plan import Adopt, Evaluate, Plan, Promote, Reason, Train
from ftops.domain.plan_json import plan_to_json
from ftops.domain.planner import build_plan
from plan_cases import read_case

CASES = Path(__file__).parents[2] / "plans"


def plan_of(name: str) -> Plan:
    case = read_case(CASES / name)
    return build_plan(case.desired, case.observed, case.policy, case.today)


def approval_of(*plans: Plan) -> Approval:
    return Approval.of(plan_to_json(plan) for plan in plans)


def priced(plan: Plan, usd: float | None) -> Plan:
    """The same plan, its only training at another price."""
    actions = tuple(
        replace(a, estimate=replace(a.estimate, usd=usd if isinstance(a, Train) else 0.0)) for a in plan.actions
    )
    return replace(plan, actions=actions)


def without(plan: Plan, *kinds: type) -> Plan:
    return replace(plan, actions=tuple(a for a in plan.actions if not isinstance(a, kinds)))


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if (path / "plan.json").exists()))
def test_every_plan_is_within_itself(case: str) -> None:
    found = read_case(CASES / case)
    try:
        plan = build_plan(found.desired, found.observed, found.policy, found.today)
    except Exception:  # noqa: BLE001  (a refused run has no plan)
        pytest.skip("the whole run is refused")
    assert approval_of(plan).excess(plan) == ()
    assert all(map(approval_of(plan).covers, plan.actions))


def test_less_than_was_approved_is_fine() -> None:
    plan = plan_of("train-new")
    assert approval_of(plan).excess(replace(plan, actions=plan.actions[-1:])) == ()
    assert approval_of(plan).excess(replace(plan, actions=())) == ()


def test_what_nobody_saw_is_named_once() -> None:
    plan = plan_of("train-two-share-an-upload")
    names = sorted({a.fine_tune for a in plan.actions})
    approval = approval_of(replace(plan, actions=tuple(a for a in plan.actions if a.fine_tune != names[1])))
    excess = approval.excess(plan)
    assert any(sentence.startswith(f"to train: {names[1]} on ") for sentence in excess)
    assert not any(names[0] in sentence for sentence in excess)
    assert len(set(excess)) == len(excess)


@pytest.mark.parametrize(
    ("approved", "now", "says"),
    [
        (10.0, 11.0, None),
        (10.0, 11.01, "would cost $11.01 instead of $10.00"),
        (10.0, 5.0, None),
        (0.0, 0.0, None),
        (0.0, 0.003, "would cost $0.0030 instead of $0.00"),
        (0.5, None, "would cost an unknown amount instead of $0.5000"),
        (None, 900.0, None),
        (None, None, None),
    ],
)
def test_a_tenth_dearer_is_too_dear(approved: float | None, now: float | None, says: str | None) -> None:
    plan = plan_of("train-new")
    sentences = approval_of(priced(plan, approved)).excess(priced(plan, now))
    assert [says in s if says else s for s in sentences] == ([True] if says else [])


def test_another_alias_is_another_promotion() -> None:
    plan = plan_of("promote-gates-passed")
    (promotion,) = (a for a in plan.actions if isinstance(a, Promote))
    other = replace(plan, actions=(replace(promotion, alias="canary"),))
    assert approval_of(plan).excess(other) == (f"to promote to canary: {promotion.fine_tune} on {promotion.backend}",)


def test_retiring_an_alias_is_not_promoting_to_it() -> None:
    plan = plan_of("promote-gates-passed")
    (promotion,) = (a for a in plan.actions if isinstance(a, Promote))
    retired = replace(plan, actions=(replace(promotion, target=None),))
    (sentence,) = approval_of(plan).excess(retired)
    assert sentence.startswith(f"to retire alias {promotion.alias}: ")
    assert approval_of(retired).excess(retired) == ()


def test_another_backend_is_another_thing() -> None:
    plan = plan_of("train-new")
    elsewhere = replace(plan, actions=tuple(replace(a, backend="elsewhere") for a in plan.actions))
    assert any(s.startswith("to train: ") and s.endswith(" on elsewhere") for s in approval_of(plan).excess(elsewhere))


def test_every_deletion_is_approved_by_itself() -> None:
    plan = plan_of("prune-beyond-keep")
    first, *rest = plan.actions
    excess = approval_of(replace(plan, actions=(first,))).excess(plan)
    assert bool(excess) is bool(rest)
    assert approval_of(replace(plan, actions=())).excess(plan)[0].startswith("to delete a model: ")


def test_what_follows_from_a_training_is_approved_with_it() -> None:
    plan = plan_of("train-new")
    trained = without(plan, Evaluate)
    assert approval_of(trained).excess(plan) == ()  # its price was not known, and is not compared
    assert approval_of(without(plan, Train, Evaluate)).excess(plan) != ()


def test_a_promotion_that_a_training_did_not_announce_is_new() -> None:
    plan = plan_of("train-new")
    assert any(s.startswith("to promote to ") for s in approval_of(without(plan, Promote)).excess(plan))


@pytest.mark.parametrize("case", ["evaluate-candidate", "promote-gates-passed", "retry-transient"])
def test_what_waited_goes_on(case: str) -> None:
    plan = plan_of(case)
    waiting = replace(plan_of("running-is-deferred"), actions=())
    name, backend = waiting.deferred[0].fine_tune, waiting.deferred[0].backend
    moved = replace(plan, actions=tuple(replace(a, fine_tune=name, backend=backend) for a in plan.actions))
    assert approval_of(waiting).excess(moved) == ()
    assert approval_of(replace(waiting, deferred=())).excess(moved) != ()


def test_what_waited_is_not_trained_in_another_way() -> None:
    waiting = replace(plan_of("running-is-deferred"), actions=())
    entry = waiting.deferred[0]
    plan = plan_of("train-new")
    (train,) = (a for a in plan.actions if isinstance(a, Train))
    mine = replace(train, fine_tune=entry.fine_tune, backend=entry.backend)
    assert not approval_of(waiting).covers(mine)
    assert approval_of(waiting).covers(replace(mine, takes_over="intent-1"))
    assert approval_of(waiting).covers(replace(mine, reason=Reason.TRANSIENT_FAILURE))


def test_a_job_that_was_left_behind_is_recorded_all_the_same() -> None:
    plan = plan_of("adopt-live")
    assert [type(a) for a in plan.actions] == [Adopt]
    assert approval_of(replace(plan, actions=())).excess(plan) == ()


@pytest.mark.parametrize("case", ["superseded-is-cancelled", "move"])
def test_cancelling_and_renaming_have_to_be_seen(case: str) -> None:
    plan = plan_of(case)
    assert approval_of(replace(plan, actions=(), deferred=())).excess(plan) != ()


def test_several_approvals_add_up() -> None:
    plan = plan_of("train-two-share-an-upload")
    parts = [
        replace(plan, actions=tuple(a for a in plan.actions if a.fine_tune == name), deferred=())
        for name in sorted({a.fine_tune for a in plan.actions})
    ]
    assert approval_of(*parts).excess(plan) == ()
    assert approval_of(*parts[:1]).excess(plan) != ()


def test_of_two_prices_the_dearer_was_approved() -> None:
    plan = plan_of("train-new")
    both = approval_of(priced(plan, 1.0), priced(plan, 3.0))
    assert both.excess(priced(plan, 3.2)) == ()
    assert both.excess(priced(plan, 3.4)) != ()
    assert approval_of(priced(plan, 1.0), priced(plan, None)).excess(priced(plan, 99.0)) == ()


def test_nothing_approved_allows_nothing() -> None:
    assert Approval().excess(plan_of("train-new"))
