"""Conversations over HTTP: what is sent, and how answers end."""

import asyncio
from typing import Any

import pytest

from fault_server import FaultServer, drop_after_reading, refuse, reply, reply_raw, start_fault_server
from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.domain.manifest import ModelId
from ftops.domain.scores import Outcome
from ftops.errors import BackendError, NotFound, Rejected, Throttled, Unreachable
from ftops.ports import Allowance, ChatAnswer, ChatRequest

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def ask(server: FaultServer, *, sampling: dict[str, Any] | None = None, times: int = 1) -> list[ChatAnswer]:
    request = ChatRequest(
        model=ModelId("m"),
        messages=({"role": "user", "content": "hi"},),
        sampling=sampling or {},
        extra={"tools": [{"type": "function"}], "model": "row's own"},
    )

    async def run() -> list[ChatAnswer]:
        chat = backend.open_chat()
        try:
            return await asyncio.gather(*(chat.complete(request) for _ in range(times)))
        finally:
            await chat.close()
            await chat.close()

    address = Address(base_url=server.base_url, key=NO_KEY, is_loopback=True)
    backend = OpenAIBackend(address, timing=Timing())
    try:
        return asyncio.run(run())
    finally:
        backend.close()


def completion(finish: str = "stop", **message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}


@pytest.mark.parametrize(
    ("body", "text", "outcome"),
    [
        (completion(content="yes"), "yes", Outcome.OK),
        (completion(content=[{"type": "text", "text": "ye"}, {"text": "s"}, 3]), "yes", Outcome.OK),
        (completion(content=None, refusal="I can't"), "I can't", Outcome.REFUSAL),
        (completion("length", content="ye"), "ye", Outcome.LENGTH),
        (completion("content_filter", content=""), "", Outcome.CONTENT_FILTER),
        (completion(content=""), "", Outcome.EMPTY),
        (completion("tool_calls", content=None, tool_calls=[CALL, "junk"]), "", Outcome.OK),
        ({"choices": [{}]}, "", Outcome.EMPTY),
    ],
)
def test_how_answers_end(body: dict[str, Any], text: str, outcome: Outcome) -> None:
    with start_fault_server(reply(body)) as server:
        (answer,) = ask(server)
    assert (answer.text, answer.outcome) == (text, outcome)
    assert answer.seconds > 0


def test_tool_calls_and_usage() -> None:
    with start_fault_server(reply(completion(tool_calls=[CALL]))) as server:
        (answer,) = ask(server)
    assert answer.tool_calls == (CALL,)
    assert (answer.input_tokens, answer.output_tokens) == (3, 2)


@pytest.mark.parametrize("count", [1e300, -1, "many", None, [3]])
def test_what_is_no_count_of_tokens_is_unknown(count: object) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": count}
    with start_fault_server(reply(completion(content="yes") | {"usage": usage})) as server:
        (answer,) = ask(server)
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ("yes", 0, 0)


def test_sampling_is_sent_as_it_is() -> None:
    sampling = {"temperature": 0, "max_completion_tokens": 8, "top_k": 5, "seed": None}
    with start_fault_server(reply(completion(content="yes"))) as server:
        ask(server, sampling=sampling)
        assert server.seen[0].json == {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"type": "function"}],
            **sampling,
        }


def test_a_refused_parameter_is_named_and_not_dropped() -> None:
    with start_fault_server(refuse(400, "Unsupported value", param="temperature")) as server:
        with pytest.raises(Rejected, match="temperature"):
            ask(server, sampling={"temperature": 0})
        assert server.posts == 1


def test_streams_are_refused() -> None:
    with start_fault_server(refuse(500)) as server:
        with pytest.raises(Rejected, match="stream"):
            ask(server, sampling={"stream": True})
        assert server.posts == 0


def test_nothing_is_repeated_here() -> None:
    with start_fault_server(
        refuse(429, retry_after_ms="1500"), refuse(503), reply(completion(content="yes"))
    ) as server:
        with pytest.raises(Throttled) as throttled:
            ask(server)
        assert throttled.value.wait == 1.5
        with pytest.raises(Unreachable):
            ask(server)
        assert server.posts == 2


def test_rate_headers_come_with_the_answer() -> None:
    headers = {"limit": "60", "remaining": "59", "reset": "1s"}
    told = {f"x_ratelimit_{name}_requests": value for name, value in headers.items()}
    with start_fault_server(reply(completion(content="yes"), **told)) as server:
        assert ask(server)[0].allowance == Allowance(limit=60, remaining=59, reset=1.0)


def test_many_at_a_time() -> None:
    with start_fault_server(reply(completion(content="yes"))) as server:
        assert [answer.text for answer in ask(server, times=64)] == ["yes"] * 64


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refuse(404, code="model_not_found"), NotFound),
        (refuse(500), Unreachable),
        (drop_after_reading, Unreachable),
        (reply({"choices": []}), BackendError),
        (reply_raw(b"{"), BackendError),
        (reply_raw(b"hello", content_type="text/plain"), BackendError),
    ],
)
def test_failures(answer: Any, expected: type[BackendError]) -> None:
    with start_fault_server(answer) as server, pytest.raises(BackendError) as caught:
        ask(server)
    assert type(caught.value) is expected
