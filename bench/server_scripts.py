"""What ``bench/server.py`` asks: single requests, and scripts of them for ``http_load``.

Owns the wire that the measurements need: paths, bodies, and which status each must be answered with.
"""

import json
import statistics
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from http_load import Answer, Script, request
from server_processes import BASE_MODEL, RARE, question

CONNECTIONS = 64
JOBS = "/v1/fine_tuning/jobs"
_CHAT = "/v1/chat/completions"


def once_script(_: int, asked: bytes) -> Script:
    """One request; returns the answer's body."""
    answer = yield asked
    _expect(answer, 200)
    return answer.body


def repeat_script(number: int, asked: Sequence[bytes]) -> Script:
    """The requests one after another for ever; no two connections are at the same one."""
    place = number * len(asked) // CONNECTIONS
    while (yield asked[place % len(asked)]).status == 200:
        place += 1
    raise RuntimeError("an answer is not 200")


def walk_script(_: int, metadata: Sequence[tuple[str, str]]) -> Script:
    """Reads a list of jobs to its end; returns the requests for its pages, and how many jobs they hold."""
    query = [("limit", "100"), *((f"metadata[{key}]", value) for key, value in metadata)]
    asked, listed = [request("GET", f"{JOBS}?{urlencode(query)}")], 0
    while True:
        page = _expect((yield asked[-1]), 200)
        listed += len(page["data"])
        if not page["has_more"]:
            return asked, listed
        asked.append(request("GET", f"{JOBS}?{urlencode([*query, ('after', page['data'][-1]['id'])])}"))


def turns_script(_: int, asked: Sequence[Sequence[bytes]]) -> Script:
    """Asks one of each group in turns; returns each group's median in seconds."""
    times: list[list[float]] = [[] for _ in asked]
    for turn in zip(*asked, strict=True):
        for each, taken in zip(turn, times, strict=True):
            began = time.perf_counter()
            answer = yield each
            taken.append(time.perf_counter() - began)
            _expect(answer, 200)
    return [statistics.median(taken) for taken in times]


def mixed_script(number: int, tuned: str, job_ids: Sequence[str], count: int) -> Script:
    """``count`` requests: chats with prompts of their own, lists, single objects, mistakes, uploads that are deleted."""
    for place in range(number * count, (number + 1) * count):
        match place % 20:
            case 0 if place + 1 < (number + 1) * count:
                file_id = _expect((yield _upload(place)), 200)["id"]
            case 1 if place > number * count:
                _expect((yield request("DELETE", f"/v1/files/{file_id}")), 200)
            case 2:
                _expect((yield request("GET", "/v1/fine_tuning/jobs/ftjob-unknown")), 404)
            case 3:
                _expect((yield request("POST", _CHAT, b'{"model": "gpt-4.1", "messages": []}')), 400)
            case 4:
                _expect((yield request("GET", f"/v1/nothing/{place}")), 404)
            case 5:
                _expect((yield request("POST", _CHAT, b"no JSON")), 400)
            case 6 | 7:
                _expect((yield request("GET", f"{JOBS}?limit=20&after={job_ids[place % len(job_ids)]}")), 200)
            case 8:
                _expect((yield request("GET", f"{JOBS}?limit=5&metadata[{RARE[0]}]={RARE[1]}")), 200)
            case 9:
                _expect((yield request("GET", "/v1/files?limit=10")), 200)
            case 10:
                _expect((yield request("GET", "/v1/models")), 200)
            case 11 | 12:
                _expect((yield request("GET", f"{JOBS}/{job_ids[place % len(job_ids)]}")), 200)
            case 13:
                _expect((yield request("GET", f"{JOBS}/{job_ids[place % len(job_ids)]}/events")), 200)
            case even if even % 2 == 0:
                _expect((yield chat(tuned, place)), 200)
            case _:
                _expect((yield chat(BASE_MODEL, place, examples=place % 7)), 200)


def chat(model: str, number: int, *, examples: int = 0) -> bytes:
    system, asked = question("refund", number)
    shown = [
        message
        for place in range(examples)
        for message in (question("billing", place)[1], {"role": "assistant", "content": "billing"})
    ]
    return request("POST", _CHAT, json.dumps({"model": model, "messages": [system, *shown, asked]}).encode())


def _upload(number: int) -> bytes:
    content = json.dumps({"messages": question("delivery", number)})
    body = (
        '--bench\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
        f'--bench\r\nContent-Disposition: form-data; name="file"; filename="{number}.jsonl"\r\n\r\n{content}\n\r\n'
        "--bench--\r\n"
    )
    return request("POST", "/v1/files", body.encode(), content_type="multipart/form-data; boundary=bench")


def _expect(answer: Answer, status: int) -> Any:
    if answer.status != status:
        raise RuntimeError(f"expected {status}, got {answer.status}: {answer.body[:300]!r}")
    return json.loads(answer.body)
