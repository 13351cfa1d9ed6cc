"""What is done in the event loop, and what in a thread, so that nobody waits for another's long work."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server_in_process import ScriptedEngine, Server

from ftops.server.engines.interface import Accepts, Answer, Message, Model, Sampling, Tool
from ftops.server.storage.database import Database, set_meta

LOOP = threading.main_thread()


@dataclass
class WatchedEngine(ScriptedEngine):
    """Remembers which threads its models answered in, and may take its time."""

    seconds: float = 0.0
    threads: list[threading.Thread] = field(default_factory=list)

    def load(self, base: str, weights: bytes | None) -> Model:
        return _WatchedModel(super().load(base, weights), self)


@dataclass
class _WatchedModel:
    model: Model
    engine: WatchedEngine

    def answer(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        accepts: Accepts | None = None,
        tools: Sequence[Tool] = (),
    ) -> tuple[Answer, ...]:
        self.engine.threads.append(threading.current_thread())
        time.sleep(self.engine.seconds)
        return self.model.answer(messages, sampling, accepts, tools)


def chat(server: Server, *, text: str = "hello", **parameters: Any) -> None:
    body = {"model": "gpt-4.1", "messages": [{"role": "user", "content": text}], **parameters}
    response = server.ask("POST", "/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text


def test_a_model_known_to_be_quick_is_asked_in_the_event_loop(tmp_path: Path) -> None:
    engine = WatchedEngine()
    with Server(tmp_path, engine) as server:
        chat(server)
        assert engine.threads[0] is not LOOP, "nothing is known of it yet"
        while engine.threads[-1] is not LOOP:
            assert len(engine.threads) < 100
            chat(server)
        chat(server, text="long " * 10_000)
        assert engine.threads[-1] is not LOOP
        chat(server, n=2)
        assert engine.threads[-1] is not LOOP


def test_a_model_that_has_become_slow_leaves_the_event_loop(tmp_path: Path) -> None:
    engine = WatchedEngine()
    with Server(tmp_path, engine) as server:
        while not engine.threads or engine.threads[-1] is not LOOP:
            assert len(engine.threads) < 100
            chat(server)
        engine.seconds = 0.02
        for _ in range(4):
            chat(server)
        asked_so_far = len(engine.threads)
        for _ in range(3):
            chat(server)
        assert LOOP not in engine.threads[asked_so_far:]


def test_a_slow_model_is_never_asked_in_the_event_loop(tmp_path: Path) -> None:
    engine = WatchedEngine(seconds=0.02)
    with Server(tmp_path, engine) as server:
        for _ in range(5):
            chat(server)
        assert LOOP not in engine.threads


def test_a_long_list_of_files_is_whole(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        made = [server.upload(b"{}\n") for _ in range(102)]
        assert [file["id"] for file in server.get("/v1/files")["data"]] == made[::-1]
        page = server.get("/v1/files?limit=101")
        assert [file["id"] for file in page["data"]] == made[:0:-1]
        assert page["has_more"]


def test_readers_do_not_wait_for_each_other_and_see_what_is_committed(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    with database.read() as one, database.read() as other:
        assert one is not other
        with database.write() as writer:
            set_meta(writer, "colour", "blue")
            assert one.execute("SELECT * FROM meta").fetchall() == []
        for each in (one, other):
            assert [tuple(row) for row in each.execute("SELECT * FROM meta")] == [("colour", "blue")]
    with database.read() as again:
        assert again in (one, other), "connections are used again"
        database.close()
        assert [tuple(row) for row in again.execute("SELECT * FROM meta")] == [("colour", "blue")]
