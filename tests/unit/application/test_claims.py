"""A machine that sleeps between its claim and the POST, and clocks that jump: one job whatever they do."""

from collections.abc import Callable, Sequence

import pytest

from apply_world import World, said_of
from ftops.adapters.backend_timing import Timing
from ftops.application.claims import FRESH_SECONDS, LEASE_SECONDS
from ftops.application.train import TAKE_OVER_SECONDS
from ftops.domain.attempts import Closed, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import AnyEvent, Intended


def after_claim(world: World, action: Callable[[], object], *, times: int = 1) -> None:
    """Does something right after a claim was written: the run sleeps, say."""
    original, left = world.ledger.record, [times]

    def record(events: Sequence[AnyEvent], guard: object = None) -> object:
        snapshot = original(events, guard)  # type: ignore[arg-type]
        if left[0] and any(isinstance(event, Intended) for event in events):
            left[0] -= 1
            action()
        return snapshot

    world.ledger.record = record  # type: ignore[method-assign,assignment]


def closings(world: World, declared: Declared) -> list[str | None]:
    attempts = world.record().revisions[declared.revision].on(declared.backend.name)
    return [intent.closed for attempt in attempts for intent in attempt.intents]


def take_over(world: World, declared: Declared) -> None:
    """Another machine does what it may do after 150 s: it takes the claim over and makes the job."""
    attempt = world.record().revisions[declared.revision].on(declared.backend.name)[0]
    assert attempt.open_intent is not None
    event = Intended(
        at=world.clock.now(),
        fine_tune=declared.name,
        revision=declared.revision,
        backend=declared.backend.name,
        attempt=1,
        intent="theirs",
        owner="elsewhere/7/7",
        takes_over=attempt.open_intent.id,
    )
    world.ledger.record([event])


def test_the_lease_and_the_longest_post_end_before_others_take_over() -> None:
    assert FRESH_SECONDS < LEASE_SECONDS
    assert LEASE_SECONDS + Timing().longest_creation < TAKE_OVER_SECONDS


@pytest.mark.parametrize("seconds", [0.0, FRESH_SECONDS + 1, LEASE_SECONDS - 1])
def test_a_short_sleep_does_not_cost_the_claim(seconds: float) -> None:
    world = World()
    declared = world.declare()
    after_claim(world, lambda: world.clock.advance(seconds))
    assert world.apply(declared).code == 0
    assert closings(world, declared) == [Closed.JOB]
    assert world.count("create") == 1


@pytest.mark.parametrize("clock", ["both clocks", "the wall clock alone, as in a suspended machine"])
def test_a_claim_that_is_too_old_is_given_up_unsent_and_another_one_is_written(clock: str) -> None:
    world = World()
    declared = world.declare()
    sleep = world.clock.advance if clock == "both clocks" else world.clock.jump
    after_claim(world, lambda: sleep(LEASE_SECONDS + 1))
    assert world.apply(declared).code == 0
    assert closings(world, declared) == [Closed.ABANDONED, Closed.JOB]
    assert (world.count("create"), [job.status for job in world.jobs_of(declared)]) == (1, [JobStatus.SUCCEEDED])


@pytest.mark.parametrize("seconds", [FRESH_SECONDS + 1, 3600.0])
def test_a_claim_that_another_run_took_over_meanwhile_is_lost_and_nothing_is_sent(seconds: float) -> None:
    world = World()
    declared = world.declare()

    def sleep() -> None:
        world.clock.advance(seconds)
        take_over(world, declared)

    after_claim(world, sleep)
    outcome = world.apply(declared)
    assert any("took over while this one slept" in said for said in said_of(outcome, "Train"))
    # That run never came back: its claim had its time, and was taken over in turn.
    assert closings(world, declared) == [Closed.TAKEN_OVER, Closed.TAKEN_OVER, Closed.JOB]
    assert (outcome.code, world.count("create")) == (0, 1)


def test_a_machine_that_always_sleeps_sends_nothing_and_says_so() -> None:
    world = World()
    declared = world.declare()
    after_claim(world, lambda: world.clock.jump(3600), times=1000)
    outcome = world.apply(declared)
    assert (outcome.code, world.count("create")) == (1, 0)
    assert any("slept between each claim and its call" in str(step.error) for step in outcome.steps)


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_is_set_while_another_runs_claim_is_waited_for_shortens_nothing(hours: int) -> None:
    world = World()
    declared = world.declare()

    def die() -> None:
        raise KeyboardInterrupt

    after_claim(world, die)
    with pytest.raises(KeyboardInterrupt):
        world.apply(declared)
    began, jumps = world.clock.monotonic(), [hours * 3600.0]
    world.clock.on_sleep.append(lambda _: world.clock.jump(jumps.pop() if jumps else 0.0))
    posts: list[float] = []
    after_claim(world, lambda: posts.append(world.clock.monotonic()))
    assert world.apply(declared).code == 0
    assert closings(world, declared) == [Closed.TAKEN_OVER, Closed.JOB]
    assert [post - began >= TAKE_OVER_SECONDS for post in posts] == [True]
