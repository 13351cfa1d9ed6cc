"""Uploads in parts: several at once, put together, checked, or given up."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chapters.rows import colour_rows, jsonl, sha256
from openai import OpenAI
from transcript import chapter, refused, say


def live_uploads(client: OpenAI) -> None:
    chapter("uploads")
    content = jsonl(colour_rows(20))
    md5 = hashlib.md5(content).hexdigest()
    upload = begin(client, content)
    say("begun", upload)
    say("for", upload.expires_at - upload.created_at)
    pieces = [content[at : at + 1500] for at in range(0, len(content), 1500)]
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(lambda piece: client.uploads.parts.create(upload.id, data=piece), pieces))
    for part in parts:
        say("part", part)
    ids = [part.id for part in parts]
    refused("another order", lambda: client.uploads.complete(upload.id, part_ids=ids[::-1], md5=md5))
    refused("too few", lambda: client.uploads.complete(upload.id, part_ids=ids[1:]))
    refused("strange part", lambda: client.uploads.complete(upload.id, part_ids=["part_nonesuch"]))
    completed: Any = client.uploads.complete(upload.id, part_ids=ids, md5=md5)
    say("completed", completed)
    say("content", sha256(client.files.content(completed.file.id).read()) == sha256(content))
    refused("completed again", lambda: client.uploads.complete(upload.id, part_ids=ids))
    refused("part of a complete one", lambda: client.uploads.parts.create(upload.id, data=b"{}"))
    refused("too late to cancel", lambda: client.uploads.cancel(upload.id))
    client.files.delete(completed.file.id)
    other = begin(client, content)
    client.uploads.parts.create(other.id, data=content[:9])
    say("cancelled", client.uploads.cancel(other.id))
    refused("part of a cancelled one", lambda: client.uploads.parts.create(other.id, data=b"{}"))
    refused("completed after all", lambda: client.uploads.complete(other.id, part_ids=[]))
    refused("no such upload", lambda: client.uploads.cancel("upload_nonesuch"))


def begin(client: OpenAI, content: bytes) -> Any:
    return client.uploads.create(
        bytes=len(content),
        filename="größe.jsonl",
        mime_type="application/jsonl",
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
