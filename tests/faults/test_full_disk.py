"""A disk that is really full: a small one in memory, which only root may mount.

While it is full the server says so and loses nothing; people make room by deleting, even after a restart; and once there is
space everything goes on by itself.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server_process import ServerProcess, start_server, wait_for

JOBS = "/v1/fine_tuning/jobs"
BASE = "gpt-4.1-mini-2025-04-14"
SIZE = 24 * 1024 * 1024
ASKED = {"model": BASE, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a file system can't be mounted here")
    try:
        yield folder
    finally:
        # Lazily: the servers on it are ended by the test, or killed a moment ago.
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)


def fill(disk: Path) -> None:
    descriptor = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)


def lines(*each: Any) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in each).encode()


def rows(name: str) -> bytes:
    said = [
        [{"role": "user", "content": f"{name} {n}"}, {"role": "assistant", "content": f"{n % 3}"}] for n in range(24)
    ]
    return lines(*({"messages": messages} for messages in said))


def client_of(server: ServerProcess) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, timeout=30)


def upload(client: httpx2.Client, content: bytes, purpose: str = "fine-tune") -> httpx2.Response:
    return client.post("/v1/files", files={"file": ("rows.jsonl", content)}, data={"purpose": purpose})


def create_work(client: httpx2.Client) -> tuple[str, str, str]:
    """A file, a job that takes some seconds and a batch, all acknowledged."""
    file = upload(client, rows("kept")).json()["id"]
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 8, "batch_size": 4}}}
    job = client.post(JOBS, json={"model": BASE, "training_file": file, "method": method}).json()["id"]
    asked = [{"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": ASKED} for n in range(4000)]
    batch_file = upload(client, lines(*asked), "batch").json()["id"]
    body = {"input_file_id": batch_file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = client.post("/v1/batches", json=body).json()["id"]
    wait_for(lambda: client.get(f"{JOBS}/{job}").json()["status"] == "running")
    return file, job, batch


def check_refusals(client: httpx2.Client, file: str) -> None:
    assert client.get("/healthz").json()["disk"] == "full"
    assert client.post("/v1/chat/completions", json=ASKED).status_code == 200
    assert client.get(f"/v1/files/{file}/content").content == rows("kept")
    for refused in (upload(client, rows("more") * 200), client.post(JOBS, json={"model": BASE, "training_file": file})):
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "disk_full")


def check_end(client: httpx2.Client, job: str, batch: str) -> None:
    ended = wait_for(lambda: _if_ended(client.get(f"{JOBS}/{job}").json()))
    assert ended["status"] == "succeeded"
    done = wait_for(lambda: _if_ended(client.get(f"/v1/batches/{batch}").json()))
    assert (done["status"], done["request_counts"]["completed"]) == ("completed", 4000)
    events = client.get(f"{JOBS}/{job}/events", params={"limit": 100}).json()["data"]
    steps = [each["message"].split(":")[0] for each in events if each["message"].startswith("Step ")]
    assert len(steps) == len(set(steps)) == 48


def _if_ended(found: Any) -> Any:
    return found if found["status"] in ("succeeded", "failed", "cancelled", "completed", "expired") else None


def check_blobs(disk: Path) -> None:
    with closing(sqlite3.connect(disk / "server.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        known = {row[0] for row in connection.execute("SELECT DISTINCT sha256 FROM blob_uses")}
    kept = {path.name: path for path in (disk / "blobs").rglob("*") if path.is_file()}
    assert kept.keys() == known
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == name for name, path in kept.items())


def test_a_full_disk_loses_nothing(tmp_path: Path, disk: Path) -> None:
    with start_server(tmp_path, "--min-step-seconds", "0.05") as server:
        with client_of(server) as client:
            file, job, batch = create_work(client)
            spare = [upload(client, rows(f"spare {number}")).json()["id"] for number in range(3)]
            fill(disk)
            check_refusals(client, file)
            assert client.delete(f"/v1/files/{spare[0]}").status_code == 200
            fill(disk)
        assert server.terminate() == 0
        again = server.restart()
        with client_of(again) as client:
            fill(disk)
            check_refusals(client, file)
            for each in spare[1:]:
                assert client.delete(f"/v1/files/{each}").status_code == 200
            (disk / "filler").unlink()
            check_end(client, job, batch)
            wait_for(lambda: (disk / "reserve").exists() and (disk / "reserve").stat().st_size == 1024 * 1024)
        assert again.terminate() == 0
        assert "Traceback" not in again.output
        check_blobs(disk)
