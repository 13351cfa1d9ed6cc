"""A run with a plan that reviewers approved: refused before it begins, and held to it in every round."""

import json
from dataclasses import replace

import pytest

from apply_world import World
from ftops.application.reconcile import Settings
from ftops.application.saved_plan import check_approved
from ftops.cli.approval import approved_plan
from ftops.domain.approval import Approval
from ftops.domain.attempts import JobStatus
from ftops.domain.plan import Evaluate, Plan, Promote, Train, Upload
from ftops.domain.plan_json import plan_to_json
from ftops.errors import Stale, UsageProblem


def settings_of(*plans: Plan) -> Settings:
    return Settings(approval=Approval.of(json.loads(json.dumps(plan_to_json(plan))) for plan in plans))


def cheaper(plan: Plan) -> Plan:
    return replace(
        plan,
        actions=tuple(
            replace(a, estimate=replace(a.estimate, usd=a.estimate.usd / 2)) if isinstance(a, Train) else a  # type: ignore[operator]
            for a in plan.actions
        ),
    )


def test_what_was_approved_runs_to_its_end() -> None:
    world = World()
    declared = world.declare()
    settings = settings_of(world.plan(declared))
    outcome = world.apply(declared, settings=settings)
    assert (outcome.code, outcome.stopped_by, world.target()) == (0, None, declared.revision)


def test_what_goes_beyond_it_is_refused_before_a_word_is_written() -> None:
    world = World()
    declared = world.declare()
    now = world.plan(declared)
    with pytest.raises(Stale, match=r"goes beyond the plan that was approved: router on openai would cost \$0\.\d{4}"):
        approved_plan(
            world.workspace(declared), None, settings_of(cheaper(now)), is_asking=False, show=lambda _plan: "shown"
        )
    uploads = replace(now, actions=tuple(a for a in now.actions if isinstance(a, Upload)))
    with pytest.raises(Stale, match="approved: to train: router on openai; to evaluate: router on openai"):
        check_approved(Approval.of([plan_to_json(uploads)]), now)
    assert world.state.project is None
    assert not world.backend.all_jobs


def test_of_many_things_some_are_named() -> None:
    world = World()
    plan = world.plan(*(world.declare(f"one-{n:02d}", seed=n) for n in range(12)))
    with pytest.raises(Stale, match=r"; and \d+ more$"):
        check_approved(Approval(), plan)


def test_a_plan_of_another_project_approves_nothing() -> None:
    world = World()
    plan = world.plan(world.declare())
    with pytest.raises(UsageProblem, match="not of acme"):
        check_approved(Approval.of([plan_to_json(replace(plan, project="other"))]), plan)


def test_a_later_round_does_not_start_what_was_not_approved() -> None:
    world = World()
    declared = world.declare()
    plan = world.plan(declared)
    unpromoted = replace(plan, actions=tuple(a for a in plan.actions if not isinstance(a, Promote)))
    outcome = world.apply(declared, settings=settings_of(unpromoted))
    assert outcome.code == 6
    assert "to promote to production: router on openai" in str(outcome.stopped_by)
    assert world.target() is None
    assert [type(step.action) for step in outcome.steps if isinstance(step.action, Evaluate)]
    assert len(world.surviving(declared)) == 1


def test_a_failed_job_is_tried_again_by_policy() -> None:
    world = World()
    declared = world.declare(retries=1)
    settings = settings_of(world.plan(declared))
    world.backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "try again")
    assert world.apply(declared, settings=settings).code == 7
    assert len(world.jobs_of(declared)) == 2
