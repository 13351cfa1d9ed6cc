"""A run that is killed at any call of any port, before it or after: the next run ends in the same state with one job."""

from typing import Any

import pytest
from port_faults import Killed, Killer

from apply_world import World, said_of
from ftops.application.reconcile import Settings
from ftops.domain.desired import Declared
from ftops.errors import AnswerLost

OWNER = "host/666/1"
ONE_AT_A_TIME = Settings(parallelism=1)


def run(world: World, killer: Killer, *declared: Declared) -> bool:
    """One run under a killer's eyes; gives whether it came to its end."""
    try:
        workspace = world.workspace(
            *declared,
            owner=OWNER,
            session=killer.wrap(world.backend),
            ledger=killer.wrap(world.ledger, "ledger"),
            outputs=killer.wrap(world.outputs, "outputs"),
        )
        world.apply_in(workspace, settings=ONE_AT_A_TIME)
    except Killed:
        world.dead.add(OWNER)
        return False
    return True


def summary(world: World, *declared: Declared) -> dict[str, Any]:
    """What the world has come to, without ids."""
    return {
        d.name: {
            "alias": world.target(d.name),
            "jobs": [(job.status.value, job.metadata["ftops_attempt"]) for job in world.jobs_of(d)],
            "known": [(job.status.value, bool(job.model)) for *_, job in world.record(d.name).jobs()],
            "passed": len(world.record(d.name).passed),
            "scored": sorted(len(e.items) for e in world.record(d.name).evaluations),
        }
        for d in declared
    }


def new_revision(world: World) -> tuple[Declared, ...]:
    return (world.declare(has_validation=True),)


def superseded(world: World) -> tuple[Declared, ...]:
    """A job runs that the manifest no longer wants."""
    world.apply(world.declare(seed=1), settings=Settings(is_waiting=False))
    return (world.declare(seed=2),)


def two_of_them_renamed(world: World) -> tuple[Declared, ...]:
    world.apply(world.declare("old"))
    return (world.declare("new", moved_from=("old",)), world.declare("two", seed=2))


SCENARIOS = (new_revision, superseded, two_of_them_renamed)


def undisturbed(scenario: Any) -> tuple[dict[str, Any], list[str]]:
    world, killer = World(), Killer()
    declared = scenario(world)
    assert run(world, killer, *declared)
    return summary(world, *declared), killer.calls


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_call(scenario: Any, is_after: bool) -> None:
    wanted, calls = undisturbed(scenario)
    assert {"ledger.record", "ledger.record_eventually", "training.create", "jobs.list_jobs"} <= set(calls)
    kills = 0
    for at in range(len(calls)):
        world, killer = World(), Killer(at=at, is_after=is_after)
        declared = scenario(world)
        kills += not run(world, killer, *declared)
        where = f"killed {'after' if is_after else 'before'} call {at}, {killer.calls[-1]}"
        outcome = world.apply(*declared)
        assert outcome.code == 0, (where, outcome)
        assert summary(world, *declared) == wanted, where
        tip, made = world.ledger.read().tip, len(world.backend.all_jobs)
        again = world.apply(*declared)
        assert (again.code, again.steps) == (0, []), where
        assert (world.ledger.read().tip, len(world.backend.all_jobs)) == (tip, made), where
    # How often a run looks depends on which steps end together: the last few calls may be missing.
    assert kills > 0.8 * len(calls)


@pytest.mark.parametrize("lag", [1, 3, 12])
def test_killed_around_the_post_while_lists_lag(lag: int) -> None:
    _, calls = undisturbed(new_revision)
    around = calls.index("training.create")
    for at in range(around - 2, around + 4):
        for is_after in (False, True):
            world = World()
            declared = new_revision(world)
            run(world, Killer(at=at, is_after=is_after), *declared)
            world.backend.list_lag = lag
            assert world.apply(*declared).code == 0
            assert len(world.backend.all_jobs) == 1, (at, is_after)


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("kind", ["dropped before", "dropped after", "500 before", "500 after", "429", "duplicated"])
def test_a_creation_that_goes_wrong(kind: str, at: int) -> None:
    world = World()
    declared = (world.declare("one"), world.declare("two", seed=2))
    disturb(world, kind, at)
    outcome = world.apply(*declared, settings=ONE_AT_A_TIME)
    assert outcome.code == 0
    for one in declared:
        assert len(world.surviving(one)) == 1
        assert world.target(one.name) == one.revision
    expected = 3 if kind == "duplicated" else 2
    assert len(world.backend.all_jobs) == expected
    if kind == "duplicated":
        assert any("(duplicate)" in said for said in said_of(outcome, "Cancel"))
    tip = world.ledger.read().tip
    again = world.apply(*declared)
    assert (again.code, again.steps, world.ledger.read().tip) == (0, [], tip)


def disturb(world: World, kind: str, at: int) -> None:
    """Makes creation number ``at`` go wrong."""
    training = type(world.backend.training)
    count = [0]

    class Disturbed(training):  # type: ignore[misc,valid-type]
        def create(self, body: Any, metadata: Any) -> Any:
            is_now, count[0] = count[0] == at, count[0] + 1
            if not is_now:
                return super().create(body, metadata)
            match kind:
                case "dropped before":
                    world.backend.drop_before("create")
                case "dropped after":
                    world.backend.drop_after("create")
                case "500 before":
                    world.backend.answer_status("create", 500)
                case "500 after":
                    world.backend.inject("create", AnswerLost("the backend failed (500)"), takes_effect=True)
                case "429":
                    world.backend.answer_status("create", 429)
                case _:
                    super().create(body, metadata)
            return super().create(body, metadata)

    kind_of_backend = type(world.backend)

    class Backend(kind_of_backend):  # type: ignore[misc,valid-type]
        @property
        def training(self) -> Any:
            return Disturbed(self)

    world.backend.__class__ = Backend
