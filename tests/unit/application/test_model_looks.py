"""Models that a backend has lost: two looks, ten minutes apart, and nothing concluded from anything but a 404."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest

from apply_world import OPENAI, ROUTER, World
from fake_resources import FakeModels
from ftops.application.observe import observe
from ftops.application.workspace import Workspace
from ftops.domain.attempts import JobRecord
from ftops.domain.events import AnyEvent, ModelMissed, ModelSeen
from ftops.domain.manifest import BackendName, ModelId
from ftops.domain.records import AliasMove, AliasRecord, Target
from ftops.errors import AnswerLost, BackendError, Unauthorized
from ftops.ports import ModelInfo

MINUTE = 60.0


def trained(**options: object) -> World:
    """A world in which the router is trained and promoted, an hour ago."""
    world = World(**options)
    world.apply()
    world.clock.advance(60 * MINUTE)
    del world.backend.calls[:]
    return world


def job_of(world: World) -> JobRecord:
    (job,) = (job for *_, job in world.record().jobs())
    return job


def lose(world: World) -> ModelId:
    model = ModelId(str(job_of(world).model))
    world.backend.delete_model(model)
    return model


def news(world: World, workspace: Workspace | None = None, *, is_looking: bool = False) -> list[AnyEvent]:
    observation = observe(workspace or world.workspace(), may_be_stale=is_looking)
    return [e for e in observation.events[OPENAI.name] if isinstance(e, ModelMissed | ModelSeen)]


def test_two_looks_ten_minutes_apart_make_it_gone_and_a_third_brings_it_back() -> None:
    world = trained()
    model = lose(world)
    first = world.apply()
    assert (job_of(world).missed_at, job_of(world).gone_at) == (world.clock.now(), None)
    assert first.code == 0
    assert first.plan is not None
    assert "was not found" in first.plan.notices[-1].message
    world.clock.advance(9 * MINUTE)
    tip = world.ledger.read().tip
    world.apply()
    assert world.ledger.read().tip == tip, "too early for a second look"
    world.clock.advance(1 * MINUTE)
    second = world.apply()
    assert job_of(world).gone_at == world.clock.now()
    assert second.plan is not None
    assert "ftops retry router trains it again" in second.plan.notices[-1].message
    assert "production still points to it" in second.plan.notices[-1].message
    tip = world.ledger.read().tip
    del world.backend.calls[:]
    world.clock.advance(20 * MINUTE)
    world.apply()
    assert (world.ledger.read().tip, world.count("retrieve_model")) == (tip, 0), "gone for good costs no call"
    world.backend.world.models[model] = ModelInfo(id=model)
    world.apply()
    assert not job_of(world).is_model_lost
    assert job_of(world).missed_at is None


def test_a_plan_takes_the_second_look_without_writing() -> None:
    world = trained()
    lose(world)
    world.apply()
    world.clock.advance(11 * MINUTE)
    tip = world.ledger.read().tip
    plan = world.plan()
    assert "is gone at openai, last seen on 2026-11-21" in plan.notices[-1].message
    assert world.ledger.read().tip == tip


@pytest.mark.parametrize("error", [AnswerLost("502"), Unauthorized("no", status=403), Unauthorized("no", status=401)])
def test_nothing_but_a_404_counts(error: BackendError) -> None:
    world = trained()
    lose(world)
    world.backend.inject("retrieve_model", error)
    assert news(world) == []
    (missed,) = news(world)
    assert isinstance(missed, ModelMissed)


def test_a_backend_without_single_models_is_not_believed() -> None:
    world = trained()
    lose(world)
    world.backend.answer_status("retrieve_model", 404, times=2)
    workspace = world.workspace()
    assert news(world, workspace) == []
    assert world.count("retrieve_model") == 2
    world.clock.advance(11 * MINUTE)
    assert news(world, workspace) == [], "what it once did not answer it does not answer in this run"
    world.backend.inject("retrieve_model", Unauthorized("later", status=403))
    world.backend.world.models.clear()
    assert news(world) == [], "a backend that lists nothing says nothing"


def test_a_control_that_fails_otherwise_proves_nothing() -> None:
    world = trained()
    lose(world)
    world.backend.answer_status("retrieve_model", 404)
    world.backend.inject("retrieve_model", AnswerLost("the control got lost"))
    assert news(world) == []


def test_a_model_that_is_only_missing_from_the_list_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    world = trained()
    listed = tuple(model for model in world.backend.models.list_models() if model.id != job_of(world).model)
    monkeypatch.setattr(FakeModels, "list_models", lambda self: listed)
    workspace = world.workspace()
    assert (news(world, workspace), world.count("retrieve_model")) == ([], 1)
    assert (news(world, workspace), world.count("retrieve_model")) == ([], 1), "not asked for again in every round"


def test_a_job_that_has_just_ended_is_not_judged() -> None:
    world = World()
    world.apply()
    lose(world)
    assert news(world) == []
    world.clock.advance(10 * MINUTE)
    assert len(news(world)) == 1


def test_within_a_run_a_clock_that_jumps_makes_no_second_look() -> None:
    world = trained()
    lose(world)
    workspace = world.workspace()
    world.ledger.record(news(world, workspace))
    world.clock._start += timedelta(hours=1)
    assert news(world, workspace) == []
    world.clock.advance(10 * MINUTE)
    (gone,) = news(world, workspace)
    assert isinstance(gone, ModelMissed)
    assert gone.is_gone


def test_a_clock_behind_the_ledgers_makes_no_second_look() -> None:
    world = trained()
    lose(world)
    world.ledger.record(news(world))
    world.clock._start -= timedelta(minutes=30)
    assert news(world) == []


def test_a_look_of_the_plan_that_was_approved_is_recorded_by_the_run() -> None:
    world = trained()
    lose(world)
    world.apply()
    assert world.count("retrieve_model") == 2, "the model and a control, once for the plan and all rounds"
    assert job_of(world).missed_at is not None


def test_who_only_looks_makes_few_calls_and_what_was_missed_comes_first() -> None:
    world = World()
    declared = [world.declare(f"m{n}") for n in range(6)]
    world.apply(*declared)
    world.clock.advance(60 * MINUTE)
    for job in world.backend.all_jobs:
        world.backend.delete_model(str(job.model))
    del world.backend.calls[:]
    assert len(news(world, world.workspace(*declared), is_looking=True)) == 2
    assert len(world.backend.calls) == 5
    world.ledger.record(news(world, world.workspace(*declared), is_looking=True))
    world.clock.advance(24 * 60 * MINUTE)
    again = news(world, world.workspace(*declared), is_looking=True)
    assert [e.is_gone for e in again if isinstance(e, ModelMissed)] == [True, True]
    assert len(news(world, world.workspace(*declared))) == 6


def test_the_target_of_an_alias_counts_though_nothing_declares_its_revision() -> None:
    world = trained()
    old = lose(world)
    changed = world.declare(seed=2, aliases={"production": "latest"}, least=1.1)
    world.apply(changed)
    missed = [e.job for e in news(world, world.workspace(changed)) if isinstance(e, ModelMissed)]
    assert missed == []
    assert world.record().target_of("production").model == old  # type: ignore[arg-type, union-attr]
    lost = [job.id for *_, job in world.record().jobs() if job.missed_at is not None]
    assert lost == [job.id for *_, job in world.record().jobs() if job.model == old]


def test_an_undeclared_fine_tune_is_looked_at_where_an_alias_points() -> None:
    world = trained()
    lose(world)
    other = world.declare("other", aliases={})
    (missed,) = news(world, world.workspace(other))
    assert missed.fine_tune == ROUTER  # type: ignore[union-attr]


def test_a_checkpoint_behind_an_alias_is_looked_for_beside_the_model() -> None:
    world = trained()
    job = job_of(world)
    step = job.checkpoints[0].model
    target = Target(backend=OPENAI.name, revision=world.declare().revision, model=step)
    alias = AliasRecord(history=(AliasMove(at=world.clock.now(), target=target, reason="pinned"),))
    record = msgspec.structs.replace(world.record(), aliases={"production": alias})
    world.ledger.state = msgspec.structs.replace(world.ledger.state, fine_tunes={"router": record})
    assert news(world) == []
    world.backend.delete_model(step)
    (missed,) = news(world)
    assert isinstance(missed, ModelMissed)


def test_another_backends_models_are_nobodys_business_here() -> None:
    world = trained()
    lose(world)
    elsewhere = dataclasses.replace(OPENAI, name=BackendName("elsewhere"), base_url="http://elsewhere.invalid/v1")
    declared = world.declare(backend=elsewhere)
    observation = observe(world.workspace(declared))
    assert observation.events[elsewhere.name] == ()
