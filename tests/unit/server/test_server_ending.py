"""How a server ends: with requests under way, with threads that don't listen, and with a project's work in the queue."""

import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from server_in_process import ScriptedEngine, Server
from test_faults_connections import is_listening

from ftops.server import app
from server_process import start_server, wait_for

HEAD = (
    b"POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=b\r\n"
    b"content-length: 100000\r\nexpect: 100-continue\r\n\r\n"
)


def test_a_request_that_outlasts_the_server_is_told_so(tmp_path: Path) -> None:
    with start_server(tmp_path, "--access-log") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(HEAD)
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # the server waits for the rest
            server.process.send_signal(signal.SIGINT)
            wait_for(lambda: not is_listening(host, int(port)))
            server.process.send_signal(signal.SIGINT)  # the second one ends the time of grace
            answer = b"".join(iter(lambda: connection.recv(1000), b""))
        assert server.wait() == 0
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"message":"The server is shutting down."' in answer
        assert '"status":503' in server.output
        assert "Traceback" not in server.output
        assert list((server.data_dir / "spool").iterdir()) == []
        assert not (server.data_dir / "server.json").exists()


def test_threads_that_do_not_end_keep_a_server_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several of them don't add their times up."""
    monkeypatch.setattr(app, "_STOP_SECONDS", 0.2)
    stuck, go_on = threading.Semaphore(0), threading.Event()

    def before_step(_: int) -> None:
        stuck.release()
        go_on.wait(30)

    waited: list[Any] = []
    join = threading.Thread.join
    with monkeypatch.context() as patched:
        server = Server(tmp_path / "data", ScriptedEngine(before_step=before_step), workers=4)
        for _ in range(4):
            server.create_job()
        for _ in range(4):
            assert stuck.acquire(timeout=30)
        patched.setattr(
            threading.Thread, "join", lambda self, timeout=None: (waited.append(timeout), join(self, timeout))
        )
        server.service.stop()
    go_on.set()
    trainers = waited[-4:]
    assert 0 < trainers[0] <= 0.2
    assert trainers[1:] == [0.0, 0.0, 0.0]
