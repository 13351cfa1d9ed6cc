"""A front before a server that gives the same answers at once, so that a client's time is its own and not the server's.

Owns recording and replaying: a request that it has not met is passed on, and the answer kept. It counts requests, and the
time that passes between a request's arrival and its answer's departure.
"""

import http.client
import socket
import socketserver
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_HEAD_END = b"\r\n\r\n"


@dataclass(kw_only=True, slots=True)
class Front:
    """Listens on a free port of the loopback address; ``backend`` is where unknown requests go. Close it at the end."""

    backend: str = ""
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0
    _answers: dict[bytes, bytes] = field(default_factory=dict)
    _server: socketserver.ThreadingTCPServer = field(init=False)

    def __post_init__(self) -> None:
        front = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                front._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start_counting(self) -> None:
        """Forgets what was counted so far."""
        self.lines, self.seconds = [], 0.0

    def forget(self) -> None:
        """Passes every request on again, once."""
        self._answers.clear()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, client: socket.socket) -> None:
        """Answers the requests of one connection: none of them has a body, as plan only reads."""
        pending = b""
        while True:
            while _HEAD_END not in pending:
                piece = client.recv(65_536)
                if not piece:
                    return
                pending += piece
            head, _, pending = pending.partition(_HEAD_END)
            began = time.perf_counter()
            line = head.split(b"\r\n", 1)[0]
            answer = self._answers.get(line) or self._passed_on(line, head)
            client.sendall(answer)
            self.seconds += time.perf_counter() - began
            self.lines.append(line.decode("ascii"))

    def _passed_on(self, line: bytes, head: bytes) -> bytes:
        method, path, _ = line.decode("ascii").split(" ")
        if method != "GET":
            raise ValueError(f"only reading is replayed, not {method}")
        names = {"authorization": "", "accept": ""}
        for header in head.decode("latin-1").split("\r\n")[1:]:
            name, _, value = header.partition(":")
            if name.lower() in names:
                names[name.lower()] = value.strip()
        connection = http.client.HTTPConnection(urlsplit(self.backend).netloc, timeout=60)
        try:
            connection.request("GET", path, headers={name: value for name, value in names.items() if value})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        kind = answer.getheader("content-type", "application/json")
        start = (
            f"HTTP/1.1 {answer.status} {answer.reason}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._answers[line] = start.encode() + body
        return self._answers[line]
