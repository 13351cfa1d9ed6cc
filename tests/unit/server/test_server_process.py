"""The server as a process: it survives being killed, and ends when it should."""

import base64
import functools
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from server_process import ServerProcess, run_server, start_server, wait_for

# A busy machine may keep a server waiting for longer than the client's 5 s.
get, post = (functools.partial(send, timeout=60) for send in (httpx2.get, httpx2.post))

ROWS = "".join(
    json.dumps(
        {"messages": [{"role": "user", "content": f"{word} {n}"}, {"role": "assistant", "content": word.upper()}]}
    )
    + "\n"
    for n in range(4)
    for word in ("alpha", "beta", "gamma")
).encode()
SLOW = ("--min-step-seconds", "0.05", "--workers", "1")


def upload(server: ServerProcess) -> str:
    form: dict[str, Any] = {"files": {"file": ("rows.jsonl", ROWS)}, "data": {"purpose": "fine-tune"}}
    response = post(f"{server.base_url}/files", **form)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def create(server: ServerProcess, training_file: str) -> str:
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4, "batch_size": 1}}}
    body = {"model": "gpt-4o", "training_file": training_file, "seed": 11, "method": method}
    response = post(f"{server.base_url}/fine_tuning/jobs", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def job_of(server: ServerProcess, job_id: str) -> Any:
    return get(f"{server.base_url}/fine_tuning/jobs/{job_id}").json()


def wait_until_succeeded(server: ServerProcess, job_id: str) -> Any:
    def succeeded() -> Any:
        job = job_of(server, job_id)
        assert job["status"] not in ("failed", "cancelled"), job
        return job if job["status"] == "succeeded" else None

    return wait_for(succeeded)


def wait_for_step(server: ServerProcess, job_id: str, step: int) -> None:
    def is_there() -> bool:
        page = get(f"{server.base_url}/fine_tuning/jobs/{job_id}/events?limit=1").json()
        return bool(page["data"]) and page["data"][0]["data"].get("step", 0) >= step

    wait_for(is_there)


def outcome(server: ServerProcess, job: Any) -> tuple[bytes, list[tuple[str, ...]]]:
    """A job's results and the digests of its models' weights."""
    content = get(f"{server.base_url}/files/{job['result_files'][0]}/content").content
    connection = sqlite3.connect(f"file:{server.data_dir / 'server.sqlite'}?mode=ro", uri=True)
    try:
        weights = connection.execute("SELECT sha256 FROM models WHERE job = ? ORDER BY seq", (job["id"],)).fetchall()
    finally:
        connection.close()
    return base64.b64decode(content), weights


def test_a_killed_server_goes_on_with_its_job(tmp_path: Path) -> None:
    with start_server(tmp_path, *SLOW) as first:
        training_file = upload(first)
        job_id = create(first, training_file)
        wait_for_step(first, job_id, 15)
        first.kill9()
        second = first.restart()
        assert job_of(second, job_id)["status"] == "running"
        wait_for_step(second, job_id, 30)
        second.kill9()
        third = second.restart("--workers", "2")
        job = wait_until_succeeded(third, job_id)
        undisturbed = wait_until_succeeded(third, create(third, training_file))
        assert outcome(third, job) == outcome(third, undisturbed)
        assert len(outcome(third, job)[1]) == 3
        messages = [
            event["message"]
            for event in get(f"{third.base_url}/fine_tuning/jobs/{job_id}/events?limit=100").json()["data"]
        ]
        assert messages.count("Fine-tuning job started") == 1
        assert len([text for text in messages if text.startswith("Step ")]) == 48


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with start_server(tmp_path) as first:
        made = [upload(first) for _ in range(5)]
        first.kill9()
        second = first.restart()
        listed = get(f"{second.base_url}/files?order=asc").json()["data"]
        assert [file["id"] for file in listed] == made
        assert get(f"{second.base_url}/files/{made[0]}/content").content == ROWS


def test_a_folder_serves_one_server(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        code, output = run_server(tmp_path)
        assert code == 1
        assert f"process {server.process.pid} at {server.url}" in output
        assert "Traceback" not in output


def test_a_server_says_what_it_is_and_ends_cleanly(tmp_path: Path) -> None:
    with start_server(tmp_path, *SLOW) as server:
        assert server.output == (
            f"ftops serve: {server.base_url} · data in {server.data_dir} · "
            "OpenAI's model names are stand-ins, answered by the engine `linear`\n"
        )
        job_id = create(server, upload(server))
        wait_for_step(server, job_id, 1)
        assert server.terminate() == 0
        assert not (server.data_dir / "server.json").exists()
        assert len(server.output.splitlines()) == 1
        again = server.restart("--access-log")
        wait_until_succeeded(again, job_id)
        # The line is written after the answer has gone out.
        wait_for(lambda: '"path":"/v1/fine_tuning/jobs/' in again.output)


def test_a_server_with_a_key_may_be_reached_from_elsewhere(tmp_path: Path) -> None:
    options = ("--host", "0.0.0.0", "--api-key-env", "MY_KEY")
    with start_server(tmp_path, *options, env={"MY_KEY": "secret-key"}) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert get(f"{server.base_url}/models").status_code == 401
        headers = {"authorization": "Bearer secret-key"}
        assert get(f"{server.base_url}/models", headers=headers).status_code == 200
        assert get(f"{server.url}/healthz").status_code == 200
        assert "secret-key" not in server.output


def test_the_key_may_stand_in_the_usual_variable(tmp_path: Path) -> None:
    with start_server(tmp_path, env={"FTOPS_SERVE_KEY": "secret-key"}) as server:
        assert get(f"{server.base_url}/models").status_code == 401


def test_a_server_that_nobody_needs_ends_by_itself(tmp_path: Path) -> None:
    clients = tmp_path / "data" / "clients"
    clients.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as client:
        (clients / str(client.pid)).write_text(repr(psutil.Process(client.pid).create_time()))
        (clients / str(os.getpid())).write_text("1.0")  # stale: not this process's start
        with start_server(tmp_path, "--until-idle", *SLOW) as server:
            job_id = create(server, upload(server))
            wait_for_step(server, job_id, 1)
            assert client.stdin is not None
            client.stdin.close()
            client.wait(30)
            # Nobody is left, but a job is: the server stays until it is done, then goes.
            assert server.wait() == 0
            assert not (server.data_dir / "server.json").exists()
            assert list(clients.iterdir()) == []
            again = server.restart("--workers", "1")
            assert job_of(again, job_id)["status"] == "succeeded"


def test_a_client_that_lives_keeps_the_server(tmp_path: Path) -> None:
    clients = tmp_path / "data" / "clients"
    clients.mkdir(parents=True)
    mine = clients / str(os.getpid())
    mine.write_text(repr(psutil.Process().create_time()))
    with start_server(tmp_path, "--until-idle") as server:
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(3)
        mine.unlink()
        assert server.wait() == 0


def test_a_line_of_the_access_log_is_json_and_nothing_else(tmp_path: Path) -> None:
    with start_server(tmp_path, "--access-log") as server:
        assert get(f"{server.url}/healthz").status_code == 200
        server.terminate()
        (line,) = [line for line in server.output.splitlines() if "/healthz" in line]
    assert (json.loads(line)["path"], json.loads(line)["status"]) == ("/healthz", 200)
