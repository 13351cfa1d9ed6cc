"""A fine-tune's life as the Python SDK lives it; ``life.mjs`` is the same in the Node SDK, line by line.

Asks the server at ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``, as any program would that knows nothing of ftops.
"""

import base64
import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from openai import OpenAI
from transcript import chapter, refused, say

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


def main() -> None:
    client = OpenAI(max_retries=0)
    training, validation = live_files(client)
    job = live_job(client, training, validation)
    live_results(client, job)
    live_cancel(client, training)
    live_failure(client)
    live_lists(client, job)
    live_models(client, job.fine_tuned_model)
    live_chat(client, job.fine_tuned_model)
    live_tools(client)
    live_errors(client, training)
    live_end(client, job, [training, validation])


def live_files(client: OpenAI) -> tuple[str, str]:
    chapter("files")
    content = jsonl(colour_rows(5))
    training = client.files.create(
        file=("rows.jsonl", content),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 7200},
    )
    say("created", training)
    say("lives for", (training.expires_at or 0) - training.created_at)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "größe – 1.jsonl"
        path.write_bytes(jsonl(colour_rows(1)))
        with path.open("rb") as stream:
            validation = client.files.create(file=stream, purpose="fine-tune")
    say("streamed from the disk", validation)
    say("processed", client.files.wait_for_processing(validation.id).status)
    say("retrieved", client.files.retrieve(training.id) == training)
    say("content", sha256(client.files.content(training.id).read()))
    made = [client.files.create(file=(f"{number}.jsonl", b"{}"), purpose="batch") for number in range(5)]
    page = client.files.list(purpose="batch", limit=2)
    say("first page", [each.filename for each in page.data])
    while page.has_next_page():
        page = page.get_next_page()
        say("next page", [each.filename for each in page.data])
    ascending = client.files.list(purpose="batch", limit=2, order="asc", after=made[1].id)
    say("ascending after the second", [each.filename for each in ascending])
    for file in made:
        say("deleted", client.files.delete(file.id))
    refused("gone", lambda: client.files.retrieve(made[0].id))
    refused("its content", lambda: client.files.content(made[0].id))
    return training.id, validation.id


def live_job(client: OpenAI, training: str, validation: str) -> Any:
    chapter("a job")
    job = client.fine_tuning.jobs.create(
        model=BASE,
        training_file=training,
        validation_file=validation,
        suffix="Colours of things",
        seed=5,
        metadata={"team": "sky", "größe": "1 – klein"},
        integrations=[{"type": "wandb", "wandb": {"project": "colours", "tags": ["a", "b"]}}],
        method={
            "type": "supervised",
            "supervised": {
                "hyperparameters": {"n_epochs": 4, "batch_size": 4, "learning_rate_multiplier": 1.5},
            },
        },
    )
    say("created", job)
    job = reached(client, job.id)
    say("ended", job)
    page = client.fine_tuning.jobs.list_events(job.id, limit=10)
    say("newest events", page.data)
    say("more of them", page.has_next_page())
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=4))
    for event in reversed(events):
        say(f"{event.level} {event.type}", event.message)
    say("without repetition", len({event.id for event in events}) == len(events))
    for checkpoint in client.fine_tuning.jobs.checkpoints.list(job.id, limit=1):
        say("checkpoint", checkpoint)
    return job


def live_results(client: OpenAI, job: Any) -> None:
    chapter("results")
    (result,) = job.result_files
    say("file", client.files.retrieve(result))
    lines = base64.b64decode(client.files.content(result).read()).decode().split("\n")
    say("header", lines[0])
    say("lines", len(lines))
    say("first", lines[1])
    say("last", lines[-1])


