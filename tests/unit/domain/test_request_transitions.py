"""What people ask for, deletions, lost models and forgetting: how each enters the ledger, and what the rules refuse."""

from datetime import timedelta
from typing import Any

import pytest
from test_transitions import (
    ABOUT,
    AT,
    BASE,
    DECLARED,
    FILE,
    INTENDED,
    LATER,
    NAME,
    OPENAI,
    RECORDED,
    REVISION,
    SEEN,
    STARTED,
    TARGET,
    after,
    changed,
    project,
    record,
)

from ftops.domain.attempts import Closed, DeletionStage, JobRecord, JobStatus, RequestKind
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    EventRefused,
    FileDeletion,
    FileUploaded,
    Forgot,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    ModelDeletion,
    ModelMissed,
    ModelSeen,
    Renamed,
    Requested,
)
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.spending import spent_usd

FAILED = JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.FAILED)
SUCCEEDED = JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.SUCCEEDED, model="ft:1", cost_usd=3.0)
RETRY = Requested(**ABOUT, kind=RequestKind.RETRY, owner="ada")
CANCEL = Requested(**ABOUT, kind=RequestKind.CANCEL, owner="ada", job="ftjob-1")
CANCEL_OF_SECOND = Requested(**ABOUT, kind=RequestKind.CANCEL, owner="ada", job="ftjob-2")
MISSED = ModelMissed(**ABOUT, job="ftjob-1")
GONE = ModelMissed(**{**ABOUT, "at": LATER}, job="ftjob-1", is_gone=True)
TRAINED = (INTENDED, RECORDED, SUCCEEDED)
SECOND: dict[str, Any] = ABOUT | {"attempt": 2}


def deletion(stage: DeletionStage) -> ModelDeletion:
    return ModelDeletion(**ABOUT, job="ftjob-1", stage=stage)


def job(*events: AnyEvent) -> JobRecord:
    found = record(*events).revisions[REVISION].on(OPENAI)[0].job
    assert found is not None
    return found


class TestRequests:
    def test_a_retry_stands_until_a_later_attempt_has_a_job(self) -> None:
        asked = (INTENDED, RECORDED, FAILED, RETRY)
        (standing,) = record(*asked).requests
        assert (standing.kind, standing.revision, standing.backend, standing.attempt, standing.owner) == (
            RequestKind.RETRY, REVISION, OPENAI, 1, "ada",
        )  # fmt: skip
        intended = Intended(**SECOND, intent="i2", owner="ada")
        assert record(*asked, intended).requests == (standing,)
        assert record(*asked, intended, JobRecorded(**SECOND, job="ftjob-2", status=JobStatus.QUEUED)).requests == ()

    @pytest.mark.parametrize(
        ("closed", "stands"), [(Closed.REJECTED, False), (Closed.LOST, True), (Closed.UNSENT, True)]
    )
    def test_a_refused_creation_answers_it(self, closed: Closed, stands: bool) -> None:
        intended = Intended(**SECOND, intent="i2", owner="ada")
        ended = IntentClosed(**SECOND, intent="i2", closed=closed)
        assert bool(record(INTENDED, RECORDED, FAILED, RETRY, intended, ended).requests) is stands

    def test_a_job_of_the_same_attempt_does_not_answer_it(self) -> None:
        again = JobRecorded(**ABOUT, job="ftjob-9", status=JobStatus.QUEUED)
        assert record(INTENDED, RECORDED, FAILED, RETRY, again).requests

    def test_asked_twice_it_stands_once_with_its_last_time(self) -> None:
        requests = record(INTENDED, RECORDED, FAILED, RETRY, changed(RETRY, at=LATER)).requests
        assert [request.at for request in requests] == [LATER]

    def test_the_retry_of_another_revision_takes_its_place_and_applying_one_ends_the_others(self) -> None:
        other = changed(DECLARED, revision=Revision("b" * 12))
        second = JobRecorded(**ABOUT, job="ftjob-2", status=JobStatus.QUEUED)
        asked = (INTENDED, RECORDED, second, FAILED, RETRY, CANCEL_OF_SECOND)
        retry = changed(RETRY, revision=Revision("b" * 12), attempt=0)
        kinds = [(r.kind, r.revision) for r in record(*asked, other, retry).requests]
        assert kinds == [(RequestKind.CANCEL, REVISION), (RequestKind.RETRY, "b" * 12)]
        assert [r.kind for r in record(*asked, other).requests] == [RequestKind.CANCEL]
        assert record(*asked, DECLARED).requests == record(*asked).requests

    def test_a_model_that_is_there_again_needs_no_retry(self) -> None:
        asked = (*TRAINED, MISSED, GONE, RETRY)
        assert record(*asked).requests
        assert record(*asked, ModelSeen(**ABOUT, job="ftjob-1")).requests == ()
        elsewhere = changed(RETRY, backend=BackendName("other"), attempt=0)
        assert len(record(*asked, elsewhere, ModelSeen(**ABOUT, job="ftjob-1")).requests) == 1

    def test_a_cancel_stands_until_its_job_has_ended(self) -> None:
        asked = (INTENDED, RECORDED, CANCEL)
        assert record(*asked).requests[0].job == "ftjob-1"
        running = changed(FAILED, status=JobStatus.RUNNING)
        assert record(*asked, running).requests
        assert record(*asked, changed(FAILED, status=JobStatus.CANCELLED)).requests == ()

    @pytest.mark.parametrize(
        ("events", "asked"),
        [
            ((), changed(RETRY, revision="b" * 12)),
            ((INTENDED, RECORDED), RETRY),
            (TRAINED, RETRY),
            ((INTENDED, RECORDED, FAILED), CANCEL),
            ((INTENDED, RECORDED), changed(CANCEL, job="ftjob-9")),
        ],
    )
    def test_what_is_pointless_is_refused(self, events: tuple[AnyEvent, ...], asked: Requested) -> None:
        with pytest.raises(EventRefused):
            record(*events, asked)

    def test_a_lost_model_and_nothing_at_all_can_be_retried(self) -> None:
        assert record(*TRAINED, MISSED, GONE, RETRY).requests
        assert record(changed(RETRY, attempt=0)).requests


