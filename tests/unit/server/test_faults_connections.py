"""Connections that are closed: by raw sockets and the real SDK against the real server, whose faults change while it runs."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
import uvicorn
import uvicorn.protocols.http.auto
from openai import OpenAI
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ftops.server.faults.connection import hang_up, hang_up_protocol
from server_process import ServerProcess, run_server, start_server, wait_for

BASE = "gpt-4o-mini-2024-07-18"
JOBS = "/v1/fine_tuning/jobs"
ROWS = b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}\n' * 10
CREATION = f'match: {{method: POST, path: "{JOBS}"}}'

SetFaults = Callable[..., None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "faults.yaml").write_text("faults: []\n", encoding="utf-8")
    with start_server(folder, "--faults", str(folder / "faults.yaml"), "--access-log") as running:
        yield running


@pytest.fixture
def set_faults(server: ServerProcess) -> Iterator[SetFaults]:
    """Replaces the file and waits until the server goes by it; at the end there are no faults."""
    file = server.data_dir.parent / "faults.yaml"

    def replace(*rules: str) -> None:
        fresh = file.with_suffix(".new")
        fresh.write_text("faults:\n" + "".join(f"  - {{{each}}}\n" for each in rules) if rules else "faults: []\n")
        fresh.replace(file)
        names = [each.partition("name: ")[2].partition(",")[0] for each in rules]
        wait_for(lambda: [each["name"] for each in report(server)] == names)

    yield replace
    replace()


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="unused") as made:
        yield made


@pytest.fixture(scope="module")
def training_file(client: OpenAI) -> str:
    return client.files.create(file=("rows.jsonl", ROWS), purpose="fine-tune").id


def report(server: ServerProcess) -> list[Any]:
    found: list[Any] = httpx2.get(f"{server.url}/faults").json()["faults"]
    return found


def jobs_with(client: OpenAI, suffix: str) -> list[str]:
    return [job.id for job in client.fine_tuning.jobs.list() if getattr(job, "user_provided_suffix", None) == suffix]


def spoken(server: ServerProcess, request: bytes) -> bytes:
    """Everything that the server says to some bytes, until it closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    said = b""
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        while piece := connection.recv(65536):
            said += piece
    return said


