"""The last look before a deletion, and before a claim that would read a file which is being deleted."""

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
    TARGET,
    TRAIN,
    after,
    changed,
    project,
    record,
)

from ftops.domain.attempts import Closed, DeletionStage, JobStatus
from ftops.domain.deletion_transitions import is_in_training, targets_before
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    EventRefused,
    FileDeletion,
    FileUploaded,
    IntentClosed,
    JobObserved,
    JobRecorded,
    ModelDeletion,
    Protected,
)
from ftops.domain.manifest import AliasName
from ftops.domain.records import AliasMove, AliasRecord, Target

SHA = "a" * 64
SUCCEEDED = JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.SUCCEEDED, model="ft:1")
TRAINED = (INTENDED, RECORDED, SUCCEEDED)
UPLOADED = FileUploaded(at=AT, backend=OPENAI, sha256=SHA, file=FILE)
BEGUN = FileDeletion(at=LATER, backend=OPENAI, sha256=SHA, file=FILE.id, stage=DeletionStage.BEGUN)
MODEL_BEGUN = ModelDeletion(**ABOUT, job="ftjob-1", stage=DeletionStage.BEGUN)


def moved(target: Target | None, was: Target | None) -> AliasMoved:
    return AliasMoved(
        at=AT, fine_tune=NAME, alias=AliasName("production"), target=target, was=was, reason="gates_passed"
    )


def files(*events: AnyEvent) -> Any:
    return project(*events).backends[OPENAI].files


class TestModels:
    def test_what_a_rollback_would_go_to_stays(self) -> None:
        other = Target(backend="openai", revision="bbbbbbbbbbbb", model="ft:2")
        with pytest.raises(EventRefused, match="production pointed to ft:1"):
            record(*TRAINED, moved(TARGET, None), moved(other, TARGET), MODEL_BEGUN)
        third = Target(backend="openai", revision="cccccccccccc", model="ft:3")
        record(*TRAINED, moved(TARGET, None), moved(other, TARGET), moved(third, other), MODEL_BEGUN)

    def test_of_that_name_on_another_backend_may_go(self) -> None:
        elsewhere = Target(backend="lab", revision=REVISION, model="ft:1")
        record(*TRAINED, moved(elsewhere, None), MODEL_BEGUN)

    def test_protection_comes_and_goes(self) -> None:
        protected = Protected(at=AT, fine_tune=NAME, is_protected=True)
        with pytest.raises(EventRefused, match="is protected"):
            record(*TRAINED, protected, MODEL_BEGUN)
        assert not record(*TRAINED, protected, changed(protected, is_protected=False), MODEL_BEGUN).is_protected

    def test_what_came_before_skips_retirements_and_is_what_a_rollback_goes_to(self) -> None:
        def before(*revisions: str | None) -> set[str]:
            targets = [r and Target(backend="openai", revision=r, model=f"ft:{n}") for n, r in enumerate(revisions)]
            moves = tuple(AliasMove(at=AT, target=target or None, reason="pinned") for target in targets)
            return {target.model for target in targets_before(AliasRecord(history=moves))}

        one, two = "a" * 12, "b" * 12
        assert before(one, two) == {"ft:0"}
        assert before(one, None, two, None, two) == {"ft:0", "ft:2"}
        assert before(one, two, one) == {"ft:1"}
        assert before(one, one) == {"ft:0"}
        # Rolled back from the third: the newest other one is that, and a rollback would go to the first.
        assert before(one, two, "c" * 12, two) == {"ft:0", "ft:2"}
        assert before(one, two, None) == before() == set()


class TestFiles:
    def test_only_the_file_that_this_ledger_uploaded(self) -> None:
        for event in (BEGUN, changed(BEGUN, file="file-9")):
            with pytest.raises(EventRefused, match="does not know"):
                after(*BASE, event)
        with pytest.raises(EventRefused, match="does not know"):
            after(*BASE, UPLOADED, changed(BEGUN, file="file-9"))
        with pytest.raises(EventRefused, match="does not know"):
            after(BEGUN)

    def test_not_while_a_training_may_read_it(self) -> None:
        running = JobRecorded(**ABOUT, job="ftjob-1", status=JobStatus.RUNNING, intent="i1")
        duplicate = JobRecorded(**ABOUT, job="ftjob-2", status=JobStatus.RUNNING)
        for events in ((INTENDED,), (INTENDED, running), (*TRAINED, duplicate)):
            with pytest.raises(EventRefused, match=f"{REVISION} of {NAME} is trained with file-1"):
                after(*BASE, UPLOADED, *events, BEGUN)
        closed = IntentClosed(**ABOUT, intent="i1", closed=Closed.REJECTED)
        for events in ((), (INTENDED, closed), TRAINED):
            after(*BASE, UPLOADED, *events, BEGUN)

    def test_training_elsewhere_or_with_other_data_does_not_matter(self) -> None:
        other_data = changed(DECLARED, train=changed(TRAIN, sha256="b" * 64))
        after(*BASE[:2], other_data, UPLOADED, INTENDED, BEGUN)
        after(*BASE, UPLOADED, changed(INTENDED, backend="lab"), BEGUN)

    def test_a_validation_set_is_read_too(self) -> None:
        valid = changed(DECLARED, train=changed(TRAIN, sha256="b" * 64), validation=TRAIN)
        with pytest.raises(EventRefused, match="is trained with"):
            after(*BASE[:2], valid, UPLOADED, INTENDED, BEGUN)

    def test_no_claim_on_a_file_that_is_being_deleted(self) -> None:
        with pytest.raises(EventRefused, match="file-1 is being deleted") as refused:
            after(*BASE, UPLOADED, BEGUN, INTENDED)
        assert not refused.value.claim_lost
        after(*BASE, UPLOADED, BEGUN, changed(BEGUN, stage=DeletionStage.WITHDRAWN), INTENDED)
        after(*BASE, UPLOADED, BEGUN, changed(BEGUN, stage=DeletionStage.DONE), INTENDED)

    def test_found_again_while_it_is_being_deleted(self) -> None:
        assert files(*BASE[2:], UPLOADED, BEGUN, UPLOADED)[SHA].deleting_at == LATER

    def test_another_copy_outlives_the_deletion_of_the_first(self) -> None:
        copy = changed(UPLOADED, file=changed(FILE, id="file-2"))
        for stage in (DeletionStage.DONE, DeletionStage.WITHDRAWN):
            after_it = files(UPLOADED, BEGUN, copy, changed(BEGUN, stage=stage))
            assert (after_it[SHA].id, after_it[SHA].deleting_at) == ("file-2", None)


def test_unfinished_on_any_backend() -> None:
    assert is_in_training(record(INTENDED).revisions[REVISION])
    assert is_in_training(record(changed(INTENDED, backend="lab")).revisions[REVISION])
    assert not is_in_training(record(*TRAINED).revisions[REVISION])
    assert not is_in_training(record().revisions[REVISION])
