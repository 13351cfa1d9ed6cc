"""What can be asked of the ledger's records alone, and what decoding them refuses."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ftops.domain.attempts import Attempt, CheckpointRecord, Closed, Intent, JobRecord, JobStatus
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, JobId, ModelId
from ftops.domain.record_types import Digest, Id, Moment, Name, ShortDigest
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    BackendRecord,
    DatasetRecord,
    FineTuneRecord,
    LedgerState,
    ProjectRecord,
    RevisionRecord,
    Target,
    ledger_schema,
)
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.domain.spending import attempt_usd, costs_of, spent_usd

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
OPENAI, EMBEDDED = BackendName("openai"), BackendName("embedded")
TARGET = Target(backend="openai", revision="0" * 12, model="ft:1")


def job(name: str = "ftjob-1", status: JobStatus = JobStatus.SUCCEEDED, **values: Any) -> JobRecord:
    return JobRecord(id=name, status=status, seen_at=AT, **values)


def intent(estimate: float | None = 2.0, at: datetime = AT, **values: Any) -> Intent:
    return Intent(id="i1", number=1, owner="ada", at=at, estimate_usd=estimate, **values)


def revision(**attempts: tuple[Attempt, ...]) -> RevisionRecord:
    return RevisionRecord(
        spec={}, train=DatasetRecord(path="x", sha256="a" * 64, rows=1), declared_at=AT, attempts=dict(attempts)
    )


def fine_tune(name: str = "a", **values: Any) -> FineTuneRecord:
    return FineTuneRecord(format_version="1", name=name, **values)


def state(*records: FineTuneRecord, project: ProjectRecord | None = None) -> LedgerState:
    return LedgerState(project=project, fine_tunes={record.name: record for record in records})


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Id, ["a", "ft:gpt-4.1:acme::x", "a/b_c.d-e", "A" * 256], ["", "-a", "a b", "a\n", "é", "A" * 257, "a\x00"]),
        (Name, ["a", "a-1", "a" * 40], ["", "-a", "a-", "A", "a/b", "..", "a\n", "a" * 41]),
        (Digest, ["0" * 64], ["0" * 63, "G" * 64, "0" * 64 + "\n"]),
        (ShortDigest, ["0" * 12, "f" * 16], ["0" * 11, "0" * 17, "0" * 12 + "\n"]),
        (Moment, ["2026-11-21T12:00:00Z", "2026-11-21T12:00:00+02:00"], ["2026-11-21T12:00:00", "today"]),
    ],
    ids=["Id", "Name", "Digest", "ShortDigest", "Moment"],
)
def test_words_that_records_are_made_of(kind: Any, good: list[str], bad: list[str]) -> None:
    for word in good:
        msgspec.json.decode(msgspec.json.encode(word), type=kind)
    for word in bad:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(msgspec.json.encode(word), type=kind)


@pytest.mark.parametrize(
    "content",
    [
        '{"format_version":"1","name":"a","revisions":{"../x":{}}}',
        '{"format_version":"1","name":"a","aliases":{"a b":{}}}',
        '{"format_version":"1","name":"a","surprise":1}',
        '{"format_version":"2","name":"a"}',
        '{"name":"a"}',
    ],
)
def test_records_are_refused_whole(content: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(content, type=FineTuneRecord)


def test_defaults_are_left_out() -> None:
    assert msgspec.json.encode(fine_tune()) == b'{"format_version":"1","name":"a"}'
    assert (
        msgspec.json.encode(ItemScore("r", None, None, Outcome.EMPTY))
        == b'["r",null,null,"empty",0,0,0,0,null,null,null]'
    )


@pytest.mark.parametrize("status", JobStatus)
def test_final_statuses(status: JobStatus) -> None:
    assert status.is_final == (status in {"succeeded", "failed", "cancelled"})


@pytest.mark.parametrize(
    ("attempt", "costs"),
    [
        (Attempt(number=1), []),
        (Attempt(number=1, intents=(intent(),)), [(2.0, AT)]),
        (Attempt(number=1, intents=(intent(None),)), [(0.0, AT)]),
        (Attempt(number=1, intents=(intent(closed="lost"),)), []),
        (Attempt(number=1, intents=(intent(at=OCTOBER),), job=job()), [(2.0, OCTOBER)]),
        (Attempt(number=1, intents=(intent(closed="job"),), job=job(cost_usd=1.5)), [(1.5, AT)]),
        (Attempt(number=1, intents=(intent(closed="job"),), job=job(status=JobStatus.CANCELLED)), [(2.0, AT)]),
        (
            Attempt(number=1, intents=(intent(closed="job"),), job=job(status=JobStatus.FAILED, cost_usd=1.5)),
            [(0.0, AT)],
        ),
        (Attempt(number=1, job=job()), [(0.0, AT)]),
        (Attempt(number=1, job=job(created_at=OCTOBER, cost_usd=3.0)), [(3.0, OCTOBER)]),
    ],
)
def test_what_an_attempt_counts_and_when(attempt: Attempt, costs: list[tuple[float, datetime]]) -> None:
    assert [(cost.usd, cost.at) for cost in costs_of(attempt)] == costs
    assert attempt_usd(attempt) == sum(usd for usd, _ in costs)


def test_a_job_counts_from_its_own_intent_on_and_a_surplus_one_too() -> None:
    refused = msgspec.structs.replace(intent(at=OCTOBER, closed="rejected"), id="i0", estimate_usd=None)
    own = msgspec.structs.replace(intent(closed="job"), id="i1", estimate_usd=100.0)
    second = msgspec.structs.replace(job(cost_usd=10.0), id="j2")
    attempt = Attempt(
        number=1, intents=(refused, own), job=msgspec.structs.replace(job(), intent="i1"), surplus=(second,)
    )
    assert [(cost.usd, cost.at) for cost in costs_of(attempt)] == [(100.0, AT), (10.0, AT)]


def test_spending_of_a_month() -> None:
    ours = revision(
        openai=(
            Attempt(number=1, intents=(intent(at=OCTOBER),), job=job(cost_usd=7.0)),
            Attempt(number=2, intents=(intent(1.0),)),
            Attempt(number=3),
        ),
        embedded=(Attempt(number=1, intents=(intent(100.0),)),),
    )
    ledger = state(fine_tune(revisions={"0" * 12: ours}), fine_tune("b", revisions={"1" * 12: ours}))
    rehearsals = frozenset({"embedded"})
    assert spent_usd(ledger, month=(2026, 11), rehearsals=rehearsals) == 2.0
    assert spent_usd(ledger, month=(2026, 10), rehearsals=rehearsals) == 14.0
    assert spent_usd(ledger, month=(2025, 11), rehearsals=rehearsals) == 0.0


def test_attempts_of_a_revision() -> None:
    first = Attempt(number=1, job=job(model="ft:1"))
    failed = Attempt(number=2, job=job("ftjob-2", JobStatus.FAILED))
    found = revision(openai=(first, failed, Attempt(number=3)))
    assert found.latest(OPENAI) == Attempt(number=3)
    assert found.latest(EMBEDDED) is None
    assert found.trained_job(OPENAI) == first.job
    assert found.trained_job(EMBEDDED) is None
    assert revision(openai=(Attempt(number=1, job=job()),)).trained_job(OPENAI) is None, "no model, nothing trained"


def test_jobs_of_a_fine_tune() -> None:
    both = Attempt(number=1, job=job(model="ft:1"), surplus=(job("ftjob-2", model="ft:2"),))
    record = fine_tune(
        revisions={"1" * 12: revision(openai=(both,)), "0" * 12: revision(embedded=(Attempt(number=1),))}
    )
    assert [(rev, backend, found.id) for rev, backend, _, found in record.jobs()] == [
        ("1" * 12, "openai", "ftjob-1"),
        ("1" * 12, "openai", "ftjob-2"),
    ]
    assert record.revision_of_model(OPENAI, "ft:2") == "1" * 12
    assert record.revision_of_model(EMBEDDED, "ft:2") is None
    ledger = state(record)
    assert ledger.knows_job(JobId("ftjob-2"))
    assert not ledger.knows_job(JobId("ftjob-3"))


def test_attempts_that_something_may_still_come_of() -> None:
    ended = job(status=JobStatus.FAILED)
    settled = Attempt(number=1, intents=(intent(closed=Closed.JOB),), job=ended)
    claimed = Attempt(number=2, intents=(intent(),))
    runs = Attempt(number=1, job=job("ftjob-2", JobStatus.RUNNING))
    has_surplus = Attempt(number=1, job=ended, surplus=(job("ftjob-3", JobStatus.PAUSED),))
    assert [one.is_settled for one in (settled, claimed, runs, has_surplus)] == [True, False, False, False]
    assert [one.id for one in has_surplus.jobs] == [ended.id, "ftjob-3"]
    ledger = state(
        fine_tune("b", revisions={"1" * 12: revision(openai=(settled, claimed), embedded=(has_surplus,))}),
        fine_tune("a", revisions={"2" * 12: revision(openai=(runs,)), "0" * 12: revision(openai=(settled,))}),
    )
    assert list(ledger.unsettled(OPENAI)) == [("a", "2" * 12, runs), ("b", "1" * 12, claimed)]
    assert list(ledger.unsettled(EMBEDDED)) == [("b", "1" * 12, has_surplus)]


def test_aliases() -> None:
    def move(target: Target | None) -> AliasMove:
        return AliasMove(at=AT, target=target, reason="r")

    never, points = AliasRecord(), AliasRecord(history=(move(None), move(TARGET)))
    retired = AliasRecord(history=(move(TARGET), move(None)))
    assert [(a.target, a.is_retired) for a in (never, points, retired)] == [
        (None, False),
        (TARGET, False),
        (None, True),
    ]
    record = fine_tune(aliases={"prod": points})
    assert record.target_of(AliasName("prod")) == TARGET
    assert record.target_of(AliasName("other")) is None


def test_named_by_a_present_or_former_name() -> None:
    ledger = state(fine_tune("b", former_names=("a", "z")), fine_tune("a"))
    names = [ledger.named(FineTuneName(name)) for name in ("a", "z", "x")]
    assert [record.name if record else None for record in names] == ["a", "b", None]


def test_backends() -> None:
    backend = BackendRecord(base_url="u")
    project = ProjectRecord(format_version="1", name="acme", ledger_id="L1", backends={"openai": backend})
    assert state(project=project).backend(OPENAI) == backend
    assert state(project=project).backend(EMBEDDED) is None
    assert state().backend(OPENAI) is None


def scores(**values: Any) -> EvaluationRecord:
    known: dict[str, Any] = {
        "name": "e",
        "digest": "d" * 64,
        "sent": "e" * 64,
        "grader": "f" * 64,
        "model": "gpt",
        "backend": "openai",
        "at": AT,
    }
    return EvaluationRecord(**{**known, **values})


@pytest.mark.parametrize(
    ("known", "for_model", "found"),
    [
        ((scores(),), None, 0),
        ((scores(), scores(left_out=1)), None, 1),
        ((scores(for_model="ft:1"),), None, None),
        ((scores(for_model="ft:1"),), "ft:1", 0),
        ((scores(), scores(for_model="ft:2")), "ft:1", 0),
        ((scores(model="other"), scores(digest="0" * 64), scores(sent="0" * 64), scores(backend="b")), None, None),
    ],
)
def test_scores_of_a_model(known: tuple[EvaluationRecord, ...], for_model: ModelId | None, found: int | None) -> None:
    record = fine_tune(evaluations=known)
    answer = record.evaluation(
        digest="d" * 64, sent="e" * 64, model=ModelId("gpt"), backend=OPENAI, for_model=for_model
    )
    assert answer == (None if found is None else known[found])


def test_checkpoints_round_trip() -> None:
    record = CheckpointRecord(step=3, model="ft:1:ckpt-step-3", valid_loss=0.25)
    assert msgspec.json.decode(msgspec.json.encode(record), type=CheckpointRecord) == record


def test_schema_names_both_files() -> None:
    schema = ledger_schema()
    assert [part["$ref"] for part in schema["anyOf"]] == ["#/$defs/ProjectRecord", "#/$defs/FineTuneRecord"]


@pytest.mark.parametrize(
    "address", ["http://x\nEVIL=1", "http://x\n", "http://a b", "ftp://x", "embedded\n", "", "https://" + "x" * 501]
)
def test_an_address_is_one_line_of_visible_characters(address: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"base_url": address}, BackendRecord)


@pytest.mark.parametrize("address", ["embedded", "http://127.0.0.1:8400/v1", "https://api.openai.com/v1"])
def test_addresses_as_they_are_written(address: str) -> None:
    assert msgspec.convert({"base_url": address}, BackendRecord).base_url == address
