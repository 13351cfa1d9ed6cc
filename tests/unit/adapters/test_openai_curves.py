"""Result files, events and checkpoints of a job, read as what it measured step by step."""

import base64
from types import SimpleNamespace

import pytest

from ftops.adapters.openai_curves import metrics_of_events, metrics_of_file, with_checkpoints
from ftops.domain.curves import StepMetrics

CSV = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,1.5,0.2,,\n2,1.0,0.5,1.2,0.4\n"
READ = (StepMetrics(step=1, train_loss=1.5), StepMetrics(step=2, train_loss=1.0, valid_loss=1.2))


@pytest.mark.parametrize("content", [CSV, base64.b64encode(CSV)], ids=["plain", "base64"])
def test_a_result_file_is_read_as_it_is_or_in_base64(content: bytes) -> None:
    assert metrics_of_file(content) == READ


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing of the kind", b"\xff\xfe\x00", b"epoch,loss\n1,2\n", b"step\n" + b'"' + b"x" * 200_000],
    ids=["empty", "words", "bytes", "other columns", "a huge field"],
)
def test_what_is_no_result_file_tells_nothing(content: bytes) -> None:
    assert metrics_of_file(content) == ()


def test_numbers_that_are_none_count_as_not_measured() -> None:
    text = b"step,train_loss,valid_loss\nx,1,1\n-1,1,1\n3,nan,inf\n2,1e400,0.5\n"
    assert metrics_of_file(text) == (StepMetrics(step=2, valid_loss=0.5), StepMetrics(step=3))


def test_rewards_are_read_by_either_name() -> None:
    assert metrics_of_file(b"step,train_mean_reward,full_valid_mean_reward\n5,0.25,0.5\n") == (
        StepMetrics(step=5, train_reward=0.25, valid_reward=0.5),
    )


def test_events_that_measured_a_step_are_put_in_order() -> None:
    events = [
        SimpleNamespace(type="metrics", data={"step": 2, "train_loss": 1.0, "valid_loss": 1.2}),
        SimpleNamespace(type="message", data={"step": 9, "train_loss": 9.0}),
        {"type": "metrics", "data": {"step": 1, "train_loss": 1.5}},
        {"type": "metrics", "data": None},
        {"type": "metrics", "data": {"step": True, "train_loss": 1.5}},
    ]
    assert metrics_of_events(events) == READ


def test_checkpoints_add_the_loss_over_all_validation_rows_and_take_nothing_away() -> None:
    measured = SimpleNamespace(train_loss=7.0, full_valid_loss=1.1)
    checkpoints = [{"step_number": 2, "metrics": measured}, {"step_number": 4, "metrics": None}]
    assert with_checkpoints(READ, checkpoints) == (
        READ[0],
        StepMetrics(step=2, train_loss=1.0, valid_loss=1.2, full_valid_loss=1.1),
        StepMetrics(step=4),
    )
