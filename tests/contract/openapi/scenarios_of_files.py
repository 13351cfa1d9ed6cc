"""What happens to files, uploads and batches."""

import hashlib

from world import ROWS, World, batch_line, jsonl


def files(world: World) -> None:
    """Created, listed, read, expired in an hour, deleted."""
    assert not list(world.sdk.files.list(purpose="vision"))
    for purpose in ("assistants", "batch", "fine-tune", "vision", "user_data", "evals"):
        world.upload([{"custom_id": "a"}], purpose=purpose)
    made = world.sdk.files.create(
        file=("rows.jsonl", jsonl(ROWS)),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert len(list(world.sdk.files.list(limit=2))) >= 7
    assert next(iter(world.sdk.files.list(order="asc", limit=1))).id
    assert world.sdk.files.retrieve(made.id).expires_at
    assert world.sdk.files.content(made.id).read() == jsonl(ROWS)
    assert world.sdk.files.delete(made.id).deleted


def refused_files(world: World) -> None:
    """What upload, list and the routes of one file refuse."""
    form = {"files": {"file": ("rows.jsonl", b"{}\n")}}
    world.refused(400, "POST", "/files")
    world.refused(400, "POST", "/files", json={"purpose": "fine-tune"})
    world.refused(400, "POST", "/files", data={"purpose": "fine-tune"})
    world.refused(400, "POST", "/files", **form)
    world.refused(400, "POST", "/files", data={"purpose": "nonsense"}, **form)
    world.refused(400, "POST", "/files", data={"purpose": "batch", "colour": "red"}, **form)
    world.refused(400, "POST", "/files", data={"purpose": "batch", "expires_after[seconds]": "1"}, **form)
    bad = {"file": ("rows.jsonl", b"[]\n")}
    assert "JSONL" in world.refused(400, "POST", "/files", data={"purpose": "fine-tune"}, files=bad)["message"]
    for query in ("limit=0", "limit=10001", "limit=x", "order=up", "after=file-none", "colour=red", "limit=1&limit=2"):
        world.refused(400, "GET", f"/files?{query}")
    for method, path in (("GET", "/files/file-none"), ("DELETE", "/files/file-none"), ("GET", "/files/x/content")):
        world.refused(404, method, path)
        world.refused(400, method, f"{path}?colour=red")
    world.refused(405, "PUT", "/files")
    world.refused(405, "POST", "/files/file-none")


def uploads(world: World) -> None:
    """A file in two parts, completed; one cancelled; and what is refused on the way."""
    content = jsonl(ROWS)
    announced = {"filename": "rows.jsonl", "mime_type": "application/jsonl", "purpose": "fine-tune"}
    made = world.sdk.uploads.create(bytes=len(content), **announced)
    parts = [world.sdk.uploads.parts.create(made.id, data=data).id for data in (content[:100], content[100:])]
    world.refused(400, "POST", f"/uploads/{made.id}/complete", json={"part_ids": []})
    world.refused(404, "POST", f"/uploads/{made.id}/complete", json={"part_ids": ["part_none"]})
    world.refused(400, "POST", f"/uploads/{made.id}/parts", data={"data": "x"})
    done = world.sdk.uploads.complete(made.id, part_ids=parts, md5=hashlib.md5(content).hexdigest())
    assert done.file is not None
    assert world.sdk.files.content(done.file.id).read() == content
    other = world.sdk.uploads.create(bytes=1, **announced, expires_after={"anchor": "created_at", "seconds": 3600})
    assert world.sdk.uploads.cancel(other.id).status == "cancelled"
    world.refused(400, "POST", f"/uploads/{other.id}/cancel")
    for wrong in ({"bytes": 0}, {"purpose": "nonsense"}, {"mime_type": None}, {"colour": "red"}):
        world.refused(400, "POST", "/uploads", json={"bytes": 1} | announced | wrong)
    world.refused(404, "POST", "/uploads/upload_none/cancel")
    world.refused(404, "POST", "/uploads/upload_none/complete", json={"part_ids": []})
    world.refused(404, "POST", "/uploads/upload_none/parts", files={"data": b"x"})


def no_batches(world: World) -> None:
    """A list without anything in it."""
    assert not list(world.sdk.batches.list())


def batches(world: World) -> None:
    """Answered, with errors among them; failed; cancelled; and what is refused."""
    good = batch_line("a")
    done = world.batch([good, batch_line("b", temperature=9)])
    assert world.ended_batch(done).status == "completed"
    ended = world.sdk.batches.retrieve(done)
    for file in (ended.output_file_id, ended.error_file_id):
        assert file is not None
        assert world.sdk.files.retrieve(file).purpose == "batch_output"
        assert world.sdk.files.content(file).read()
    assert world.ended_batch(world.batch([good, good])).status == "failed"
    long = world.batch([batch_line(str(number), n=128) for number in range(500)])
    assert world.sdk.batches.cancel(long).status in ("cancelling", "cancelled")
    assert world.ended_batch(long).status == "cancelled"
    assert len(list(world.sdk.batches.list(limit=1))) == 3
    world.refused(409, "POST", f"/batches/{done}/cancel")
    asked = {"input_file_id": ended.input_file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    for wrong in (
        {"input_file_id": "file-none"},
        {"input_file_id": world.trained.training_file},
        {"endpoint": "/v1/nothing"},
        {"completion_window": "7d"},
        {"metadata": {"key": 1}},
        {"colour": "red"},
    ):
        world.refused(400, "POST", "/batches", json=asked | wrong)
    for query in ("limit=0", "after=batch_none", "colour=red"):
        world.refused(400, "GET", f"/batches?{query}")
    world.refused(404, "GET", "/batches/batch_none")
    world.refused(404, "POST", "/batches/batch_none/cancel")
