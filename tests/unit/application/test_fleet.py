"""The fleet at a glance: where each fine-tune stands, in a word."""

from dataclasses import replace

import pytest

from apply_world import PRODUCTION, World, with_spec
from ftops.application.fleet import FleetRow, fleet
from ftops.application.observe import observe
from ftops.application.planning import make_plan
from ftops.application.reconcile import Settings
from ftops.domain.attempts import JobStatus
from ftops.domain.desired import Declared
from ftops.domain.guard import Policy as Allowed
from ftops.domain.manifest import FineTuneName, Policy

NO_WAIT = Settings(is_waiting=False)


def rows(world: World, *declared: Declared, **project: object) -> tuple[FleetRow, ...]:
    workspace = world.workspace(desired=world.desired(*declared, **project))
    observation = observe(workspace)
    return fleet(workspace, observation, make_plan(workspace, observation))


def test_from_nothing_to_production() -> None:
    world = World(stage_seconds=None)
    declared = world.declare()
    (row,) = rows(world, declared)
    assert (row.state, row.job, row.revisions, row.spent_usd) == ("not trained", None, 0, 0.0)
    world.apply(declared, settings=NO_WAIT)
    assert rows(world, declared)[0].state == "validating_files"
    world.backend.finish()
    assert rows(world, declared)[0].state == "not evaluated"
    world.apply(declared)
    (row,) = rows(world, declared)
    assert (row.state, row.revisions, row.shutdown_in_days) == ("pass", 1, 54)
    assert row.spent_usd == pytest.approx(0.015)
    (alias,) = row.aliases
    assert (alias.alias, alias.wants, alias.since is not None) == (PRODUCTION, "latest", True)
    assert alias.target is not None
    assert alias.target.revision == declared.revision


def test_other_states() -> None:
    world = World()
    world.backend.outcomes["failed"] = (JobStatus.FAILED, "invalid_file", "x")
    failed, plain = world.declare("failed", seed=2), world.declare("plain", has_eval=False)
    world.apply(failed, plain)
    suspended = world.declare("suspended", suspend=True)
    refused = with_spec(world.declare("refused", seed=3), training_budget_usd=0.0001)
    closing = with_spec(world.declare("closing", seed=4), policy=Policy(min_days_to_shutdown=90))
    found = {row.name: row.state for row in rows(world, failed, plain, suspended, refused, closing)}
    assert found == {
        "failed": "failed",
        "plain": "trained",
        "suspended": "suspended",
        "refused": "refused",
        "closing": "refused",
    }


def test_rows_are_sorted_selected_and_found_by_former_names() -> None:
    world = World()
    world.apply(world.declare("old"))
    renamed, other = world.declare("new", moved_from=("old",)), world.declare("another", seed=2)
    assert [row.name for row in rows(world, renamed, other)] == ["another", "new"]
    (row,) = (row for row in rows(world, renamed, other) if row.name == "new")
    assert (row.state, row.revisions) == ("pass", 1)
    workspace = replace(world.workspace(renamed, other), policy=Allowed(selected=frozenset({FineTuneName("another")})))
    observation = observe(workspace)
    assert [row.name for row in fleet(workspace, observation, make_plan(workspace, observation))] == ["another"]


def test_a_retired_alias_is_still_shown() -> None:
    world = World()
    world.apply(world.declare())
    bare = world.declare(aliases={})
    world.apply(bare)
    (alias,) = rows(world, bare)[0].aliases
    assert (alias.wants, alias.target) == (None, None)


def test_a_model_that_is_missed_and_then_gone() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    (job,) = (job for *_, job in world.record().jobs())
    world.backend.delete_model(str(job.model))
    states = []
    for _ in range(2):
        world.clock.advance(700)
        world.apply(declared)
        states.append(rows(world, declared)[0].state)
    assert states == ["model missed", "model gone"]
