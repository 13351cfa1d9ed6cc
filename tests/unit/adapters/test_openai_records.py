"""Foreign records become values of ours, whatever is missing, strange or new in them."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ftops.adapters import openai_records as records
from ftops.domain.attempts import JobStatus
from ftops.ports import Checkpoint, JobProgress

JOB: dict[str, Any] = {"id": "ftjob-1", "status": "queued", "model": "m", "created_at": 1763700000}


def test_a_whole_job() -> None:
    job = records.job_of(
        SimpleNamespace(
            id="ftjob-1",
            status="succeeded",
            model="gpt-4.1-mini-2025-04-14",
            created_at=1763700000,
            finished_at=1763700060,
            estimated_finish=1763700050,
            fine_tuned_model="ft:gpt-4.1-mini-2025-04-14:acme:router:abc",
            organization_id="org-1",
            trained_tokens=300,
            metadata={"ftops_name": "router", "count": 3},
            error=None,
            user_provided_suffix="router",
        )
    )
    assert job.status is JobStatus.SUCCEEDED
    assert job.model == "ft:gpt-4.1-mini-2025-04-14:acme:router:abc"
    assert (job.organization, job.trained_tokens) == ("org-1", 300)
    assert job.metadata == {"ftops_name": "router", "count": "3"}
    assert job.created_at == datetime.fromtimestamp(1763700000, tz=UTC)
    assert job.finished_at == datetime.fromtimestamp(1763700060, tz=UTC)


@pytest.mark.parametrize("status", [*JobStatus])
def test_known_statuses(status: JobStatus) -> None:
    assert records.job_of({**JOB, "status": status.value}).status is status


@pytest.mark.parametrize("status", ["waiting_for_gpu", "", None, 3])
def test_an_unknown_status_is_no_end(status: object) -> None:
    assert records.job_of({**JOB, "status": status}).status is JobStatus.RUNNING


@pytest.mark.parametrize("error", [None, {}, {"code": None, "message": None, "param": None}, "x", []])
def test_no_error(error: object) -> None:
    job = records.job_of({**JOB, "error": error})
    assert (job.error_code, job.error_message) == (None, None)


def test_an_error() -> None:
    job = records.job_of({**JOB, "error": {"code": "server_error", "message": "inter\x07nal" + "x" * 5000}})
    assert job.error_code == "server_error"
    assert job.error_message is not None
    assert job.error_message.startswith("inter\\x07nal")
    assert len(job.error_message) <= 4096


@pytest.mark.parametrize("model", ["", None, "a b", "../x", "ft:" + "x" * 300])
def test_a_model_that_could_not_be_recorded_is_none(model: object) -> None:
    assert records.job_of({**JOB, "fine_tuned_model": model}).model is None


@pytest.mark.parametrize("record", [{}, {"id": 3}, {"id": "-x"}, "text", None, []])
def test_no_job(record: object) -> None:
    with pytest.raises(records.UnreadableRecord):
        records.job_of(record)


@pytest.mark.parametrize("moment", [None, "soon", True, 10**400, 10**18, float("nan"), float("inf")])
def test_strange_times(moment: object) -> None:
    job = records.job_of({"id": "ftjob-1", "created_at": moment, "finished_at": moment, "metadata": "none"})
    assert job.created_at == datetime.fromtimestamp(0, tz=UTC)
    assert job.finished_at is None
    assert job.metadata == {}


def test_a_file_without_status_is_processed() -> None:
    assert records.file_status_of({"id": "file-1"}) == "processed"
    assert records.file_of({"id": "file-1"}).size == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [("2027-01-14", "2027-01-14"), ("2027-01-14T00:00:00Z", "2027-01-14"), ("soon", None), (None, None)],
)
def test_shutdown_dates(given: object, expected: str | None) -> None:
    (model,) = records.models_of([{"id": "m", "shutdown_date": given}, {"id": "bad\x00"}, {}])
    assert model.shutdown_date == expected


def test_checkpoints_by_step_with_the_loss_over_all_of_the_validation_set() -> None:
    found = records.checkpoints_of(
        [
            {"step_number": 20, "fine_tuned_model_checkpoint": "ft:m:b", "metrics": {"valid_loss": 0.4}},
            {
                "step_number": 10,
                "fine_tuned_model_checkpoint": "ft:m:a",
                "metrics": {"valid_loss": 0.4, "full_valid_loss": 0.0},
            },
            {"step_number": 30, "fine_tuned_model_checkpoint": "ft:m:c", "metrics": None},
            {"step_number": None, "fine_tuned_model_checkpoint": "ft:m:d"},
            {"step_number": 5},
        ]
    )
    assert found == (
        Checkpoint(step=10, model="ft:m:a", valid_loss=0.0),
        Checkpoint(step=20, model="ft:m:b", valid_loss=0.4),
        Checkpoint(step=30, model="ft:m:c", valid_loss=None),
    )


def test_progress_from_the_newest_measurements() -> None:
    events = [
        {"message": "Checkpoint created at step 5 with Snapshot ID: x", "data": {"step": 5}, "type": "message"},
        {"message": "Step 9/30: training loss=0.25", "data": {"step": 9, "total_steps": 30, "train_loss": 0.251}},
        {"message": "metrics", "type": "metrics", "data": {"step": 8, "valid_loss": 0.5, "train_loss": 0.3}},
        {"message": "Step 7/30: training loss=0.40", "data": {"full_valid_loss": 0.6, "valid_loss": 0.7}},
    ]
    assert records.progress_of(events) == JobProgress(
        step=9,
        total_steps=30,
        train_loss=0.251,
        valid_loss=0.5,
        message="Checkpoint created at step 5 with Snapshot ID: x",
    )


def test_progress_from_words_alone() -> None:
    event = {"message": "Step 299/300: training loss=0.07", "data": None}
    assert records.progress_of([event]) == JobProgress(
        step=299, total_steps=300, train_loss=0.07, message="Step 299/300: training loss=0.07"
    )
    assert records.progress_of([{"type": "metrics", "message": None}]) == JobProgress()
    assert records.progress_of([{"message": "Step 2/3"}]).train_loss is None
    assert records.progress_of([]) == JobProgress()
