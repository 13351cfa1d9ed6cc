"""Pausing through the real SDK, on a process that is killed."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from server_process import ServerProcess, start_server, wait_for

ROWS = b"".join(
    b'{"messages": [{"role": "user", "content": "%s %d"}, {"role": "assistant", "content": "%s"}]}\n'
    % (word, number, word.upper())
    for number in range(4)
    for word in (b"alpha", b"beta", b"gamma")
)
PROMPTS = b"".join(
    b'{"messages": [{"role": "user", "content": "%s %d"}], "answer": "%s"}\n' % (word, number, word.upper())
    for number in range(4)
    for word in (b"alpha", b"beta", b"gamma")
)
GRADER: Any = {
    "type": "string_check",
    "name": "exact",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
HYPERPARAMETERS: Any = {"n_epochs": 3, "batch_size": 1}
SUPERVISED: Any = {"type": "supervised", "supervised": {"hyperparameters": HYPERPARAMETERS}}
REINFORCEMENT: Any = {
    "type": "reinforcement",
    "reinforcement": {"grader": GRADER, "hyperparameters": {**HYPERPARAMETERS, "eval_interval": 6}},
}
SLOW = ("--min-step-seconds", "0.02", "--workers", "1")


def client_of(server: ServerProcess) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="unused", max_retries=0)


def create(client: OpenAI, training_file: str, method: Any = SUPERVISED) -> str:
    job = client.fine_tuning.jobs.create(
        model="gpt-4o-2024-08-06",
        training_file=training_file,
        validation_file=training_file,
        seed=11,
        method=method,
    )
    return job.id


def wait_for_status(client: OpenAI, job_id: str, status: str) -> None:
    wait_for(lambda: str(client.fine_tuning.jobs.retrieve(job_id).status) == status)


def wait_for_step(client: OpenAI, job_id: str, step: int) -> None:
    def is_there() -> bool:
        data: Any = client.fine_tuning.jobs.list_events(job_id, limit=1).data[0].data
        return int(data.get("step", 0)) >= step

    wait_for(is_there)


def outcome(server: ServerProcess, client: OpenAI, job_id: str) -> tuple[bytes, list[Any], list[str]]:
    """A job's results, the digests of its models' weights, and the events of its steps."""
    job = client.fine_tuning.jobs.retrieve(job_id)
    content = client.files.content(job.result_files[0]).content
    connection = sqlite3.connect(f"file:{server.data_dir / 'server.sqlite'}?mode=ro", uri=True)
    try:
        weights = connection.execute("SELECT sha256 FROM models WHERE job = ? ORDER BY seq", (job_id,)).fetchall()
    finally:
        connection.close()
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job_id, limit=100)]
    return content, weights, [each for each in messages if each.startswith(("Step", "Fine-tuning job started"))]


@pytest.mark.parametrize(("rows", "method"), [(ROWS, SUPERVISED), (PROMPTS, REINFORCEMENT)])
def test_a_paused_job_survives_kills_and_ends_as_if_undisturbed(tmp_path: Path, rows: bytes, method: Any) -> None:
    with start_server(tmp_path, *SLOW) as first:
        client = client_of(first)
        training_file = client.files.create(file=("rows.jsonl", rows), purpose="fine-tune").id
        job_id = create(client, training_file, method)
        wait_for_step(client, job_id, 15)
        status: str = client.fine_tuning.jobs.pause(job_id).status
        assert status in ("pausing", "paused")
        first.kill9()  # right after the answer: what was acknowledged must hold
        second = first.restart()
        client = client_of(second)
        wait_for_status(client, job_id, "paused")
        resumed: str = client.fine_tuning.jobs.resume(job_id).status
        assert resumed == "queued"
        second.kill9()
        third = second.restart("--workers", "2")
        client = client_of(third)
        undisturbed = create(client, training_file, method)
        for each in (job_id, undisturbed):
            wait_for_status(client, each, "succeeded")
        assert outcome(third, client, job_id) == outcome(third, client, undisturbed)


def test_a_server_does_not_wait_for_a_paused_job(tmp_path: Path) -> None:
    with start_server(tmp_path, "--until-idle", "--min-step-seconds", "3600") as server:
        client = client_of(server)
        job_id = create(client, client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune").id)
        wait_for_status(client, job_id, "running")
        client.fine_tuning.jobs.pause(job_id)
        assert server.wait() == 0
        again = server.restart("--workers", "1")
        wait_for_status(client_of(again), job_id, "paused")