def live_cancel(client: OpenAI, training: str) -> None:
    chapter("a cancelled job")
    job = client.fine_tuning.jobs.create(
        model=BASE,
        training_file=training,
        hyperparameters={"n_epochs": 50, "batch_size": 1, "learning_rate_multiplier": "auto"},
    )
    say("created", {"hyperparameters": job.hyperparameters.to_dict(), "method": job.method and job.method.to_dict()})
    reached(client, job.id, "running")
    cancelled = client.fine_tuning.jobs.cancel(job.id)
    say(
        "cancelled",
        {"status": cancelled.status, "model": cancelled.fine_tuned_model, "ended": bool(cancelled.finished_at)},
    )
    say("last event", client.fine_tuning.jobs.list_events(job.id, limit=1).data)
    say("checkpoints", client.fine_tuning.jobs.checkpoints.list(job.id).data)
    refused("cancelled again", lambda: client.fine_tuning.jobs.cancel(job.id))


def live_failure(client: OpenAI) -> None:
    chapter("jobs that fail")
    wrong = [*colour_rows(4)[:11], {"messages": [{"content": "no role"}]}]
    for name, rows in {"too few": colour_rows(2), "malformed": wrong}.items():
        file = client.files.create(file=("rows.jsonl", jsonl(rows)), purpose="fine-tune")
        job = reached(client, client.fine_tuning.jobs.create(model=BASE, training_file=file.id).id)
        say(name, {"status": job.status, "error": job.error.to_dict()})
        say("last event", client.fine_tuning.jobs.list_events(job.id, limit=1).data)
        client.files.delete(file.id)


def live_lists(client: OpenAI, job: Any) -> None:
    chapter("lists of jobs")
    say("pages", [len(page.data) for page in client.fine_tuning.jobs.list(limit=3).iter_pages()])
    say("all", [each.id for each in client.fine_tuning.jobs.list(limit=3)])
    say("by metadata", [each.id for each in client.fine_tuning.jobs.list(metadata={"größe": "1 – klein"})])
    say("by other metadata", [each.id for each in client.fine_tuning.jobs.list(metadata={"team": "sea"})])
    say("after", [each.id for each in client.fine_tuning.jobs.list(after=job.id)])
    refused("after nothing", lambda: client.fine_tuning.jobs.list(after="ftjob-nonesuch"))


def live_models(client: OpenAI, model: str) -> None:
    chapter("models")
    for each in client.models.list():
        say("listed", each)
    say("retrieved", client.models.retrieve(model))
    say("base", client.models.retrieve(BASE))
    refused("a base model is not deleted", lambda: client.models.delete(BASE))
    refused("nor one that isn't there", lambda: client.models.delete(f"ft:{BASE}:org-acme::nothing"))


def live_chat(client: OpenAI, model: str) -> None:
    chapter("chat")
    question: Any = [{"role": "user", "content": "Which colour has sky number 3?"}]
    say("plain", client.chat.completions.create(model=model, messages=question, temperature=0))
    talk: Any = [
        {"role": "system", "content": "You know colours."},
        {"role": "user", "content": [{"type": "text", "text": "Which colour "}, {"type": "text", "text": "has snow?"}]},
        {"role": "assistant", "content": "white"},
        {"role": "user", "content": "Which colour has grass number 2?", "name": "ann"},
    ]
    answer = client.chat.completions.create(
        model=model, messages=talk, n=2, seed=7, temperature=0.3, user="ann", metadata={"run": "1"}
    )
    say("of two", answer)
    cut = client.chat.completions.create(model=model, messages=question, temperature=0, max_completion_tokens=1)
    say("cut", {"reason": cut.choices[0].finish_reason, "tokens": cut.usage and cut.usage.completion_tokens})
    stopped = client.chat.completions.create(model=model, messages=question, temperature=0, stop=["lu", "x"])
    say("stopped", stopped.choices[0].to_dict())
    raw = client.chat.completions.with_raw_response.create(model=model, messages=question, temperature=0)
    names = ("content-type", "openai-organization", "openai-version")
    say("headers", {name: raw.headers.get(name) for name in names})
    say("and", {name: raw.headers.get(name) is not None for name in ("x-request-id", "openai-processing-ms")})


