"""The exit code of a run: one number for all that happened."""

import itertools
from datetime import date

import pytest

from apply_world import OPENAI, PRODUCTION, ROUTER
from fakes import EPOCH
from ftops.application.outcome import Outcome, Step, worst_code
from ftops.domain.attempts import JobStatus
from ftops.domain.events import JobObserved
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.manifest import FineTuneName, JobId, ModelId, Revision
from ftops.domain.plan import Blocker, Deferred, DeleteModel, Evaluate, Plan, Promote, Reason, Refusal, Withheld
from ftops.domain.records import Target
from ftops.errors import BackendError, Interrupted, LedgerForbidden, MissingKey, Refused, Stale, Unauthorized

PRECEDENCE = (130, 9, 2, 6, 5, 1, 7, 4, 8)
REVISION = Revision("a" * 12)
MODEL = ModelId("ft:one")
EVALUATE = Evaluate(
    id="evaluate:1", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.NOT_EVALUATED, revision=REVISION,
    evaluation="quality", digest="d", model=MODEL, calls=1,
)  # fmt: skip
WITHHELD = Withheld(
    fine_tune=ROUTER, backend=OPENAI.name, revision=REVISION, alias=PRODUCTION,
    judgement=Judgement(model=MODEL, revision=REVISION, backend=OPENAI.name, verdict=Verdict.FAIL, has_gate=True),
)  # fmt: skip
DELETE = DeleteModel(
    id="delete:1", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.RETENTION, revision=REVISION,
    job=JobId("j"), attempt=1, model=MODEL,
)  # fmt: skip
DEFERRED = Deferred(fine_tune=ROUTER, backend=OPENAI.name, revision=REVISION, what="training", waits_for="job 1")


def plan(**parts: object) -> Plan:
    return Plan(project="acme", today=date(2026, 11, 21), commit=None, **parts)  # type: ignore[arg-type]


def ended(status: JobStatus) -> JobObserved:
    return JobObserved(
        at=EPOCH, fine_tune=ROUTER, revision=REVISION, backend=OPENAI.name, attempt=1, job="j", status=status
    )


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(PRECEDENCE, 2)))
def test_the_first_of_the_list_counts(first: int, second: int) -> None:
    assert worst_code([second, first]) == worst_code([first, second, 0]) == first


def test_nothing_is_done_well() -> None:
    assert worst_code([]) == Outcome().code == Outcome(plan=plan()).code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BackendError("x"), 1),
        (Refused("x"), 5),
        (Stale("x"), 6),
        (Unauthorized("x", status=401), 9),
        (MissingKey("x"), 9),
        (LedgerForbidden("x"), 9),
        (Interrupted("x"), 130),
    ],
)
def test_errors_lead_to_their_codes_in_a_step_or_at_the_end(error: BackendError, code: int) -> None:
    assert Outcome(steps=[Step(action=EVALUATE, error=error)]).code == code
    assert Outcome(stopped_by=error).code == code


@pytest.mark.parametrize(("status", "code"), [("failed", 7), ("succeeded", 0), ("cancelled", 0)])
def test_a_job_that_failed_now_is_7(status: str, code: int) -> None:
    assert Outcome(ended_jobs=[ended(JobStatus(status))]).code == code


def test_what_the_last_plan_says() -> None:
    blocked = plan(blockers=(Blocker(fine_tune=ROUTER, message="x"),))
    refused = plan(refusals=(Refusal(fine_tune=ROUTER, guard="budget", message="x"),))
    assert Outcome(plan=blocked).code == 2
    assert Outcome(plan=refused).code == 5
    assert Outcome(plan=plan(deferred=(DEFERRED,)), left_waiting=True).code == 8
    assert Outcome(plan=plan(deferred=(DEFERRED,))).code == 0


def test_a_withheld_promotion_is_4_only_where_this_run_met_it() -> None:
    withheld = plan(withheld=(WITHHELD,))
    assert Outcome(plan=withheld).code == 0
    assert Outcome(plan=withheld, declared_anew=frozenset({ROUTER})).code == 4
    assert Outcome(plan=withheld, declared_anew=frozenset({FineTuneName("other")})).code == 0
    assert Outcome(plan=withheld, steps=[Step(action=DELETE)]).code == 0
    assert Outcome(plan=withheld, steps=[Step(action=EVALUATE)]).code == 4


def test_an_alias_that_waits_for_an_evaluation_in_error_is_4_where_this_run_made_it() -> None:
    promote = Promote(
        id="promote:1", fine_tune=ROUTER, backend=OPENAI.name, reason=Reason.GATES_PASSED, revision=REVISION,
        after=(EVALUATE.id,), alias=PRODUCTION, was=None, is_conditional=True,
        target=Target(backend=OPENAI.name, revision=REVISION, model=MODEL),
    )  # fmt: skip
    waiting = plan(actions=(EVALUATE, promote))
    assert Outcome(plan=waiting).code == 0
    assert Outcome(plan=waiting, steps=[Step(action=EVALUATE)]).code == 4
    assert Outcome(plan=waiting, steps=[Step(action=EVALUATE, error=BackendError("x"))]).code == 1


def test_touched_names_what_something_happened_to() -> None:
    outcome = Outcome(
        steps=[Step(action=EVALUATE)],
        ended_jobs=[ended(JobStatus.SUCCEEDED)],
        plan=plan(withheld=(WITHHELD,), deferred=(DEFERRED,)),
    )
    assert outcome.touched() == [ROUTER]
    assert Outcome().touched() == []


def test_what_a_stopped_run_leaves_is_told_and_what_an_ended_one_leaves_is_not() -> None:
    left = plan(actions=(EVALUATE,))
    for outcome in (Outcome(plan=left, stopped_by=Interrupted("x")), Outcome(plan=left, left_waiting=True)):
        assert (outcome.undone(), outcome.touched()) == ([EVALUATE], [ROUTER])
        outcome.steps.append(Step(action=EVALUATE))
        assert outcome.undone() == []
    assert Outcome(plan=left).undone() == []
    assert Outcome(stopped_by=Interrupted("x")).undone() == []
