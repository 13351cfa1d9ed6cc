"""A tiny HTTP server whose every answer a test chooses: errors, cut bodies, dropped connections, silence."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

Answer = Callable[["Exchange"], None]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request as it arrived; ``body`` is empty where the answer didn't read it."""

    method: str
    path: str
    headers: Mapping[str, str]
    port: int
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Exchange(BaseHTTPRequestHandler):
    """One request and the means to answer it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def read(self) -> bytes:
        size = self.headers.get("content-length")
        if size is not None:
            return self.rfile.read(int(size))
        body = b""
        while "chunked" in self.headers.get("transfer-encoding", ""):
            length = int(self.rfile.readline(), 16)
            body += self.rfile.read(length)
            self.rfile.readline()
            if length == 0:
                break
        return body

    def send(self, status: int, body: bytes, headers: Mapping[str, str], *, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def wait_for_end(self) -> None:
        self.server.faults.is_over.wait(30)

    def remember(self, body: bytes = b"") -> None:
        seen = Seen(
            method=self.command,
            path=unquote(self.path),
            headers=dict(self.headers.items()),
            port=self.client_address[1],
            body=body,
        )
        self.server.faults.seen.append(seen)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        answers = self.server.faults.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        with contextlib.suppress(ConnectionError):
            answer(self)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False
    faults: "FaultServer"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # hanging up is what this server is for


@dataclass
class FaultServer:
    """``answers`` are given in turn, the last one for ever."""

    base_url: str
    answers: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def posts(self) -> int:
        return sum(1 for request in self.seen if request.method == "POST")


@contextlib.contextmanager
def start_fault_server(*answers: Answer) -> Iterator[FaultServer]:
    server = _Server(("127.0.0.1", 0), Exchange)
    faults = FaultServer(base_url=f"http://127.0.0.1:{server.server_port}/v1", answers=list(answers))
    server.faults = faults
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield faults
    finally:
        faults.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def reply(body: object, *, status: int = 200, **headers: str) -> Answer:
    """JSON; header names with underscores for hyphens. The connection is closed unless ``connection`` says otherwise."""

    def answer(exchange: Exchange) -> None:
        exchange.remember(exchange.read())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.send(
            status,
            json.dumps(body).encode(),
            {"content-type": "application/json", "connection": "close", **named},
        )

    return answer


def refuse(
    status: int, message: str = "no", *, code: str | None = None, param: str | None = None, **headers: str
) -> Answer:
    """OpenAI's error envelope."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return reply({"error": error}, status=status, **headers)


def reply_raw(body: bytes, *, content_type: str = "application/json", missing: int = 0) -> Answer:
    """A success with any body; ``missing`` bytes of it are announced and never sent."""

    def answer(exchange: Exchange) -> None:
        exchange.remember(exchange.read())
        exchange.close_connection = True
        headers = {"content-type": content_type, "connection": "close"}
        exchange.send(200, body, headers, length=len(body) + missing)

    return answer


def drop_before_reading(exchange: Exchange) -> None:
    """Hangs up on the headers."""
    exchange.remember()
    exchange.hang_up()


def drop_after_reading(exchange: Exchange) -> None:
    """Takes the whole request and hangs up."""
    exchange.remember(exchange.read())
    exchange.hang_up()


def say_nothing(exchange: Exchange) -> None:
    """Takes the whole request and never answers."""
    exchange.remember(exchange.read())
    exchange.wait_for_end()
    exchange.hang_up()
