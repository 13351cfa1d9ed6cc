"""The clients of a server that is killed again and again, and what they may rely on.

Owns what was sent and what was acknowledged. But for the parts and the end of an upload, no request is ever repeated, so that
whatever is doubled is the server's own doing. A request that was sent and never answered may have been carried out or not;
one that was answered has been.
"""

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

BASE = "gpt-4.1-mini-2025-04-14"
CHAT = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"
BATCH_LINES = 150
REFUSED_EVERY = 5
"""Of the requests in a batch, each so many-th asks for something that is refused."""

ENDED = {"succeeded", "failed", "cancelled"}
UNTOUCHED = {"validating_files", "queued", "running", "succeeded"}
"""Where a job may stand that nobody has cancelled or paused. Nothing here makes a job fail."""

WATCHED = {"": 80, "POST /v1/files": 8, "POST /v1/uploads": 8, f"POST {JOBS}": 4, "DELETE": 3, "POST /v1/batches": 2}
"""After how many requests at most a server is killed, by the beginning of those that are counted."""

_PAUSED = {"pausing", "paused", "succeeded"}
_DONE = {"cancel": {"cancelled"}, "pause": _PAUSED, "resume": UNTOUCHED}
_PERHAPS_DONE = {"cancel": {"cancelled"}, "pause": {"pausing", "paused"}, "resume": UNTOUCHED}
_REFUSED = {"cancel": ENDED, "pause": ENDED | {"paused"}, "resume": (UNTOUCHED | _PAUSED | ENDED) - {"paused"}}


@dataclass
class Upload:
    """An upload that was announced and not completed, as far as its client knows. ``parts`` are those acknowledged."""

    id: str
    name: str
    pieces: tuple[bytes, ...]
    parts: dict[int, str] = field(default_factory=dict)
    is_perhaps_completed: bool = False


@dataclass
class Record:
    """What clients have been told. Names of files, and metadata, say which request made an object.

    ``files`` has names of files by their ids; ``names`` those of files that exist, though perhaps nobody was told their ids;
    ``may_be`` the statuses that a job may be found in; ``steps`` their number by the job's name; ``ended`` the jobs and
    batches that have been seen to have ended. ``counted`` counts the requests whose method and path begin with ``watched``,
    when they are sent or when they are answered.
    """

    counted: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    watched: str = ""
    counts_answers: bool = True
    contents: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    uploads: dict[str, Upload] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    may_be: dict[str, set[str]] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    batches: dict[str, str] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """Notes that something happened that the test relies on. Each kind is counted by one thread only."""
        self.counts[what] = self.counts.get(what, 0) + 1


