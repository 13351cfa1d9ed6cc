"""One job: the intent protocol, branch by branch. Every test counts the jobs that the backend has in the end."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from apply_world import BASE_MODEL, MINE, NEWER, OPENAI, TWIN, World, errors_of, said_of
from fakes import EPOCH, FakeLedger, Fault
from ftops.application.agenda import POSTPONEMENTS
from ftops.application.outcome import Outcome
from ftops.application.reconcile import Settings
from ftops.application.saved_plan import plan_now
from ftops.application.train import TAKE_OVER_SECONDS, TRIES
from ftops.application.uploads import declaration
from ftops.domain.attempts import Closed, Intent, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import CommitApplied, Intended, IntentClosed, JobRecorded, Started
from ftops.errors import AnswerLost, LedgerUnreachable, Stale, Unauthorized

NO_WAIT = Settings(is_waiting=False)
OTHER_OWNER = "elsewhere/7/7"


def intents(world: World, declared: Declared) -> tuple[Intent, ...]:
    attempts = world.record(declared.name).revisions[declared.revision].on(declared.backend.name)
    return tuple(intent for attempt in attempts for intent in attempt.intents)


def closings(world: World, declared: Declared) -> list[str]:
    return [str(intent.closed) for intent in intents(world, declared)]


def leave_intent(world: World, declared: Declared, *, owner: str = OTHER_OWNER, intent: str = "theirs") -> None:
    """What a run leaves behind that ended between its claim and its record."""
    events = [*declaration(world.workspace(declared), declared), claim(declared, owner=owner, intent=intent)]
    if world.state.project is None:
        world.ledger.record([Started(at=EPOCH, project="acme", ledger_id="ours")])
    world.ledger.record(events)


def claim(declared: Declared, *, owner: str = OTHER_OWNER, intent: str = "theirs") -> Intended:
    return Intended(
        at=EPOCH,
        fine_tune=declared.name,
        revision=declared.revision,
        backend=declared.backend.name,
        attempt=1,
        intent=intent,
        owner=owner,
    )


def close(declared: Declared, intent: str = "theirs") -> IntentClosed:
    return IntentClosed(
        at=EPOCH,
        fine_tune=declared.name,
        revision=declared.revision,
        backend=declared.backend.name,
        attempt=1,
        intent=intent,
        closed=Closed.REJECTED,
    )


def create_as(
    world: World, declared: Declared, *, intent: str = "theirs", ledger: str = "ours", attempt: str = "1"
) -> str:
    """What another run does at the backend: its job exists, whoever recorded it."""
    world.backend.world.calls.append("theirs")
    with world.datasets.content(declared.train) as content:
        file = world.backend.files.upload("theirs.jsonl", content)
    metadata = {
        "ftops_project": "acme",
        "ftops_ledger": ledger,
        "ftops_name": declared.name,
        "ftops_revision": declared.revision,
        "ftops_intent": intent,
        "ftops_attempt": attempt,
    }
    body = {"model": BASE_MODEL, "training_file": file.id, "suffix": declared.name}
    return world.backend.training.create(body, metadata).id


def at_phase(world: World, phase: str, action: Callable[[], object]) -> None:
    done: list[str] = []

    def on_update(_name: str, now: str) -> None:
        if now == phase and not done:
            done.append(now)
            action()

    world.said.on_update = on_update


def at_second(world: World, second: float, action: Callable[[], object]) -> None:
    done: list[float] = []

    def on_sleep(_seconds: float) -> None:
        if world.clock.monotonic() >= second and not done:
            done.append(second)
            action()

    world.clock.on_sleep.append(on_sleep)


def at_create(world: World, action: Callable[[], object]) -> None:
    """Does something the moment the POST arrives."""
    original = world.backend.world.begin

    def begin(operation: str) -> Fault | None:
        if operation == "create":
            action()
        return original(operation)

    world.backend.world.begin = begin  # type: ignore[method-assign]


def assert_one_job(world: World, declared: Declared) -> None:
    assert [job.status for job in world.surviving(declared)] == [JobStatus.SUCCEEDED]
    assert world.target() == declared.revision
    tip = world.ledger.read().tip
    again = world.apply(declared)
    assert (again.code, again.steps, world.ledger.read().tip) == (0, [], tip)


# What became of the POST.


def test_a_lost_answer_whose_job_was_made_is_found_within_the_settle_time() -> None:
    world = World()
    declared = world.declare()
    world.backend.drop_after("create")
    outcome = world.apply(declared)
    assert outcome.code == 0
    assert (world.count("create"), len(world.backend.all_jobs)) == (1, 1)
    assert closings(world, declared) == ["job"]
    assert "looking whether it was made" in world.said.text
    assert_one_job(world, declared)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_5xx_after_which_no_job_shows_is_tried_again_under_the_next_intent(status: int) -> None:
    world = World()
    declared = world.declare()
    world.backend.answer_status("create", status)
    assert world.apply(declared).code == 0
    assert [(i.number, str(i.closed)) for i in intents(world, declared)] == [(1, "lost"), (2, "job")]
    assert len(world.backend.all_jobs) == 1
    assert world.clock.monotonic() >= OPENAI.settle_seconds
    assert_one_job(world, declared)


def test_a_dropped_connection_waits_for_the_settle_time_of_its_backend() -> None:
    world = World()
    declared = world.declare(backend=replace(OPENAI, settle_seconds=300.0))
    world.backend.drop_before("create")
    world.apply(declared, settings=NO_WAIT)
    assert 300 <= world.clock.monotonic() < 310


def test_a_rehearsal_settles_at_once() -> None:
    world = World()
    declared = world.declare(backend=TWIN)
    world.backend.drop_before("create")
    world.apply(declared, settings=NO_WAIT)
    assert world.clock.monotonic() == 0
    assert closings(world, declared) == ["lost", "job"]


@pytest.mark.parametrize("lag", [1, 5, 25])
def test_a_list_that_lags_shows_the_job_in_time(lag: int) -> None:
    world = World(list_lag=lag)
    declared = world.declare()
    world.backend.drop_after("create")
    assert world.apply(declared).code == 0
    assert len(world.backend.all_jobs) == 1
    assert_one_job(world, declared)


def test_a_list_that_lags_longer_than_the_settle_time_leaves_a_surplus_that_is_cancelled_and_said() -> None:
    world = World(list_lag=40, stage_seconds=1000.0)
    declared = world.declare()
    world.backend.drop_after("create")
    outcome = world.apply(declared)
    assert len(world.backend.all_jobs) == 2
    assert [job.status.value for job in world.jobs_of(declared)] == ["cancelled", "succeeded"]
    assert any("(duplicate)" in said for said in said_of(outcome, "Cancel"))
    assert_one_job(world, declared)


def test_a_backend_in_trouble_while_settling_is_asked_until_the_time_is_up() -> None:
    world = World()
    declared = world.declare()
    world.backend.drop_after("create")
    at_create(world, lambda: world.backend.answer_status("list_jobs", 500, times=10))
    assert world.apply(declared).code == 0
    assert (world.count("create"), len(world.backend.all_jobs)) == (1, 1)
    assert_one_job(world, declared)


def test_a_backend_that_stays_in_trouble_leaves_the_intent_open_for_the_next_run() -> None:
    world = World()
    declared = world.declare()
    world.backend.drop_after("create")
    at_create(world, lambda: world.backend.answer_status("list_jobs", 500, times=100))
    outcome = world.apply(declared)
    assert outcome.code == 1
    assert closings(world, declared) == ["None"]
    world.backend.world.faults.clear()
    assert world.apply(declared).code == 0
    assert_one_job(world, declared)


def test_answers_lost_again_and_again_end_in_exit_1_and_no_job() -> None:
    world = World()
    declared = world.declare()
    world.backend.inject("create", AnswerLost("gone"), times=50)
    outcome = world.apply(declared)
    assert (outcome.code, world.count("create"), len(world.backend.all_jobs)) == (1, TRIES, 0)
    assert closings(world, declared) == ["lost"] * TRIES
    world.backend.world.faults.clear()
    assert world.apply(declared).code == 0
    assert_one_job(world, declared)


def test_throttling_and_a_refused_connection_created_nothing() -> None:
    world = World()
    declared = world.declare()
    world.backend.answer_status("create", 429, times=3)
    posts: list[float] = []
    at_create(world, lambda: posts.append(world.clock.monotonic()))
    assert world.apply(declared).code == 0
    assert closings(world, declared) == ["unsent"] * 3 + ["job"]
    assert [i.number for i in intents(world, declared)] == [1, 2, 3, 4]
    rests = [after - before for before, after in itertools.pairwise(posts)]
    assert [rest >= least for rest, least in zip(rests, (2, 4, 8), strict=True)] == [True] * 3
    assert_one_job(world, declared)


def test_throttling_that_does_not_end_is_given_up() -> None:
    world = World()
    world.backend.answer_status("create", 429, times=50)
    outcome = world.apply()
    assert (outcome.code, world.count("create"), len(world.backend.all_jobs)) == (1, 1 + POSTPONEMENTS, 0)


@pytest.mark.parametrize(("status", "code"), [(400, 1), (404, 1), (422, 1), (401, 9), (403, 9)])
def test_a_4xx_closes_the_intent_with_its_error_and_is_not_repeated(status: int, code: int) -> None:
    world = World()
    declared = world.declare()
    world.backend.answer_status("create", status, times=5)
    outcome = world.apply(declared)
    assert (outcome.code, world.count("create"), len(world.backend.all_jobs)) == (code, 1, 0)
    (intent,) = intents(world, declared)
    assert (intent.closed, intent.message) == (Closed.REJECTED, f"refused ({status})")
    world.backend.world.faults.clear()
    assert world.apply(declared).code == 0
    assert [i.number for i in intents(world, declared)] == [1, 2]


def test_a_4xx_after_a_take_over_is_not_repeated_either() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    world.backend.answer_status("create", 400, times=5)
    outcome = world.apply(declared)
    assert (outcome.code, world.count("create")) == (1, 1)
    assert closings(world, declared) == ["taken_over", "rejected"]


def test_a_job_that_failed_before_its_lost_answer_was_found_counts_as_failed_now() -> None:
    world = World()
    declared = world.declare()
    world.backend.outcomes["router"] = (JobStatus.FAILED, "invalid_file", "row 3 is off")
    world.backend.drop_after("create")
    at_phase(world, "train", world.backend.finish)
    original = world.backend.training.__class__.create

    def create_and_fail(self, body, metadata):  # type: ignore[no-untyped-def]
        try:
            return original(self, body, metadata)
        finally:
            world.backend.finish()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.backend.training.__class__, "create", create_and_fail)
        outcome = world.apply(declared)
    assert (outcome.code, len(world.backend.all_jobs)) == (7, 1)
    assert [e.status.value for e in outcome.ended_jobs] == ["failed"]
    assert world.apply(declared).code == 0
    assert len(world.backend.all_jobs) == 1


# What other runs do.


def test_a_claim_lost_is_left_to_the_winner_and_its_job_followed() -> None:
    world = World()
    declared = world.declare()

    def race(ledger: FakeLedger) -> None:
        # They claim first; they create and record their job while we look on.
        ledger.record([*declaration(world.workspace(declared), declared), claim(declared)])

    at_phase(world, "train", lambda: world.ledger.before_record.append(race))
    at_second(world, 20, lambda: create_as(world, declared, ledger=ledger_id(world)))
    outcome = world.apply(declared)
    assert any("left to another run" in said for said in said_of(outcome, "Train"))
    assert (outcome.code, len(world.backend.all_jobs)) == (0, 1)
    assert_one_job(world, declared)


def ledger_id(world: World) -> str:
    return world.state.project.ledger_id if world.state.project else ""


def test_an_intent_of_an_owner_that_may_live_is_waited_for_150_seconds_after_it_was_first_seen() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    world.clock.advance(10_000)  # its age by its owner's clock says nothing
    began = world.clock.monotonic()
    world.apply(declared, settings=NO_WAIT)
    assert TAKE_OVER_SECONDS <= world.clock.monotonic() - began < TAKE_OVER_SECONDS + 5
    assert closings(world, declared) == ["taken_over", "job"]
    assert len(world.backend.all_jobs) == 1


def test_a_dead_owner_shortens_the_wait_to_the_settle_time() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    world.dead.add(OTHER_OWNER)
    world.apply(declared, settings=NO_WAIT)
    assert OPENAI.settle_seconds <= world.clock.monotonic() < OPENAI.settle_seconds + 5
    assert len(world.backend.all_jobs) == 1


def test_a_new_intent_of_a_living_owner_has_its_own_150_seconds() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    second = claim(declared, intent="theirs-2")
    at_second(world, 100, lambda: world.ledger.record([close(declared), second]))
    # 100 s into our wait they try again, and their answer takes long: the job shows at 200 s.
    at_second(world, 200, lambda: create_as(world, declared, intent="theirs-2"))
    assert world.apply(declared).code == 0
    assert len(world.backend.all_jobs) == 1
    assert_one_job(world, declared)


def test_an_intent_closed_meanwhile_is_not_taken_over() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    at_second(world, 30, lambda: world.ledger.record([close(declared)]))
    world.apply(declared, settings=NO_WAIT)
    assert world.clock.monotonic() < 40
    assert closings(world, declared) == ["rejected", "job"]
    assert len(world.backend.all_jobs) == 1


def test_an_intent_closed_in_the_very_moment_of_taking_over_loses_the_claim_once() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    at_second(
        world,
        TAKE_OVER_SECONDS,
        lambda: world.ledger.before_record.append(lambda it: it.record([close(declared)])),
    )
    assert world.apply(declared).code == 0
    assert_one_job(world, declared)


def test_the_job_of_a_dead_runs_intent_is_adopted() -> None:
    world = World()
    declared = world.declare()
    leave_intent(world, declared)
    job = create_as(world, declared)
    outcome = world.apply(declared)
    assert (outcome.code, [j.id for j in world.backend.all_jobs]) == (0, [job])
    assert said_of(outcome, "Adopt") == [f"job {job}"]
    assert closings(world, declared) == ["job"]
    assert_one_job(world, declared)


def test_the_job_of_a_dead_runs_intent_is_found_although_lists_lag() -> None:
    world = World(list_lag=12)
    declared = world.declare()
    leave_intent(world, declared)
    world.dead.add(OTHER_OWNER)
    create_as(world, declared)
    outcome = world.apply(declared)
    assert (outcome.code, len(world.backend.all_jobs)) == (0, 1)
    assert_one_job(world, declared)


def test_an_adopted_job_that_failed_is_what_became_of_its_intent() -> None:
    world = World(stage_seconds=None)
    declared = world.declare()
    leave_intent(world, declared)
    create_as(world, declared)
    world.backend.outcomes["router"] = (JobStatus.FAILED, "invalid_file", "row 3 is off")
    world.backend.finish()
    outcome = world.apply(declared)
    assert (outcome.code, len(world.backend.all_jobs)) == (7, 1)
    assert closings(world, declared) == ["job"]


def test_the_job_of_another_ledger_or_a_later_attempt_is_not_ours_to_find() -> None:
    world = World()
    declared = world.declare()
    world.ledger.record([Started(at=EPOCH, project="acme", ledger_id="ours")])

    def strange() -> None:
        create_as(world, declared, ledger="theirs")
        create_as(world, declared, attempt="2")

    at_phase(world, "train", strange)
    world.apply(declared, settings=NO_WAIT)
    assert world.count("create") == 3
    ours = {job.id for *_, job in world.record().jobs()}
    assert all(job.metadata["ftops_ledger"] == "ours" for job in world.backend.all_jobs if job.id in ours)


def test_metadata_is_checked_again_where_the_backend_ignores_the_filter() -> None:
    world = World(ignores_filter=True)
    other, declared = world.declare("other", seed=2), world.declare()
    world.apply(other, settings=NO_WAIT)
    outcome = world.apply(other, declared)
    assert outcome.code == 0
    assert len(world.backend.all_jobs) == 2
    assert {job.metadata["ftops_name"] for job in world.jobs_of(declared)} == {"router"}


def test_a_job_recorded_first_by_another_run_makes_ours_the_surplus_that_is_cancelled() -> None:
    world = World(stage_seconds=1000.0)
    declared = world.declare()

    def they_record_theirs_first(ledger: FakeLedger) -> None:
        theirs = create_as(world, declared, ledger=ledger_id(world))
        event = JobRecorded(
            at=EPOCH,
            fine_tune=declared.name,
            revision=declared.revision,
            backend=declared.backend.name,
            attempt=1,
            job=theirs,
            status=JobStatus.QUEUED,
        )
        ledger.record([event])

    original = world.ledger.record_eventually

    def record_eventually(events):  # type: ignore[no-untyped-def]
        if any(isinstance(e, JobRecorded) for e in events) and world.count("theirs") == 0:
            they_record_theirs_first(world.ledger)
        return original(events)

    world.ledger.record_eventually = record_eventually  # type: ignore[method-assign]
    outcome = world.apply(declared, settings=NO_WAIT)
    (said,) = said_of(outcome, "Train")
    assert "of another run; ours" in said
    assert "was cancelled" in said
    assert sorted(job.status.value for job in world.jobs_of(declared)) == ["cancelled", "validating_files"]
    assert world.apply(declared).code == 0
    assert_one_job(world, declared)


def test_a_job_made_twice_by_one_post_is_detected_and_cancelled() -> None:
    world = World(stage_seconds=1000.0)
    declared = world.declare()
    duplicate_posts(world)
    outcome = world.apply(declared)
    assert len(world.backend.all_jobs) == 2
    assert any("(duplicate)" in said for said in said_of(outcome, "Cancel"))
    assert sorted(job.status.value for job in world.jobs_of(declared)) == ["cancelled", "succeeded"]
    assert outcome.code == 0
    assert_one_job(world, declared)


def duplicate_posts(world: World) -> None:
    """A proxy on the way sends the next POST twice."""
    training = world.backend.training.__class__

    class Twice(training):  # type: ignore[misc,valid-type]
        def create(self, body, metadata):  # type: ignore[no-untyped-def]
            job = super().create(body, metadata)
            if len(world.backend.all_jobs) == 1:
                super().create(body, metadata)
            return job

    kind = type(world.backend)

    class Doubling(kind):  # type: ignore[misc,valid-type]
        @property
        def training(self):  # type: ignore[no-untyped-def]
            return Twice(self)

    world.backend.__class__ = Doubling


# What the ledger does.


def test_a_claim_that_cannot_be_written_pays_nothing() -> None:
    world = World()
    declared = world.declare()
    original = world.ledger.record

    def record(events, guard=None):  # type: ignore[no-untyped-def]
        if any(isinstance(e, Intended) for e in events):
            raise LedgerUnreachable("the remote is gone")
        return original(events, guard)

    world.ledger.record = record  # type: ignore[method-assign]
    outcome = world.apply(declared)
    assert (outcome.code, world.count("create")) == (1, 0)
    assert errors_of(outcome) == ["router: the remote is gone"]
    world.ledger.record = original  # type: ignore[method-assign]
    assert world.apply(declared).code == 0
    assert_one_job(world, declared)


@pytest.mark.parametrize("lag", [0, 1000])
def test_a_job_that_cannot_be_recorded_is_kept_and_recorded_by_the_next_run(lag: int) -> None:
    world = World(list_lag=lag)
    declared = world.declare()
    before = world.backend.world.begin
    at_create(world, lambda: setattr(world.ledger, "is_unreachable", True))
    outcome = world.apply(declared)
    assert outcome.code == 1
    assert [type(event).__name__ for event in world.ledger.pending] == ["RevisionDeclared", "JobRecorded"]
    assert any(".ftops/pending" in str(step.error) for step in outcome.steps)
    world.backend.world.begin = before  # type: ignore[method-assign]
    world.ledger.is_unreachable = False
    assert world.apply(declared).code == 0
    assert (world.count("create"), world.ledger.pending) == (1, [])
    assert_one_job(world, declared)


def test_a_newer_commit_at_the_claim_is_exit_6_and_no_post() -> None:
    world = World()
    newer = CommitApplied(at=EPOCH, commit=NEWER, owner=OTHER_OWNER)
    at_phase(world, "train", lambda: world.ledger.record([newer]))
    outcome = world.apply()
    assert isinstance(outcome.stopped_by, Stale)
    assert (outcome.code, world.count("create")) == (6, 0)


def test_a_budget_that_others_used_up_refuses_the_claim() -> None:
    world = World()
    declared = world.declare()
    desired = world.desired(declared, training_budget_usd=0.05)
    workspace = world.workspace(desired=desired)
    plan = plan_now(workspace)
    spent = replace(declared, fine_tune=replace(declared.fine_tune))
    dear = Intended(
        at=EPOCH,
        fine_tune=spent.name,
        revision="f" * 12,  # type: ignore[arg-type]
        backend=spent.backend.name,
        attempt=1,
        intent="dear",
        owner=OTHER_OWNER,
        estimate_usd=0.05,
    )
    known = replace(declared, revision="f" * 12)  # type: ignore[arg-type]
    at_phase(world, "train", lambda: world.ledger.record([*declaration(workspace, known), dear]))
    outcome: Outcome = world.apply_in(workspace, approved=plan, settings=NO_WAIT)
    assert (outcome.code, world.count("create")) == (5, 0)
    assert "over budget" in errors_of(outcome)[0]


def test_an_interruption_while_settling_leaves_the_intent_for_the_next_run() -> None:
    world, stop = World(), threading.Event()
    declared = world.declare()
    world.backend.list_lag = 20
    world.backend.drop_after("create")
    at_second(world, 4, stop.set)
    outcome = world.apply(declared, stop=stop)
    assert outcome.code == 130
    assert closings(world, declared) == ["None"]
    assert world.apply(declared).code == 0
    assert len(world.backend.all_jobs) == 1
    assert_one_job(world, declared)


def test_a_file_that_is_gone_is_uploaded_again_before_the_claim() -> None:
    world = World()
    first, second = world.declare("first"), world.declare("second", seed=2)
    world.apply(first)
    world.backend.world.files.clear()
    world.clock.advance(2 * 3600)
    assert world.apply(first, second).code == 0
    assert world.count("upload") == 2
    assert len(world.jobs_of(second)) == 1


@pytest.mark.parametrize("has_validation", [False, True])
def test_a_file_deleted_right_after_its_upload_is_brought_again_once_a_job_is_refused_for_it(
    has_validation: bool,
) -> None:
    world = World()
    first = world.declare("first", has_validation=has_validation)
    second = world.declare("second", seed=2, has_validation=has_validation)
    world.apply(first)
    world.backend.world.files.clear()
    assert world.apply(first, second).code == 0
    assert world.count("upload") == (4 if has_validation else 2)
    assert len(world.jobs_of(second)) == 1
    assert closings(world, second) == ["rejected", "job"]


def test_a_refusal_that_no_lost_file_explains_is_not_repeated() -> None:
    world = World()
    declared = world.declare()
    world.backend.answer_status("create", 400)
    world.backend.answer_status("retrieve_file", 500)
    outcome = world.apply(declared)
    assert (outcome.code, world.count("create"), world.count("retrieve_file")) == (1, 1, 1)


def test_an_unauthorized_list_ends_in_9() -> None:
    world = World()
    workspace = world.workspace()
    plan = plan_now(workspace)
    world.backend.answer_status("list_jobs", 401, times=9)
    outcome = world.apply_in(workspace, approved=plan)
    assert isinstance(outcome.stopped_by, Unauthorized)
    assert (outcome.code, world.count("create")) == (9, 0)
    assert world.state.project is not None
    assert world.state.project.applied is not None
    assert world.state.project.applied.commit == MINE
