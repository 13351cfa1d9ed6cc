"""Receives webhooks for a life that runs in another process, and shows it what has come, byte for byte."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextlib.contextmanager
def open_letterbox() -> Iterator[str]:
    """The address of a letterbox: what is posted there is in the list that a GET gives."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Letterbox)
    server.letters = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/letters"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Letterbox(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.letters.append({"headers": headers, "body": body})  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        content = json.dumps(self.server.letters).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