class Client:
    """One thread's way to a server. Whatever it draws at random follows from its name.

    What the server doesn't answer, or refuses, raises.
    """

    def __init__(self, url: str, record: Record, *, name: str) -> None:
        # Plain HTTP: reading the machine's certificates takes longer than some of the servers live.
        self._http = httpx2.Client(base_url=url, timeout=60, verify=False)
        self._name = name
        self._number = 0
        self.record = record
        self.random = random.Random(name)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The answer to a request that isn't to be refused."""
        response = self._send(method, path, **options)
        assert response.status_code == 200, f"{method} {path}: {response.text}"
        return response.json()

    def content(self, file: str) -> bytes:
        """What is in a file."""
        response = self._send("GET", f"/v1/files/{file}/content")
        assert response.status_code == 200, response.text
        return response.content

    def everything(self, path: str, limit: int = 100) -> list[Any]:
        """All of a list, page by page."""
        found: list[Any] = []
        while True:
            after = {"after": found[-1]["id"]} if found else {}
            page = self.ask("GET", path, params={"limit": limit, **after})
            found += page["data"]
            if not page["has_more"]:
                return found

    def train(self) -> None:
        """A job of a few steps or of several hundred; its file may go at once, as the job has the content."""
        name, rows, epochs = self._next_name(), self.random.choice((12, 40, 160)), self.random.choice((1, 2, 3))
        file = self._upload(_conversations(name, rows))
        body = {
            "model": BASE,
            "training_file": file,
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs, "batch_size": 1}}},
            "metadata": {"request": name},
            "suffix": "kills",
        }
        self.record.steps[name] = rows * epochs
        self.record.jobs[self.ask("POST", JOBS, json=body)["id"]] = name
        if self.random.random() < 0.5:
            self._delete(file)

    def turn_jobs(self) -> None:
        """Cancels, pauses or resumes one of the newest jobs, one that hasn't ended if there is one."""
        newest = self.ask("GET", JOBS, params={"limit": 20})["data"]
        unfinished = [job for job in newest if job["status"] not in ENDED]
        if newest:
            job = self.random.choice(unfinished or newest)["id"]
            self.turn(job, self.random.choice(("cancel", "pause", "pause", "pause", "resume", "resume", "resume")))

    def turn(self, job: str, verb: str) -> None:
        """Cancels, pauses or resumes a job. Only one thread may do that, so that it knows what comes of it."""
        before = self.record.may_be.get(job, UNTOUCHED)
        self.record.may_be[job] = before | _PERHAPS_DONE[verb]
        response = self._send("POST", f"{JOBS}/{job}/{verb}")
        if response.status_code == 200:
            status = response.json()["status"]
            assert status in _DONE[verb], (verb, status)
            self.record.may_be[job] = {status} if status in ENDED | {"paused"} else set(_DONE[verb])
            self.record.count(verb)
        else:
            assert response.json()["error"]["code"] == "invalid_job_status", response.text
            self.record.may_be[job] = before & _REFUSED[verb]
            assert self.record.may_be[job], f"{verb} of {job} was refused, which was one of {before}"

    def share_content(self) -> None:
        """Two files of the same content, one of which is deleted; the other keeps it."""
        first, second = self._next_name(), self._next_name()
        file = self._upload(_conversations(first, 12), name=first)
        self._upload(_conversations(first, 12), name=second)
        self._delete(file)

    def upload_in_parts(self) -> None:
        """One step of one of a few uploads, most of which outlive several servers."""
        if len(self.record.uploads) < 6:
            self._announce()
        else:
            self.go_on(self.random.choice(sorted(self.record.uploads)))

    def go_on(self, upload_id: str) -> None:
        """Sends a part that is missing, or else completes the upload."""
        upload = self.record.uploads[upload_id]
        path = f"/v1/uploads/{upload_id}"
        missing = [number for number in range(len(upload.pieces)) if number not in upload.parts]
        if missing:
            number = self.random.choice(missing)
            files = {"data": ("part", upload.pieces[number])}
            upload.parts[number] = self.ask("POST", f"{path}/parts", files=files)["id"]
            return
        was_asked_before, upload.is_perhaps_completed = upload.is_perhaps_completed, True
        parts = [upload.parts[number] for number in range(len(upload.pieces))]
        response = self._send("POST", f"{path}/complete", json={"part_ids": parts})
        if response.status_code == 200:
            self.record.files[response.json()["file"]["id"]] = upload.name
        else:
            assert was_asked_before, response.text
            assert response.json()["error"]["code"] == "invalid_upload_status", response.text
        self.record.names.add(upload.name)
        del self.record.uploads[upload_id]
        self.record.count("completed")

    def chat(self) -> None:
        """A question to one of the models, the newest among them."""
        models = [each["id"] for each in self.ask("GET", "/v1/models")["data"]]
        model = self.random.choice((models[-1], self.random.choice(models)))
        body = {"model": model, "messages": [{"role": "user", "content": self._name}]}
        assert self.ask("POST", CHAT, json=body)["choices"]
        self.record.count("chat")

    def batch(self) -> None:
        """A batch, some of whose requests are refused."""
        name = self._next_name()
        lines = []
        for number in range(BATCH_LINES):
            asked: dict[str, Any] = {"model": BASE, "messages": [{"role": "user", "content": f"{name} {number}"}]}
            if number % REFUSED_EVERY == 0:
                asked["temperature"] = 100
            lines.append({"custom_id": str(number), "method": "POST", "url": CHAT, "body": asked})
        file = self._upload(_as_lines(lines), purpose="batch")
        body = {
            "input_file_id": file,
            "endpoint": CHAT,
            "completion_window": "24h",
            "metadata": {"request": name},
        }
        self.record.batches[self.ask("POST", "/v1/batches", json=body)["id"]] = name

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        is_watched = f"{method} {path}".startswith(self.record.watched)
        if is_watched and not self.record.counts_answers:
            self.record.counted.release()
        response = self._http.request(method, path, **options)
        if is_watched and self.record.counts_answers:
            self.record.counted.release()
        return response

    def _announce(self) -> None:
        name = self._next_name()
        content = self.record.contents[name] = _conversations(name, 12)
        cuts = sorted(self.random.sample(range(1, len(content)), self.random.choice((1, 2, 3))))
        pieces = tuple(content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True))
        announced = {"filename": name, "purpose": "fine-tune", "bytes": len(content), "mime_type": "text/jsonl"}
        upload_id = self.ask("POST", "/v1/uploads", json=announced)["id"]
        self.record.uploads[upload_id] = Upload(id=upload_id, name=name, pieces=pieces)

    def _upload(self, content: bytes, *, name: str = "", purpose: str = "fine-tune") -> str:
        name = name or self._next_name()
        self.record.contents[name] = content
        made = self.ask("POST", "/v1/files", files={"file": (name, content)}, data={"purpose": purpose})
        self.record.files[made["id"]] = name
        return str(made["id"])

    def _delete(self, file: str) -> None:
        del self.record.files[file]  # whether it is still there isn't known until the answer
        self.ask("DELETE", f"/v1/files/{file}")
        self.record.deleted.add(file)

    def _next_name(self) -> str:
        self._number += 1
        return f"request-{self._name}-{self._number}.jsonl"


DEEDS: dict[Callable[[Client], None], float] = {
    Client.train: 0.3,
    Client.upload_in_parts: 0.05,
    Client.share_content: 0.1,
    Client.chat: 0.05,
    Client.turn_jobs: 0.1,
    Client.batch: 0.6,
}
"""What clients do, each in a thread of its own, and for how many seconds at most they rest in between."""


def _conversations(name: str, count: int) -> bytes:
    return _as_lines(
        [
            {
                "messages": [
                    {"role": "user", "content": f"{name} {n}"},
                    {"role": "assistant", "content": f"reply {n % 3}"},
                ]
            }
            for n in range(count)
        ]
    )


def _as_lines(values: list[Any]) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()
