"""Reading jobs, files and models, cancelling and uploading over HTTP, against answers that a test chooses."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fault_server import Answer, drop_after_reading, refuse, reply, reply_raw, start_fault_server
from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId
from ftops.errors import AnswerLost, BackendError, NotFound, Rejected, Unauthorized, Unreachable

Open = Callable[..., OpenAIBackend]


@pytest.fixture
def open_backend() -> Iterator[Open]:
    opened: list[OpenAIBackend] = []

    def open_at(base_url: str, *, key: str = NO_KEY, is_default: bool = False, retries: int = 0) -> OpenAIBackend:
        address = Address(base_url=base_url, key=key, is_loopback=True, is_default=is_default)
        opened.append(OpenAIBackend(address, timing=Timing(retries=retries), sleep=lambda seconds: None))
        return opened[-1]

    yield open_at
    for backend in opened:
        backend.close()


def job(number: int, *, status: str = "running", **fields: Any) -> dict[str, Any]:
    return {"id": f"ftjob-{number}", "status": status, "model": "m", "created_at": number, "metadata": {}, **fields}


def file(number: int, name: str = "a.jsonl", **fields: Any) -> dict[str, Any]:
    return {"id": f"file-{number}", "filename": name, "bytes": 3, "created_at": number, "status": "processed", **fields}


def page(*items: dict[str, Any], **fields: Any) -> Answer:
    return reply({"object": "list", "data": list(items), **fields})


def test_reads_are_repeated(open_backend: Open) -> None:
    with start_fault_server(refuse(500), drop_after_reading, reply(job(1))) as server:
        found = open_backend(server.base_url, retries=2).jobs.retrieve(JobId("ftjob-1"))
        assert (found.status, len(server.seen)) == (JobStatus.RUNNING, 3)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refuse(500), Unreachable),
        (drop_after_reading, Unreachable),
        (refuse(404), NotFound),
        (refuse(401), Unauthorized),
        (reply_raw(b"{"), BackendError),
        (reply_raw(b"", content_type="text/plain"), BackendError),
    ],
)
def test_failed_reads(open_backend: Open, answer: Answer, expected: type[BackendError]) -> None:
    with start_fault_server(answer) as server:
        with pytest.raises(BackendError) as caught:
            open_backend(server.base_url).jobs.retrieve(JobId("ftjob-1"))
        assert type(caught.value) is expected


def test_lists_are_read_to_their_end_and_filtered_again(open_backend: Open) -> None:
    ours = {"metadata": {"p": "us", "n": "a"}}
    answers = (page(job(3, **ours), job(2), has_more=True), page(job(1, **ours), has_more=False))
    with start_fault_server(*answers) as server:
        found = open_backend(server.base_url).jobs.list_jobs(metadata={"p": "us"})
        assert [each.id for each in found] == ["ftjob-3", "ftjob-1"]
        assert [request.path for request in server.seen] == [
            "/v1/fine_tuning/jobs?limit=100&metadata[p]=us",
            "/v1/fine_tuning/jobs?after=ftjob-2&limit=100&metadata[p]=us",
        ]


def test_newest_bounds_what_is_read(open_backend: Open) -> None:
    with start_fault_server(page(job(3), job(2), job(1), has_more=True)) as server:
        found = open_backend(server.base_url).jobs.list_jobs(metadata={}, newest=2)
        assert [each.id for each in found] == ["ftjob-3", "ftjob-2"]
        assert [request.path for request in server.seen] == ["/v1/fine_tuning/jobs?limit=2"]


def test_a_backend_that_ignores_the_cursor_ends(open_backend: Open) -> None:
    with start_fault_server(page(job(2), job(1))) as server:
        assert len(open_backend(server.base_url).jobs.list_jobs(metadata={})) == 2
        assert len(server.seen) == 2


def test_a_list_without_data_is_no_list(open_backend: Open) -> None:
    with start_fault_server(reply({"object": "list"})) as server, pytest.raises(BackendError, match="without data"):
        open_backend(server.base_url).jobs.list_jobs(metadata={})


def test_checkpoints_and_progress(open_backend: Open) -> None:
    checkpoint = {"id": "c-1", "step_number": 5, "fine_tuned_model_checkpoint": "ft:m:x", "metrics": {}}
    with start_fault_server(page(checkpoint, has_more=False), page({"id": "e-1", "message": "Step 5/9"})) as server:
        backend = open_backend(server.base_url)
        assert [each.step for each in backend.jobs.checkpoints(JobId("ftjob-1"))] == [5]
        assert backend.jobs.progress(JobId("ftjob-1")).total_steps == 9


def test_cancelling_what_has_ended_gives_it(open_backend: Open) -> None:
    with start_fault_server(refuse(400, "already ended"), reply(job(1, status="succeeded"))) as server:
        assert open_backend(server.base_url).training.cancel(JobId("ftjob-1")).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((refuse(400, "no"), reply(job(1))), Rejected),
        ((refuse(404),), NotFound),
        ((refuse(403),), Unauthorized),
        ((refuse(500),), AnswerLost),
    ],
)
def test_refused_cancels(open_backend: Open, answers: tuple[Answer, ...], expected: type[BackendError]) -> None:
    with start_fault_server(*answers) as server, pytest.raises(BackendError) as caught:
        open_backend(server.base_url).training.cancel(JobId("ftjob-1"))
    assert type(caught.value) is expected


def test_the_newest_usable_file_of_a_name_is_found(open_backend: Open) -> None:
    listed = page(
        file(5, status="error"),
        file(4, "b.jsonl"),
        file(3, status=None),
        file(2),
        file(9, status="deleted"),
        has_more=False,
    )
    with start_fault_server(listed) as server:
        backend = open_backend(server.base_url)
        found = backend.files.find("a.jsonl")
        assert found is not None
        assert found.id == "file-3"
        assert backend.files.find("c.jsonl") is None
        assert server.seen[0].path == "/v1/files?limit=10000&order=desc&purpose=fine-tune"


def test_an_upload_waits_until_the_file_is_processed(open_backend: Open) -> None:
    pending, done = reply(file(1, status="uploaded")), reply(file(1))
    with start_fault_server(pending, pending, done) as server:
        stored = open_backend(server.base_url).files.upload("a.jsonl", io.BytesIO(b'{"a": 1}\n'))
        assert (stored.id, stored.name) == ("file-1", "a.jsonl")
        assert b'{"a": 1}\n' in server.seen[0].body
        assert b'filename="a.jsonl"' in server.seen[0].body
        assert [request.method for request in server.seen] == ["POST", "GET", "GET"]


def test_a_file_that_is_never_processed_is_left_to_the_job(open_backend: Open) -> None:
    with start_fault_server(reply(file(1, status="uploaded"))) as server:
        assert open_backend(server.base_url).files.upload("a.jsonl", io.BytesIO(b"{}\n")).id == "file-1"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(file(1, status="error", status_details="line 3")), "can't use a.jsonl: line 3"),
        (reply(file(1, status="error")), "can't use a.jsonl: no explanation"),
        (refuse(400, "Expected file to have JSONL format"), "JSONL"),
    ],
)
def test_a_file_that_the_backend_refuses(open_backend: Open, answer: Answer, words: str) -> None:
    with start_fault_server(answer) as server, pytest.raises(Rejected, match=words):
        open_backend(server.base_url).files.upload("a.jsonl", io.BytesIO(b"{}\n"))


def test_a_repeated_upload_is_sent_whole(open_backend: Open) -> None:
    with start_fault_server(refuse(500), reply(file(1)), reply(file(1))) as server:
        backend = open_backend(server.base_url, retries=1)
        backend.files.upload("a.jsonl", io.BytesIO(b'{"a": 1}\n'))
        assert [b'{"a": 1}\n' in request.body for request in server.seen] == [True, True]
        assert backend.files.retrieve("file-1").size == 3


def test_models(open_backend: Open) -> None:
    models = page({"id": "m", "owned_by": "o", "shutdown_date": "2027-01-14"}, {"id": "n"}, {"object": "model"})
    with start_fault_server(models) as server:
        found = open_backend(server.base_url).models.list_models()
        assert [(each.id, each.shutdown_date) for each in found] == [("m", "2027-01-14"), ("n", None)]


AMBIENT = {
    "OPENAI_API_KEY": "sk-theirs",
    "OPENAI_ADMIN_KEY": "sk-admin",
    "OPENAI_ORG_ID": "org-theirs",
    "OPENAI_PROJECT_ID": "proj-theirs",
    "OPENAI_CUSTOM_HEADERS": "X-Secret: theirs\nAuthorization: Bearer theirs",
}


def test_nothing_of_openais_goes_to_another_backend(open_backend: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    with start_fault_server(reply(job(1))) as server:
        backend = open_backend(server.base_url, key="ours")
        backend.jobs.retrieve(JobId("ftjob-1"))
        backend.training.create({"model": "m", "training_file": "f"}, {})
        for request in server.seen:
            assert "theirs" not in str(request.headers)
            assert "sk-admin" not in str(request.headers)
            assert {k.lower(): v for k, v in request.headers.items()}["authorization"] == "Bearer ours"


def test_openais_own_variables_hold_for_openai(open_backend: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-theirs")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-theirs")
    with start_fault_server(reply(job(1))) as server:
        open_backend(server.base_url, key="ours", is_default=True).jobs.retrieve(JobId("ftjob-1"))
        headers = {name.lower(): value for name, value in server.seen[0].headers.items()}
        assert (headers["openai-organization"], headers["openai-project"]) == ("org-theirs", "proj-theirs")


def test_no_proxy_stands_before_this_machine(open_backend: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with start_fault_server(reply(job(1))) as server:
        assert open_backend(server.base_url).jobs.retrieve(JobId("ftjob-1")).id == "ftjob-1"
