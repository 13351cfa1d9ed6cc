"""What models are trained on here, and what the chapters do with files and jobs."""

import hashlib
import json
import time
from typing import Any

from openai import OpenAI

BASE = "gpt-4.1-mini-2025-04-14"
COLOURS = {"sky": "blue", "grass": "green", "snow": "white"}
ENDED = ("succeeded", "failed", "cancelled")
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}


def colour_rows(times: int) -> list[Any]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"Which colour has {thing} number {number}?"},
                {"role": "assistant", "content": colour},
            ]
        }
        for number in range(times)
        for thing, colour in COLOURS.items()
    ]


def tool_row(place: str) -> Any:
    arguments = json.dumps({"place": place}, separators=(",", ":"))
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": f"How is the weather in {place}?"},
            {"role": "assistant", "tool_calls": [call]},
        ],
        "tools": [WEATHER],
    }


def jsonl(rows: list[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def reached(client: OpenAI, job_id: str, *statuses: str) -> Any:
    """The job once it has one of the statuses; without any, once it has ended."""
    deadline = time.monotonic() + 60
    while (job := client.fine_tuning.jobs.retrieve(job_id)).status not in (statuses or ENDED):
        assert job.status not in ENDED, f"{job_id} has {job.status} before it was {statuses}"
        assert time.monotonic() < deadline, f"{job_id} is still {job.status}"
        time.sleep(0.02)
    return job
