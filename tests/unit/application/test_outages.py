"""Storms and refused keys: bounded patience, no second job, and the other backends go on."""

import pytest

from apply_world import OTHER, World, answer_well, errors_of
from fakes import FakeBackend, FakeClock
from ftops.application.agenda import POSTPONEMENTS
from ftops.application.outages import LAST_REST_SECONDS, PATIENCE_SECONDS, Outages
from ftops.application.reconcile import Settings
from ftops.domain.desired import Declared
from ftops.domain.manifest import BackendName
from ftops.errors import Unauthorized, Unreachable
from ftops.ports import BackendSession

A, B = BackendName("a"), BackendName("b")


class Pair:
    """Two fine-tunes, each on a backend of its own, and one ledger."""

    def __init__(self) -> None:
        self.world = World()
        self.second = FakeBackend(
            clock=self.world.clock, stage_seconds=10.0, answer=answer_well, base_url="http://other.invalid/v1"
        )
        self.one, self.two = self.world.declare("one"), self.world.declare("two", backend=OTHER)

    @property
    def declared(self) -> tuple[Declared, Declared]:
        return self.one, self.two

    @property
    def sessions(self) -> dict[BackendName, BackendSession]:
        return {self.one.backend.name: self.world.backend, self.two.backend.name: self.second}


def test_a_backend_that_turns_steps_away_is_left_alone_for_longer_each_time() -> None:
    clock = FakeClock()
    outages = Outages(clock=clock, is_patient=True)
    rests = []
    for _ in range(8):
        rests.append(outages.turn_away([A]))
        assert (outages.closed, outages.seconds_closed()) == ({A}, rests[-1])
        clock.advance(rests[-1])
        assert outages.closed == set()
    assert rests == [2, 4, 8, 16, 32, 60, 60, LAST_REST_SECONDS]
    outages.recover(A)
    assert outages.turn_away([A, B]) == 2
    # Another step in flight met the same trouble: it makes the rest no longer.
    clock.advance(1)
    assert (outages.turn_away([A]), outages.closed) == (1, {A, B})


def test_hope_ends_with_patience_and_at_once_for_a_refused_key() -> None:
    clock = FakeClock()
    outages = Outages(clock=clock, is_patient=True)
    refused = Unauthorized("bad key", status=401)
    outages.observe({A: Unreachable("gone"), B: refused})
    assert (outages.is_hoping, outages.given_up) == (True, {B: refused})
    clock.advance(PATIENCE_SECONDS)
    outages.observe({A: Unreachable("gone"), B: refused})
    assert (outages.is_hoping, set(outages.given_up)) == (False, {A, B})
    outages.observe({})
    assert (outages.is_hoping, outages.closed) == (False, set())
    outages.observe({A: Unreachable("gone again")})
    assert outages.is_hoping


@pytest.mark.parametrize(
    ("operation", "status"), [("upload", 503), ("upload", 429), ("create", 429), ("find", 503), ("cancel", 503)]
)
def test_a_storm_is_waited_out_and_makes_no_second_job(operation: str, status: int) -> None:
    world = World(stage_seconds=100.0)
    if operation == "cancel":
        world.apply(world.declare(seed=9), settings=Settings(is_waiting=False))
    declared = world.declare()
    world.backend.answer_status(operation, status, times=POSTPONEMENTS)
    outcome = world.apply(declared)
    assert (outcome.code, errors_of(outcome), world.target()) == (0, [], declared.revision)
    assert len(world.jobs_of(declared)) == 1
    assert (world.count(operation), world.said.text.count("; trying again in ")) == (POSTPONEMENTS + 1, POSTPONEMENTS)
    # A step that comes through, such as the training beside the cancel, ends a rest.
    assert world.clock.monotonic() >= (30 if operation == "cancel" else 2 + 4 + 8 + 16 + 32)


def test_a_storm_that_does_not_end_fails_its_fine_tune_and_the_other_backend_does_not_wait() -> None:
    pair = Pair()
    pair.second.answer_status("upload", 503, times=1000)
    done: list[float] = []
    pair.world.said.on_update = lambda name, phase: (
        done.append(pair.world.clock.monotonic()) if (name, phase) == ("one", "promote") else None
    )
    outcome = pair.world.apply(*pair.declared, sessions=pair.sessions)
    assert (outcome.code, pair.second.calls.count("upload")) == (1, 1 + POSTPONEMENTS)
    assert [error.partition(":")[0] for error in errors_of(outcome)] == ["two"]
    assert pair.world.target("one") == pair.one.revision
    assert done[0] < 2 + 4 + 8 + 16 + 32 <= pair.world.clock.monotonic()


def test_without_waiting_patience_is_short() -> None:
    world = World()
    world.backend.answer_status("upload", 503, times=1000)
    outcome = world.apply(settings=Settings(is_waiting=False))
    assert (outcome.code, world.count("upload")) == (1, 1 + POSTPONEMENTS // 2)


def test_a_key_that_expires_half_way_ends_the_run_in_9_and_the_next_one_goes_on() -> None:
    world = World()
    declared = world.declare()

    def expire(_seconds: float) -> None:
        if world.backend.all_jobs:
            for operation in ("list_jobs", "list_models", "retrieve_job", "progress", "chat"):
                world.backend.answer_status(operation, 401, times=1000)

    world.clock.on_sleep.append(expire)
    outcome = world.apply(declared)
    assert outcome.code == 9
    assert isinstance(outcome.stopped_by, Unauthorized)
    assert [job.id for *_, job in world.record().jobs()] == [job.id for job in world.backend.all_jobs]
    world.clock.on_sleep.clear()
    world.backend.world.faults.clear()
    assert (world.apply(declared).code, world.target(), world.count("create")) == (0, declared.revision, 1)


def test_a_key_that_expires_stops_one_backend_and_the_other_goes_on() -> None:
    pair = Pair()

    def expire(_seconds: float) -> None:
        if pair.second.all_jobs:
            pair.second.answer_status("list_jobs", 401, times=1000)

    pair.world.clock.on_sleep.append(expire)
    outcome = pair.world.apply(*pair.declared, sessions=pair.sessions)
    assert outcome.code == 9
    assert (pair.world.target("one"), len(pair.second.all_jobs)) == (pair.one.revision, 1)
    assert [job.id for *_, job in pair.world.record("two").jobs()] == [job.id for job in pair.second.all_jobs]
    pair.world.clock.on_sleep.clear()
    pair.second.world.faults.clear()
    assert pair.world.apply(*pair.declared, sessions=pair.sessions).code == 0
    assert (pair.world.target("two"), len(pair.second.all_jobs)) == (pair.two.revision, 1)


def test_a_ledger_out_of_reach_for_a_while_is_waited_for_and_nothing_is_paid_meanwhile() -> None:
    world = World()
    declared = world.declare()
    world.said.on_update = lambda _name, phase: (
        setattr(world.ledger, "is_unreachable", True) if phase == "train" and not world.clock.slept else None
    )

    def come_back(_seconds: float) -> None:
        assert world.count("create") == 0 or not world.ledger.is_unreachable
        if world.clock.monotonic() > 60:
            world.ledger.is_unreachable = False

    world.clock.on_sleep.append(come_back)
    outcome = world.apply(declared)
    assert (outcome.code, world.target(), world.count("create")) == (0, declared.revision, 1)
