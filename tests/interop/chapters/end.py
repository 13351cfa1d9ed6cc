"""The end of a fine-tune: model and files are deleted, its job stays."""

from typing import Any

from openai import OpenAI
from transcript import chapter, refused, say


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
