"""Which datasets of a planned training are compared with which."""

from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from ftops.domain.attempts import Attempt, JobRecord, JobStatus
from ftops.domain.dataset_changes import changed_datasets, changed_evaluations
from ftops.domain.record_types import ADOPTED
from ftops.domain.records import DatasetRecord, FineTuneRecord, RevisionRecord
from ftops.domain.scores import EvaluationRecord
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


EVALS = [{"name": "intent", "dataset": "../data/t.jsonl"}, {"name": "odd", "dataset": 7}, "odd"]


def compared(spec: dict[str, Any], *, digest: str | None = None, names: frozenset[str] = frozenset({"intent"})):
    declared = make_declared(
        {"name": "router", "revision": "a" * 12, "evals": [{"name": "intent", "dataset": {"path": "data/t.jsonl"}}]}
    )
    scores = ()
    if digest is not None:
        of = {
            "name": "intent",
            "digest": digest,
            "sent": "s" * 64,
            "grader": "f" * 64,
            "model": "ft:1",
            "backend": "openai",
        }
        scores = (EvaluationRecord(**of, revision=OLD, at=datetime(2026, 1, 1, tzinfo=UTC)),)
    revision = structs.replace(known(sha("x")), spec=spec)
    found = structs.replace(record({OLD: revision}), evaluations=scores)
    return [(one.evaluation, one.path, one.sha256, one.since) for one in changed_evaluations(declared, found, names)]


def test_the_data_of_evaluations_is_that_of_the_manifest_of_then() -> None:
    assert compared({"evals": EVALS}) == [("intent", "data/t.jsonl", None, OLD)]
    assert compared({"evals": EVALS}, digest="0" * 64) == [("intent", "data/t.jsonl", None, OLD)]
    assert compared({"evals": EVALS}, names=frozenset()) == []
    assert compared({"evals": EVALS[1:]}) == []
    assert compared({"evals": 7}) == []


def test_an_evaluation_that_was_scored_as_it_is_has_the_same_data() -> None:
    declared = make_declared(
        {"name": "router", "revision": "a" * 12, "evals": [{"name": "intent", "dataset": {"path": "data/t.jsonl"}}]}
    )
    assert compared({"evals": EVALS}, digest=declared.evals[0].digest) == []


def test_before_anything_was_trained_no_evaluation_is_compared() -> None:
    declared = make_declared({"name": "router", "revision": "a" * 12})
    assert list(changed_evaluations(declared, None, ("intent",))) == []
    assert list(changed_evaluations(declared, record({OLD: known(sha("x"), status=None)}), ("intent",))) == []
