"""Saved plans: bound to what they were made for, refused by name of what has moved."""

import json
from dataclasses import replace
from typing import Any

import pytest

from apply_world import MINE, World
from fakes import EPOCH, FakeBackend
from ftops.application.saved_plan import check_saved, plan_now
from ftops.domain.events import CommitApplied
from ftops.domain.guard import Policy
from ftops.domain.manifest import FineTuneName
from ftops.domain.plan import Plan
from ftops.domain.plan_json import plan_to_json
from ftops.errors import Stale, UsageProblem


def saved(plan: Plan) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(plan_to_json(plan)))
    return data


def test_a_plan_fits_the_world_it_was_made_for() -> None:
    world = World()
    check_saved(saved(world.plan(world.declare())), world.plan(world.declare()))


def test_the_ledgers_commit_may_move_on_for_other_fine_tunes() -> None:
    world = World()
    other = world.declare("other", seed=2)
    world.apply(other)
    only = Policy(selected=frozenset({FineTuneName("router")}))
    plan = world.plan(world.declare(), other, policy=only)
    world.ledger.record([CommitApplied(at=EPOCH, commit=MINE, owner="another/run/1")])
    world.apply(world.declare("other", seed=2, aliases={}))
    check_saved(saved(plan), world.plan(world.declare(), other, policy=only))
    assert not any("other" in key for key in plan.bindings if key.startswith(("ledger", "dataset")))


def test_how_long_it_takes_binds_nobody() -> None:
    world = World()
    plan = world.plan(world.declare())
    other = json.loads(json.dumps(saved(plan)))
    for action in other["actions"]:
        action["estimate"] |= {"seconds": 720.0, "assumes": "as long as others before"}
    check_saved(other, plan)
    for action in other["actions"]:
        action["estimate"]["usd"] = 720.0
    with pytest.raises(Stale, match="what would be done"):
        check_saved(other, plan)


def test_what_has_moved_is_named() -> None:
    world = World()
    declared = world.declare()
    plan = saved(world.plan(declared))
    world.apply(declared)
    with pytest.raises(Stale, match="backend openai, ledger router changed"):
        check_saved(plan, world.plan(declared))


def test_a_manifest_that_changed_is_named() -> None:
    world = World()
    plan = saved(world.plan(world.declare()))
    with pytest.raises(Stale, match=r"manifest finetunes/router\.yaml changed"):
        check_saved(plan, world.plan(world.declare(seed=2)))


def test_a_dataset_that_changed_is_named() -> None:
    world = World()
    declared = world.declare()
    plan = saved(world.plan(declared))
    changed = replace(declared, train=replace(declared.train, sha256="0" * 64))
    with pytest.raises(Stale, match=r"dataset train\.jsonl changed"):
        check_saved(plan, world.plan(changed))


def test_another_version_of_ftops_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    plan = saved(world.plan(world.declare()))
    monkeypatch.setattr("ftops.application.saved_plan.__version__", "99.1.0")
    with pytest.raises(Stale, match="ftops changed"):
        check_saved(plan, world.plan(world.declare()))


def test_actions_that_differ_under_the_same_bindings_are_refused() -> None:
    world = World()
    plan = saved(world.plan(world.declare()))
    plan["actions"] = plan["actions"][:1]
    with pytest.raises(
        Stale,
        match=r"what would be done \(evaluate:router:\w+:quality, promote:router:production:\w+, train:router:\w+:1\)",
    ):
        check_saved(plan, world.plan(world.declare()))


@pytest.mark.parametrize("change", [{"format_version": "2"}, {"bindings": None}, {"format_version": None}])
def test_what_is_no_plan_is_a_usage_problem(change: dict[str, Any]) -> None:
    world = World()
    plan = world.plan(world.declare())
    with pytest.raises(UsageProblem):
        check_saved(saved(plan) | change, plan)


def test_a_plan_holds_no_training_text() -> None:
    world = World()
    assert "train 3" not in json.dumps(saved(plan_now(world.workspace())))
    assert isinstance(world.backend, FakeBackend)
