"""How often a run looks, what one look costs, and in which order steps are begun."""

import time

from apply_world import World
from fakes import FakeClock, Fault
from ftops.application.agenda import Agenda
from ftops.application.pacing import FIRST_POLL_SECONDS, LAST_POLL_SECONDS, Pace
from ftops.application.reconcile import Settings
from ftops.application.rounds import PROGRESS_CALLS, Rounds
from ftops.domain.desired import Declared

NO_WAIT = Settings(is_waiting=False, parallelism=1)


def many(world: World, count: int) -> list[Declared]:
    return [world.declare(f"tune-{number:03}", seed=number, has_eval=False) for number in range(count)]


def test_a_round_is_rested_from_in_proportion_to_what_it_took() -> None:
    clock = FakeClock()
    pace = Pace(clock=clock)
    pace.begin()
    clock.advance(2)
    pace.end()
    assert not pace.is_rested(is_busy=False)
    clock.advance(2)
    assert (pace.is_rested(is_busy=False), pace.is_rested(is_busy=True)) == (True, False)
    clock.advance(6)
    assert pace.is_rested(is_busy=True)


def test_polls_come_less_often_while_nothing_happens_and_never_more_often_than_rounds_may() -> None:
    clock = FakeClock()
    pace = Pace(clock=clock)
    polls = [pace.poll_seconds(is_rehearsal=False) for _ in range(20)]
    assert (polls[0], polls[-1], polls == sorted(polls)) == (FIRST_POLL_SECONDS, LAST_POLL_SECONDS, True)
    assert pace.poll_seconds(is_rehearsal=True) == FIRST_POLL_SECONDS
    pace.quicken()
    assert pace.poll_seconds(is_rehearsal=False) == FIRST_POLL_SECONDS
    pace.begin()
    clock.advance(40)
    pace.end()
    assert pace.poll_seconds(is_rehearsal=True) == 40


def test_what_hundreds_of_jobs_cost_in_a_look_are_pages_not_calls() -> None:
    world = World(stage_seconds=10_000.0)
    declared = many(world, 130)
    assert world.apply(*declared, settings=NO_WAIT).code == 8
    rounds = Rounds(workspace=world.workspace(*declared), is_continuing=False)
    calls = len(world.backend.calls)
    rounds.make()
    made = world.backend.calls[calls:]
    assert {name: made.count(name) for name in set(made)} == {
        "list_jobs": 1,
        "list_models": 1,
        "progress": PROGRESS_CALLS,
    }


def test_every_running_job_is_shown_in_its_turn() -> None:
    world = World(stage_seconds=10_000.0)
    declared = many(world, 2 * PROGRESS_CALLS + 1)
    world.apply(*declared, settings=NO_WAIT)
    rounds = Rounds(workspace=world.workspace(*declared), is_continuing=False)
    world.said.phases.clear()
    for _ in range(3):
        world.clock.advance(1)
        rounds.make()
    assert {name for name, phase in world.said.phases if phase == "training"} == {d.name for d in declared}
    # What can't be told now costs one call, not one for each job.
    world.backend.answer_status("progress", 500, times=1000)
    calls = world.count("progress")
    rounds.make()
    assert world.count("progress") == calls + 1


def test_steps_that_end_while_others_run_ask_for_few_rounds_where_those_are_costly() -> None:
    world = World(stage_seconds=10.0)
    declared = many(world, 60)
    begin = world.backend.world.begin

    def slowly(operation: str) -> Fault | None:
        if operation == "list_models":
            world.clock.advance(1)
        return begin(operation)

    world.backend.world.begin = slowly  # type: ignore[method-assign]
    # Each step ends by itself, not in one go with others.
    world.said.on_update = lambda _name, phase: time.sleep(0.01) if phase == "train" else None
    assert world.apply(*declared, settings=Settings(parallelism=2)).code == 0
    assert len(world.backend.all_jobs) == 60
    # There are 121 steps: an upload, and for each fine-tune a training and a promotion.
    assert world.count("list_models") < 30


def test_what_was_dropped_or_postponed_may_start_again_and_what_ended_may_not() -> None:
    world = World()
    plan = world.plan(*many(world, 3))
    agenda = Agenda(approved=plan)
    (upload,) = agenda.ready(plan, ())
    agenda.start(upload)
    assert agenda.ready(plan, ()) == []
    agenda.drop([upload])
    assert (agenda.running, agenda.ready(plan, ())) == ({}, [upload])
    for tries in range(3):
        agenda.start(upload)
        assert agenda.postponed(plan) == []
        assert agenda.postpone(upload, at_most=2) == (tries < 2)
        assert agenda.postponed(plan) == ([upload] if tries < 2 else [])
    agenda.end(upload, has_failed=True)
    assert (agenda.ready(plan, ()), agenda.postponed(plan), agenda.running) == ([], [], {})