class TestLostModels:
    def test_a_second_look_makes_it_gone_and_a_third_brings_it_back(self) -> None:
        missed = job(*TRAINED, MISSED)
        assert (missed.missed_at, missed.gone_at, missed.is_model_lost) == (AT, None, False)
        assert missed.is_missed
        gone = job(*TRAINED, MISSED, GONE)
        assert not gone.is_missed
        assert not gone.is_alive
        assert (gone.missed_at, gone.gone_at, gone.is_model_lost) == (AT, LATER, True)
        assert record(*TRAINED, MISSED, GONE).revisions[REVISION].trained_job(OPENAI) is None
        seen = job(*TRAINED, MISSED, GONE, ModelSeen(**ABOUT, job="ftjob-1"))
        assert (seen.missed_at, seen.gone_at, seen.is_model_lost) == (None, None, False)

    def test_missed_again_it_keeps_its_first_time(self) -> None:
        assert job(*TRAINED, MISSED, changed(MISSED, at=LATER)).missed_at == AT
        assert job(*TRAINED, MISSED, GONE, changed(GONE, at=LATER + timedelta(days=1))).gone_at == LATER


class TestDeletions:
    def test_of_a_model(self) -> None:
        begun = job(*TRAINED, deletion(DeletionStage.BEGUN))
        assert (begun.deleting_at, begun.deleted_at, begun.is_model_lost) == (AT, None, True)
        done = job(*TRAINED, deletion(DeletionStage.BEGUN), deletion(DeletionStage.DONE))
        assert done.deleted_at == AT
        kept = job(*TRAINED, deletion(DeletionStage.BEGUN), deletion(DeletionStage.WITHDRAWN))
        assert not kept.is_model_lost

    def test_an_alias_and_a_deletion_exclude_each_other(self) -> None:
        moved = AliasMoved(
            at=AT, fine_tune=NAME, alias=AliasName("production"), target=TARGET, was=None, reason="no_gates"
        )
        with pytest.raises(EventRefused, match="alias production points to ft:1"):
            record(*TRAINED, moved, deletion(DeletionStage.BEGUN))
        with pytest.raises(EventRefused, match="is being deleted"):
            record(*TRAINED, deletion(DeletionStage.BEGUN), moved)
        retired = changed(moved, target=None, was=TARGET)
        assert record(*TRAINED, moved, retired, deletion(DeletionStage.BEGUN)).aliases

    def test_nothing_protected_or_imported_is_deleted(self) -> None:
        with pytest.raises(EventRefused, match="is protected"):
            record(changed(DECLARED, is_protected=True), *TRAINED, deletion(DeletionStage.BEGUN))
        with pytest.raises(EventRefused, match="imported"):
            record(INTENDED, changed(RECORDED, is_imported=True), SUCCEEDED, deletion(DeletionStage.BEGUN))

    def test_of_a_job_that_nobody_knows(self) -> None:
        with pytest.raises(EventRefused, match="no job"):
            record(changed(deletion(DeletionStage.BEGUN), job="ftjob-9"))

    def test_of_a_file(self) -> None:
        uploaded = FileUploaded(at=AT, backend=OPENAI, sha256="a" * 64, file=FILE)
        begun = FileDeletion(at=LATER, backend=OPENAI, sha256="a" * 64, file=FILE.id, stage=DeletionStage.BEGUN)
        files = project(uploaded, begun).backends[OPENAI].files
        assert files["a" * 64].deleting_at == LATER
        withdrawn = project(uploaded, begun, changed(begun, stage=DeletionStage.WITHDRAWN)).backends[OPENAI].files
        assert withdrawn["a" * 64] == FILE
        assert project(uploaded, begun, changed(begun, stage=DeletionStage.DONE)).backends[OPENAI].files == {}
        assert project(changed(begun, stage=DeletionStage.DONE)).backends[OPENAI].files == {}


