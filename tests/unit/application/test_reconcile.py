"""The loop: observe, plan, do, again; what ends it, what it repeats and what never."""

import errno
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import NoReturn

import pytest

from apply_world import (
    MINE,
    NEWER,
    OLD,
    OTHER,
    PRODUCTION,
    ROUTER,
    TWIN,
    World,
    answer_well,
    errors_of,
    said_of,
)
from fakes import EPOCH, FakeBackend, Fault
from ftops.application.observe import observe
from ftops.application.planning import make_plan
from ftops.application.reconcile import Apply, Settings
from ftops.application.saved_plan import plan_now
from ftops.domain.attempts import JobStatus
from ftops.domain.events import AliasMoved, CommitApplied, Started, TrainingBlocked
from ftops.domain.manifest import FineTuneName, JobId
from ftops.domain.plan import Train
from ftops.errors import (
    AnswerLost,
    LedgerForbidden,
    LocalStorageFailed,
    Rejected,
    Stale,
    TrainingNotAvailable,
    Unauthorized,
)

NO_WAIT = Settings(is_waiting=False)


def applied(commit: str) -> CommitApplied:
    return CommitApplied(at=EPOCH, commit=commit, owner="other/1/1")


def test_a_first_apply_trains_judges_and_promotes_and_a_second_writes_nothing() -> None:
    world = World()
    declared = world.declare(has_validation=True)
    outcome = world.apply(declared)
    assert (outcome.code, world.target()) == (0, declared.revision)
    assert [type(step.action).__name__ for step in outcome.steps] == [
        "Upload",
        "Upload",
        "Train",
        "Evaluate",
        "Promote",
    ]
    tip, calls = world.ledger.read().tip, len(world.backend.calls)
    again = world.apply(declared)
    assert (again.code, again.steps, world.ledger.read().tip) == (0, [], tip)
    assert set(world.backend.calls[calls:]) == {"list_jobs", "list_models"}
    assert len(world.backend.all_jobs) == 1


def test_the_applied_commit_is_recorded_before_the_first_upload() -> None:
    world = World()
    world.apply(world.declare())
    kinds = [type(event).__name__ for event in world.ledger.events]
    assert kinds.index("CommitApplied") < kinds.index("FileUploaded") < kinds.index("Intended")


def test_the_intent_is_written_before_the_post_and_carries_the_metadata() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    (job,) = world.backend.all_jobs
    intent = world.record().revisions[declared.revision].on(declared.backend.name)[0].intents[0]
    assert job.metadata == {
        "ftops_project": "acme",
        "ftops_ledger": world.state.project.ledger_id if world.state.project else "",
        "ftops_name": "router",
        "ftops_revision": declared.revision,
        "ftops_intent": intent.id,
        "ftops_attempt": "1",
    }


def test_one_failure_does_not_stop_the_others() -> None:
    world = World()
    good, bad = world.declare("good"), world.declare("bad", seed=2)
    world.backend.outcomes["bad"] = (JobStatus.FAILED, "invalid_file", "row 3 is off")
    outcome = world.apply(good, bad)
    assert outcome.code == 7
    assert (world.target("good"), world.target("bad")) == (good.revision, None)
    assert [(e.fine_tune, e.status.value) for e in outcome.ended_jobs] == [("bad", "failed"), ("good", "succeeded")]
    assert "row 3 is off" in world.said.text
    # The failure of that run is reported later, and is no failure of a later run.
    later = world.apply(good, bad)
    assert (later.code, later.steps) == (0, [])
    assert later.plan is not None
    assert any("row 3 is off" in notice.message for notice in later.plan.notices)


def test_a_call_that_fails_stops_only_its_fine_tune() -> None:
    world = World()
    world.backend.answer_status("create", 400)
    outcome = world.apply(world.declare("a"), world.declare("b", seed=2), settings=Settings(parallelism=1))
    assert outcome.code == 1
    assert [error.partition(":")[0] for error in errors_of(outcome)] == ["a"]
    assert world.target("b") is not None


def test_a_transient_failure_is_tried_again_as_often_as_the_policy_says() -> None:
    world = World()
    declared = world.declare(retries=1)
    world.backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "try again")
    outcome = world.apply(declared)
    assert [job.status.value for job in world.jobs_of(declared)] == ["failed", "succeeded"]
    assert [job.metadata["ftops_attempt"] for job in world.jobs_of(declared)] == ["1", "2"]
    assert world.target() == declared.revision
    assert outcome.code == 7


