"""Batches that a dying process, a failing disk or a damaged file gets in the way of."""

import contextlib
import json
import random
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from server_in_process import ScriptedEngine, Server, jsonl, wait_for_batch
from test_server_batches import Turnstile, create, line, lines_of
from test_server_disk import full

from ftops.server.batches import run as batch_run
from ftops.server.engines.interface import Accepts, Answer, Message, Model, Sampling
from ftops.server.settings import ProjectKey
from server_process import ServerProcess, start_server, wait_for

NAMES = [str(number) for number in range(8)]


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices are so short that each has one request."""
    monkeypatch.setattr(batch_run, "_SLICE_SECONDS", 0.0)


def custom_ids(server: Server, batch: Any) -> list[str]:
    return [each["custom_id"] for each in lines_of(server, batch["output_file_id"])]


def stop_in_between(data_dir: Path) -> Any:
    """A server that ends when three requests are answered and the fourth is under way; gives the batch as it was then."""
    engine = Turnstile("3")
    server = Server(data_dir, engine)
    batch = create(server, [line(name) for name in NAMES])
    assert engine.reached.wait(30)
    engine.go_on.set()
    server.service.stop()
    return batch


@pytest.mark.usefixtures("one_at_a_time")
def test_projects_take_turns(tmp_path: Path) -> None:
    crowd, loner = (ProjectKey(project=name, organization=None, key=f"key-of-{name}") for name in ("crowd", "loner"))
    engine = Turnstile("crowd-0")
    with Server(tmp_path / "data", engine, keys=(crowd, loner)) as server:

        def ask(team: ProjectKey, path: str, **options: Any) -> Any:
            return server.ask("POST", path, headers={"authorization": f"Bearer {team.key}"}, **options).json()

        def create_as(team: ProjectKey, name: str) -> Any:
            form: Any = {"files": {"file": ("a.jsonl", jsonl([line(name)]))}, "data": {"purpose": "batch"}}
            asked = {"input_file_id": ask(team, "/v1/files", **form)["id"], "endpoint": "/v1/chat/completions"}
            return ask(team, "/v1/batches", json={**asked, "completion_window": "24h"})

        create_as(crowd, "crowd-0")
        assert engine.reached.wait(30)
        for number in range(1, 5):
            create_as(crowd, f"crowd-{number}")
        create_as(loner, "loner")
        engine.go_on.set()
        wait_for(lambda: len(engine.asked) == 6)
        order = [messages[-1]["content"] for messages, _ in engine.asked]
        assert order.index("loner") <= 2


@pytest.mark.usefixtures("one_at_a_time")
def test_a_batch_goes_on_where_the_last_server_ended(tmp_path: Path) -> None:
    batch = stop_in_between(tmp_path / "data")
    with Server(tmp_path / "data") as server:
        batch = wait_for_batch(server, batch["id"])
        assert custom_ids(server, batch) == NAMES
        assert len(server.engine.asked) <= 5  # three were answered before, and perhaps the fourth


@pytest.mark.usefixtures("one_at_a_time")
def test_what_a_dying_process_wrote_too_much_is_cut_off(tmp_path: Path) -> None:
    batch = stop_in_between(tmp_path / "data")
    for kind in ("output", "error"):
        with (tmp_path / "data" / "batches" / f"{batch['id']}_{kind}.jsonl").open("ab") as file:
            file.write(b'{"half": ')
    with Server(tmp_path / "data") as server:
        batch = wait_for_batch(server, batch["id"])
        assert custom_ids(server, batch) == NAMES
        assert batch["error_file_id"] is None


@pytest.mark.usefixtures("one_at_a_time")
def test_a_batch_whose_results_were_lost_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    batch = stop_in_between(tmp_path / "data")
    (tmp_path / "data" / "batches" / f"{batch['id']}_output.jsonl").unlink()
    with Server(tmp_path / "data") as server:
        batch = wait_for_batch(server, batch["id"])
        assert (batch["status"], custom_ids(server, batch)) == ("completed", NAMES)
        assert batch["request_counts"] == {"total": 8, "completed": 8, "failed": 0}
    assert "begins anew" in caplog.text


class Faulty(ScriptedEngine):
    """Its model meets a full disk, once, at a prompt."""

    def load(self, base: str, weights: bytes | None) -> Model:
        return FaultyModel(self)


class FaultyModel:
    def __init__(self, engine: Faulty) -> None:
        self._engine = engine
        self._has_failed = False

    def answer(
        self, messages: Any, sampling: Sampling, accepts: Accepts | None = None, tools: Any = ()
    ) -> tuple[Answer, ...]:
        if messages[-1]["content"] == "5" and not self._has_failed:
            self._has_failed = True
            raise full()
        reply: Message = self._engine.reply
        return (Answer(message=reply),)


def test_a_batch_that_the_disk_stops_is_taken_up_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Server(tmp_path / "data", Faulty(), retry_seconds=0.01) as server:
        batch = wait_for_batch(server, create(server, [line(name) for name in NAMES])["id"])
        assert (batch["status"], custom_ids(server, batch)) == ("completed", NAMES)
    assert f"batch {batch['id']} is tried again in 0.01 s" in caplog.text


@pytest.mark.parametrize("damage", [None, b"x", b" " * 1000])
def test_a_batch_on_damaged_input_says_so(server: Server, damage: bytes | None) -> None:
    content = jsonl([line(name) for name in NAMES])
    file_id = server.upload(content, purpose="batch")
    (blob,) = (server.settings.data_dir / "blobs").glob("*/*")
    blob.unlink() if damage is None else blob.write_bytes((damage + content)[: len(content)])
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = wait_for_batch(server, server.ask("POST", "/v1/batches", json=asked).json()["id"])
    assert (batch["status"], batch["errors"]["data"][0]["code"]) == ("failed", "damaged_content")


@pytest.mark.usefixtures("one_at_a_time")
def test_input_that_is_damaged_later_fails_a_batch_with_what_it_has(tmp_path: Path) -> None:
    engine = Turnstile("3")
    with Server(tmp_path / "data", engine) as server:
        batch = create(server, [line(name) for name in NAMES])
        assert engine.reached.wait(30)
        (blob,) = (tmp_path / "data" / "blobs").glob("*/*")
        blob.write_bytes(b"?" * blob.stat().st_size)
        engine.go_on.set()
        batch = wait_for_batch(server, batch["id"])
        assert (batch["status"], batch["errors"]["data"][0]["code"]) == ("failed", "damaged_content")
        done = custom_ids(server, batch)
        assert len(done) >= 3
        assert done == NAMES[: len(done)]


def test_results_of_ended_batches_are_cleared_away(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        batch = wait_for_batch(server, create(server, [line("a")])["id"])
    folder = tmp_path / "data" / "batches"
    (folder / f"{batch['id']}_output.jsonl").write_bytes(b"x")  # as if the process had died right after the commit
    (folder / "notes.txt").write_bytes(b"none of ours")
    with Server(tmp_path / "data"):
        assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_no_kill_loses_or_doubles_a_line(tmp_path: Path) -> None:
    asked = [line(str(number), n=1 if number % 10 else 0) for number in range(4000)]
    chance = random.Random(7)
    with start_server(tmp_path) as first:
        server, done = first, 0
        batch = create_by_sdk(sdk(server), asked)
        for _ in range(3):
            client, seen = sdk(server), done
            done = wait_for(lambda: done_after(client, batch.id, seen))  # noqa: B023 - called in this round alone
            time.sleep(chance.uniform(0.0, 0.3))
            server.kill9()
            server = server.restart()
        client = sdk(server)
        batch = wait_for(lambda: ended(client, batch.id))
        assert (batch.status, batch.errors) == ("completed", None)
        assert (batch.request_counts.completed, batch.request_counts.failed) == (3600, 400)
        found = [
            json.loads(each)["custom_id"]
            for file_id in (batch.output_file_id, batch.error_file_id)
            for each in client.files.content(file_id).text.splitlines()
        ]
        assert sorted(found, key=int) == [str(number) for number in range(4000)]
        assert len(list(client.files.list(purpose="batch_output"))) == 2


def test_a_server_until_idle_waits_for_its_batches(tmp_path: Path) -> None:
    with start_server(tmp_path, "--until-idle") as server:
        batch = create_by_sdk(sdk(server), [line(str(number), n=8) for number in range(2000)])
        assert server.wait() == 0
        with contextlib.closing(sqlite3.connect(server.data_dir / "server.sqlite")) as connection:
            assert connection.execute("SELECT id, status FROM batches").fetchall() == [(batch.id, "completed")]


def create_by_sdk(client: OpenAI, asked: Sequence[Mapping[str, Any]]) -> Any:
    file = client.files.create(file=("in.jsonl", jsonl(asked)), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")


def done_after(client: OpenAI, batch_id: str, seen: int) -> int | None:
    """How many requests are done, once they are more than were seen before, or all."""
    counts: Any = client.batches.retrieve(batch_id).request_counts
    done = counts.completed + counts.failed
    return int(done) if done > seen or done == counts.total > 0 else None


def sdk(server: ServerProcess) -> OpenAI:
    return OpenAI(base_url=server.base_url, api_key="unused", max_retries=0)


def ended(client: OpenAI, batch_id: str) -> Any:
    batch = client.batches.retrieve(batch_id)
    return batch if batch.status in ("completed", "failed", "expired", "cancelled") else None
