"""Batches: many questions in a file, their answers in another."""

import json
import time
from typing import Any

from chapters.rows import jsonl
from openai import OpenAI
from transcript import chapter, refused, say

ENDED = ("completed", "failed", "expired", "cancelled")
CHAT: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


def live_batches(client: OpenAI, model: str) -> None:
    chapter("batches")
    asked = [
        question("sky", {"model": model, "temperature": 0}),
        question("grass", {"model": model, "temperature": 0}),
        question("too hot", {"model": model, "temperature": 9}),
        question("colourful", {"model": model, "colour": "red"}),
    ]
    batch = client.batches.create(input_file_id=send(client, jsonl(asked)), metadata={"team": "sky"}, **CHAT)
    say("created", batch)
    batch = ended(client, batch.id)
    say("ended", batch)
    for kind, file in (("answer", batch.output_file_id), ("error", batch.error_file_id)):
        say(f"file of {kind}s", client.files.retrieve(file))
        for line in client.files.content(file).text.splitlines():
            say(kind, json.loads(line))
    strange = question("snow", {"model": "ft:x:y::nothing"})
    wrong = {
        "one id twice": [asked[0], asked[0]],
        "two models": [asked[0], strange],
        "no such model": [strange],
        "another route": [{**asked[0], "url": "/v1/embeddings"}],
        "another method": [{**asked[0], "method": "GET"}],
        "no id": [{key: value for key, value in asked[0].items() if key != "custom_id"}],
    }
    for name, rows in wrong.items():
        failed = ended(client, client.batches.create(input_file_id=send(client, jsonl(rows)), **CHAT).id)
        say(
            name,
            {"status": failed.status, "errors": failed.errors.to_dict(), "counts": failed.request_counts.to_dict()},
        )
    many = [question(f"sky {number}", {"model": model, "n": 128}) for number in range(2000)]
    other = client.batches.create(input_file_id=send(client, jsonl(many)), **CHAT)
    say("cancelling", client.batches.cancel(other.id).status in {"cancelling", "cancelled"})
    say("cancelled", ended(client, other.id).status)
    say("pages", [len(page.data) for page in client.batches.list(limit=2).iter_pages()])
    say("all", [each.id for each in client.batches.list(limit=2)])
    refused("too late", lambda: client.batches.cancel(batch.id))
    refused("no such batch", lambda: client.batches.retrieve("batch_nonesuch"))
    refused("no such file", lambda: client.batches.create(input_file_id="file-nonesuch", **CHAT))
    refused(
        "in a week",
        lambda: client.batches.create(**{**CHAT, "input_file_id": batch.input_file_id, "completion_window": "7d"}),
    )
    for purpose in ("batch", "batch_output"):
        for file in client.files.list(purpose=purpose):
            client.files.delete(file.id)


def question(name: str, body: Any) -> Any:
    messages = [{"role": "user", "content": f"Which colour has {name} number 1?"}]
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": {**body, "messages": messages}}


def send(client: OpenAI, content: bytes) -> str:
    return client.files.create(file=("questions.jsonl", content), purpose="batch").id


def ended(client: OpenAI, batch_id: str) -> Any:
    deadline = time.monotonic() + 60
    while (batch := client.batches.retrieve(batch_id)).status not in ENDED:
        assert time.monotonic() < deadline, f"{batch_id} is still {batch.status}"
        time.sleep(0.02)
    return batch
