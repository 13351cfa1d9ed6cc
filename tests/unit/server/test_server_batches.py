"""Batches: what a request for one may ask, what becomes of good and bad input, and how they end."""

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from server_in_process import ROW, ScriptedEngine, Server, jsonl, wait_for_batch

from ftops.server.batches import run as batch_run
from ftops.server.engines.interface import Accepts, Answer, Message, Model, Sampling, Tool
from ftops.server.settings import ProjectKey

BATCHES = "/v1/batches"
MODEL = "gpt-4o-mini-2024-07-18"


def line(custom_id: str, **body: Any) -> Mapping[str, Any]:
    asked = {"model": MODEL, "messages": [{"role": "user", "content": custom_id}], **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": asked}


def create(server: Server, content: bytes | Sequence[Mapping[str, Any]], **body: Any) -> Any:
    given = content if isinstance(content, bytes) else jsonl(content)
    asked = {
        "input_file_id": server.upload(given, purpose="batch"),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    response = server.ask("POST", BATCHES, json={**asked, **body})
    assert response.status_code == 200, response.text
    return response.json()


def lines_of(server: Server, file_id: str | None) -> list[Any]:
    if file_id is None:
        return []
    return [json.loads(each) for each in server.ask("GET", f"/v1/files/{file_id}/content").text.splitlines()]


class Turnstile(ScriptedEngine):
    """Answers; but the request whose prompt is ``stop_at`` waits until it is let on."""

    def __init__(self, stop_at: str) -> None:
        super().__init__()
        self.stop_at = stop_at
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def load(self, base: str, weights: bytes | None) -> Model:
        return TurnstileModel(self)


class TurnstileModel:
    def __init__(self, engine: Turnstile) -> None:
        self._engine = engine

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        if messages[-1]["content"] == self._engine.stop_at:
            self._engine.reached.set()
            assert self._engine.go_on.wait(30)
        self._engine.asked.append((messages, sampling))
        return (Answer(message=self._engine.reply),) * sampling.n


def test_a_batch_answers_every_request(server: Server) -> None:
    created = create(server, [line("a"), line("b", n=2), line("c", temperature=9)], metadata={"team": "x"})
    assert created["id"].startswith("batch_")
    assert created["status"] == "validating"
    assert created["expires_at"] == created["created_at"] + 24 * 3600
    for name in ("errors", "output_file_id", "in_progress_at", "completed_at", "model"):
        assert created[name] is None
    batch = wait_for_batch(server, created["id"])
    assert (batch["status"], batch["model"], batch["metadata"]) == ("completed", MODEL, {"team": "x"})
    assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert batch["in_progress_at"]
    assert batch["finalizing_at"]
    assert batch["completed_at"]
    outputs, (failed,) = lines_of(server, batch["output_file_id"]), lines_of(server, batch["error_file_id"])
    assert [each["custom_id"] for each in outputs] == ["a", "b"]
    assert [len(each["response"]["body"]["choices"]) for each in outputs] == [1, 2]
    for each in outputs:
        assert each["id"].startswith("batch_req_")
        assert each["error"] is None
        assert each["response"]["status_code"] == 200
        assert each["response"]["body"]["object"] == "chat.completion"
    usages = [each["response"]["body"]["usage"] for each in outputs]
    assert batch["usage"]["total_tokens"] == sum(usage["total_tokens"] for usage in usages)
    assert failed["response"]["status_code"] == 400
    assert failed["response"]["body"]["error"]["param"] == "temperature"
    assert len({each["id"] for each in [*outputs, failed]}) == 3
    assert list((server.settings.data_dir / "batches").iterdir()) == []


def test_files_of_results_can_be_read_but_not_uploaded(server: Server) -> None:
    batch = wait_for_batch(server, create(server, [line("a"), line("b", n=0)], **expiring(3600))["id"])
    for name in ("output_file_id", "error_file_id"):
        file = server.get(f"/v1/files/{batch[name]}")
        assert (file["purpose"], file["filename"]) == ("batch_output", f"{batch['id']}_{name[:-8]}.jsonl")
        assert file["expires_at"] == file["created_at"] + 3600
    listed = server.get("/v1/files?purpose=batch_output")["data"]
    assert {file["id"] for file in listed} == {batch["output_file_id"], batch["error_file_id"]}
    form: Any = {"files": {"file": ("a.jsonl", b"{}\n")}, "data": {"purpose": "batch_output"}}
    assert server.ask("POST", "/v1/files", **form).status_code == 400


def expiring(seconds: int) -> Mapping[str, Any]:
    return {"output_expires_after": {"anchor": "created_at", "seconds": seconds}}


def test_only_the_files_that_have_lines_are_made(server: Server) -> None:
    good = wait_for_batch(server, create(server, [line("a")])["id"])
    bad = wait_for_batch(server, create(server, [line("a", stream=True)])["id"])
    assert good["output_file_id"]
    assert good["error_file_id"] is None
    assert bad["output_file_id"] is None
    (refused,) = lines_of(server, bad["error_file_id"])
    assert refused["response"]["body"]["error"]["param"] == "stream"
    assert bad["status"] == "completed"


@pytest.mark.parametrize("reply", [None, {"role": "assistant", "content": "half a character: \ud83d"}])
def test_an_engine_that_breaks_spoils_one_line(server: Server, caplog: pytest.LogCaptureFixture, reply: Any) -> None:
    server.engine.reply = reply
    batch = wait_for_batch(server, create(server, [line("a secret")])["id"])
    (failed,) = lines_of(server, batch["error_file_id"])
    assert (failed["response"]["status_code"], failed["response"]["body"]["error"]["type"]) == (500, "server_error")
    assert "a request of a batch failed" in caplog.text
    assert "a secret" not in caplog.text


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        (b"", [("empty_file", None, None)]),
        (b"\n \n", [("empty_file", None, None)]),
        (b'{"a"\n', [("invalid_json_line", 1, None)]),
        (b"[]\n" + jsonl([line("a")]) + b"7", [("invalid_json_line", 1, None), ("invalid_json_line", 3, None)]),
        (jsonl([line("a"), line("b"), line("a")]), [("duplicate_custom_id", 3, "custom_id")]),
        (jsonl([line("")]), [("missing_required_parameter", 1, "custom_id")]),
        (jsonl([{**line("a"), "custom_id": 7}]), [("invalid_type", 1, "custom_id")]),
        (jsonl([{**line("a"), "method": "GET"}]), [("invalid_value", 1, "method")]),
        (jsonl([{**line("a"), "url": "/v1/embeddings"}]), [("invalid_url", 1, "url")]),
        (jsonl([{**line("a"), "body": None}]), [("missing_required_parameter", 1, "body")]),
        (jsonl([{**line("a"), "body": {}}]), [("missing_required_parameter", 1, "body.model")]),
        (jsonl([{**line("a"), "more": 1}]), [("unknown_parameter", 1, "more")]),
        (jsonl([line("a"), line("b", model="gpt-4o")]), [("mismatched_model", 2, "body.model")]),
        (jsonl([line("a", model="ft:gpt:org::none")]), [("model_not_found", 1, "body.model")]),
    ],
)
def test_bad_input_fails_the_batch(shared_server: Server, content: bytes, errors: Any) -> None:
    batch = wait_for_batch(shared_server, create(shared_server, content)["id"])
    assert batch["status"] == "failed"
    assert batch["failed_at"]
    assert batch["errors"]["object"] == "list"
    found = [(each["code"], each["line"], each["param"]) for each in batch["errors"]["data"]]
    assert found == errors
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert batch["output_file_id"] is None
    assert batch["error_file_id"] is None


