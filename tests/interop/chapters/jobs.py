"""Jobs: trained, cancelled, failed and listed."""

import base64
from typing import Any

from chapters.rows import BASE, colour_rows, jsonl, reached
from openai import OpenAI
from transcript import chapter, refused, say


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


def live_pause(client: OpenAI, training: str) -> None:
    chapter("a paused job")
    jobs = client.fine_tuning.jobs
    many: Any = {"n_epochs": 30, "batch_size": 1}
    job = jobs.create(
        model=BASE, training_file=training, method={"type": "supervised", "supervised": {"hyperparameters": many}}
    )
    reached(client, job.id, "running")
    say("pausing", str(jobs.pause(job.id).status) in {"pausing", "paused"})
    say("paused", reached(client, job.id, "paused").status)
    refused("paused again", lambda: jobs.pause(job.id))
    say("resumed", jobs.resume(job.id).status)
    say("ended", reached(client, job.id).status)
    events = [event for event in jobs.list_events(job.id, limit=100) if event.type == "message"]
    say("events", [event.message for event in reversed(events)])
    refused("resumed at the end", lambda: jobs.resume(job.id))


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
