"""Which datasets of a planned training are compared with which."""

from datetime import UTC, datetime
from typing import Any

from ftops.domain.attempts import Attempt, JobRecord, JobStatus
from ftops.domain.dataset_changes import changed_datasets
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import DatasetRecord, FineTuneRecord, RevisionRecord
from plan_cases import make_declared, sha

OLD, OLDER = "0" * 11 + "1", "0" * 11 + "2"


def known(train: str, *, validation: str | None = None, status: JobStatus | None = JobStatus.SUCCEEDED, day: int = 1):
    at = datetime(2026, 1, day, tzinfo=UTC)
    job = JobRecord(id="ftjob-1", status=status, seen_at=at, model="ft:1") if status else None
    return RevisionRecord(
        spec={},
        train=DatasetRecord(path="data/router.jsonl", sha256=train, rows=10),
        validation=DatasetRecord(path="data/v.jsonl", sha256=validation, rows=5) if validation else None,
        declared_at=at,
        commit="c0ffee",
        attempts={"openai": (Attempt(number=1, job=job),)},
    )


def changed(record: FineTuneRecord | None, **wanted: Any) -> list[tuple[str, str]]:
    declared = make_declared({"name": "router", "revision": "a" * 12, **wanted})
    return [(one.dataset, one.since) for one in changed_datasets(declared, record)]


def record(revisions: dict[str, RevisionRecord]) -> FineTuneRecord:
    return FineTuneRecord(format_version="1", name="router", revisions=revisions)


def test_nothing_is_compared_before_anything_was_trained() -> None:
    assert changed(None) == []
    assert changed(record({OLD: known(sha("x"), status=None)})) == []
    assert changed(record({OLD: known(sha("x"), status=JobStatus.FAILED)})) == []


def test_the_newest_trained_revision_counts() -> None:
    found = record(
        {
            OLD: known(sha("x"), day=2),
            OLDER: known(sha("y"), day=1),
            "3" * 12: known(sha("z"), status=JobStatus.FAILED, day=3),
        }
    )
    assert changed(found) == [("train", OLD)]


def test_the_same_data_is_no_change() -> None:
    declared = make_declared({"name": "router", "revision": "a" * 12, "validation": {"path": "data/v.jsonl"}})
    assert declared.validation is not None
    same = record({OLD: known(declared.train.sha256, validation=declared.validation.sha256)})
    assert list(changed_datasets(declared, same)) == []
    other = record({OLD: known(declared.train.sha256, validation=sha("other"))})
    assert [one.dataset for one in changed_datasets(declared, other)] == ["validation"]


def test_a_validation_set_that_is_new_has_nothing_to_compare() -> None:
    assert changed(record({OLD: known(sha("x"))}), validation={"path": "data/v.jsonl"}) == [("train", OLD)]


def test_of_adopted_data_nothing_can_be_said() -> None:
    assert changed(record({OLD: known(f"{ADOPTED}ftjob-1")})) == []