def test_a_transient_failure_that_nobody_heard_of_is_tried_again_by_the_run_that_finds_it() -> None:
    world = World()
    declared = world.declare(retries=1)

    class Gone(BaseException):
        """The process that made the job."""

    def create(body: object, metadata: object) -> None:
        world.backend.training.create(body, metadata)  # type: ignore[arg-type]
        raise Gone

    session = SimpleNamespace(
        **{name: getattr(world.backend, name) for name in ("base_url", "jobs", "files", "models")}
    )
    session.training = SimpleNamespace(create=create)
    with pytest.raises(Gone):
        world.apply(declared, session=session)
    world.backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "try again")
    world.backend.finish()
    assert world.apply(declared).code == 7
    assert [job.status.value for job in world.jobs_of(declared)] == ["failed", "succeeded"]
    assert world.target() == declared.revision


def test_a_run_makes_one_attempt_and_so_many_retries_and_the_next_run_none() -> None:
    world = World()
    declared = world.declare(retries=2)

    def fail_all(_seconds: float) -> None:
        world.backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "try again")

    world.clock.on_sleep.append(fail_all)
    fail_all(0)
    assert world.apply(declared).code == 7
    assert [job.metadata["ftops_attempt"] for job in world.jobs_of(declared)] == ["1", "2", "3"]
    again = world.apply(declared)
    assert (again.code, again.steps, len(world.jobs_of(declared))) == (0, [], 3)


def test_retries_end() -> None:
    world = World()
    declared = world.declare(retries=0)
    world.backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "try again")
    assert world.apply(declared).code == 7
    assert len(world.jobs_of(declared)) == 1


def test_a_training_that_nobody_approved_is_not_started() -> None:
    world = World()
    first, second = world.declare(seed=1), world.declare(seed=2)
    approved = world.plan(first)
    outcome = world.apply(second, approved=approved)
    assert world.count("create") == 0
    assert isinstance(outcome.stopped_by, Stale)
    assert outcome.code == 6


def test_a_run_starts_one_attempt_of_a_revision_though_another_run_cancels_it() -> None:
    world = World()
    twins = replace(world.declare(), backend=TWIN)
    other = replace(world.declare(seed=2), backend=TWIN)
    cancelled: list[str] = []

    def meddle(_seconds: float) -> None:
        # A run of other manifests in the same clone: on a rehearsal no commit stands between them.
        if world.jobs_of(twins) and not cancelled:
            cancelled.append("once")
            world.apply(other, settings=NO_WAIT)

    world.clock.on_sleep.append(meddle)
    outcome = world.apply(twins)
    assert [job.status.value for job in world.jobs_of(twins)] == ["cancelled"]
    assert outcome.code == 6


def test_nothing_is_waited_for_without_waiting_and_the_next_run_goes_on() -> None:
    world = World()
    declared = world.declare()
    outcome = world.apply(declared, settings=NO_WAIT)
    assert (outcome.code, outcome.left_waiting) == (8, True)
    assert world.clock.monotonic() == 0
    assert outcome.touched() == ["router"]
    outcome = world.apply(declared)
    assert (outcome.code, len(world.backend.all_jobs)) == (0, 1)
    assert world.target() == declared.revision


def test_a_time_limit_detaches() -> None:
    world = World(stage_seconds=10_000.0)
    outcome = world.apply(world.declare(), settings=Settings(seconds=60))
    assert outcome.code == 8
    assert 60 <= world.clock.monotonic() < 80
    assert world.backend.all_jobs[0].status is JobStatus.VALIDATING_FILES


def test_the_pauses_grow_while_nothing_happens() -> None:
    world = World(stage_seconds=10_000.0)
    world.apply(world.declare(), settings=Settings(seconds=600))
    assert world.count("progress") < 70
    rehearsal = World(stage_seconds=10_000.0)
    rehearsal.apply(replace(rehearsal.declare(), backend=TWIN), settings=Settings(seconds=60))
    assert rehearsal.count("progress") > 70


def test_an_interrupted_run_leaves_the_job_alone() -> None:
    world, stop = World(), threading.Event()
    world.clock.on_sleep.append(lambda _: stop.set())
    declared = world.declare()
    outcome = world.apply(declared, stop=stop)
    assert outcome.code == 130
    assert not world.backend.all_jobs[0].status.is_final
    assert world.count("cancel") == 0
    world.clock.on_sleep.clear()
    assert world.apply(declared).code == 0
    assert len(world.backend.all_jobs) == 1


