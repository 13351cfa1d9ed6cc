"""A proxy before a real server, which does to the creation of a job what networks do."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CREATE = ("POST", "/v1/fine_tuning/jobs")
# Headers of one connection, which are not passed on.
_OF_A_CONNECTION = {"connection", "transfer-encoding", "content-length", "host", "accept-encoding"}


@dataclass
class FaultProxy:
    """``faults`` are met by creations in turn: "drop", "500" and "twice" after forwarding, "refuse" without it."""

    base_url: str
    target: str
    faults: list[str] = field(default_factory=list)
    creations: int = 0
    on_created: Callable[[], None] | None = None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def log_message(self, *_: object) -> None:
        pass

    def _pass_on(self) -> None:
        proxy, body = self.server.proxy, self._read()
        is_creation = (self.command, self.path) == CREATE
        fault = proxy.faults.pop(0) if is_creation and proxy.faults else ""
        self.close_connection = True
        if fault == "refuse":
            proxy.creations += 1
            self._answer(500, b'{"error": {"message": "not today"}}', {})
            return
        status, answer, headers = self._forward(body)
        if is_creation:
            proxy.creations += 1
            if proxy.on_created is not None:
                proxy.on_created()
        if fault == "twice":
            self._forward(body)
        if fault == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault == "500":
            status, answer = 500, b'{"error": {"message": "the answer got lost"}}'
        with contextlib.suppress(ConnectionError):
            self._answer(status, answer, headers)

    def _read(self) -> bytes:
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

    def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        address = urlsplit(self.server.proxy.target)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _OF_A_CONNECTION}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _OF_A_CONNECTION}
            return answer.status, answer.read(), kept
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True
    proxy: FaultProxy

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that was killed hangs up


@contextlib.contextmanager
def start_proxy(target: str, *faults: str) -> Iterator[FaultProxy]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy = FaultProxy(base_url=f"http://127.0.0.1:{server.server_port}/v1", target=target, faults=list(faults))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
