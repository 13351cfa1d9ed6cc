"""What is on the disk: rows, blobs, versions, pages."""

import sqlite3
import time
from pathlib import Path
from typing import BinaryIO

import pytest
from server_in_process import ROW, Server, jsonl

from ftops.server.storage import blobs as blob_uses
from ftops.server.storage import files, jobs
from ftops.server.storage.blobs import Blobs, DamagedBlob
from ftops.server.storage.database import Database, NewerData, meta, set_meta
from ftops.server.storage.disk import is_database_damaged


def blob_names(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "blobs").glob("*/*")}


def test_a_file_is_what_was_uploaded(server: Server) -> None:
    content = jsonl([ROW] * 3)
    file_id = server.upload(content, name="C:\\rows\\my rows.jsonl")
    file = server.get(f"/v1/files/{file_id}")
    created_at = file.pop("created_at")
    assert abs(created_at - time.time()) < 3600
    assert file == {
        "object": "file",
        "id": file_id,
        "bytes": len(content),
        "expires_at": None,
        "filename": "my rows.jsonl",
        "purpose": "fine-tune",
        "status": "processed",
        "status_details": None,
    }
    response = server.ask("GET", f"/v1/files/{file_id}/content")
    assert response.content == content
    assert response.headers["content-disposition"] == 'attachment; filename="my rows.jsonl"'


@pytest.mark.parametrize(
    ("name", "kept", "disposition"),
    [
        ("数据.jsonl", "数据.jsonl", "filename=\"??.jsonl\"; filename*=UTF-8''%E6%95%B0%E6%8D%AE.jsonl"),
        ("ü's.jsonl", "ü's.jsonl", "filename=\"?'s.jsonl\"; filename*=UTF-8''%C3%BC%27s.jsonl"),
        ("a" * 400 + ".jsonl", "a" * 249 + ".jsonl", f'filename="{"a" * 249}.jsonl"'),
        ("a" * 249 + ".jsonl", "a" * 249 + ".jsonl", f'filename="{"a" * 249}.jsonl"'),
        (".jsonl", ".jsonl", 'filename=".jsonl"'),
    ],
)
def test_a_file_keeps_its_name(server: Server, name: str, kept: str, disposition: str) -> None:
    file_id = server.upload(b"{}\n", name=name)
    assert server.get(f"/v1/files/{file_id}")["filename"] == kept
    headers = server.ask("GET", f"/v1/files/{file_id}/content").headers
    assert headers["content-disposition"] == f"attachment; {disposition}"


def test_a_long_name_of_another_kind_is_cut(server: Server) -> None:
    for name in ("a" * 300, "a." + "b" * 300):
        kept = server.get(f"/v1/files/{server.upload(b'x', name=name, purpose='user_data')}")["filename"]
        assert (len(kept), name.startswith(kept)) == (255, True)


def test_equal_content_is_stored_once_and_goes_with_its_last_file(server: Server) -> None:
    first, second = server.upload(b"{}\n"), server.upload(b"{}\n", purpose="batch")
    assert first != second
    assert len(blob_names(server.settings.data_dir)) == 1
    assert server.ask("DELETE", f"/v1/files/{first}").json() == {"id": first, "object": "file", "deleted": True}
    assert server.ask("GET", f"/v1/files/{first}").status_code == 404
    assert server.ask("GET", f"/v1/files/{second}/content").content == b"{}\n"
    server.ask("DELETE", f"/v1/files/{second}")
    assert blob_names(server.settings.data_dir) == set()


def test_files_are_listed_by_purpose_order_and_page(server: Server) -> None:
    made = [server.upload(b"{}\n", purpose=purpose) for purpose in ("batch", "fine-tune", "batch", "fine-tune")]

    def listed(query: str) -> list[int]:
        return [made.index(file["id"]) for file in server.get(f"/v1/files?{query}")["data"]]

    assert listed("") == [3, 2, 1, 0]
    assert listed("order=asc") == [0, 1, 2, 3]
    assert listed("purpose=batch") == [2, 0]
    assert listed("purpose=vision") == []
    assert listed(f"after={made[2]}") == [1, 0]
    assert listed(f"order=asc&purpose=fine-tune&after={made[0]}") == [1, 3]
    page = server.get("/v1/files?limit=2")
    assert (page["first_id"], page["last_id"], page["has_more"]) == (made[3], made[2], True)
    empty = server.get("/v1/files?purpose=vision")
    assert (empty["first_id"], empty["last_id"], empty["has_more"]) == (None, None, False)


def test_who_deletes_while_paging_comes_to_the_end(server: Server) -> None:
    made = [server.upload(b"{}\n") for _ in range(5)]
    for order, expected in (("desc", made[:2:-1]), ("asc", made[:3])):
        seen, after, has_more = [], "", True
        while has_more and len(seen) < len(expected):
            page = server.get(f"/v1/files?limit=1&order={order}{after}")
            seen += [file["id"] for file in page["data"]]
            after, has_more = f"&after={page['last_id']}", page["has_more"]
            server.ask("DELETE", f"/v1/files/{page['last_id']}")
        assert seen == expected
    for nowhere in ("file-never", "ftjob-never"):
        error = server.ask("GET", f"/v1/files?after={nowhere}").json()["error"]
        assert (error["param"], error["code"]) == ("after", "invalid_value")
    assert server.ask("GET", f"/v1/fine_tuning/jobs?after={made[0]}").status_code == 400
    with server.service.database.write() as connection:
        connection.execute("UPDATE departed SET departed_at = 1 WHERE id = ?", (made[0],))
    server.service.upkeep.run()
    assert server.ask("GET", f"/v1/files?after={made[0]}").status_code == 400
    assert server.get(f"/v1/files?after={made[1]}")["data"] == []