def test_a_run_interrupted_while_a_step_runs_lets_it_record_itself() -> None:
    world, stop = World(), threading.Event()
    create = world.backend.world.begin

    def begin(operation: str) -> Fault | None:
        if operation == "create":
            stop.set()
        return create(operation)

    world.backend.world.begin = begin  # type: ignore[method-assign]
    declared = world.declare()
    outcome = world.apply(declared, stop=stop)
    assert outcome.code == 130
    assert [job.id for *_, job in world.record().jobs()] == [job.id for job in world.backend.all_jobs]
    assert len(said_of(outcome, "Train")) == 1


def test_a_backend_that_hangs_does_not_keep_an_interrupted_run() -> None:
    world, stop, hanging = World(), threading.Event(), threading.Event()
    workspace = world.workspace(stop=stop)
    plan = plan_now(workspace)

    class Hanging(FakeBackend):
        @property
        def models(self):  # type: ignore[no-untyped-def]
            stop.set()
            hanging.wait(60)
            return super().models

    slow = Hanging(clock=world.clock)
    workspace = replace(workspace, sessions=dict.fromkeys(workspace.sessions, slow))
    outcome = Apply(workspace=workspace, settings=Settings(), approved=plan).run()
    hanging.set()
    assert outcome.code == 130


@pytest.mark.parametrize("commit", [OLD, MINE, None])
def test_a_commit_that_ours_contains_does_not_stop_us(commit: str | None) -> None:
    world = World()
    world.ledger.record(
        [Started(at=EPOCH, project="acme", ledger_id="l1"), CommitApplied(at=EPOCH, commit=commit, owner="o")]
    )
    assert world.apply().code == 0


def test_a_newer_commit_before_the_first_write_stops_the_run() -> None:
    world = World()
    workspace = world.workspace()
    plan = plan_now(workspace)
    world.ledger.record([Started(at=EPOCH, project="acme", ledger_id="l1"), applied(NEWER)])
    outcome = world.apply_in(workspace, approved=plan)
    assert (outcome.code, outcome.steps) == (6, [])
    assert world.count("create") == world.count("upload") == 0


@pytest.mark.parametrize(
    ("phase", "forbidden"), [("upload", ["upload", "create"]), ("train", ["create"]), ("promote", [])]
)
def test_a_newer_commit_during_the_run_ends_it_and_nothing_more_is_started(phase: str, forbidden: list[str]) -> None:
    world = World()
    declared = world.declare()

    def newer(_name: str, now: str) -> None:
        if now == phase:
            world.ledger.record([applied(NEWER)])

    world.said.on_update = newer
    outcome = world.apply(declared)
    assert outcome.code == 6
    assert all(world.count(operation) == 0 for operation in forbidden)
    assert ROUTER not in world.state.fine_tunes or world.target() is None


def test_a_newer_commit_while_the_job_runs_ends_the_run() -> None:
    world = World(stage_seconds=10_000.0)
    world.clock.on_sleep.append(lambda _: world.ledger.record([applied(NEWER)]))
    outcome = world.apply()
    assert outcome.code == 6
    assert world.clock.monotonic() < 60
    assert world.count("cancel") == 0


def test_a_newer_commit_between_a_cancels_record_and_its_sending_keeps_the_job() -> None:
    world = World(stage_seconds=10_000.0)
    world.apply(world.declare(seed=1), settings=NO_WAIT)
    world.repository.commit = NEWER
    world.repository.line = (OLD, MINE, NEWER, "4" * 40)
    second = world.declare(seed=2)
    workspace = world.workspace(desired=world.desired(second, commit=NEWER))
    original = world.ledger.record

    def record(events, guard=None):  # type: ignore[no-untyped-def]
        snapshot = original(events, guard)
        if any(type(e).__name__ == "CancelRecorded" and e.reason for e in events):
            original([applied("4" * 40)])
        return snapshot

    world.ledger.record = record  # type: ignore[method-assign]
    outcome = world.apply_in(workspace, settings=NO_WAIT)
    assert outcome.code == 6
    assert world.count("cancel") == 0
    assert [type(e).__name__ for e in world.ledger.events].count("CancelRecorded") == 2
    assert all(job.cancel is None for *_, job in world.record().jobs())