def test_a_batch_has_limits(tmp_path: Path) -> None:
    limits: Any = {"max_batch_bytes": 2000, "max_batch_requests": 3, "max_line_bytes": 400}
    with Server(tmp_path / "data", **limits) as server:

        def code(content: Sequence[Mapping[str, Any]]) -> Any:
            batch = wait_for_batch(server, create(server, content)["id"])
            return batch["errors"] and batch["errors"]["data"][0]["code"]

        assert code([line(str(n)) for n in range(3)]) is None
        assert code([line(str(n)) for n in range(4)]) == "too_many_tasks"
        assert code([line("a" * 150)]) == "line_too_long"
        assert code([line(str(n)) for n in range(30)]) == "file_too_large"


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint", "unsupported_value"),
        ({"endpoint": "/v1/files"}, "endpoint", "invalid_value"),
        ({"endpoint": None}, "endpoint", "missing_required_parameter"),
        ({"completion_window": "7d"}, "completion_window", "invalid_value"),
        ({"input_file_id": "file-none"}, "input_file_id", "file_not_found"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
        (
            {"output_expires_after": {"anchor": "created_at"}},
            "output_expires_after.seconds",
            "missing_required_parameter",
        ),
        (expiring(60), "output_expires_after.seconds", "integer_below_min_value"),
        ({"priority": 1}, "priority", "unknown_parameter"),
    ],
)
def test_a_request_for_a_batch_is_checked(shared_server: Server, change: Any, param: str, code: str) -> None:
    asked = {
        "input_file_id": shared_server.upload(jsonl([line("a")]), purpose="batch"),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    response = shared_server.ask("POST", BATCHES, json={**asked, **change})
    assert response.status_code == 400
    assert (response.json()["error"]["param"], response.json()["error"]["code"]) == (param, code)


def test_a_batch_wants_a_file_for_batches(shared_server: Server) -> None:
    file_id = shared_server.upload(jsonl([ROW]))
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    assert shared_server.ask("POST", BATCHES, json=asked).json()["error"]["code"] == "invalid_file_purpose"
    form: Any = {"files": {"file": ("a.txt", b"{}\n")}, "data": {"purpose": "batch"}}
    assert "Must be .jsonl" in shared_server.ask("POST", "/v1/files", **form).json()["error"]["message"]


def test_batches_are_listed_by_pages_newest_first(server: Server) -> None:
    made = [create(server, [line("a")])["id"] for _ in range(3)]
    first = server.get(f"{BATCHES}?limit=2")
    assert [each["id"] for each in first["data"]] == made[:0:-1]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[2], made[1], True)
    last = server.get(f"{BATCHES}?limit=2&after={made[1]}")
    assert ([each["id"] for each in last["data"]], last["has_more"]) == (made[:1], False)
    for query in ("limit=0", "limit=101", "after=batch_none", "order=asc"):
        assert server.ask("GET", f"{BATCHES}?{query}").status_code == 400


