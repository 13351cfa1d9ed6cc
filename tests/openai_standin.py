"""A local server that answers as an OpenAI-compatible API does to what the doctor asks, with whatever is wrong with it.

A restricted key's 403 and its words, and a refused key's 401, are as OpenAI's API gives them.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

BASE_MODEL = "gpt-4.1-mini-2025-04-14"


@dataclass
class OpenAIStandin:
    """What it knows, and what is wrong with it. ``refused`` maps a word of a call to the status that it gets."""

    base_url: str = ""
    key: str | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=lambda: {BASE_MODEL: {}})
    organization: str = "org-ours"
    jobs: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    skew: float = 0.0
    words: str = "You have insufficient permissions for this operation."
    asked: list[tuple[str, str]] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)
    is_silent: bool = False
    health: dict[str, Any] | None = None

    def add_job(self, project: str, job: str = "ftjob-1", **others: Any) -> None:
        self.jobs.append(
            {
                "id": job,
                "object": "fine_tuning.job",
                "status": "succeeded",
                "model": BASE_MODEL,
                "created_at": 1_790_000_000,
                "organization_id": self.organization,
                "fine_tuned_model": "ft:x",
                "metadata": {"ftops_project": project, "ftops_name": "router"},
                "training_file": "file-1",
                "hyperparameters": {},
                "result_files": [],
                "seed": 1,
                **others,
            }
        )

    def answer(self, method: str, path: str, authorization: str) -> tuple[int, Any]:
        self.asked.append((method, path))
        if self.is_silent:
            self.is_over.wait(30)
        if self.key is not None and authorization != f"Bearer {self.key}":
            return 401, _error("Incorrect API key provided", "invalid_api_key")
        for word, status in self.refused.items():
            if word in f"{method} {path}" and authorization:
                return status, _error(self.words, "missing_scope")
        match method, path.removeprefix("/v1"):
            case "GET", "/models":
                listed = [
                    {"id": name, "object": "model", "owned_by": "x", **more} for name, more in self.models.items()
                ]
                return 200, {"object": "list", "data": listed}
            case "GET", "/fine_tuning/jobs":
                return 200, {"object": "list", "data": self.jobs, "has_more": False}
            case "GET", "/healthz" if self.health is not None:
                return 200, self.health
            case _:
                return 404, _error("No such object", "not_found")


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


@contextmanager
def openai_standin(**known: Any) -> Iterator[OpenAIStandin]:
    """Serves one on a free port of loopback until the block ends."""
    standin = OpenAIStandin(**known)

    class Connection(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *arguments: Any) -> None:
            pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            import time

            return formatdate(time.time() + standin.skew, usegmt=True)

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            status, body = standin.answer(self.command, path, self.headers.get("Authorization") or "")
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # who gives up waiting hangs up

    server = Server(("127.0.0.1", 0), Connection)
    standin.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield standin
    finally:
        standin.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()
