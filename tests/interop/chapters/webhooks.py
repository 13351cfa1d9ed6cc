"""What webhooks were told, and how the SDK knows that nobody else told them."""

import json
import os
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

import openai
from openai import OpenAI
from transcript import chapter, say


def live_webhooks(client: OpenAI, job_id: str, *, ended: int) -> None:
    chapter("webhooks")
    letters = arrived(ended)
    events = [client.webhooks.unwrap(letter["body"], letter["headers"]) for letter in letters]
    say("told of", dict(Counter(event.type for event in events)))
    ((letter, event),) = (pair for pair in zip(letters, events, strict=True) if pair[1].data.id == job_id)
    say("of the job", event)
    body, headers = letter["body"], letter["headers"]
    say("as", {name: headers[name] for name in ("content-type", "webhook-id")})
    old = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)}
    other = {**headers, "webhook-id": "wh_another"}
    forged("another body", lambda: client.webhooks.unwrap(body.replace("succeeded", "cancelled"), headers))
    forged("another id", lambda: client.webhooks.unwrap(body, other))
    forged("an old one", lambda: client.webhooks.unwrap(body, old))
    forged("another secret", lambda: client.webhooks.unwrap(body, headers, secret="whsec_" + "A" * 43 + "="))


def arrived(count: int) -> Any:
    deadline = time.monotonic() + 60
    while len(letters := letterbox()) < count:
        assert time.monotonic() < deadline, f"only {len(letters)} letters have come"
        time.sleep(0.05)
    return letters


def letterbox() -> Any:
    with urllib.request.urlopen(os.environ["LIFE_LETTERBOX"], timeout=30) as answer:
        return json.load(answer)


def forged(label: str, unwrap: Callable[[], object]) -> None:
    try:
        unwrap()
    except openai.InvalidWebhookSignatureError as error:
        say(label, {"class": type(error).__name__, "message": str(error)})
    else:
        raise AssertionError(f"{label}: was taken for genuine")
