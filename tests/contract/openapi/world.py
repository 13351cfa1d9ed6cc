"""What scenarios stand on: a client that judges every answer, and objects to begin with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx2
from openai import OpenAI
from recorder import Recorder

from server_process import wait_for

BASE = "gpt-4.1-mini-2025-04-14"
NOWHERE = "ft:gpt-4.1-mini-2025-04-14:nobody::00000000"  # a model that nobody has made
ENDS = ("succeeded", "failed", "cancelled")
COLOURS = {"sky": "blue", "grass": "green", "snow": "white"}
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Which colour has {thing} number {number}?"},
            {"role": "assistant", "content": colour},
        ]
    }
    for number in range(4)
    for thing, colour in COLOURS.items()
]
PREFERENCES = [
    {
        "input": {"messages": row["messages"][:1]},
        "preferred_output": [{"role": "assistant", "content": "With pleasure: a colour."}],
        "non_preferred_output": [{"role": "assistant", "content": "Find out yourself."}],
    }
    for row in ROWS
]
QUESTION: Any = [{"role": "user", "content": "Which colour has sky number 2?"}]


@dataclass(eq=False)
class World:
    """A server as one client sees it."""

    recorder: Recorder
    key: str = "unused"
    sdk: OpenAI = field(init=False)
    bare: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.sdk = self.recorder.client(key=self.key)
        self.bare = self.recorder.bare(key=self.key)

    @cached_property
    def trained(self) -> Any:
        """A job that has succeeded, with losses on validation data."""
        return self.finished(
            self.job(validation_file=self.upload(ROWS[:3]), suffix="colours", metadata={"team": "sky"}, seed=5)
        )

    def upload(self, rows: Sequence[Mapping[str, Any]], *, purpose: Any = "fine-tune") -> str:
        """A file of rows; gives its id."""
        return str(self.sdk.files.create(file=("rows.jsonl", jsonl(rows)), purpose=purpose).id)

    def job(self, rows: Sequence[Mapping[str, Any]] = ROWS, **given: Any) -> str:
        """A job of a few steps, supervised unless a method is given; gives its id."""
        body = {"model": BASE, "method": supervised(n_epochs=2, batch_size=6), **given}
        return str(self.sdk.fine_tuning.jobs.create(training_file=self.upload(rows), **body).id)

    def finished(self, job_id: str) -> Any:
        """The job, once it has ended."""
        return self.reached(job_id, *ENDS)

    def reached(self, job_id: str, *statuses: str) -> Any:
        """The job, once it has one of these statuses."""

        def found() -> Any:
            job = self.sdk.fine_tuning.jobs.retrieve(job_id)
            assert job.status in statuses or job.status not in ENDS, job
            return job if job.status in statuses else None

        return wait_for(found)

    def batch(self, lines: Sequence[Mapping[str, Any]]) -> str:
        """A batch of chats; gives its id."""
        file = self.upload(lines, purpose="batch")
        made = self.sdk.batches.create(
            input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h", metadata={"run": "1"}
        )
        return made.id

    def ended_batch(self, batch_id: str) -> Any:
        """The batch, once it has ended."""

        def found() -> Any:
            batch = self.sdk.batches.retrieve(batch_id)
            return batch if batch.status in ("completed", "failed", "expired", "cancelled") else None

        return wait_for(found)

    def refused(self, status: int, method: str, path: str, **options: Any) -> Any:
        """Asks for what must be refused with this status; gives the error."""
        response = self.bare.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()["error"]


def batch_line(name: str, **body: Any) -> Mapping[str, Any]:
    """A line of a batch's input: a chat with the model ``BASE`` unless the body says otherwise."""
    asked = {"model": BASE, "messages": QUESTION} | body
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": asked}


def jsonl(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def supervised(**hyperparameters: Any) -> Any:
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}
