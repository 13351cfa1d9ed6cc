"""A disk that is full, fails for a while, or lost what was written."""

import errno
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from server_in_process import ROW, ScriptedEngine, Server, jsonl

from ftops.server.errors import answer_to, place_of
from ftops.server.storage import disk
from ftops.server.storage.database import Database
from ftops.server.storage.disk import is_disk_full

CHAT = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"


class Fault:
    """For ``before_step``: one step raises, once."""

    def __init__(self, error: Exception, at: int = 6) -> None:
        self._error = error
        self._at = at
        self.raised = threading.Event()

    def __call__(self, step: int) -> None:
        if step == self._at and not self.raised.is_set():
            self.raised.set()
            raise self._error


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch, reserve: Path) -> Iterator[None]:
    """Nothing can be written as long as the reserve takes the last space."""
    write = Database.write

    @contextmanager
    def refuse(self: Database) -> Iterator[sqlite3.Connection]:
        if reserve.exists():
            raise full()
        with write(self) as connection:
            yield connection

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", refuse)
        yield


@pytest.mark.parametrize("error", [full(), sqlite3.OperationalError("disk I/O error")])
def test_a_job_that_the_disk_stops_is_taken_up_again(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    engine = ScriptedEngine(before_step=Fault(error))
    with Server(tmp_path / "data", engine, retry_seconds=0.01) as server:
        job_id = server.create_job()
        assert server.wait(job_id)["status"] == "succeeded"
        assert engine.resumed_from == [None, 4]
        steps = [text for text in server.messages(job_id) if text.startswith("Step ")]
        assert len(steps) == 12
    assert f"job {job_id} is tried again in 0.01 s: " in caplog.text


def test_a_check_that_the_disk_stops_is_made_again(tmp_path: Path) -> None:
    engine = ScriptedEngine(resolve_error=full())
    with Server(tmp_path / "data", engine, retry_seconds=0.01) as server:
        job_id = server.create_job()
        assert server.job(job_id)["status"] == "validating_files"
        engine.resolve_error = None
        assert server.wait(job_id)["status"] == "succeeded"


def test_a_server_ends_though_a_job_waits_for_the_disk(tmp_path: Path) -> None:
    fault = Fault(full())
    with Server(tmp_path / "data", ScriptedEngine(before_step=fault), retry_seconds=3600) as server:
        job_id = server.create_job()
        assert fault.raised.wait(30)
        assert server.service.has_unfinished_work()
    with Server(tmp_path / "data") as again:
        assert again.wait(job_id)["status"] == "succeeded"


def test_a_job_that_waits_for_the_disk_can_be_cancelled(tmp_path: Path) -> None:
    fault = Fault(full())
    with Server(tmp_path / "data", ScriptedEngine(before_step=fault), retry_seconds=3600) as server:
        job_id = server.create_job()
        assert fault.raised.wait(30)
        assert server.ask("POST", f"{JOBS}/{job_id}/cancel").json()["status"] == "cancelled"
        assert not server.service.has_unfinished_work()


@pytest.mark.parametrize("damage", [None, b"", b'{"other": 1}\n'])
def test_a_job_on_damaged_content_says_so(tmp_path: Path, damage: bytes | None) -> None:
    with Server(tmp_path / "data") as server:
        file_id = server.upload(jsonl([ROW] * 10))
        (blob,) = (tmp_path / "data" / "blobs").glob("*/*")
        blob.unlink() if damage is None else blob.write_bytes(damage)
        error = server.wait(server.create_job(training_file=file_id), "failed")["error"]
        assert error["code"] == "damaged_content"
        assert "damaged or missing" in error["message"]


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_model_with_damaged_weights_says_so(server: Server, is_missing: bool) -> None:
    model = server.wait(server.create_job())["fine_tuned_model"]
    for path in (server.settings.data_dir / "blobs").glob("*/*"):
        path.unlink() if is_missing else path.write_bytes(b"x")
    response = server.ask("POST", CHAT, json={"model": model, "messages": ROW["messages"][:1]})
    assert response.status_code == 500
    message = (
        f"The weights of the model `{model}` are damaged or missing on this server's disk: "
        "delete it and train it again."
    )
    expected = {"message": message, "type": "server_error", "param": None, "code": "damaged_content"}
    assert response.json()["error"] == expected
    assert server.ask("DELETE", f"/v1/models/{model}").status_code == 200


def test_a_full_disk_has_a_status_of_its_own_and_leaves_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = server.settings.data_dir
    form: dict[str, Any] = {"files": {"file": ("a", b"x")}, "data": {"purpose": "user_data"}}
    with full_disk(monkeypatch, data_dir / "reserve"):
        response = server.ask("POST", "/v1/files", **form)
        assert (response.status_code, response.json()["error"]["code"]) == (507, "disk_full")
        assert "full" in response.json()["error"]["message"]
        assert list((data_dir / "spool").iterdir()) == []
    assert server.ask("POST", "/v1/files", **form).status_code == 200


def test_a_full_database_has_the_same_status(server: Server) -> None:
    with server.service.database.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    form: dict[str, Any] = {"files": {"file": ("a" * 250, b"x")}, "data": {"purpose": "user_data"}}
    statuses = {server.ask("POST", "/v1/files", **form).status_code for _ in range(60)}
    assert statuses == {200, 507}


def test_a_blob_whose_row_finds_no_space_goes_again(server: Server) -> None:
    """Else each attempt would take more of a disk that is full."""
    with server.service.database.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    statuses = set()
    for number in range(60):
        form: dict[str, Any] = {"files": {"file": ("a" * 250, f"{number}")}, "data": {"purpose": "user_data"}}
        statuses.add(server.ask("POST", "/v1/files", **form).status_code)
    assert statuses == {200, 507}
    with server.service.database.read() as connection:
        known = {row[0] for row in connection.execute("SELECT sha256 FROM blob_uses")}
    assert {path.name for path in (server.settings.data_dir / "blobs").glob("*/*")} == known


def test_deleting_works_on_a_full_disk(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = server.upload(jsonl([ROW] * 10))
    model = server.wait(server.create_job())["fine_tuned_model"]
    reserve = server.settings.data_dir / "reserve"
    assert reserve.stat().st_size > 0
    with full_disk(monkeypatch, reserve):
        for path in (f"/v1/files/{file_id}", f"/v1/models/{model}"):
            assert server.ask("DELETE", path).json()["deleted"] is True
            assert reserve.stat().st_size > 0  # there was room again


def test_the_reserve_is_taken_again_when_there_is_space(server: Server) -> None:
    reserve = server.settings.data_dir / "reserve"
    full_size = reserve.stat().st_size
    reserve.unlink()
    server.service.upkeep.run()
    assert reserve.stat().st_size == full_size


def test_half_a_reserve_is_better_than_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([False] * 3 + [True] * 9)
    monkeypatch.setattr(disk, "is_short", lambda _: next(free))
    reserve = disk.Reserve(tmp_path / "reserve")
    reserve.replenish()
    assert (tmp_path / "reserve").stat().st_size == 3 * 64 * 1024
    with reserve.given_up():
        assert not (tmp_path / "reserve").exists()


def test_a_server_starts_on_a_full_disk_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(tmp_path / "data") as server:
        assert server.get("/healthz")["disk"] == "ok"
        file_id = server.upload(jsonl([ROW]))
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with Server(tmp_path / "data") as server:
        assert not (tmp_path / "data" / "reserve").exists()
        health = server.get("/healthz")
        assert (health["status"], health["disk"]) == ("ok", "full")
        assert server.ask("DELETE", f"/v1/files/{file_id}").status_code == 200


def test_health_fails_with_the_disk(server: Server) -> None:
    server.settings.data_dir.rename(server.settings.data_dir.with_name("gone"))
    health = server.ask("GET", "/healthz")
    assert (health.status_code, health.json()["status"]) == (503, "failing")
    server.settings.data_dir.with_name("gone").rename(server.settings.data_dir)
    assert server.get("/healthz")["status"] == "ok"


def test_a_damaged_database_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database" * 1000)
    with closing(sqlite3.connect(tmp_path / "file")) as connection, pytest.raises(sqlite3.DatabaseError) as caught:
        connection.execute("SELECT * FROM files")
    assert (answer_to(caught.value).status, answer_to(caught.value).code) == (500, "damaged_database")
    assert place_of(caught.value).startswith("DatabaseError SQLITE_NOTADB at ")


def test_logs_name_the_errors_of_the_disk() -> None:
    assert place_of(full()) == "OSError ENOSPC"
    assert place_of(OSError("a client's words")) == "OSError"
    assert place_of(sqlite3.OperationalError("words")) == "OperationalError"


def test_only_errors_of_space_are_a_full_disk() -> None:
    assert is_disk_full(full())
    assert is_disk_full(OSError(errno.EDQUOT, ""))
    assert is_disk_full(OSError(errno.EROFS, ""))
    assert not is_disk_full(OSError(errno.EACCES, ""))
    assert not is_disk_full(sqlite3.ProgrammingError("closed"))
    assert not is_disk_full(ValueError())