def test_a_changed_manifest_cancels_its_old_job_and_its_revision_trains_again_when_it_comes_back() -> None:
    world = World(stage_seconds=10_000.0)
    first, second = world.declare(seed=1), world.declare(seed=2)
    world.apply(first, settings=NO_WAIT)
    outcome = world.apply(second, settings=NO_WAIT)
    assert said_of(outcome, "Cancel") == [f"job {world.jobs_of(first)[0].id} of revision {first.revision} (superseded)"]
    assert [job.status.value for job in world.jobs_of(first)] == ["cancelled"]
    world.apply(first, settings=NO_WAIT)
    assert [job.metadata["ftops_attempt"] for job in world.jobs_of(first)] == ["1", "2"]
    assert [job.status.value for job in world.jobs_of(second)] == ["cancelled"]


def test_a_job_that_succeeded_before_its_cancel_counts_as_trained() -> None:
    world = World(stage_seconds=None)
    first, second = world.declare(seed=1), world.declare(seed=2)
    world.apply(first, settings=NO_WAIT)
    workspace = world.workspace(second)
    plan = plan_now(workspace)
    world.said.on_update = lambda _name, phase: world.backend.finish() if phase == "cancel" else None
    outcome = world.apply_in(workspace, approved=plan, settings=NO_WAIT)
    assert "counts as trained" in said_of(outcome, "Cancel")[0]
    world.said.on_update = None
    assert world.apply(first).code == 0
    assert (len(world.jobs_of(first)), world.target()) == (1, first.revision)


def test_on_superseded_finish_lets_the_old_job_end() -> None:
    world = World()
    world.apply(world.declare(seed=1), settings=NO_WAIT)
    assert world.apply(world.declare(seed=2, on_superseded="finish")).code == 0
    assert world.count("cancel") == 0


def test_a_rename_comes_first_and_does_not_retrain() -> None:
    world = World()
    world.apply(world.declare("old"))
    renamed = world.declare("new", moved_from=("old",), aliases={"production": "latest", "staging": "latest"})
    plan = world.plan(renamed)
    move = next(a for a in plan.actions if type(a).__name__ == "Move")
    assert all(move.id in a.after for a in plan.actions if a is not move)
    outcome = world.apply(renamed)
    assert [type(s.action).__name__ for s in outcome.steps] == ["Move", "Promote"]
    assert (outcome.code, world.count("create"), world.target("new", "staging")) == (0, 1, renamed.revision)
    assert world.state.named(FineTuneName("old")) is world.record("new")


def test_a_rename_together_with_a_new_revision_keeps_the_history() -> None:
    world = World()
    first = world.declare("old")
    world.apply(first)
    outcome = world.apply(world.declare("new", seed=2, moved_from=("old",)))
    assert outcome.code == 0
    assert list(world.state.fine_tunes) == ["new"]
    assert first.revision in world.record("new").revisions


def test_a_job_of_the_former_name_is_found() -> None:
    world = World()
    world.apply(world.declare("old"), settings=NO_WAIT)
    renamed = world.declare("new", moved_from=("old",))
    assert world.apply(renamed).code == 0
    assert world.count("create") == 1


def test_a_gate_that_withholds_gives_4_only_in_the_run_that_met_it() -> None:
    world = World(answer=lambda request: "wrong")
    declared = world.declare(least=0.9)
    outcome = world.apply(declared)
    assert (outcome.code, world.target()) == (4, None)
    assert outcome.plan is not None
    assert [entry.alias for entry in outcome.plan.withheld] == [PRODUCTION]
    later = world.apply(declared)
    assert (later.code, later.steps) == (0, [])
    # A commit that declares it anew meets the gate anew, without a call; one that changes others does not.
    chats = world.count("chat")
    raised = world.declare(least=0.95)
    files = ({raised.fine_tune.path}, {"finetunes/other.yaml"}, None)
    for number, (changed, code) in enumerate(zip(files, (4, 0, 4), strict=True)):
        commit = f"{number:040x}"
        world.repository.line += (commit,)
        world.repository.changed = None if changed is None else frozenset(changed)
        newer = world.apply(desired=world.desired(raised, commit=commit))
        assert (newer.code, world.count("chat")) == (code, chats)