def creation(training_file: str, suffix: str) -> bytes:
    body = json.dumps({"model": BASE, "training_file": training_file, "suffix": suffix}).encode()
    head = (
        f"POST {JOBS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    )
    return head.encode() + b"\r\n" + body


def test_drop_before_closes_without_carrying_out(
    server: ServerProcess, client: OpenAI, training_file: str, set_faults: SetFaults
) -> None:
    set_faults(f"name: before, {CREATION}, fault: drop-before")
    assert spoken(server, creation(training_file, "before")) == b""
    with pytest.raises(openai.APIConnectionError):
        client.with_options(max_retries=0).fine_tuning.jobs.create(
            model=BASE, training_file=training_file, suffix="before"
        )
    assert jobs_with(client, "before") == []
    assert report(server)[0]["fired"] == 2


def test_drop_after_closes_when_it_has_been_carried_out(
    server: ServerProcess, client: OpenAI, training_file: str, set_faults: SetFaults
) -> None:
    set_faults(f"name: after, {CREATION}, fault: drop-after")
    assert spoken(server, creation(training_file, "after")) == b""
    assert len(jobs_with(client, "after")) == 1


def test_an_sdk_that_repeats_a_lost_creation_makes_two_jobs(
    server: ServerProcess, client: OpenAI, training_file: str, set_faults: SetFaults
) -> None:
    set_faults(f"name: lose-the-answer, {CREATION}, count: 1, fault: drop-after")
    job = client.fine_tuning.jobs.create(model=BASE, training_file=training_file, suffix="lost")
    assert jobs_with(client, "lost")[:1] == [job.id]
    assert len(jobs_with(client, "lost")) == 2
    (told,) = report(server)
    assert (told["matched"], told["fired"], len(told["request_ids"])) == (2, 1, 1)
    lines = [json.loads(line) for line in server.output.splitlines() if '"path"' in line]
    (marked,) = [line for line in lines if line.get("fault") == "lose-the-answer"]
    assert (marked["request_id"], marked["status"]) == (told["request_ids"][0], 0)


def test_an_answer_is_cut_after_so_many_bytes(server: ServerProcess, set_faults: SetFaults) -> None:
    set_faults("name: bytes, match: {path: /v1/models}, fault: cut, bytes: 10")
    head, _, body = spoken(server, b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: " in head
    assert body == b'{"object":'


@pytest.mark.parametrize("words", ["bytes: 100000", "part: 1"])
def test_a_short_answer_is_whole_when_the_connection_closes(
    server: ServerProcess, set_faults: SetFaults, words: str
) -> None:
    set_faults(f"name: far, match: {{path: /healthz}}, fault: cut, {words}")
    head, _, body = spoken(server, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").partition(b"\r\n\r\n")
    assert json.loads(body)["status"] == "ok"
    assert f"content-length: {len(body)}".encode() in head


def test_the_sdk_sees_half_an_answer(
    server: ServerProcess, client: OpenAI, training_file: str, set_faults: SetFaults
) -> None:
    set_faults("name: half, match: {method: GET, path: '/v1/files/*/content'}, fault: cut, part: 0.5")
    with pytest.raises(openai.APIConnectionError):
        client.with_options(max_retries=0).files.content(training_file)
    request = f"GET /v1/files/{training_file}/content HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
    assert spoken(server, request).partition(b"\r\n\r\n")[2] == ROWS[: len(ROWS) // 2]


def test_a_stream_of_events_breaks_off(server: ServerProcess, client: OpenAI, set_faults: SetFaults) -> None:
    set_faults("name: stream, match: {path: /v1/chat/completions}, fault: cut, part: 0.5")
    stream = client.chat.completions.create(
        model=BASE, messages=[{"role": "user", "content": "hi"}], stream=True, temperature=0
    )
    assert next(stream).choices[0].delta.role == "assistant"
    with pytest.raises(openai.APIConnectionError):
        list(stream)


def test_a_throttled_sdk_waits_and_comes_again(server: ServerProcess, client: OpenAI, set_faults: SetFaults) -> None:
    set_faults("name: slow-down, match: {path: /v1/models}, fault: throttle, retry_after: 0.4, count: 2")
    began = time.monotonic()
    assert client.models.list().data
    assert time.monotonic() - began >= 0.7
    assert [report(server)[0][name] for name in ("matched", "fired")] == [3, 2]


def test_a_wrong_file_changes_nothing_and_says_why(server: ServerProcess, set_faults: SetFaults) -> None:
    set_faults("name: kept, match: {path: /none}, fault: drop-before")
    file = server.data_dir.parent / "faults.yaml"
    file.write_text("faults:\n  - {name: kept, fault: drop}\n", encoding="utf-8")
    wait_for(lambda: httpx2.get(f"{server.url}/faults").json()["problem"])
    assert [each["name"] for each in report(server)] == ["kept"]
    assert f"{file}: line 2: 'fault': expected one of drop-before" in server.output


def test_the_end_tells_what_fired(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(
        "faults:\n  - {name: gone, match: {path: /v1/models}, fault: drop-before, count: 1}\n", encoding="utf-8"
    )
    with start_server(tmp_path, "--faults", str(tmp_path / "faults.yaml")) as server:
        for _ in range(2):
            spoken(server, b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        assert server.terminate() == 0
        assert "ftops.server.faults: gone: matched 2, fired 1" in server.output
        assert "Traceback" not in server.output


@pytest.mark.parametrize("after", ["false", "true"])
def test_a_server_that_ends_leaves_those_who_wait(tmp_path: Path, after: str) -> None:
    (tmp_path / "faults.yaml").write_text(
        f"faults:\n  - {{match: {{path: /v1/models}}, fault: delay, seconds: 3600, after: {after}}}\n", encoding="utf-8"
    )
    with start_server(tmp_path, "--faults", str(tmp_path / "faults.yaml")) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
            wait_for(lambda: report(server)[0]["fired"])
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not is_listening(host, int(port)))
            server.process.send_signal(signal.SIGTERM)  # the second one ends the time of grace
            assert connection.recv(100) == b""
            assert server.wait() == 0
        assert "Traceback" not in server.output


def is_listening(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=30).close()
    except OSError:
        return False
    return True


def test_a_file_that_is_none_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text("faults:\n  - {fault: drop}\n", encoding="utf-8")
    code, output = run_server(tmp_path, "--faults", str(tmp_path / "faults.yaml"))
    assert (code, "line 2: 'fault': expected one of" in output) == (2, True)
    code, output = run_server(tmp_path, "--faults", str(tmp_path / "none.yaml"))
    assert (code, "No such file" in output) == (2, True)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("protocol", [HttpToolsProtocol, H11Protocol])
def test_both_protocols_hang_up(protocol: type[asyncio.Protocol], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.protocols.http.auto, "AutoHTTPProtocol", protocol)
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        if scope["path"] == "/cut":
            headers = [(b"content-length", b"10")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"12345", "more_body": True})
        await hang_up(scope)

    async def ask(port: int, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        said = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        await writer.wait_closed()
        return said

    async def serve_and_ask() -> tuple[bytes, bytes]:
        config = uvicorn.Config(app, http=hang_up_protocol(), lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[listener])
            port = listener.getsockname()[1]
            dropped = await ask(port, b"GET /drop HTTP/1.1\r\nhost: x\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\n\r\n")
            cut = await ask(port, b"GET /cut HTTP/1.1\r\nhost: x\r\n\r\n")
            await server.shutdown(sockets=[listener])
            return dropped, cut

    dropped, cut = asyncio.run(serve_and_ask())
    assert dropped == b""
    assert cut.startswith(b"HTTP/1.1 200 ")
    assert cut.endswith(b"\r\n\r\n12345")
    assert seen == ["/drop", "/cut"]


def test_no_connection_can_be_closed_where_there_is_none() -> None:
    with pytest.raises(RuntimeError, match="serve with hang_up_protocol"):
        asyncio.run(hang_up({"type": "http"}))
