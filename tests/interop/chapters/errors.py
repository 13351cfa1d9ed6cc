"""What is refused, and how the SDK shows it."""

from typing import Any

from chapters.rows import BASE
from openai import OpenAI
from transcript import chapter, refused


def live_errors(client: OpenAI, training: str) -> None:
    chapter("errors")
    jobs, hello = client.fine_tuning.jobs, [{"role": "user", "content": "hello"}]
    ask: Any = {"model": BASE, "messages": hello}
    train: Any = {"model": BASE, "training_file": training}
    stranger = OpenAI(max_retries=0, api_key="sk-another-key-0123456789")
    refused("wrong key", stranger.models.list)
    refused("wrong organization", client.with_options(organization="org-another").models.list)
    refused("wrong project", client.with_options(project="proj_another").models.list)
    refused("no such model", lambda: client.chat.completions.create(**{**ask, "model": "ft:x:y::nothing"}))
    refused("no such job", lambda: jobs.retrieve("ftjob-nonesuch"))
    refused("no such file", lambda: jobs.create(model=BASE, training_file="file-nonesuch"))
    refused("too hot", lambda: client.chat.completions.create(**ask, temperature=2.5))
    refused("not stored", lambda: client.chat.completions.create(**ask, metadata={"run": "1"}))
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