def test_a_project_sees_its_own_batches_and_models_alone(tmp_path: Path) -> None:
    ours = ProjectKey(project="proj_a", organization=None, key="key-a")
    theirs = ProjectKey(project="proj_b", organization=None, key="key-b")

    def ask(server: Server, who: ProjectKey, method: str, path: str, **options: Any) -> Any:
        return server.ask(method, path, headers={"authorization": f"Bearer {who.key}"}, **options)

    with Server(tmp_path / "data", keys=(ours, theirs)) as server:
        form: Any = {"files": {"file": ("a.jsonl", jsonl([line("a")]))}, "data": {"purpose": "batch"}}
        file_id = ask(server, ours, "POST", "/v1/files", **form).json()["id"]
        asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        assert ask(server, theirs, "POST", BATCHES, json=asked).status_code == 400
        batch_id = ask(server, ours, "POST", BATCHES, json=asked).json()["id"]
        for method, path in (("GET", f"{BATCHES}/{batch_id}"), ("POST", f"{BATCHES}/{batch_id}/cancel")):
            assert ask(server, theirs, method, path).status_code == 404
        assert ask(server, theirs, "GET", BATCHES).json()["data"] == []
        assert ask(server, ours, "GET", BATCHES).json()["first_id"] == batch_id


def test_a_batch_keeps_its_input(tmp_path: Path) -> None:
    engine = Turnstile("a")
    with Server(tmp_path / "data", engine) as server:
        batch = create(server, [line("a"), line("b")])
        assert engine.reached.wait(30)
        assert server.ask("DELETE", f"/v1/files/{batch['input_file_id']}").status_code == 200
        engine.go_on.set()
        batch = wait_for_batch(server, batch["id"])
        assert batch["request_counts"]["completed"] == 2
        blobs = [path.name for path in (tmp_path / "data" / "blobs").glob("*/*")]
        assert len(blobs) == 1  # the output: nobody needs the input any more


def test_cancelling_keeps_what_was_done(tmp_path: Path) -> None:
    engine = Turnstile("b")
    with Server(tmp_path / "data", engine) as server:
        batch = create(server, [line("a"), line("b"), line("c"), line("d")])
        assert engine.reached.wait(30)
        assert server.service.has_unfinished_work()
        running = server.get(f"{BATCHES}/{batch['id']}")
        assert (running["status"], running["request_counts"]["total"]) == ("in_progress", 4)
        cancelling = server.ask("POST", f"{BATCHES}/{batch['id']}/cancel").json()
        assert cancelling["status"] == "cancelling"
        assert cancelling["cancelling_at"]
        engine.go_on.set()
        batch = wait_for_batch(server, batch["id"])
        assert batch["status"] == "cancelled"
        assert batch["cancelled_at"]
        counts = batch["request_counts"]
        done = lines_of(server, batch["output_file_id"])
        dropped = lines_of(server, batch["error_file_id"])
        assert [each["custom_id"] for each in done + dropped] == ["a", "b", "c", "d"]
        assert (counts["completed"], counts["failed"]) == (len(done), len(dropped))
        assert {each["error"]["code"] for each in dropped} <= {"batch_cancelled"}
        assert not server.service.has_unfinished_work()
        again = server.ask("POST", f"{BATCHES}/{batch['id']}/cancel")
        assert (again.status_code, again.json()["status"]) == (200, "cancelled")


def test_a_batch_that_has_ended_cannot_be_cancelled(server: Server) -> None:
    batch = wait_for_batch(server, create(server, [line("a")])["id"])
    refused = server.ask("POST", f"{BATCHES}/{batch['id']}/cancel")
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == "Cannot cancel a batch with status 'completed'."


def test_what_the_window_does_not_hold_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Turnstile("b")
    with Server(tmp_path / "data", engine) as server:
        batch = create(server, [line("a"), line("b"), line("c")])
        assert engine.reached.wait(30)
        monkeypatch.setattr(batch_run, "_now", lambda: batch["expires_at"])
        engine.go_on.set()
        batch = wait_for_batch(server, batch["id"])
        assert batch["status"] == "expired"
        assert batch["completed_at"] is None
        assert batch["expired_at"] == batch["expires_at"]
        assert [each["custom_id"] for each in lines_of(server, batch["output_file_id"])] == ["a", "b"]
        (dropped,) = lines_of(server, batch["error_file_id"])
        assert (dropped["custom_id"], dropped["response"], dropped["error"]["code"]) == ("c", None, "batch_expired")
        assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
