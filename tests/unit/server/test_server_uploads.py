"""Uploads in parts: announced, filled in any order, completed once."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from server_in_process import ROW, Server, jsonl

from ftops.server.routes import uploads as upload_routes

CONTENT = jsonl([ROW] * 20)
PARTS = [CONTENT[start : start + 500] for start in range(0, len(CONTENT), 500)]


def announce(server: Server, **change: Any) -> Any:
    body = {
        "filename": "rows.jsonl",
        "purpose": "fine-tune",
        "bytes": len(CONTENT),
        "mime_type": "text/jsonl",
        **change,
    }
    return server.ask("POST", "/v1/uploads", json={k: v for k, v in body.items() if v is not None})


def announced(server: Server, **change: Any) -> str:
    response = announce(server, **change)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def add(server: Server, upload: str, content: bytes) -> Any:
    return server.ask("POST", f"/v1/uploads/{upload}/parts", files={"data": ("upload", content)})


def filled(server: Server, upload: str) -> list[str]:
    return [add(server, upload, part).json()["id"] for part in PARTS]


def complete(server: Server, upload: str, parts: list[str], **more: Any) -> Any:
    return server.ask("POST", f"/v1/uploads/{upload}/complete", json={"part_ids": parts, **more})


def blobs(server: Server) -> int:
    return sum(path.is_file() for path in (server.settings.data_dir / "blobs").rglob("*"))


def test_parts_become_a_file(server: Server) -> None:
    upload = announce(server, expires_after={"anchor": "created_at", "seconds": 3600}).json()
    assert (upload["object"], upload["status"], upload["file"]) == ("upload", "pending", None)
    assert upload["expires_at"] == upload["created_at"] + 3600
    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(lambda part: add(server, upload["id"], part).json(), PARTS))
    assert {(part["object"], part["upload_id"]) for part in parts} == {("upload.part", upload["id"])}
    order = [part["id"] for part in parts]
    done = complete(server, upload["id"], order, md5=hashlib.md5(CONTENT).hexdigest()).json()
    assert done["status"] == "completed"
    file = done["file"]
    assert (file["bytes"], file["filename"], file["purpose"]) == (len(CONTENT), "rows.jsonl", "fine-tune")
    assert file["expires_at"] == file["created_at"] + 3600
    assert server.ask("GET", f"/v1/files/{file['id']}/content").content == CONTENT
    assert blobs(server) == 1
    server.wait(server.create_job(training_file=file["id"]), "succeeded")


def test_the_order_is_the_one_given(server: Server) -> None:
    upload = announced(server, purpose="user_data", filename="a.bin", bytes=4)
    first, second = (add(server, upload, part).json()["id"] for part in (b"ab", b"cd"))
    file = complete(server, upload, [second, first]).json()["file"]
    assert server.ask("GET", f"/v1/files/{file['id']}/content").content == b"cdab"


def test_an_orphaned_part_does_no_harm(server: Server) -> None:
    upload = announced(server)
    add(server, upload, PARTS[0])  # its answer was lost, and the client sent it again
    assert complete(server, upload, filled(server, upload)).json()["status"] == "completed"
    assert blobs(server) == 1


def test_two_who_complete_an_upload_make_one_file(server: Server) -> None:
    upload = announced(server)
    parts = filled(server, upload)
    barrier = threading.Barrier(4)

    def race(_: int) -> int:
        barrier.wait(30)
        return int(complete(server, upload, parts).status_code)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(race, range(4))) == [200, 400, 400, 400]
    assert len(server.get("/v1/files")["data"]) == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"filename": None}, "filename"),
        ({"filename": "rows.csv"}, "filename"),
        ({"purpose": None}, "purpose"),
        ({"purpose": "fine-tune-results"}, "purpose"),
        ({"bytes": None}, "bytes"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": 513 * 2**20}, "bytes"),
        ({"bytes": 513 * 2**20, "purpose": "batch"}, "bytes"),
        ({"bytes": 9 * 2**30, "purpose": "vision"}, "bytes"),
        ({"mime_type": None}, "mime_type"),
        ({"mime_type": "image/png"}, "mime_type"),
        ({"mime_type": "application/pdf", "purpose": "batch"}, "mime_type"),
        ({"expires_after": {}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "created_at"}}, "expires_after.seconds"),
        ({"expires_after": {"seconds": 3600}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "now", "seconds": 3600}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "created_at", "seconds": 3599}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "created_at", "seconds": 3600, "days": 1}}, "expires_after.days"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_an_announcement_names_what_is_wrong_with_it(shared_server: Server, change: dict[str, Any], param: str) -> None:
    response = announce(shared_server, **change)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"part_ids": []}, 400, "part_ids"),
        ({"part_ids": ["part_none"]}, 404, "part_ids"),
        ({"part_ids": [1]}, 400, "part_ids[0]"),
        ({"part_ids": "all"}, 400, "part_ids"),
        ({"part_ids": 1}, 400, "part_ids"),
        ({"md5": "0" * 32}, 400, "md5"),
        ({"sha256": "0"}, 400, "sha256"),
    ],
)
def test_a_completion_that_does_not_fit_changes_nothing(
    server: Server, change: dict[str, Any], status: int, param: str
) -> None:
    upload = announced(server)
    parts = filled(server, upload)
    response = server.ask("POST", f"/v1/uploads/{upload}/complete", json={"part_ids": parts, **change})
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)
    assert complete(server, upload, [*parts[:-1], parts[0]]).status_code == 400  # twice the same
    assert complete(server, upload, parts[:-1]).status_code == 400  # too few bytes
    assert complete(server, upload, parts).json()["status"] == "completed"


def test_content_is_checked_when_it_is_whole(server: Server) -> None:
    upload = announced(server, bytes=9)
    part = add(server, upload, b"{}\nno json"[:9]).json()["id"]
    response = complete(server, upload, [part])
    assert response.status_code == 400
    assert "Line 2 is not valid JSON" in response.json()["error"]["message"]


def test_a_cancelled_upload_is_over(server: Server) -> None:
    upload = announced(server)
    parts = filled(server, upload)
    assert server.ask("POST", f"/v1/uploads/{upload}/cancel").json()["status"] == "cancelled"
    assert blobs(server) == 0
    for response in (
        add(server, upload, b"x"),
        complete(server, upload, parts),
        server.ask("POST", f"/v1/uploads/{upload}/cancel"),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_upload_status")


def test_an_upload_expires(server: Server) -> None:
    upload = announced(server)
    filled(server, upload)
    with server.service.database.write() as connection:
        connection.execute("UPDATE uploads SET expires_at = 1")
    assert "expired" in add(server, upload, b"x").json()["error"]["message"]
    server.service.upkeep.run()
    assert blobs(server) == 0
    assert "expired" in add(server, upload, b"x").json()["error"]["message"]


def test_a_part_has_a_size(tmp_path: Path) -> None:
    with Server(tmp_path / "data", max_part_bytes=10) as server:
        upload = announced(server)
        assert add(server, upload, b"x" * 11).status_code == 413
        assert add(server, upload, b"x" * 10).status_code == 200


@pytest.mark.parametrize("path", ["parts", "complete", "cancel"])
def test_an_upload_that_is_not_there(shared_server: Server, path: str) -> None:
    assert shared_server.ask("POST", f"/v1/uploads/upload_none/{path}", json={}).status_code == 404


def test_a_part_needs_its_content(server: Server) -> None:
    path = f"/v1/uploads/{announced(server)}/parts"
    assert server.ask("POST", path, files={"file": ("a", b"x")}).json()["error"]["param"] == "file"
    assert server.ask("POST", path, data={"data": "x"}, files={"other": ("a", b"")}).status_code == 400
    assert server.ask("POST", path, json={}).status_code == 400


def test_batch_files_expire_by_themselves(server: Server) -> None:
    kept, goes = (server.get(f"/v1/files/{server.upload(b'{}', purpose=purpose)}") for purpose in ("evals", "batch"))
    assert kept["expires_at"] is None
    assert goes["expires_at"] == goes["created_at"] + 30 * 86_400


def test_a_damaged_part_becomes_no_file(server: Server) -> None:
    upload = announced(server)
    parts = filled(server, upload)
    for blob in (server.settings.data_dir / "blobs").glob("*/*"):
        content = blob.read_bytes()
        blob.write_bytes(content.replace(b"hi", b"ha"))  # of the same length, and JSON as before
    refused = complete(server, upload, parts)
    assert (refused.status_code, refused.json()["error"]["code"]) == (500, "damaged_content")
    assert server.get("/v1/files")["data"] == []
    again = filled(server, upload)
    assert complete(server, upload, again).json()["status"] == "completed"


def test_parts_do_not_fill_the_disk_for_ever(server: Server) -> None:
    upload = announced(server, bytes=1000)
    statuses = [add(server, upload, bytes([number]) * 500).status_code for number in range(5)]
    assert statuses == [200, 200, 200, 200, 400]
    assert blobs(server) == 4
    assert add(server, upload, bytes([1]) * 500).status_code == 200  # sent again: it is there already
    small = announced(server, bytes=3)
    error = add(server, small, b"much more").json()["error"]
    assert error["param"] == "data"
    assert "announced with 3 bytes: its parts may have 6 in all" in error["message"]


def test_an_upload_has_so_many_parts(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_routes, "_MAX_PARTS", 3)
    upload = announced(server)
    assert [add(server, upload, b"same").status_code for _ in range(4)] == [200, 200, 200, 400]


@pytest.mark.parametrize(
    ("purpose", "mime_type"),
    [
        ("fine-tune", "application/jsonl"),
        ("batch", "application/x-ndjson"),
        ("evals", "Application/JSON; charset=utf-8"),
        ("fine-tune", "text/plain"),
        ("fine-tune", "application/octet-stream"),
        ("vision", "image/png"),
        ("user_data", "application/pdf"),
    ],
)
def test_json_lines_go_by_many_types(shared_server: Server, purpose: str, mime_type: str) -> None:
    announced(shared_server, purpose=purpose, mime_type=mime_type)
