"""Files: sent, listed, read and deleted."""

import tempfile
from pathlib import Path

from chapters.rows import colour_rows, jsonl, sha256
from openai import OpenAI
from transcript import chapter, refused, say


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