def test_a_file_that_expired_still_marks_its_place(server: Server) -> None:
    first, expiring, last = (server.upload(b"{}\n") for _ in range(3))
    with server.service.database.write() as connection:
        connection.execute("UPDATE files SET expires_at = 1 WHERE id = ?", (expiring,))
    for _ in range(2):
        assert [file["id"] for file in server.get(f"/v1/files?after={expiring}")["data"]] == [first]
        assert [file["id"] for file in server.get(f"/v1/files?order=asc&after={expiring}")["data"]] == [last]
        server.service.upkeep.run()


def test_a_file_expires(server: Server) -> None:
    data = {"purpose": "user_data", "expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = server.ask("POST", "/v1/files", files={"file": ("a", b"old")}, data=data).json()
    assert file["expires_at"] == file["created_at"] + 3600
    with server.service.database.write() as connection:
        connection.execute("UPDATE files SET expires_at = 1")
    assert server.ask("GET", f"/v1/files/{file['id']}").status_code == 404
    assert server.get("/v1/files")["data"] == []
    assert len(blob_names(server.settings.data_dir)) == 1
    server.service.upkeep.run()
    assert len(blob_names(server.settings.data_dir)) == 0


def test_content_that_is_deleted_just_now_is_not_found(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = server.upload(b"{}\n")
    opened = Blobs.open

    def delete_first(self: Blobs, sha256: str, *, size: int) -> BinaryIO:
        with server.service.database.write() as connection:
            unused = files.delete(connection, file_id, now=1)
        self.remove(unused)
        return opened(self, sha256, size=size)

    monkeypatch.setattr(Blobs, "open", delete_first)
    assert server.ask("GET", f"/v1/files/{file_id}/content").status_code == 404


@pytest.mark.parametrize("damage", [None, b"{", b"[]\n\n"])
def test_damaged_content_is_said_to_be_and_mended_by_uploading_again(server: Server, damage: bytes | None) -> None:
    file_id = server.upload(b"{}\n")
    (blob,) = (server.settings.data_dir / "blobs").glob("*/*")
    blob.unlink() if damage is None else blob.write_bytes(damage)
    response = server.ask("GET", f"/v1/files/{file_id}/content")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "damaged_content")
    message = f"The content of {file_id} is damaged or missing on this server's disk: upload the file again."
    assert response.json()["error"]["message"] == message
    again = server.upload(b"{}\n")
    for each in (file_id, again):
        assert server.ask("GET", f"/v1/files/{each}/content").content == b"{}\n"


def test_a_blob_is_read_as_it_was_written_or_not_at_all(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    blobs = Blobs(tmp_path, database)
    with blobs.stage(b"right") as staged, database.write() as connection:
        blobs.keep(connection, staged, owner="somebody")
    assert blobs.read(staged.sha256) == b"right"
    path = tmp_path / "blobs" / staged.sha256[:2] / staged.sha256
    path.write_bytes(b"wrong")
    with pytest.raises(DamagedBlob):
        blobs.read(staged.sha256)
    path.unlink()
    with pytest.raises(DamagedBlob):
        blobs.read(staged.sha256)
    database.close()


def test_nobody_gets_the_whole_of_a_damaged_blob(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    blobs = Blobs(tmp_path, database)
    content = bytes(600 * 1024)
    with blobs.stage(content) as staged, database.write() as connection:
        blobs.keep(connection, staged, owner="somebody")
    assert b"".join(blobs.pieces(staged.sha256, size=staged.size)) == content
    path = tmp_path / "blobs" / staged.sha256[:2] / staged.sha256
    path.write_bytes(b"x" + content[1:])
    pieces = blobs.pieces(staged.sha256, size=staged.size)
    assert 0 < len(next(pieces)) < len(content)
    with pytest.raises(DamagedBlob):
        b"".join(pieces)
    database.close()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    Blobs(tmp_path, database)
    files_of_others = ["blobs/.DS_Store", "blobs/zz/x", "blobs/ab/note.txt", f"blobs/ab/{'cd' * 32}", "spool/.DS_Store"]
    for name in files_of_others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    folders_of_others = [f"blobs/ab/{'ab' * 32}", "spool/x", "spool/upload-x"]
    for name in folders_of_others:
        (tmp_path / name).mkdir()
    (tmp_path / "blobs" / "ef").symlink_to(tmp_path / "blobs" / "ab")
    (tmp_path / "spool" / "upload-half").write_text("x")
    (tmp_path / "spool" / "tmpold").write_text("x")
    Blobs(tmp_path, database)
    assert all((tmp_path / name).exists() for name in files_of_others + folders_of_others)
    assert {path.name for path in (tmp_path / "spool").iterdir()} == {".DS_Store", "x", "upload-x"}
    database.close()


def test_a_folder_keeps_its_identity(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as first:
        identity, organization = first.service.data_dir_id, first.service.organization
    assert organization.startswith("org-ftops-")
    with Server(tmp_path / "data") as second:
        assert (second.service.data_dir_id, second.service.organization) == (identity, organization)
    with Server(tmp_path / "data", organization="org-acme") as third:
        assert third.service.organization == "org-acme"
        assert third.ask("GET", "/healthz").headers["openai-organization"] == "org-acme"
    with Server(tmp_path / "data") as fourth:
        assert fourth.service.organization == "org-acme"


def test_data_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "server.sqlite"
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(NewerData) as caught:
        Database(path)
    assert caught.value.version == 99


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")

    def fail() -> None:
        with database.write() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as connection:
        assert meta(connection, "a") is None
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    database.close()


def test_what_a_crash_left_is_cleared_away(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    blobs = Blobs(tmp_path, database)
    kept = blobs.stage(b"kept")
    with database.write() as connection:
        blobs.keep(connection, kept, owner="somebody")
    unowned = tmp_path / "blobs" / "ab" / ("ab" * 32)
    unowned.parent.mkdir()
    unowned.write_bytes(b"x")
    blobs.stage(b"half done")
    Blobs(tmp_path, database)
    assert blob_names(tmp_path) == {kept.sha256}
    assert not list((tmp_path / "spool").iterdir())
    with database.write() as connection:
        unused = blob_uses.release(connection, "somebody")
    blobs.remove(unused)
    assert blob_names(tmp_path) == set()
    database.close()


def test_no_content_goes_for_want_of_a_row_in_a_damaged_database(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    Blobs(tmp_path, database)
    with database.write() as connection:
        for number in range(30):
            set_meta(connection, f"key {number}", "marker" * 100)
    database.close()
    unowned = tmp_path / "blobs" / "ab" / ("ab" * 32)
    unowned.parent.mkdir()
    unowned.write_bytes(b"x")
    content = bytearray((tmp_path / "server.sqlite").read_bytes())
    page = content.rindex(b"marker") // 4096 * 4096
    content[page : page + 100] = bytes(100)
    (tmp_path / "server.sqlite").write_bytes(content)
    database = Database(tmp_path / "server.sqlite")
    with pytest.raises(sqlite3.DatabaseError) as caught:
        Blobs(tmp_path, database)
    assert is_database_damaged(caught.value)
    assert unowned.exists()
    database.close()


def test_only_columns_that_may_change_do(server: Server) -> None:
    job_id = server.create_job()
    server.wait(job_id)
    with server.service.database.write() as connection:
        job = jobs.find(connection, job_id)
        assert job is not None
        with pytest.raises(ValueError, match="seed"):
            jobs.change(connection, job, expect=[job.status], seed=5)


def test_every_list_is_read_from_an_index(server: Server) -> None:
    queries = [
        "SELECT seq FROM jobs WHERE project = 'p' AND seq < 9 ORDER BY seq DESC LIMIT 2",
        "SELECT * FROM jobs WHERE status IN ('validating_files', 'queued', 'running', 'pausing') ORDER BY seq",
        (
            "SELECT lead.job FROM job_metadata AS lead WHERE lead.project = 'p' AND lead.key = 'a' AND lead.value = 'b' "
            "AND lead.job < 9 ORDER BY lead.job DESC LIMIT 2"
        ),
        "SELECT * FROM events WHERE job = 1 AND seq < 9 ORDER BY seq DESC LIMIT 2",
        "SELECT * FROM checkpoints WHERE job = 1 AND seq < 9 ORDER BY seq DESC LIMIT 2",
        "SELECT * FROM files WHERE project = 'p' AND seq < 9 ORDER BY seq DESC LIMIT 2",
        "SELECT * FROM files WHERE project = 'p' AND purpose = 'batch' AND seq < 9 ORDER BY seq DESC LIMIT 2",
        "SELECT * FROM models WHERE project = 'p' ORDER BY seq",
        "SELECT 1 FROM blob_uses WHERE sha256 = 'a'",
        "SELECT DISTINCT sha256, bytes FROM upload_parts WHERE upload = 'u' AND sha256 <> 'a'",
        "DELETE FROM departed WHERE departed_at < 9",
    ]
    with server.service.database.read() as connection:
        for query in queries:
            plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
            assert not any("TEMP B-TREE" in step for step in plan), (query, plan)
            assert all(step.startswith("SEARCH") or "jobs_at_work" in step for step in plan), (query, plan)
        # Among thousands of jobs that bear metadata, the few without any.
        without = "(metadata IS NULL OR metadata = '{}')"
        query = f"SELECT seq FROM jobs WHERE project = 'p' AND seq < 9 AND {without} ORDER BY seq DESC LIMIT 2"
        (step,) = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert step.startswith("SEARCH jobs USING INDEX jobs_without_metadata")
