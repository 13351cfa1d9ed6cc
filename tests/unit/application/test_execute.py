"""One action each: what is recorded before it, after it, and what is said. The loop around it is test_reconcile's."""

import threading
from dataclasses import replace

import pytest

from apply_world import NEWER, OPENAI, PRODUCTION, ROUTER, World
from fakes import EPOCH
from ftops.application.declare import eval_digest
from ftops.application.execute import execute
from ftops.application.reconcile import Settings
from ftops.domain.events import CommitApplied
from ftops.domain.manifest import FineTuneName, JobId
from ftops.domain.plan import Adopt, Cancel, Evaluate, Move, Promote, Reason
from ftops.domain.records import Target
from ftops.errors import BackendError, NotFound, Refused, Stale

NO_WAIT = Settings(is_waiting=False)


def trained(*, aliases: dict[str, str] | None = None) -> World:
    world = World()
    assert world.apply(world.declare(aliases=aliases or {})).code == 0
    return world


def promotion(world: World, *, model: str | None = None, revision: str | None = None) -> Promote:
    declared = world.declare()
    (job,) = world.backend.all_jobs
    return Promote(
        id="promote:router:production",
        fine_tune=ROUTER,
        backend=OPENAI.name,
        reason=Reason.GATES_PASSED,
        revision=declared.revision,
        alias=PRODUCTION,
        was=None,
        target=Target(backend=OPENAI.name, revision=revision or declared.revision, model=model or str(job.model)),
    )


def test_a_promotion_asks_the_backend_who_made_the_model() -> None:
    world = trained()
    before = world.count("retrieve")
    said = execute(world.workspace(world.declare()), promotion(world))
    assert said.startswith(f"production → {world.declare().revision} (ft:")
    assert world.count("retrieve") == before + 1


def test_a_promotion_of_another_model_or_revision_is_refused() -> None:
    world = trained()
    with pytest.raises(Refused, match="but the backend says ft:"):
        execute(world.workspace(world.declare()), promotion(world, model="ft:forged"))
    with pytest.raises(Refused, match="has no job that made"):
        execute(world.workspace(world.declare()), promotion(world, revision="f" * 12))
    assert world.target() is None


def test_nothing_irreversible_passes_a_newer_commit() -> None:
    world = trained()
    workspace, action = world.workspace(world.declare()), promotion(world)
    world.ledger.record([CommitApplied(at=EPOCH, commit=NEWER, owner="other/1/1")])
    with pytest.raises(Stale):
        execute(workspace, action)
    move = Move(
        id="move", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.RENAMED, revision=action.revision,
        former=FineTuneName("x"),
    )  # fmt: skip
    with pytest.raises(Stale):
        execute(workspace, move)
    assert world.target() is None


def test_an_evaluation_needs_a_model_and_a_record() -> None:
    world = World()
    declared = world.declare()
    action = Evaluate(
        id="evaluate", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.NOT_EVALUATED, revision=declared.revision,
        evaluation="quality", digest="d" * 64, model=None, calls=8,
    )  # fmt: skip
    with pytest.raises(BackendError, match="has no model to evaluate"):
        execute(world.workspace(declared), action)


def test_scores_that_cannot_be_written_are_kept() -> None:
    world = World()
    declared = world.declare()
    world.said.on_update = lambda _name, phase: (
        setattr(world.ledger, "is_unreachable", True) if phase == "evaluate" else None
    )
    outcome = world.apply(declared)
    assert outcome.code == 1
    assert [type(event).__name__ for event in world.ledger.pending] == ["Evaluated", "GatesPassed"]
    world.said.on_update, calls = None, world.count("chat")
    world.ledger.is_unreachable = False
    assert world.apply(declared).code == 0
    assert world.count("chat") == calls
    assert world.target() == declared.revision


def test_a_model_that_passed_by_two_evaluations_at_once_is_remembered() -> None:
    world = World()
    one = world.declare(aliases={})
    (first,) = one.evals
    spec = replace(first.spec, name="second", sampling={"temperature": 0.5})
    second = replace(first, spec=spec, digest=eval_digest(spec, first.dataset.sha256))
    declared = replace(one, evals=(first, second), fine_tune=replace(one.fine_tune, evals=(first.spec, spec)))
    both, met = threading.Barrier(2), set[int]()

    def meet(_name: str, phase: str) -> None:
        if phase == "evaluating" and threading.get_ident() not in met:
            met.add(threading.get_ident())
            both.wait(30)

    world.said.on_update = meet
    assert world.apply(declared, settings=Settings(parallelism=2)).code == 0
    assert len(met) == 2
    assert [passed.revision for passed in world.record().passed] == [declared.revision]


def test_an_adopted_job_that_does_not_exist_is_an_error() -> None:
    world = trained()
    action = Adopt(
        id="adopt", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.FOUND_AT_BACKEND,
        revision=world.declare().revision, job=JobId("ftjob-none"), attempt=1,
    )  # fmt: skip
    with pytest.raises(NotFound):
        execute(world.workspace(world.declare()), action)


def test_a_cancel_is_written_with_its_reason_before_it_is_sent() -> None:
    world = World(stage_seconds=None)
    declared = world.declare()
    world.apply(declared, settings=NO_WAIT)
    (job,) = world.backend.all_jobs
    action = Cancel(
        id="cancel", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.SUPERSEDED, revision=declared.revision,
        job=job.id, attempt=1,
    )  # fmt: skip
    world.backend.drop_before("cancel")
    with pytest.raises(BackendError):
        execute(world.workspace(declared), action)
    assert [known.cancel for *_, known in world.record().jobs()] == ["superseded"]
    said = execute(world.workspace(declared), action)
    assert said == f"job {job.id} of revision {declared.revision} (superseded)"
    assert world.backend.all_jobs[0].status.value == "cancelled"
