"""The world in memory keeps the promises that other tests build on."""

import io
from datetime import timedelta

import pytest

from fakes import EPOCH, FakeBackend, FakeClock, FakeLedger, FakeOutputs
from ftops.domain.attempts import JobStatus
from ftops.domain.events import CommitApplied, EventRefused, Started
from ftops.domain.records import LedgerState
from ftops.domain.scores import Outcome
from ftops.errors import AnswerLost, LedgerUnreachable, TrainingNotAvailable, Unauthorized, Unreachable
from ftops.ports import ChatAnswer, Job

STARTED = Started(at=EPOCH, project="acme", ledger_id="ours")
APPLIED = CommitApplied(at=EPOCH, commit="abc", owner="me")


def create(backend: FakeBackend) -> Job:
    stored = backend.files.upload("a.jsonl", io.BytesIO(b"{}\n" * 10))
    body = {"model": "gpt-4.1-mini-2025-04-14", "training_file": stored.id, "suffix": "router"}
    return backend.training.create(body, {"ftops_name": "router"})


def test_time_passes_only_when_told() -> None:
    clock, woken = FakeClock(), []
    clock.on_sleep.append(woken.append)
    clock.sleep(5)
    clock.advance(1)
    assert clock.now() == EPOCH + timedelta(seconds=6)
    assert (clock.monotonic(), clock.slept, woken) == (6, [5], [5])


def test_the_ledger_records_all_or_nothing() -> None:
    ledger = FakeLedger()
    assert ledger.read().tip is None
    with pytest.raises(EventRefused):
        ledger.record([APPLIED])
    first = ledger.record([STARTED, APPLIED])
    assert first.state.project is not None
    assert ledger.record([STARTED]).tip == first.tip
    assert ledger.events == [STARTED, APPLIED]
    assert [entry.event for entry in ledger.log(limit=1)] == [APPLIED]


def test_the_guard_sees_what_was_there_first() -> None:
    ledger, seen = FakeLedger(), []
    theirs = Started(at=EPOCH, project="acme", ledger_id="theirs")
    ledger.before_record.append(lambda it: it.record([theirs]))
    after = ledger.record([STARTED], guard=lambda state: seen.append(state.project))
    assert after.state.project is not None
    assert after.state.project.ledger_id == "theirs"
    assert seen == [after.state.project]


def test_what_cannot_be_pushed_is_written_later() -> None:
    ledger = FakeLedger(LedgerState())
    ledger.is_unreachable = True
    for call in (ledger.read, lambda: ledger.record([STARTED])):
        with pytest.raises(LedgerUnreachable):
            call()
    assert ledger.record_eventually([APPLIED]) is None
    assert ledger.record_eventually([STARTED]) is None
    assert isinstance(ledger.trouble, LedgerUnreachable)
    ledger.is_unreachable = False
    assert ledger.record([APPLIED]).tip is not None
    assert ledger.events == [STARTED, APPLIED]
    assert ledger.record_eventually([APPLIED]) is not None
    assert ledger.trouble is None
    assert ledger.read_cached().stale_since == EPOCH


def test_outputs() -> None:
    outputs = FakeOutputs()
    answer = ChatAnswer(text="a", tool_calls=(), outcome=Outcome.OK, input_tokens=1, output_tokens=1, seconds=0.0)
    outputs.put("k", answer)
    assert (outputs.get("k"), outputs.get("other")) == (answer, None)


def test_jobs_move_with_the_clock_or_by_hand() -> None:
    clock = FakeClock()
    backend = FakeBackend(clock=clock, stage_seconds=10)
    job = create(backend)
    clock.sleep(25)
    assert backend.jobs.retrieve(job.id).status is JobStatus.RUNNING
    backend.set_status(job.id, JobStatus.PAUSED)
    clock.sleep(100)
    assert backend.jobs.retrieve(job.id).status is JobStatus.PAUSED
    other = create(backend)
    backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "internal")
    backend.advance(other.id, stages=3)
    assert backend.jobs.retrieve(other.id).error_code == "server_error"


def test_a_dropped_call_may_have_taken_effect() -> None:
    backend = FakeBackend()
    backend.drop_before("create")
    backend.drop_after("create")
    for jobs in (0, 1):
        with pytest.raises(AnswerLost):
            create(backend)
        assert len(backend.all_jobs) == jobs
    assert backend.bodies[backend.all_jobs[0].id]["suffix"] == "router"
    assert backend.calls.count("create") == 2


def test_statuses_and_a_closed_platform() -> None:
    backend = FakeBackend()
    backend.answer_status("list_models", 429)
    with pytest.raises(Unreachable):
        backend.models.list_models()
    backend.answer_status("retrieve_file", 401)
    with pytest.raises(Unauthorized):
        backend.files.retrieve("file-1")
    backend.is_training_blocked = True
    with pytest.raises(TrainingNotAvailable):
        create(backend)


def test_lists_may_lag_and_forget() -> None:
    backend = FakeBackend(list_lag=1)
    create(backend)
    assert [len(backend.jobs.list_jobs(metadata={"ftops_name": "router"})) for _ in range(2)] == [0, 1]
    forgetful = FakeBackend(keeps_metadata=False)
    create(forgetful)
    assert forgetful.jobs.list_jobs(metadata={"ftops_name": "router"}) == ()
    assert len(forgetful.jobs.list_jobs(metadata={})) == 1
