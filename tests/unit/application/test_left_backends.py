"""A backend that no manifest names any more is looked at as long as something of this project may run there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apply_world import OPENAI, OTHER, TWIN, World, said_of
from fakes import FakeBackend
from ftops.application.left_backends import FORGOTTEN_COUNT_FOR, INTENTS_COUNT_FOR, has_business
from ftops.application.outcome import Outcome
from ftops.application.reconcile import Settings
from ftops.application.saved_plan import plan_now
from ftops.domain.attempts import JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import Forgot, Intended
from ftops.domain.guard import Policy
from ftops.domain.manifest import BackendName, Retention, Revision
from ftops.domain.plan import DeleteModel
from ftops.errors import Unreachable

NO_WAIT = Settings(is_waiting=False)


class TwoPlaces(World):
    """A world with a second backend, ``elsewhere``, that the ledger knows as ``other``."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere = FakeBackend(clock=self.clock, stage_seconds=100.0, base_url=OTHER.base_url or "")
        self.backends[OTHER.name] = OTHER

    def move(self, settings: Settings = NO_WAIT) -> Declared:
        """Begins a job there; then the manifest names ``openai``."""
        self.apply(self.declare(backend=OTHER), sessions={OTHER.name: self.elsewhere}, settings=settings)
        return self.declare()


def apply(world: TwoPlaces, declared: Declared, open_left: Any = None) -> Outcome:
    opened = open_left or (lambda backend: world.elsewhere)
    return world.apply(declared, sessions={OPENAI.name: world.backend}, open_left=opened)


def test_the_job_that_runs_where_the_manifest_was_is_cancelled() -> None:
    world = TwoPlaces()
    outcome = apply(world, world.move())
    assert outcome.code == 0
    (job,) = world.elsewhere.all_jobs
    assert job.status is JobStatus.CANCELLED
    assert "superseded" in said_of(outcome, "Cancel")[0]
    assert len(world.backend.all_jobs) == 1


def test_a_job_that_nobody_heard_of_there_is_found_and_cancelled() -> None:
    world = TwoPlaces()
    declared = world.move()
    (job,) = world.elsewhere.all_jobs
    # As after a kill between the POST and its record: an intent stands open, and no job is known.
    world.ledger.entries = [e for e in world.ledger.entries if type(e.event).__name__ != "JobRecorded"]
    kept = [entry.event for entry in world.ledger.entries]
    world.ledger.state = type(world.ledger.state)()
    world.ledger.record(kept)
    outcome = apply(world, declared)
    assert outcome.code == 0
    assert said_of(outcome, "Adopt") == [f"job {job.id}"]
    assert world.elsewhere.all_jobs[0].status is JobStatus.CANCELLED


def test_nothing_is_asked_there_once_all_has_ended() -> None:
    world = TwoPlaces()
    declared = world.move(Settings())
    asked: list[str] = []
    assert apply(world, declared, lambda backend: asked.append(backend.name) or world.elsewhere).code == 0
    assert asked == []


def test_where_it_cannot_be_called_it_is_left_alone_and_that_is_said() -> None:
    world = TwoPlaces()
    outcome = apply(world, world.move(), lambda backend: "no key")
    assert outcome.code == 0
    assert outcome.plan is not None
    (caveat,) = outcome.plan.caveats
    assert "other, which no manifest names any more, is left alone (no key)" in caveat
    assert world.elsewhere.all_jobs[0].status is not JobStatus.CANCELLED


def forget(world: TwoPlaces, declared: Declared, ago: timedelta = timedelta(0)) -> None:
    world.ledger.record([Forgot(at=world.clock.now() - ago, fine_tune=declared.name)])


@pytest.mark.parametrize("settings", [NO_WAIT, Settings()])
def test_what_was_forgotten_there_is_taken_up_again(settings: Settings) -> None:
    world = TwoPlaces()
    declared = world.move(settings)
    forget(world, declared)
    outcome = apply(world, declared)
    assert outcome.code == 0
    (job,) = world.elsewhere.all_jobs
    assert said_of(outcome, "Adopt") == [f"job {job.id}"]
    assert job.status is (JobStatus.CANCELLED if settings is NO_WAIT else JobStatus.SUCCEEDED)
    assert world.ledger.state.knows_job(job.id)


def test_what_was_forgotten_there_long_ago_is_not_looked_for() -> None:
    world = TwoPlaces()
    declared = world.move(Settings())
    forget(world, declared, FORGOTTEN_COUNT_FOR)
    asked: list[str] = []
    assert apply(world, declared, lambda backend: asked.append(backend.name) or world.elsewhere).code == 0
    assert asked == []


def test_trouble_where_something_was_forgotten_is_no_failure() -> None:
    world = TwoPlaces()
    declared = world.move(Settings())
    forget(world, declared)
    world.elsewhere.inject("list_jobs", Unreachable("down"), times=100)
    assert apply(world, declared).code == 0


def test_what_opens_nothing_says_so() -> None:
    world = TwoPlaces()
    declared = world.move()
    plan = world.plan(declared, sessions={OPENAI.name: world.backend})
    assert any("it can't be called here" in caveat for caveat in plan.caveats)


def test_one_in_trouble_is_asked_again_in_the_same_run() -> None:
    world = TwoPlaces()
    declared = world.move()
    world.elsewhere.inject("list_jobs", Unreachable("down for a moment"), times=2)
    assert apply(world, declared).code == 0
    assert world.elsewhere.all_jobs[0].status is JobStatus.CANCELLED


def test_a_rehearsal_asks_nobody_else() -> None:
    world = TwoPlaces()
    world.move()
    asked: list[str] = []
    declared = world.declare(backend=TWIN)
    world.apply(declared, open_left=lambda backend: asked.append(backend.name) or "no key")
    assert asked == []


@pytest.mark.parametrize(("age", "counts"), [(timedelta(0), True), (INTENTS_COUNT_FOR, False)])
def test_an_open_intent_counts_for_a_month(age: timedelta, counts: bool) -> None:
    world = TwoPlaces()
    declared = world.declare()
    world.apply(declared)
    at = world.clock.now()
    about = {"fine_tune": declared.name, "revision": declared.revision, "backend": OPENAI.name, "attempt": 2}
    world.ledger.record([Intended(at=at, intent="i9", owner="ada", **about)])
    assert has_business(world.ledger.state, OPENAI.name, at + age) is counts
    assert not has_business(world.ledger.state, OTHER.name, at)


def test_models_are_pruned_where_the_manifest_was() -> None:
    world = TwoPlaces()
    declared = replace(
        world.move(Settings()), fine_tune=replace(world.declare().fine_tune, retention=Retention(keep=0), aliases={})
    )
    pruning = Policy(is_pruning=True)
    world.apply(declared, sessions={OPENAI.name: world.backend})
    other = replace(declared, revision=Revision("f" * 12))
    world.apply(other, sessions={OPENAI.name: world.backend})
    workspace = world.workspace(
        other, sessions={OPENAI.name: world.backend}, open_left=lambda backend: world.elsewhere, policy=pruning
    )
    plan = plan_now(workspace)
    assert BackendName("other") in {a.backend for a in plan.actions if isinstance(a, DeleteModel)}