def test_an_alias_stays_where_it_is_when_its_gate_is_raised() -> None:
    world = World()
    world.apply(world.declare(least=0.5))
    calls = world.count("chat")
    raised = world.declare(least=1.1)
    outcome = world.apply(desired=world.desired(raised, commit=NEWER))
    assert (outcome.code, world.count("chat"), world.target()) == (0, calls, raised.revision)
    assert outcome.plan is not None
    assert any("would not pass its gates now" in notice.message for notice in outcome.plan.notices)


def test_a_lowered_gate_promotes_from_recorded_scores_and_remembers_that_it_passed() -> None:
    world = World(answer=lambda request: answer_well(request) if "1" in answer_well(request) else "wrong")
    assert world.apply(world.declare(least=0.9)).code == 4
    calls, lowered = world.count("chat"), world.declare(least=0.1)
    outcome = world.apply(lowered)
    assert (outcome.code, world.count("chat"), world.target()) == (0, calls, lowered.revision)
    assert [passed.revision for passed in world.record().passed] == [lowered.revision]


def test_an_evaluation_that_ends_in_error_withholds_and_is_made_once_in_a_run() -> None:
    world = World()
    declared = world.declare()
    world.backend.inject("chat", Rejected("unknown parameter", status=400, code="unsupported"), times=1)
    outcome = world.apply(declared)
    assert (outcome.code, world.target()) == (4, None)
    assert len(said_of(outcome, "Evaluate")) == 1
    calls = world.count("chat")
    again = world.apply(declared)
    assert (again.code, world.target(), world.count("chat")) == (0, declared.revision, calls + 1)


def test_a_training_whose_upload_failed_was_approved_all_the_same() -> None:
    world = World()
    declared = world.declare()
    world.backend.inject("upload", Rejected("the file is too large", status=413), times=1)
    outcome = world.apply(declared)
    assert (outcome.code, outcome.stopped_by, world.count("create")) == (1, None, 0)
    assert errors_of(outcome) == ["router: the file is too large"]
    assert world.apply(declared).code == 0


def test_scores_that_the_ledger_refuses_are_no_verdict() -> None:
    world = World()
    declared = world.declare()
    write = world.ledger.record

    def forbid(_name: str, phase: str) -> None:
        if phase == "evaluating":
            world.ledger.record = forbidden  # type: ignore[method-assign]

    def forbidden(*_arguments: object, **_options: object) -> NoReturn:
        raise LedgerForbidden("no permission to push", remedy="grant contents: write")

    world.said.on_update = forbid
    outcome = world.apply(declared)
    assert (outcome.code, world.target()) == (9, None)
    assert errors_of(outcome) == [
        "router: no permission to push; the scores are kept in .ftops/pending, for the next run to write"
    ]
    world.said.on_update = lambda _name, _phase: None
    world.ledger.record = write  # type: ignore[method-assign]
    calls = world.count("chat")
    assert (world.apply(declared).code, world.target(), world.count("chat")) == (0, declared.revision, calls)


def test_without_gates_a_trained_model_is_promoted() -> None:
    world = World()
    declared = world.declare(has_eval=False)
    assert (world.apply(declared).code, world.target()) == (0, declared.revision)


def test_a_revert_goes_back_without_training_or_calling() -> None:
    world = World()
    first, second = world.declare(seed=1), world.declare(seed=2)
    world.apply(first)
    world.apply(second)
    calls = (world.count("create"), world.count("chat"))
    assert (world.apply(first).code, world.target()) == (0, first.revision)
    assert (world.count("create"), world.count("chat")) == calls


def test_a_pin_moves_back_and_a_removed_line_retires() -> None:
    world = World()
    first, second = world.declare(seed=1), world.declare(seed=2)
    world.apply(first)
    world.apply(second)
    pinned = world.declare(seed=2, aliases={"production": first.revision})
    assert (world.apply(pinned).code, world.target()) == (0, first.revision)
    outcome = world.apply(world.declare(seed=2, aliases={}))
    assert (outcome.code, said_of(outcome, "Promote"), world.target()) == (0, ["production retired"], None)


def test_an_alias_moved_meanwhile_by_somebody_else_is_not_overwritten() -> None:
    world = World()
    first, second = world.declare(seed=1), world.declare(seed=2)
    world.apply(first)
    workspace = world.workspace(second)

    def retire(_name: str, phase: str) -> None:
        if phase == "promote" and (was := world.record().target_of(PRODUCTION)):
            event = AliasMoved(
                at=EPOCH, fine_tune=ROUTER, alias=PRODUCTION, target=None, was=was, reason="alias_removed"
            )
            world.ledger.record([event])

    world.said.on_update = retire
    outcome = world.apply_in(workspace)
    assert outcome.code == 5
    assert world.target() is None


