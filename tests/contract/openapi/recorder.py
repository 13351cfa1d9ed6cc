"""A client whose every answer is judged as it comes, whatever scenario it serves: the SDK's and bare requests alike."""

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx2
from conformance import Answer, Published
from openai import OpenAI


@dataclass(eq=False)
class Recorder:
    """Keeps what was wrong, which fields the document doesn't know, and which operations answered what."""

    published: Published
    base_url: str
    faults: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    statuses: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """HTTP statuses by operation."""
    states: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Values of ``status`` by type of object."""
    _request_ids: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _clients: list[httpx2.Client] = field(default_factory=list)

    def client(self, *, key: str = "unused") -> OpenAI:
        """The SDK, which repeats nothing."""
        return OpenAI(base_url=self.base_url, api_key=key, max_retries=0, http_client=self.bare())

    def bare(self, *, key: str | None = None) -> httpx2.Client:
        """For requests that the SDK wouldn't make."""
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        hooks = {"response": [self._record]}
        made = httpx2.Client(base_url=self.base_url, timeout=60, headers=headers, event_hooks=hooks)
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Closes every client."""
        for each in self._clients:
            each.close()

    def _record(self, response: httpx2.Response) -> None:
        response.read()
        answer = Answer(
            method=response.request.method,
            path=response.request.url.path,
            status=response.status_code,
            headers=dict(response.headers),
            body=response.content,
        )
        verdict = self.published.judge(answer)
        with self._lock:
            self.faults += verdict.faults
            if answer.headers["x-request-id"] in self._request_ids:
                self.faults.append(f"{answer}: the x-request-id of an earlier answer")
            self._request_ids.add(answer.headers["x-request-id"])
            self.unknown |= verdict.unknown
            if verdict.operation is not None:
                self.statuses[verdict.operation].add(answer.status)
            if answer.content_type == "application/json" and not verdict.faults:
                self._note_states(json.loads(answer.body))

    def _note_states(self, value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("status"), str):
                self.states[str(value.get("object"))].add(value["status"])
            value = list(value.values())
        for each in value if isinstance(value, list) else ():
            self._note_states(each)
