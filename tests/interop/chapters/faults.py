"""What the SDKs try again and what they don't; ``faults.yaml`` says what goes wrong."""

from typing import Any

from chapters.rows import BASE, colour_rows, jsonl
from openai import OpenAI
from transcript import chapter, refused, say


def live_faults(client: OpenAI) -> None:
    chapter("faults")
    patient = client.with_options(max_retries=1)
    for name in ("breaks", "throttles", "hangs-up"):
        say(name, patient.models.retrieve(name).id)
    refused("always throttles", lambda: patient.models.retrieve("always-throttles"))
    refused("is busy", lambda: client.models.retrieve("is-busy"))
    file = patient.files.create(file=("rows.jsonl", jsonl(colour_rows(5))), purpose="fine-tune")
    files = [each.id for each in client.files.list()]
    say("sent once, kept twice", [len(files), file.id == files[0]])
    refused("training", lambda: patient.fine_tuning.jobs.create(model=BASE, training_file=file.id))
    hello: Any = [{"role": "user", "content": "hello"}]
    refused("retired", lambda: client.chat.completions.create(model="gpt-4o-2024-08-06", messages=hello))
    refused("retired too", lambda: client.models.retrieve("gpt-4o-2024-08-06"))
    for each in files:
        client.files.delete(each)