class TestForgetting:
    MONTH = (AT.year, AT.month)

    def test_what_was_spent_still_counts(self) -> None:
        state = after(*BASE, *TRAINED, Forgot(at=LATER, fine_tune=NAME))
        assert state.fine_tunes == {}
        assert spent_usd(state, month=self.MONTH, rehearsals=frozenset()) == 3.0
        assert spent_usd(state, month=(2026, 10), rehearsals=frozenset()) == 0.0
        assert not state.knows_job(JobId("ftjob-1"))

    def test_what_cost_nothing_leaves_no_figure(self) -> None:
        adopted = JobRecorded(**ABOUT, job="ftjob-1", status=JobStatus.QUEUED)
        state = after(*BASE, adopted, FAILED, Forgot(at=LATER, fine_tune=NAME))
        assert state.project is not None
        assert [forgotten.costs for forgotten in state.project.forgotten] == [()]

    def test_where_jobs_of_it_may_be_is_remembered(self) -> None:
        state = after(*BASE, *TRAINED, Forgot(at=LATER, fine_tune=NAME))
        assert state.project is not None
        assert [forgotten.backends for forgotten in state.project.forgotten] == [(OPENAI,)]
        state = after(*BASE, Forgot(at=LATER, fine_tune=NAME))
        assert state.project is not None
        assert [forgotten.backends for forgotten in state.project.forgotten] == [()]

    def test_a_former_name_alone(self) -> None:
        renamed = Renamed(at=AT, fine_tune=FineTuneName("new"), former=NAME)
        state = after(*BASE, renamed, Forgot(at=LATER, fine_tune=NAME))
        assert state.fine_tunes["new"].former_names == ()
        assert state.named(NAME) is None

    def test_not_while_somebody_is_about_to_create_a_job(self) -> None:
        with pytest.raises(EventRefused, match="about to create"):
            after(*BASE, INTENDED, Forgot(at=LATER, fine_tune=NAME))

    def test_not_what_the_ledger_does_not_know(self) -> None:
        with pytest.raises(EventRefused, match="no fine-tune"):
            after(STARTED, SEEN, Forgot(at=LATER, fine_tune=NAME))
        with pytest.raises(EventRefused, match="not been started"):
            after(DECLARED, Forgot(at=LATER, fine_tune=NAME))


def test_a_checkpoint_is_a_model_of_its_job() -> None:
    made = job(*TRAINED)
    assert made.has_model(ModelId("ft:1"))
    assert not made.has_model("ft:other")
