"""A line to a backend: what is repeated, what ends the asking, and a server that throttles."""

import asyncio
import json
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.application.line import Line, Patience
from ftops.domain.manifest import ModelId
from ftops.domain.scores import Outcome
from ftops.errors import BackendError, NotFound, Rejected, Throttled, Unauthorized, Unreachable
from ftops.ports import ChatAnswer, ChatRequest, Embedding
from server_process import start_server

QUICK = Patience(tries=3, pause=0.001, longest=0.01)
DOWN = Unreachable("down")


def request(model: str = "m", text: str = "hi") -> ChatRequest:
    return ChatRequest(model=ModelId(model), messages=({"role": "user", "content": text},), sampling={}, extra={})


def answer(text: str = "yes") -> ChatAnswer:
    return ChatAnswer(text=text, tool_calls=(), outcome=Outcome.OK, input_tokens=1, output_tokens=1, seconds=0.0)


@dataclass
class ScriptedChat:
    """Gives what a script says, the last of it for ever."""

    script: list[ChatAnswer | BackendError]
    asked: list[str] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request.model)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        given = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(given, BackendError):
            raise given
        return given

    async def embed(self, model: str, text: str) -> Embedding:
        await self.complete(request(model, text))
        return Embedding(vector=(1.0, float(len(text))), tokens=1)

    async def close(self) -> None:
        self.asked.append("closed")


def ask(
    chat: ScriptedChat,
    *,
    times: int = 1,
    models: Sequence[str] = ("m",),
    patience: Patience = QUICK,
    concurrency: int = 4,
) -> list[ChatAnswer | BaseException]:
    async def run() -> list[ChatAnswer | BaseException]:
        line = Line(chat, concurrency=concurrency, patience=patience)
        work = (line.ask(request(model)) for model in models for _ in range(times))
        return await asyncio.gather(*work, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("error", [DOWN, Throttled("slow down", wait=0.001), Throttled("slow down", wait=None)])
def test_what_may_help_is_repeated(error: BackendError) -> None:
    chat = ScriptedChat([error, error, answer()])
    assert ask(chat) == [answer()]
    assert len(chat.asked) == 3


def test_a_failure_that_lasts_is_given_up_after_so_many_tries() -> None:
    chat = ScriptedChat([DOWN])
    assert ask(chat) == [DOWN]
    assert len(chat.asked) == 3


def test_being_refused_as_too_fast_is_no_try() -> None:
    slow = Throttled("slow down", wait=0.0)
    chat = ScriptedChat([*[slow] * 5, answer()])
    assert ask(chat) == [answer()]


@pytest.mark.parametrize(
    "error",
    [
        NotFound("no such model", status=404),
        Unauthorized("no", status=401),
        Rejected("quota", status=429, code="insufficient_quota"),
        Throttled("tomorrow", wait=86_400.0),
    ],
)
def test_what_ends_the_asking_ends_it_for_that_model_alone(error: BackendError) -> None:
    chat = ScriptedChat([error])
    failures = ask(chat, times=50, concurrency=1)
    assert (failures, len(chat.asked)) == ([error] * 50, 1)
    chat = ScriptedChat([error, answer()])
    assert ask(chat, models=("gone", "other"), concurrency=1) == [error, answer()]


def test_a_refused_parameter_fails_its_request_and_is_not_repeated() -> None:
    refused = Rejected("Unsupported parameter: temperature", status=400)
    chat = ScriptedChat([refused, answer()])
    assert ask(chat, times=2, concurrency=1) == [refused, answer()]


def test_many_failures_in_a_row_end_the_asking() -> None:
    chat = ScriptedChat([DOWN])
    assert ask(chat, times=200) == [DOWN] * 200
    assert len(chat.asked) < 3 * 200


def test_nothing_let_through_for_too_long_is_a_failure() -> None:
    shut = Throttled("slow down", wait=0.01)
    assert ask(ScriptedChat([shut]), patience=Patience(throttled=0.05)) == [shut]


def test_no_more_requests_run_at_once_than_allowed() -> None:
    chat = ScriptedChat([answer()])
    assert ask(chat, times=30, concurrency=3) == [answer()] * 30
    assert chat.most == 3


def test_texts_are_embedded() -> None:
    async def run() -> tuple[float, ...]:
        line = Line(ScriptedChat([DOWN, answer()]), patience=QUICK)
        vector = (await line.embed("m", "four")).vector
        await line.close()
        return vector

    assert asyncio.run(run()) == (1.0, 4.0)


def throttled_server(folder: Path, ask_all: Callable[[Line], Any], *rules: str) -> tuple[Any, dict[str, Any]]:
    """Gives what came back over a real server with these faults, and how often each struck."""
    faults = folder / "faults.yaml"
    faults.write_text("faults:\n" + "".join(f"  - {rule}\n" for rule in rules), encoding="utf-8")

    async def run(base_url: str) -> Any:
        backend = OpenAIBackend(Address(base_url=base_url, key=NO_KEY, is_loopback=True))
        line = Line(backend.open_chat())
        try:
            return await asyncio.wait_for(ask_all(line), 60)
        finally:
            await line.close()
            backend.close()

    with start_server(folder, "--faults", str(faults)) as server:
        answers = asyncio.run(run(server.base_url))
        with urllib.request.urlopen(f"{server.url}/faults", timeout=10) as report:
            return answers, json.load(report)


def test_a_server_that_throttles_and_fails_answers_everything(tmp_path: Path) -> None:
    chat = "match: {path: /v1/chat/completions}"

    async def ask_all(line: Line) -> list[ChatAnswer]:
        asked = (line.ask(request("gpt-4.1-mini-2025-04-14", f"Question {n}?")) for n in range(150))
        return await asyncio.gather(*asked)

    answers, report = throttled_server(
        tmp_path,
        ask_all,
        f"{{fault: throttle, per_second: 60, {chat}}}",
        f"{{fault: status, status: 503, {chat}, skip: 20, count: 2}}",
        f"{{fault: drop-before, {chat}, skip: 40, count: 2}}",
    )
    assert len(answers) == 150
    struck = {each["fault"]: each["fired"] for each in report["faults"]}
    assert (struck["status"], struck["drop-before"]) == (2, 2)
    assert 0 < struck["throttle"] < 150