@pytest.mark.parametrize("made", ["ft:somebody:else", None])
def test_a_model_that_its_job_did_not_make_is_not_promoted(made: str | None) -> None:
    world = World()
    declared = world.declare(aliases={})
    world.apply(declared)
    (entry,) = world.backend.world.jobs
    if made is None:
        world.backend.world.jobs.clear()
    else:
        entry.job = replace(entry.job, model=made)  # type: ignore[arg-type]
    outcome = world.apply(world.declare())
    assert (outcome.code, world.target()) == (5, None)
    assert "ledger says that job" in errors_of(outcome)[0]


def test_training_that_is_not_available_is_recorded_and_the_others_go_on() -> None:
    world = World()
    trained = world.declare("trained")
    world.apply(trained, settings=NO_WAIT)
    world.backend.is_training_blocked = True
    new = world.declare("new", seed=2)
    outcome = world.apply(trained, new)
    assert outcome.code == 9
    assert any(isinstance(step.error, TrainingNotAvailable) for step in outcome.steps)
    assert world.target("trained") == trained.revision
    posts, uploads = world.count("create"), world.count("upload")
    later = world.apply(trained, new, world.declare("newest", seed=3))
    assert (later.code, world.count("create"), world.count("upload")) == (0, posts, uploads)
    assert later.plan is not None
    assert sum("may not train any more" in notice.message for notice in later.plan.notices) == 2


def test_a_job_that_is_paused_is_not_waited_for() -> None:
    world = World(stage_seconds=None)
    declared = world.declare()
    world.apply(declared, settings=NO_WAIT)
    world.backend.set_status(world.backend.all_jobs[0].id, JobStatus.PAUSED)
    outcome = world.apply(declared)
    assert (outcome.code, outcome.left_waiting) == (0, False)


def test_a_job_that_a_person_cancelled_is_not_started_again() -> None:
    world = World(stage_seconds=None)
    declared = world.declare()
    world.apply(declared, settings=NO_WAIT)
    world.backend.training.cancel(world.backend.all_jobs[0].id)
    assert world.apply(declared).code == 0
    assert world.count("create") == 1


def test_the_ledger_out_of_reach_stops_the_run_before_anything_is_paid() -> None:
    world = World()
    workspace = world.workspace()
    plan = plan_now(workspace)
    world.ledger.is_unreachable = True
    outcome = world.apply_in(workspace, approved=plan)
    assert (outcome.code, outcome.steps) == (1, [])
    assert world.count("create") == world.count("upload") == 0


def test_another_organisations_key_is_refused() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    world.backend.world.organization = "org-other"
    (entry,) = world.backend.world.jobs
    entry.job = replace(entry.job, organization="org-other")
    workspace = world.workspace(declared)
    with pytest.raises(Unauthorized):
        plan_now(workspace)


def test_another_address_under_the_same_name_is_refused() -> None:
    world = World()
    declared = world.declare()
    plan = world.plan(declared)
    world.apply(declared)
    moved = FakeBackend(clock=world.clock, base_url="http://elsewhere.invalid/v1")
    outcome = world.apply(declared, session=moved, approved=plan)
    assert (outcome.code, moved.calls) == (9, [])


def test_jobs_of_ours_without_a_ledger_refuse_the_run() -> None:
    world = World()
    world.apply(world.declare())
    lost = World()
    lost.backend = world.backend
    with pytest.raises(Exception, match="there is no ledger, but backend openai has jobs"):
        lost.apply(lost.declare())


def test_jobs_of_another_ledger_under_our_name_refuse_the_run() -> None:
    world = World()
    world.apply(world.declare())
    other = World()
    other.ledger.record([Started(at=EPOCH, project="acme", ledger_id="theirs")])
    other.backend = world.backend
    with pytest.raises(Exception, match="belong to another ledger"):
        other.apply(other.declare())


def test_a_programming_error_is_not_swallowed() -> None:
    world = World()
    world.backend.inject("upload", ZeroDivisionError("a fault of ours"))  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        world.apply()


