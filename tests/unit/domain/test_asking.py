"""What asking comes to: recorded, needless, or vain, and in which words."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from test_transitions import (
    ABOUT,
    AT,
    BASE,
    INTENDED,
    LATER,
    NAME,
    OPENAI,
    PREFERENCES,
    RECORDED,
    REVISION,
    after,
    changed,
    record,
)

from ftops.domain.asking import (
    Ambiguous,
    Answer,
    Subject,
    answer_cancel,
    answer_retry,
    open_claim,
    what_is_forgotten,
)
from ftops.domain.attempts import CancelReason, Closed, DeletionStage, JobStatus, RequestKind
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    CancelRecorded,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    ModelDeletion,
    ModelMissed,
    Preferred,
    Protected,
    Renamed,
    Requested,
    TrainingBlocked,
)
from ftops.domain.manifest import AliasName, FineTuneName, JobId
from ftops.domain.preferences import PairItem
from ftops.domain.records import Target
from plan_cases import make_declared

FAILED = JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.FAILED, error_message="row 3 is bad")
SUCCEEDED = JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.SUCCEEDED, model="ft:1")
MISSED = ModelMissed(**ABOUT, job="ftjob-1")
GONE = ModelMissed(**ABOUT, job="ftjob-1", is_gone=True)
CANCELLED = JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.CANCELLED)
RETRY = Requested(**ABOUT, kind=RequestKind.RETRY, owner="ada")
BLOCKED = TrainingBlocked(at=LATER, backend=OPENAI, message="no")
SECOND = JobRecorded(**ABOUT, job="ftjob-2", status=JobStatus.RUNNING)

DECLARING = (
    "finetunes/ticket-router.yaml declares it: the next apply adopts what it finds at the backend, measures it anew, "
    "and trains only what it doesn't find"
)


def retry(*events: AnyEvent, **more: Any) -> Answer:
    return answer_retry(make_declared({"name": NAME, "revision": REVISION, **more}), after(*BASE, *events))


def cancel(*events: AnyEvent, **which: str) -> Answer:
    return answer_cancel(record(*events), **which)


class TestRetry:
    @pytest.mark.parametrize(
        ("events", "said"),
        [
            ((INTENDED, RECORDED, FAILED), f"job ftjob-1 of revision {REVISION} failed: row 3 is bad; the next apply makes"),
            ((INTENDED, RECORDED, CANCELLED), "cancelled; the next apply makes attempt 2"),
            ((INTENDED, RECORDED, changed(SUCCEEDED, model=None)), "succeeded without a model; the next apply makes"),
            ((INTENDED, RECORDED, SUCCEEDED, GONE), "is gone at openai, last seen on 2026-11-21; the next apply makes"),
            (
                (INTENDED, RECORDED, SUCCEEDED, ModelDeletion(**ABOUT, job="ftjob-1", stage=DeletionStage.BEGUN)),
                "is being deleted at openai by ftops, since 2026-11-21; the next apply makes attempt 2",
            ),
            (
                (INTENDED, RECORDED, SUCCEEDED, ModelDeletion(**ABOUT, job="ftjob-1", stage=DeletionStage.BEGUN),
                 ModelDeletion(**ABOUT, job="ftjob-1", stage=DeletionStage.DONE)),
                "was deleted at openai by ftops on 2026-11-21",
            ),
        ],
    )  # fmt: skip
    def test_what_ended_without_a_model_or_lost_it_is_recorded(self, events: tuple[AnyEvent, ...], said: str) -> None:
        answer = retry(*events)
        assert said in answer.message
        assert answer.records == Subject(revision=REVISION, backend=OPENAI, attempt=1)
        assert not answer.is_vain

    @pytest.mark.parametrize(
        ("events", "said"),
        [
            ((INTENDED, RECORDED), "job ftjob-1 of revision 3f9a1c2b7d10 is queued: nothing to retry"),
            ((INTENDED, RECORDED, SUCCEEDED), "revision 3f9a1c2b7d10 is trained: ft:1, by job ftjob-1"),
            ((INTENDED, RECORDED, SUCCEEDED, MISSED), "was not found at openai, last seen on 2026-11-21"),
            ((INTENDED,), "a run is about to create the job"),
        ],
    )
    def test_what_lives_is_not_retried(self, events: tuple[AnyEvent, ...], said: str) -> None:
        answer = retry(*events)
        assert said in answer.message
        assert (answer.records, answer.is_vain) == (None, True)

    @pytest.mark.parametrize(
        "events",
        [
            (),
            (INTENDED, IntentClosed(**ABOUT, intent="i1", closed=Closed.REJECTED)),
            (INTENDED, RECORDED, CancelRecorded(**ABOUT, job="ftjob-1", reason=CancelReason.SUPERSEDED), CANCELLED),
        ],
    )
    def test_what_is_trained_in_any_case_needs_no_request(self, events: tuple[AnyEvent, ...]) -> None:
        answer = retry(*events)
        assert "in any case" in answer.message
        assert (answer.records, answer.is_vain) == (None, False)

    def test_asked_twice_it_stands_once(self) -> None:
        answer = retry(INTENDED, RECORDED, FAILED, RETRY)
        assert answer == Answer(message="another attempt was asked for on 2026-11-21 12:00 UTC already")

    def test_a_blocked_organisation_is_asked_again_and_again_only_after_another_no(self) -> None:
        subject = Subject(revision=REVISION, backend=OPENAI, attempt=0)
        answer = retry(BLOCKED)
        assert answer.records == subject
        assert "said on 2026-11-21 that this organisation may not train any more; the next apply asks again, once" in (
            answer.message
        )
        asked = changed(RETRY, attempt=0, at=LATER + timedelta(minutes=1))
        assert "already" in retry(BLOCKED, asked).message
        assert retry(BLOCKED, asked, changed(BLOCKED, at=LATER + timedelta(hours=1))).records == subject
        assert retry(BLOCKED, INTENDED).records == subject, "a claim that a run left behind waits for that too"

    def test_it_is_looked_up_by_the_name_that_moved_from_tells(self) -> None:
        declared = make_declared({"name": "new", "revision": REVISION, "moved_from": [NAME]})
        assert answer_retry(declared, after(*BASE, INTENDED, RECORDED, FAILED)).records is not None


class TestCancel:
    def test_the_one_that_runs(self) -> None:
        answer = cancel(INTENDED, RECORDED)
        assert answer.records == Subject(revision=REVISION, backend=OPENAI, attempt=1, job=JobId("ftjob-1"))
        assert answer.message == f"job ftjob-1 of revision {REVISION} on openai (queued): the next apply cancels it"

    def test_asked_twice_it_stands_once(self) -> None:
        asked = Requested(**ABOUT, kind=RequestKind.CANCEL, owner="ada", job="ftjob-1")
        assert cancel(INTENDED, RECORDED, asked) == Answer(
            message="job ftjob-1 is to be cancelled already, by the next apply"
        )

    def test_of_several_one_is_named(self) -> None:
        with pytest.raises(Ambiguous, match=r"name one with --job: ftjob-1 .*queued\), ftjob-2 .*running\)"):
            cancel(INTENDED, RECORDED, SECOND)
        answer = cancel(INTENDED, RECORDED, SECOND, job="ftjob-2")
        assert answer.records is not None
        assert answer.records.job == "ftjob-2"
        assert cancel(INTENDED, RECORDED, revision=REVISION).records is not None

    def test_what_nobody_knows_is_a_mistake(self) -> None:
        with pytest.raises(Ambiguous, match=r"it has ftjob-1 \("):
            cancel(INTENDED, RECORDED, job="ftjob-9")
        with pytest.raises(Ambiguous, match="it has none"):
            cancel(INTENDED, revision="0" * 12)

    @pytest.mark.parametrize(
        ("events", "said", "is_vain"),
        [
            ((INTENDED, RECORDED, CANCELLED), "job ftjob-1 cancelled already", False),
            ((INTENDED, RECORDED, FAILED), "job ftjob-1 failed already", True),
            (
                (INTENDED, RECORDED, FAILED, SECOND, changed(FAILED, job="ftjob-2")),
                "no job of ticket-router runs",
                True,
            ),
            ((), "no job of ticket-router runs", True),
            ((INTENDED,), "ada is about to create a job of ticket-router", True),
        ],
    )
    def test_where_nothing_runs(self, events: tuple[AnyEvent, ...], said: str, is_vain: bool) -> None:
        answer = cancel(*events)
        assert said in answer.message
        assert (answer.records, answer.is_vain) == (None, is_vain)


class TestForgetting:
    def test_what_goes_and_what_stays(self) -> None:
        moved = AliasMoved(
            at=AT,
            fine_tune=NAME,
            alias=AliasName("production"),
            target=Target(backend="openai", revision=REVISION, model="ft:1"),
            was=None,
            reason="no_gates",
        )
        gone = changed(moved, alias=AliasName("staging"), target=None)
        seen = record(
            INTENDED, RECORDED, SUCCEEDED, SECOND, moved, gone, Protected(at=AT, fine_tune=NAME, is_protected=True)
        )
        manifest = make_declared({"name": NAME, "revision": REVISION}).fine_tune
        assert list(what_is_forgotten(seen, manifest)) == [
            "1 revision with 2 jobs, 0 evaluations and the history of 2 aliases",
            "job ftjob-2 is running: it goes on, and nobody will look after it",
            "ftops resolve ticket-router@production answers no more; it is ft:1 now",
            "its protection goes too; ftops deletes only what the ledger knows, so nothing of it is deleted",
            "1 model, all jobs and files stay at the backend; what they cost stays in the budget",
            DECLARING,
        ]
        assert len(list(what_is_forgotten(record(), None))) == 2
        imported = list(what_is_forgotten(record(changed(RECORDED, is_imported=True)), None))
        assert "of 1 imported job only ftops import brings the models back: nothing else finds them" in imported

    def test_what_people_chose_goes_too(self) -> None:
        items = tuple(PairItem(f"{n:016x}", 0, "c" * 16, "d" * 16, 1.0, votes=1) for n in range(2))
        said = msgspec.structs.replace(PREFERENCES, items=items)
        events = [
            Preferred(at=AT, fine_tune=NAME, preferences=one)
            for one in (said, msgspec.structs.replace(said, grader="f" * 64))
        ]
        assert "what people chose between 2 pairs of answers" in list(what_is_forgotten(record(*events), None))

    def test_who_is_about_to_create_a_job(self) -> None:
        assert open_claim(record(INTENDED)) == "ada"
        assert open_claim(record(INTENDED, RECORDED)) is None
        other = Intended(**ABOUT | {"attempt": 2}, intent="i2", owner="bob")
        assert open_claim(record(INTENDED, RECORDED, FAILED, other)) == "bob"


def test_a_renamed_one_is_called_by_its_present_name() -> None:
    renamed = Renamed(at=AT, fine_tune=FineTuneName("new"), former=NAME)
    assert "no job of new runs" in answer_cancel(after(*BASE, renamed).fine_tunes["new"]).message
