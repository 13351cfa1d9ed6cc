"""Choosing among a job's checkpoints, from the manifest's word to the alias: who scores what, when, and how often."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from apply_world import PRODUCTION, World, answer_well, rows_of, said_of, with_spec
from ftops.application.checkpoints import choose_checkpoint
from ftops.application.declare import eval_digest
from ftops.application.job_news import listed_checkpoints
from ftops.application.observe import observe
from ftops.application.outcome import ExitCode
from ftops.domain.attempts import Choice, JobRecord
from ftops.domain.checkpoints import compared_on
from ftops.domain.desired import Declared
from ftops.domain.events import AnyEvent, CheckpointChosen
from ftops.domain.manifest import Baseline, Condition, FineTuneName, JobId, ModelId, Policy, Test
from ftops.domain.plan import Evaluate, Promote, Reason, Train
from ftops.errors import BackendError, LedgerUnreachable, NotFound, Rejected
from ftops.ports import ChatRequest, Snapshot

# The fake backend's jobs have checkpoints at steps 10, 20 and 30, with validation losses 0.3, 0.15 and 0.2.


def good_at(*steps: int, others: int = 2) -> Callable[[ChatRequest], str]:
    """Answers that are right where the model is the checkpoint of one of some steps; else for a few rows alone."""

    def answer(request: ChatRequest) -> str:
        right = answer_well(request)
        step = int(request.model.rpartition("ckpt-step-")[2]) if "ckpt-step-" in request.model else 30
        return right if step in steps or int(right) < others else "wrong"

    return answer


def choosing(world: World, policy: str = "evaluate", *, marked: bool = True, **declared: Any) -> Declared:
    one = world.declare(**declared)
    evals = tuple(replace(e, spec=replace(e.spec, select=marked)) for e in one.evals)
    return replace(with_spec(one, policy=Policy(checkpoints=policy)), evals=evals)  # type: ignore[arg-type]


def job_of(world: World) -> JobRecord:
    (job,) = (job for *_, job in world.record().jobs())
    return job


def model_of(world: World) -> str | None:
    target = world.record().target_of(PRODUCTION)
    return target.model if target else None


def asked_models(world: World, since: int = 0) -> list[str]:
    """The models that were asked, each once, in order."""
    return list(dict.fromkeys(request.model for request in world.backend.requests[since:]))


def at(world: World, step: int) -> str:
    return next(c.model for c in job_of(world).checkpoints if c.step == step)


def test_the_last_one_without_a_word() -> None:
    world = World()
    world.apply(world.declare())
    assert model_of(world) == job_of(world).model
    assert job_of(world).choices == ()


def test_the_lowest_validation_loss() -> None:
    world = World()
    outcome = world.apply(choosing(world, "best_validation_loss", marked=False))
    assert outcome.code is ExitCode.DONE
    assert model_of(world) == at(world, 20)
    assert asked_models(world) == [at(world, 20)], "only the chosen one is judged"
    (choice,) = job_of(world).choices
    assert (choice.step, choice.among, choice.evaluation) == (20, 3, None)
    assert choice.why == "step 20 has the lowest validation loss (0.15) of 3 checkpoints"


def test_the_best_score() -> None:
    world = World(answer=good_at(10, others=4))
    declared = choosing(world)
    outcome = world.apply(declared)
    assert outcome.code is ExitCode.DONE
    assert model_of(world) == at(world, 10)
    assert [r.model for r in world.backend.requests].count(at(world, 10)) == 8, "its scores are not measured again"
    (choice,) = job_of(world).choices
    assert choice.why == (
        "step 10 has the best mean under quality of 3 checkpoints (step 10: 1, step 20: 0.5, step 30: 0.5)"
    )
    assert said_of(outcome, "Evaluate") == [choice.why]
    assert compared_on(world.record(), job_of(world), ModelId(choice.model), declared, declared.evals[0]) == 3


def test_what_was_chosen_costs_nothing_again() -> None:
    world = World(answer=good_at(20))
    declared = choosing(world)
    world.apply(declared)
    asked = len(world.backend.requests)
    assert world.plan(declared).actions == ()
    assert world.apply(declared).steps == []
    assert len(world.backend.requests) == asked


def test_another_policy_chooses_again_without_training() -> None:
    world = World(answer=good_at(10, others=5))
    world.apply(world.declare())
    last = model_of(world)
    declared = choosing(world, "best_validation_loss", marked=False)
    (evaluate, promote) = world.plan(declared).actions
    assert isinstance(evaluate, Evaluate)
    assert isinstance(promote, Promote)
    assert (evaluate.model, promote.reason) == (at(world, 20), Reason.MODEL_CHANGED)
    world.apply(declared)
    assert model_of(world) == at(world, 20)
    world.apply(choosing(world, "evaluate"))
    assert model_of(world) == at(world, 10)
    asked = len(world.backend.requests)
    assert asked == 3 * 8, "each checkpoint was asked once"
    assert world.apply(world.declare()).code is ExitCode.DONE
    assert (model_of(world), len(world.backend.requests)) == (last, asked), "back to the last one, by recorded scores"
    assert world.count("create") == 1
    assert [choice.policy for choice in job_of(world).choices] == ["best_validation_loss", "evaluate"]


def test_gates_withhold_the_chosen_one() -> None:
    world = World(answer=good_at(others=2))
    outcome = world.apply(choosing(world))
    assert outcome.code is ExitCode.GATE_NOT_PASSED
    assert model_of(world) is None
    assert job_of(world).choices[0].model == job_of(world).model, "of equal ones the later"


@pytest.mark.parametrize(("first", "compared"), [(7, 3), (8, 1)])
def test_rows_that_chose_are_no_fresh_evidence_in_another_dataset_either(first: int, compared: int) -> None:
    world = World(answer=good_at(10))
    declared = choosing(world)
    (one,) = declared.evals
    rows = world.datasets.add("other.jsonl", rows_of("test", 12)[first:])
    spec = replace(one.spec, name="other", select=False, dataset=rows.path)
    other = replace(one, spec=spec, dataset=rows, digest=eval_digest(spec, rows.sha256))
    declared = replace(declared, evals=(one, other))
    world.apply(declared)
    chosen = ModelId(at(world, 10))
    assert model_of(world) == chosen
    assert compared_on(world.record(), job_of(world), chosen, declared, other) == compared


def test_a_baseline_is_measured_for_the_chosen_one_alone() -> None:
    world = World(answer=good_at(10))
    declared = choosing(world)
    gate = (Condition(min=0.5), Condition(baseline=Baseline(base=True), test=Test.NON_INFERIORITY))
    spec = replace(declared.evals[0].spec, gate=gate)
    declared = replace(declared, evals=(replace(declared.evals[0], spec=spec),))
    assert [a.calls for a in world.plan(declared).actions if isinstance(a, Evaluate)] == [24, 8]
    world.apply(declared)
    assert model_of(world) == at(world, 10)
    (comparison,) = world.record().comparisons
    assert comparison.candidate == at(world, 10)
    assert len(world.backend.requests) == 32


def test_a_checkpoint_that_can_not_be_scored() -> None:
    world = World(answer=good_at(20))
    declared = choosing(world)
    world.backend.inject("chat", Rejected("no", status=400))
    outcome = world.apply(declared)
    assert outcome.code is ExitCode.GATE_NOT_PASSED
    assert model_of(world) is None
    (withheld,) = world.plan(declared).withheld
    assert "1 of 8 items without a score" in str(withheld.judgement.evals[0].error)
    asked = len(world.backend.requests)
    assert world.apply(declared).code is ExitCode.DONE
    assert model_of(world) == at(world, 20)
    assert len(world.backend.requests) == asked + 1, "the failed item alone"


def changed_eval(declared: Declared) -> Declared:
    (one,) = declared.evals
    sampling = {"temperature": 0}
    return replace(declared, evals=(replace(one, spec=replace(one.spec, sampling=sampling), digest="e" * 64),))


def test_a_changed_evaluation_chooses_anew_until_an_alias_points_there() -> None:
    world = World(answer=good_at(others=0))
    declared = choosing(world)
    world.apply(declared)
    assert model_of(world) is None
    world.backend.answer = good_at(10)
    plan = world.plan(changed_eval(declared))
    assert next(a.reason for a in plan.actions if isinstance(a, Evaluate)) is Reason.EVAL_CHANGED
    world.apply(changed_eval(declared))
    assert model_of(world) == at(world, 10)
    world.backend.answer = good_at(20)
    assert world.plan(declared).actions == (), "the present target stays, whatever evaluation is marked by now"
    assert job_of(world).choices[0].step == 10


def test_a_policy_that_comes_back_chooses_by_the_evaluation_of_now() -> None:
    world = World(answer=good_at(10))
    declared = choosing(world)
    world.apply(declared)
    world.backend.answer = good_at(30)
    last = replace(changed_eval(declared), fine_tune=replace(declared.fine_tune, policy=Policy()))
    world.apply(last)
    assert model_of(world) == job_of(world).model
    world.backend.answer = good_at(20, 30)
    world.apply(changed_eval(declared))
    assert (job_of(world).choices[0].evaluation, job_of(world).choices[0].step) == ("e" * 64, 30)
    assert model_of(world) == job_of(world).model
    assert world.count("create") == 1


def test_all_repeats_of_all_checkpoints_are_counted() -> None:
    world = World()
    declared = choosing(world)
    (one,) = declared.evals
    declared = replace(declared, evals=(replace(one, spec=replace(one.spec, repeats=2)),))
    assert [a.calls for a in world.plan(declared).actions if isinstance(a, Evaluate)] == [3 * 2 * 8]
    world.apply(declared)
    assert len(world.backend.requests) == 3 * 2 * 8


def test_without_a_marked_evaluation_the_validation_loss_decides() -> None:
    world = World()
    world.apply(choosing(world, marked=False))
    (choice,) = job_of(world).choices
    assert (choice.policy, choice.step) == ("evaluate", 20)


def test_looking_chooses_and_writes_nothing() -> None:
    world = World()
    world.apply(world.declare())
    declared = choosing(world, "best_validation_loss", marked=False)
    written = len(world.ledger.events)
    observation = observe(world.workspace(declared))
    (event,) = (e for events in observation.events.values() for e in events)
    assert isinstance(event, CheckpointChosen)
    assert len(world.ledger.events) == written
    world.clock.advance(60)
    later = observe(world.workspace(declared)).state.ledgers
    assert later == observation.state.ledgers, "a saved plan still fits a minute later"


def test_a_pinned_revision_chooses_too() -> None:
    world = World(answer=good_at(20))
    old = world.declare(aliases={})
    world.apply(old)
    declared = choosing(world, seed=2, aliases={"production": old.revision})
    world.apply(declared)
    assert world.target() == old.revision
    target = world.record().target_of(PRODUCTION)
    assert target is not None
    assert target.model.endswith("ckpt-step-20")
    assert world.count("create") == 2


def test_the_plan_before_the_training_holds_it_all() -> None:
    world = World()
    actions = world.plan(choosing(world)).actions
    assert [type(a) for a in actions][-3:] == [Train, Evaluate, Promote]
    choose, promote = actions[-2:]
    assert isinstance(choose, Evaluate)
    assert isinstance(promote, Promote)
    assert promote.target is not None
    assert (choose.checkpoints, promote.target.model, promote.after) == ((), "known-after-choosing", (choose.id,))


def test_a_chosen_checkpoint_that_is_gone_is_the_lost_model() -> None:
    world = World(answer=good_at(10))
    declared = choosing(world)
    world.apply(declared)
    chosen = at(world, 10)
    world.backend.delete_model(chosen)
    for _ in range(2):
        world.clock.advance(700)
        world.apply(declared)
    assert job_of(world).gone_at is not None
    (notice,) = (n.message for n in world.plan(declared).notices if "is gone" in n.message)
    assert f"model {chosen} of revision" in notice


def test_a_target_that_is_gone_stays_so_though_the_last_checkpoint_is_there() -> None:
    world = World(answer=good_at(10))
    world.apply(choosing(world))
    last = world.declare()
    assert world.apply(last).code is ExitCode.DONE
    assert model_of(world) == at(world, 10), "the last one does not pass its gates"
    world.backend.delete_model(at(world, 10))
    for _ in range(4):
        world.clock.advance(700)
        world.apply(last)
    assert (job_of(world).missed, job_of(world).gone_at is not None) == (at(world, 10), True)


def test_a_checkpoint_that_is_gone_before_it_was_scored() -> None:
    world = World(answer=good_at(20))
    world.apply(world.declare())
    world.backend.delete_model(at(world, 10))
    outcome = world.apply(choosing(world))
    assert outcome.code is ExitCode.GATE_NOT_PASSED
    (said,) = said_of(outcome, "Evaluate")
    assert said.endswith("does not exist; nothing is chosen without its scores, but by another policy.checkpoints")
    assert world.apply(choosing(world, "best_validation_loss", marked=False)).code is ExitCode.DONE
    assert model_of(world) == at(world, 20)


@pytest.mark.parametrize("step", [10, 20])
def test_a_record_can_not_choose_what_the_job_did_not_make(step: int) -> None:
    world = World()
    world.apply(world.declare())
    job = job_of(world)
    choice = Choice(policy="evaluate", model=f"ft:stranger:{step}", step=step, among=3, why="forged")
    about = {"at": world.clock.now(), "fine_tune": "router", "backend": "openai", "attempt": 1, "job": job.id}
    event = CheckpointChosen(**about, revision=world.declare().revision, choice=choice)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="did not make"):
        world.ledger.record([event])


def test_a_single_checkpoint_is_chosen_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(type(world.backend.jobs), "checkpoints", lambda *_: ())
    world.apply(choosing(world))
    (choice,) = job_of(world).choices
    assert (choice.why, choice.among) == ("the job has no other checkpoint", 1)
    assert (model_of(world), len(world.backend.requests)) == (job_of(world).model, 8)


def test_a_backend_that_lists_no_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def absent(*_: object) -> None:
        raise NotFound("no such route", status=404)

    monkeypatch.setattr(type(world.backend.jobs), "checkpoints", absent)
    assert world.apply(choosing(world, "best_validation_loss", marked=False)).code is ExitCode.DONE
    assert model_of(world) == job_of(world).model
    assert job_of(world).choices[0].why == "none of 1 checkpoint has a validation loss: the last one is taken"


def test_a_job_that_lookups_do_not_know_yet_has_not_ended_without_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.apply(world.declare())
    job = JobId(job_of(world).id)

    def absent(*_: object) -> None:
        raise NotFound("not yet", status=404)

    for call in ("checkpoints", "retrieve"):
        monkeypatch.setattr(type(world.backend.jobs), call, absent)
    with pytest.raises(NotFound, match="not yet"):
        listed_checkpoints(world.backend, job)


def to_choose(world: World) -> tuple[Declared, Evaluate]:
    """A trained fine-tune whose policy has just changed, and the action that chooses."""
    world.apply(world.declare())
    declared = choosing(world)
    action = world.plan(declared).actions[0]
    assert isinstance(action, Evaluate)
    assert action.checkpoints is not None
    return declared, action


def test_scores_that_the_ledger_can_not_take_are_kept_for_the_next_run() -> None:
    world = World(answer=good_at(10))
    declared, action = to_choose(world)
    workspace = world.workspace(declared)
    world.ledger.is_unreachable = True
    with pytest.raises(LedgerUnreachable, match="the scores are kept"):
        choose_checkpoint(workspace, action, declared)
    world.ledger.is_unreachable = False
    asked = len(world.backend.requests)
    world.apply(declared)
    assert model_of(world) == at(world, 10)
    assert len(world.backend.requests) == asked + 8, "the other checkpoint alone"


def test_a_choice_that_another_run_made_stands() -> None:
    world = World(answer=good_at(10))
    declared, action = to_choose(world)
    workspace = world.workspace(declared)
    for model in action.checkpoints or ():
        choose_scores = replace(action, checkpoints=(model,))
        choose_checkpoint(workspace, choose_scores, declared)
    assert job_of(world).choices != ()
    assert choose_checkpoint(workspace, action, declared) == "chosen meanwhile by another run"


def test_of_two_runs_that_choose_at_once_the_first_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(answer=good_at(10))
    declared, action = to_choose(world)
    record = world.ledger.record_eventually

    def beaten(events: Sequence[AnyEvent]) -> Snapshot | None:
        (event,) = events
        if isinstance(event, CheckpointChosen):
            other = msgspec.structs.replace(event.choice, model=at(world, 20), step=20, why="other answers")
            record([msgspec.structs.replace(event, choice=other)])
        return record(events)

    monkeypatch.setattr(world.ledger, "record_eventually", beaten)
    assert choose_checkpoint(world.workspace(declared), action, declared) == "chosen meanwhile by another run"
    assert job_of(world).choices[0].model == at(world, 20)


def test_nothing_to_choose_among() -> None:
    world = World()
    declared, action = to_choose(world)
    with pytest.raises(BackendError, match="no checkpoints to choose among"):
        choose_checkpoint(world.workspace(declared), replace(action, checkpoints=()), declared)
    with pytest.raises(BackendError, match="does not know stranger"):
        choose_checkpoint(world.workspace(declared), replace(action, fine_tune=FineTuneName("stranger")), declared)
