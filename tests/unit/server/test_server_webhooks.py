"""Webhooks: what receivers get, how often, and what becomes of it when they, or the server, go down."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from server_in_process import ROW, Pause, ScriptedEngine, Server, jsonl, wait_for_batch
from test_server_batches import Turnstile, create, line

from ftops.server.config_file import ConfigInvalid, read_config
from ftops.server.settings import ProjectKey, Webhook
from ftops.server.storage import deliveries
from ftops.server.storage.deliveries import EventType
from ftops.server.webhooks import pause_after, sign
from server_process import ServerProcess, start_server, wait_for

JOBS = "/v1/fine_tuning/jobs"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the one in the documents of Standard Webhooks
SECRET_BYTES = b"1\xf2\x90\xf6\xbf\x06)\x8a\xabO\x08\xd4<?\x08,\xf6H\xa3b\xda-\xa4\xb0"
ALL = frozenset(EventType)


@dataclass(frozen=True, kw_only=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes

    def event(self) -> Any:
        client = OpenAI(api_key="unused", webhook_secret=SECRET)
        return client.webhooks.unwrap(self.body, self.headers)


@dataclass
class Receiver:
    """Answers with ``statuses`` one after the other, then with 200; ``silence`` keeps it from answering at all."""

    statuses: list[int] = field(default_factory=list)
    got: list[Received] = field(default_factory=list)
    silence: threading.Event | None = None
    url: str = ""

    def wait(self, count: int) -> list[Received]:
        wait_for(lambda: len(self.got) >= count, seconds=30)
        return self.got[:count]

    def webhook(self, **changes: Any) -> Webhook:
        return Webhook(**{"url": self.url, "secret": SECRET_BYTES, "events": ALL, **changes})


@contextlib.contextmanager
def listening(receiver: Receiver) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.got.append(Received(path=self.path, headers=dict(self.headers.items()), body=body))
            if receiver.silence is not None:
                receiver.silence.wait(30)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook?key=hidden"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening(Receiver()) as started:
        yield started


def told(tmp_path: Path, *webhooks: Webhook, engine: ScriptedEngine | None = None, **settings: Any) -> Server:
    return Server(tmp_path / "data", engine, webhooks=webhooks, webhook_retry_seconds=0.01, **settings)


def test_jobs_that_end_are_announced(tmp_path: Path, receiver: Receiver) -> None:
    pause = Pause(at=2)
    with told(tmp_path, receiver.webhook(), engine=ScriptedEngine(before_step=pause)) as server:
        cancelled = server.create_job()
        assert pause.reached.wait(30)
        assert server.ask("POST", f"{JOBS}/{cancelled}/cancel").status_code == 200
        pause.let_on()
        failed = server.create_job(rows=[ROW])
        succeeded = server.create_job()
        events = {received.event().data.id: received.event() for received in receiver.wait(3)}
        assert {job_id: event.type for job_id, event in events.items()} == {
            cancelled: "fine_tuning.job.cancelled",
            failed: "fine_tuning.job.failed",
            succeeded: "fine_tuning.job.succeeded",
        }
        for job_id, event in events.items():
            assert event.id.startswith("evt_")
            assert event.object == "event"
            assert event.created_at == server.job(job_id)["finished_at"]


def test_batches_that_end_are_announced(tmp_path: Path, receiver: Receiver) -> None:
    engine = Turnstile("stop here")
    with told(tmp_path, receiver.webhook(), engine=engine) as server:
        completed = wait_for_batch(server, create(server, [line("a")])["id"])["id"]
        failed = wait_for_batch(server, create(server, b"[]")["id"])["id"]
        cancelled = create(server, [line("stop here"), line("b")])["id"]
        assert engine.reached.wait(30)
        server.ask("POST", f"/v1/batches/{cancelled}/cancel")
        engine.go_on.set()
        told_of = {received.event().data.id: received.event().type for received in receiver.wait(3)}
        assert told_of == {completed: "batch.completed", failed: "batch.failed", cancelled: "batch.cancelled"}


def test_a_delivery_is_repeated_until_it_is_received(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses = [500, 404, 302, 429]
    with told(tmp_path, receiver.webhook()) as server:
        job_id = server.wait(server.create_job())["id"]
        attempts = receiver.wait(5)
        wait_for(lambda: not has_deliveries(server))
        assert len(receiver.got) == 5
    assert {each.path for each in attempts} == {"/hook?key=hidden"}  # the redirect wasn't followed
    assert len({(each.headers["webhook-id"], each.body) for each in attempts}) == 1
    assert all(each.event().data.id == job_id for each in attempts)
    assert attempts[0].headers["webhook-id"].startswith("wh_")
    assert attempts[0].headers["content-type"] == "application/json"
    assert "status 500" in caplog.text
    for hidden in ("hidden", "whsec", job_id):
        assert hidden not in caplog.text


def has_deliveries(server: Server) -> bool:
    with server.service.database.read() as connection:
        return connection.execute("SELECT 1 FROM deliveries").fetchone() is not None


def test_gone_means_that_one_delivery_is_not_wanted(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [410]
    with told(tmp_path, receiver.webhook()) as server:
        first = server.create_job()
        receiver.wait(1)
        second = server.wait(server.create_job())["id"]
        assert [each.event().data.id for each in receiver.wait(2)] == [first, second]
        wait_for(lambda: not has_deliveries(server))


def test_a_webhook_hears_of_its_events_and_project_alone(tmp_path: Path, receiver: Receiver) -> None:
    ours = ProjectKey(project="proj_a", organization=None, key="key-a")
    theirs = ProjectKey(project="proj_b", organization=None, key="key-b")
    with listening(Receiver()) as other:
        narrow = receiver.webhook(project="proj_a", events=frozenset({EventType.JOB_FAILED}))
        with told(tmp_path, narrow, other.webhook(), keys=(ours, theirs)) as server:
            made = [failing_job(server, who) for who in (theirs, ours)]
            broad = other.wait(2)
            (heard,) = receiver.wait(1)
            wait_for(lambda: not has_deliveries(server))
            assert {each.event().data.id for each in broad} == set(made)
            assert (heard.event().data.id, len(receiver.got)) == (made[1], 1)
            same = next(each for each in broad if each.event().data.id == made[1])
            assert same.body == heard.body
            assert same.headers["webhook-id"] != heard.headers["webhook-id"]


def failing_job(server: Server, who: ProjectKey) -> str:
    headers = {"authorization": f"Bearer {who.key}"}
    form: Any = {"files": {"file": ("rows.jsonl", jsonl([ROW]))}, "data": {"purpose": "fine-tune"}}
    file = server.ask("POST", "/v1/files", headers=headers, **form).json()
    body = {"model": "gpt-4o-mini-2024-07-18", "training_file": file["id"]}
    return str(server.ask("POST", JOBS, headers=headers, json=body).json()["id"])


def test_a_receiver_that_is_silent_keeps_no_other_waiting(tmp_path: Path, receiver: Receiver) -> None:
    silence = threading.Event()
    with listening(Receiver(silence=silence)) as silent, told(tmp_path, silent.webhook(), receiver.webhook()) as server:
        for _ in range(3):
            server.create_job(rows=[ROW])
        receiver.wait(3)
        assert len(silent.got) <= 1
        assert server.service.has_unfinished_work()
        silence.set()
        silent.wait(3)


def test_what_is_undelivered_waits_for_the_next_server(tmp_path: Path, receiver: Receiver) -> None:
    closed = Webhook(url="http://127.0.0.1:1/", secret=SECRET_BYTES, events=ALL)
    with told(tmp_path, closed) as server:
        failed = server.wait(server.create_job(rows=[ROW]))["id"]
    with told(tmp_path) as server:  # without its webhook: nothing is lost, nothing waited for
        assert has_deliveries(server)
        assert not server.service.has_unfinished_work()
        with server.service.database.write() as connection:
            connection.execute("UPDATE deliveries SET webhook = ?", (receiver.webhook().id,))
    with told(tmp_path, receiver.webhook()):
        (received,) = receiver.wait(1)
        assert received.event().data.id == failed


def test_an_idle_server_waits_a_minute_and_forgets_after_three_days(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed = Webhook(url="http://127.0.0.1:1/", secret=SECRET_BYTES, events=ALL)
    with told(tmp_path, closed) as server:
        server.wait(server.create_job(rows=[ROW]))
        assert server.service.has_unfinished_work()
        with server.service.database.write() as connection:
            connection.execute("UPDATE deliveries SET created_at = created_at - 60")
        assert not server.service.has_unfinished_work()
        now = int(time.time())
        server.service.webhooks.give_up_old(now + 72 * 3600 - 120)
        assert has_deliveries(server)
        server.service.webhooks.give_up_old(now + 72 * 3600 + 120)
        assert not has_deliveries(server)
    assert "is given up after" in caplog.text


def test_an_end_and_its_announcement_are_one(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce = deliveries.announce
    faults = [sqlite3.OperationalError("disk I/O error")] * 2

    def fail_first(*given: Any, **more: Any) -> None:
        announce(*given, **more)
        if faults:
            raise faults.pop()

    monkeypatch.setattr(deliveries, "announce", fail_first)
    with told(tmp_path, receiver.webhook(), retry_seconds=0.01) as server:
        assert server.wait(server.create_job())["status"] == "succeeded"
        assert faults == []
        receiver.wait(1)
        wait_for(lambda: not has_deliveries(server))
        assert len(receiver.got) == 1


def test_no_proxy_of_the_environment_is_used(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with told(tmp_path, receiver.webhook()) as server:
        server.create_job(rows=[ROW])
        receiver.wait(1)


@pytest.mark.parametrize(
    ("url", "error"),
    [("https://127.0.0.1:{}/", "SSLError"), ("http://a..b:{}/", "UnicodeError"), ("http://127.0.0.1:1/", "Conn")],
)
def test_a_receiver_that_cannot_be_reached_is_tried_again(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture, url: str, error: str
) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    with told(tmp_path, receiver.webhook(url=url.format(port))) as server:
        server.create_job(rows=[ROW])
        wait_for(lambda: len([each for each in caplog.messages if error in each]) >= 2)
        assert has_deliveries(server)
    assert receiver.got == []


def test_the_signature_is_that_of_standard_webhooks() -> None:
    signed = sign(
        SECRET_BYTES,
        delivery_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_pauses_grow_and_are_never_alike() -> None:
    for attempts, longest in ((0, 5), (1, 10), (4, 80), (11, 7200), (5000, 7200)):
        pauses = [pause_after(attempts, first=5.0) for _ in range(50)]
        assert all(longest / 2 <= pause <= longest for pause in pauses)
        assert len(set(pauses)) > 1


CONFIG = """
projects: [{id: proj_a, key_env: KEY_A}]
webhooks:
- {url: "https://example.com/hook", secret_env: HOOK}
- {url: "http://127.0.0.1:9/", secret_env: HOOK, events: [batch.completed], project: proj_a}
"""


def test_the_configuration_file_names_webhooks(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    first, second = read_config(file, {"KEY_A": "key", "HOOK": f"{SECRET}\n"}).webhooks
    assert (first.secret, first.events, first.project) == (SECRET_BYTES, ALL, None)
    assert (second.events, second.project) == ({"batch.completed"}, "proj_a")
    assert "1\\xf2" not in repr(first)


@pytest.mark.parametrize(
    ("webhooks", "message"),
    [
        ("[{url: 'ftp://a/', secret_env: HOOK}]", "webhooks[0].url: expected http:// or https://"),
        ("[{url: 'http:///path', secret_env: HOOK}]", "webhooks[0].url: expected http:// or https://"),
        ("[{url: 'http://a:x/', secret_env: HOOK}]", "webhooks[0].url: expected http:// or https://"),
        ("[{url: 'http://a/ b', secret_env: HOOK}]", "webhooks[0].url: expected http:// or https://"),
        ("[{url: 'http://ä/', secret_env: HOOK}]", "webhooks[0].url: expected http:// or https://"),
        ("[{url: 'http://me:pw@a/', secret_env: HOOK}]", "webhooks[0].url: neither a user nor a password"),
        ("[{url: 'http://a/', secret_env: NONE}]", "webhooks[0]: the environment variable NONE is not set"),
        ("[{url: 'http://a/', secret_env: PLAIN}]", "webhooks[0]: the secret in PLAIN isn't whsec_"),
        ("[{url: 'http://a/', secret_env: SHORT}]", "webhooks[0]: the secret in SHORT isn't whsec_"),
        ("[{url: 'http://a/', secret_env: WRONG}]", "webhooks[0]: the secret in WRONG isn't whsec_"),
        ("[{url: 'http://a/', secret_env: HOOK, project: x}]", "webhooks[0]: there is no project x"),
        ("[{url: 'http://a/', secret_env: HOOK, events: [job.done]}]", "$.webhooks[0].events[0]"),
        ("[{url: 'http://a/', secret_env: HOOK, events: []}]", "$.webhooks[0].events"),
        ("[{url: 'http://a/', secret: x}]", "$.webhooks[0]"),
        ("[{url: 'http://a/', secret_env: HOOK}, {url: 'http://a/', secret_env: HOOK}]", "webhooks[1]: its url"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused_at_once(tmp_path: Path, webhooks: str, message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"webhooks: {webhooks}", encoding="utf-8")
    environment = {"HOOK": SECRET, "PLAIN": "x" * 32, "SHORT": "whsec_YWJj", "WRONG": "whsec_***" + "A" * 40}
    with pytest.raises(ConfigInvalid) as raised:
        read_config(file, environment)
    assert message in str(raised.value)
    assert "pw" not in str(raised.value)


def test_kill_9_loses_no_announcement(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [503] * 1000
    config = tmp_path / "config.yaml"
    config.write_text(f"webhooks: [{{url: '{receiver.url}', secret_env: HOOK}}]", encoding="utf-8")
    with start_server(tmp_path, "--config", str(config), env={"HOOK": SECRET}) as server:
        job_id = failing_job_by_sdk(server)
        (first,) = receiver.wait(1)
        server.kill9()
        receiver.statuses.clear()
        server.restart()
        second = receiver.wait(2)[1]
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert (second.event().type, second.event().data.id) == ("fine_tuning.job.failed", job_id)
        assert SECRET not in server.output


def failing_job_by_sdk(server: ServerProcess) -> str:
    client = OpenAI(base_url=server.base_url, api_key="unused")
    file = client.files.create(file=("rows.jsonl", jsonl([ROW])), purpose="fine-tune")
    return client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id).id