def live_tools(client: OpenAI) -> None:
    chapter("tools")
    places = ("Rome", "Oslo", "Lima")
    rows = [tool_row(f"{place} {number}") for number in range(4) for place in places]
    file = client.files.create(file=("tools.jsonl", jsonl(rows)), purpose="fine-tune")
    job = reached(client, client.fine_tuning.jobs.create(model=BASE, training_file=file.id, seed=1).id)
    say("ended", {"status": job.status, "tokens": job.trained_tokens})
    question: Any = [{"role": "user", "content": "How is the weather in Oslo 1?"}]
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=question, tools=[WEATHER], temperature=0
    )
    say("call", answer)
    call = answer.choices[0].message.tool_calls[0]
    talk: Any = [
        *question,
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=talk, tools=[WEATHER], temperature=0, parallel_tool_calls=False
    )
    say("afterwards", answer.choices[0].finish_reason)
    say("tokens of the prompt", answer.usage and answer.usage.prompt_tokens)
    client.models.delete(job.fine_tuned_model)
    client.files.delete(file.id)


def live_errors(client: OpenAI, training: str) -> None:
    chapter("errors")
    jobs, hello = client.fine_tuning.jobs, [{"role": "user", "content": "hello"}]
    ask: Any = {"model": BASE, "messages": hello}
    train: Any = {"model": BASE, "training_file": training}
    stranger = OpenAI(max_retries=0, api_key="sk-another-key-0123456789")
    refused("wrong key", stranger.models.list)
    refused("no such model", lambda: client.chat.completions.create(**{**ask, "model": "ft:x:y::nothing"}))
    refused("no such job", lambda: jobs.retrieve("ftjob-nonesuch"))
    refused("no such file", lambda: jobs.create(model=BASE, training_file="file-nonesuch"))
    refused("too hot", lambda: client.chat.completions.create(**ask, temperature=2.5))
    refused("no messages", lambda: client.chat.completions.create(model=BASE, messages=[]))
    refused("wrong type", lambda: client.chat.completions.create(**ask, n="two"))
    refused("unknown parameter", lambda: client.chat.completions.create(**ask, extra_body={"colour": "red"}))
    refused("too many epochs", lambda: jobs.create(**train, hyperparameters={"n_epochs": 51}))
    refused("long suffix", lambda: jobs.create(**train, suffix="x" * 65))
    refused("seed below zero", lambda: jobs.create(**train, seed=-1))
    refused("much metadata", lambda: jobs.create(**train, metadata={str(number): "" for number in range(17)}))
    refused("limit", lambda: jobs.list(limit=101))
    refused("wrong purpose", lambda: client.files.create(file=("a.jsonl", b"{}"), purpose="fine-tuning"))  # type: ignore[arg-type]
    refused("not JSONL", lambda: client.files.create(file=("a.jsonl", b"[1]"), purpose="fine-tune"))
    refused("wrong name", lambda: client.files.create(file=("a.csv", b"{}"), purpose="fine-tune"))
    refused("no such route", lambda: client.embeddings.create(model=BASE, input="x", encoding_format="float"))


def live_end(client: OpenAI, job: Any, files: list[str]) -> None:
    chapter("the end")
    deleted = client.models.delete(job.fine_tuned_model)
    say("model", deleted)
    refused("it is gone", lambda: client.models.retrieve(job.fine_tuned_model))
    hello: Any = [{"role": "user", "content": "hello"}]
    refused("and silent", lambda: client.chat.completions.create(model=job.fine_tuned_model, messages=hello))
    say("its job", client.fine_tuning.jobs.retrieve(job.id).status)
    for file in (*files, *job.result_files):
        say("file", client.files.delete(file))
    say("files left", [file.id for file in client.files.list()])


def reached(client: OpenAI, job_id: str, *statuses: str) -> Any:
    """The job once it has one of the statuses; without any, once it has ended."""
    deadline = time.monotonic() + 60
    while (job := client.fine_tuning.jobs.retrieve(job_id)).status not in (statuses or ENDED):
        assert time.monotonic() < deadline, f"{job_id} is still {job.status}"
        time.sleep(0.02)
    return job


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


if __name__ == "__main__":
    main()
