"""What a plan says of an evaluation that is due again: answers that are there already are not called for."""

from dataclasses import replace

from apply_world import EVAL_ROWS, World
from ftops.application.declare import eval_digest
from ftops.domain.desired import Declared
from ftops.domain.plan import Evaluate, Plan


def evaluation(plan: Plan) -> Evaluate:
    (action,) = [action for action in plan.actions if isinstance(action, Evaluate)]
    return action


def with_grader(declared: Declared, operation: str) -> Declared:
    (one,) = declared.evals
    spec = replace(one.spec, grader={**one.spec.grader, "operation": operation})
    return replace(declared, evals=(replace(one, spec=spec, digest=eval_digest(spec, one.dataset.sha256)),))


def test_a_changed_grader_calls_only_where_answers_are_gone() -> None:
    world = World()
    declared = world.declare(least=2.0)  # nothing passes, so that nothing is promoted and all is measured anew
    first = evaluation(world.plan(declared))
    assert first.calls == EVAL_ROWS
    world.apply(declared)
    regraded = evaluation(world.plan(with_grader(declared, "like")))
    assert (regraded.calls, regraded.estimate.usd) == (0, 0.0 if first.estimate.usd is not None else None)
    assert f"{EVAL_ROWS} of {EVAL_ROWS} answers are there already" in regraded.estimate.assumes
    for key in list(world.outputs.answers)[:3]:
        del world.outputs.answers[key]
    assert evaluation(world.plan(with_grader(declared, "like"))).calls == 3
    world.outputs.answers.clear()
    gone = evaluation(world.plan(with_grader(declared, "like")))
    assert (gone.calls, gone.estimate) == (EVAL_ROWS, first.estimate)


def test_a_plan_counts_repeats() -> None:
    world = World()
    declared = world.declare()
    (one,) = declared.evals
    spec = replace(one.spec, repeats=3)
    assert evaluation(world.plan(replace(declared, evals=(replace(one, spec=spec),)))).calls == 3 * EVAL_ROWS


def test_what_is_counted_is_counted_once_in_a_run() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    changed = with_grader(declared, "like")
    workspace = world.workspace(changed)
    record = world.ledger.state.fine_tunes[declared.name]
    job = record.revisions[declared.revision].trained_job(declared.backend.name)
    assert job is not None
    assert job.model is not None
    judgement = workspace.judge(record, changed, declared.revision, job.model)
    counts = workspace.calls_again(record, changed, declared.revision, judgement)
    world.outputs.answers.clear()
    assert workspace.calls_again(record, changed, declared.revision, judgement) is counts
