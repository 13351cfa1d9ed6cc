"""A git server over HTTP as hosting services are: who may read and who may push is told by the header of a request."""

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@contextmanager
def read_only_server(folder: Path) -> Iterator[str]:
    """Serves the bare repositories below a folder; gives the base address. A push gets 403, as with a read-only token."""
    with git_server(folder, lambda _token, is_push: 403 if is_push else None) as address:
        yield address


@contextmanager
def git_server(folder: Path, refuses: Callable[[str | None, bool], int | None]) -> Iterator[str]:
    """Serves the bare repositories below a folder; gives the base address.

    ``refuses`` is given the token of a request, as GitHub takes it (basic, as the password), and whether it is a push; it
    gives the status to refuse with, or None.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, *arguments: Any) -> None:
            pass

        def _serve(self) -> None:
            status = refuses(self._token(), "git-receive-pack" in self.path)
            if status is not None:
                self.send_error(status, "Write access to repository not granted." if status == 403 else "Unauthorized")
                return
            url = urlsplit(self.path)
            environment = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": url.path,
                "QUERY_STRING": url.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                # Whoever got so far may push.
                "REMOTE_USER": "somebody",
            }
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=environment, capture_output=True, check=True, timeout=60
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
            status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200)
            self.send_response(status)
            for name, value in fields:
                if name != "Status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _token(self) -> str | None:
            scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
            if scheme.lower() != "basic":
                return None
            return base64.b64decode(given).decode().partition(":")[2]

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