def test_what_this_machine_refuses_stops_only_its_fine_tune() -> None:
    world = World()
    world.backend.inject("create", OSError(errno.ENOSPC, "No space left on device", ".ftops/x"))  # type: ignore[arg-type]
    outcome = world.apply(world.declare("a"), world.declare("b", seed=2), settings=Settings(parallelism=1))
    failed = [step.error for step in outcome.steps if step.error is not None]
    assert [(type(error), error.message) for error in failed] == [
        (LocalStorageFailed, "No space left on device: .ftops/x")
    ]
    assert outcome.code == 1
    assert world.target("b") is not None


def test_what_this_machine_refuses_the_run_itself_is_told_with_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*_: object) -> None:
        raise full

    monkeypatch.setattr(Apply, "_wait", fail)
    outcome = world.apply(world.declare())
    assert isinstance(outcome.stopped_by, LocalStorageFailed)
    assert outcome.stopped_by.remedy == "free space on the disk that holds .ftops"
    assert outcome.code == 1


def test_continuing_begins_nothing_and_finishes_what_was_begun() -> None:
    world = World()
    declared = world.declare()
    going_on = Settings(is_continuing=True, is_waiting=False)
    assert world.apply(declared, settings=going_on).steps == []
    assert world.ledger.entries == []
    world.apply(declared, settings=NO_WAIT)
    outcome = world.apply(declared, settings=going_on)
    assert outcome.code == 8
    world.clock.advance(100)
    outcome = world.apply(desired=world.desired(declared, commit=NEWER), settings=going_on)
    assert (outcome.code, world.target()) == (0, declared.revision)
    assert world.state.project is not None
    assert world.state.project.applied is not None
    assert world.state.project.applied.commit == MINE
    changed = world.apply(world.declare(seed=2), settings=going_on)
    assert (changed.steps, world.count("create")) == ([], 1)
    assert changed.plan is not None
    assert any("an apply is due" in notice.message for notice in changed.plan.notices)


def test_two_backends_with_one_ledger_each_train_for_themselves() -> None:
    world = World()
    second = FakeBackend(clock=world.clock, stage_seconds=10.0, answer=answer_well, base_url="http://other.invalid/v1")
    one, two = world.declare("one"), world.declare("two", backend=OTHER)
    sessions = {one.backend.name: world.backend, two.backend.name: second}
    assert world.apply(one, two, sessions=sessions).code == 0
    assert (len(world.backend.all_jobs), len(second.all_jobs)) == (1, 1)
    assert world.state.project is not None
    assert set(world.state.project.backends) == {"openai", "other"}


def test_a_backend_that_is_down_does_not_stop_what_the_other_one_does() -> None:
    world = World()
    second = FakeBackend(clock=world.clock, stage_seconds=10.0, answer=answer_well, base_url="http://other.invalid/v1")
    one, two = world.declare("one"), world.declare("two", backend=OTHER)
    sessions = {one.backend.name: world.backend, two.backend.name: second}
    second.answer_status("list_jobs", 500, times=1000)
    outcome = world.apply(one, two, sessions=sessions)
    assert (outcome.code, second.calls.count("create")) == (1, 0)
    assert isinstance(outcome.stopped_by, AnswerLost)
    assert world.target("one") == one.revision
    second.world.faults.clear()
    outcome = world.apply(one, two, sessions=sessions)
    assert (outcome.code, world.target("two"), len(world.backend.all_jobs)) == (0, two.revision, 1)


def test_no_manifest_left_refuses_the_run() -> None:
    world = World()
    world.apply(world.declare())
    workspace = world.workspace()
    observation = observe(workspace)
    with pytest.raises(Exception, match="no manifest was found"):
        make_plan(replace(workspace, desired=world.desired()), observation)


def test_a_blocked_backend_keeps_its_models() -> None:
    world = World()
    declared = world.declare()
    world.apply(declared)
    world.ledger.record([TrainingBlocked(at=EPOCH, backend=declared.backend.name, message="winding down")])
    outcome = world.apply(declared)
    assert (outcome.code, outcome.steps, world.target()) == (0, [], declared.revision)


def test_the_approved_plan_decides_what_may_be_trained() -> None:
    world = World()
    declared = world.declare()
    plan = world.plan(declared)
    assert [a.revision for a in plan.actions if isinstance(a, Train)] == [declared.revision]
    assert world.apply(declared, approved=plan).code == 0
    assert world.jobs_of(declared)[0].id == JobId(world.backend.all_jobs[0].id)
