"""What becomes of an engine's answer on its way to the client."""

import threading
from typing import Any

import pytest
from server_in_process import ScriptedEngine, Server

from ftops.server.chat import tokens
from ftops.server.chat.request import read_chat_request

CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"city": "Rome"}'}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


@pytest.fixture
def engine(shared_server: Server) -> ScriptedEngine:
    shared_server.engine.asked.clear()
    shared_server.engine.reply = {"role": "assistant", "content": "one two three four five"}
    return shared_server.engine


def chat(server: Server, **body: Any) -> Any:
    given = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **body}
    response = server.ask("POST", "/v1/chat/completions", json=given)
    assert response.status_code == 200, response.text
    return response.json()


def test_an_answer_has_openais_shape(shared_server: Server, engine: ScriptedEngine) -> None:
    answer = chat(shared_server)
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "gpt-4o"
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "one two three four five",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (8, 5, 13)


def test_sampling_reaches_the_engine(shared_server: Server, engine: ScriptedEngine) -> None:
    answer = chat(shared_server, n=3, temperature=0.5, top_p=0.25, seed=-7)
    (_, sampling), *_ = engine.asked
    assert (sampling.n, sampling.temperature, sampling.top_p, sampling.seed) == (3, 0.5, 0.25, -7)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert answer["usage"]["completion_tokens"] == 15


def test_metadata_belongs_to_stored_completions(shared_server: Server, engine: ScriptedEngine) -> None:
    given = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    error = shared_server.ask("POST", "/v1/chat/completions", json={**given, "metadata": {"run": "1"}}).json()["error"]
    assert error["message"] == "The 'metadata' parameter is only allowed when 'store' is enabled."
    assert error["param"] == "metadata"
    assert shared_server.ask("POST", "/v1/chat/completions", json={**given, "metadata": {}}).status_code == 200


def test_zero_is_not_absent(shared_server: Server, engine: ScriptedEngine) -> None:
    chat(shared_server, temperature=0, top_p=0, seed=0)
    (_, sampling), *_ = engine.asked
    assert (sampling.temperature, sampling.top_p, sampling.seed) == (0, 0, 0)


def test_parameters_that_promise_nothing_are_taken(shared_server: Server, engine: ScriptedEngine) -> None:
    chat(
        shared_server,
        stream=False,
        logprobs=None,
        store=False,
        user="u",
        service_tier="auto",
        modalities=["text"],
        response_format={"type": "text"},
        tools=[TOOL],
        tool_choice="auto",
        frequency_penalty=0,
        logit_bias={},
        top_logprobs=None,
        stop=None,
    )


@pytest.mark.parametrize(
    ("stop", "content"),
    [("three", "one two "), (["five", " t"], "one"), ("", "one two three four five"), (["x"], None)],
)
def test_an_answer_ends_before_a_stop(
    shared_server: Server, engine: ScriptedEngine, stop: Any, content: str | None
) -> None:
    (choice,) = chat(shared_server, stop=stop)["choices"]
    assert choice["message"]["content"] == (content or "one two three four five")
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_cut_where_its_tokens_end(shared_server: Server, engine: ScriptedEngine, name: str) -> None:
    answer = chat(shared_server, **{name: 2})
    assert answer["choices"][0]["message"]["content"] == "one two"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2
    assert chat(shared_server, **{name: 5})["choices"][0]["finish_reason"] == "stop"


def test_tool_calls_are_passed_on_with_ids_of_their_own(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": None, "tool_calls": [CALL, {"function": CALL["function"]}]}
    (choice,) = chat(shared_server, tools=[TOOL])["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (again,) = chat(shared_server, tools=[TOOL], parallel_tool_calls=False)["choices"]
    calls = [*choice["message"]["tool_calls"], *again["message"]["tool_calls"]]
    assert [call["function"] for call in calls] == [CALL["function"]] * 3
    assert len({call["id"] for call in calls}) == 3
    assert all(call["id"].startswith("call_") for call in calls)


@pytest.mark.parametrize(
    ("limit", "arguments", "reason"), [(1, [], "length"), (3, ['{"city'], "length"), (60, [CALL], "tool_calls")]
)
def test_tool_calls_are_cut_where_their_tokens_end(
    shared_server: Server, engine: ScriptedEngine, limit: int, arguments: list[Any], reason: str
) -> None:
    engine.reply = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    (choice,) = chat(shared_server, tools=[TOOL], max_tokens=limit)["choices"]
    assert choice["finish_reason"] == reason
    assert len(choice["message"].get("tool_calls", [])) == len(arguments)
    if limit == 3:
        assert CALL["function"]["arguments"].startswith(choice["message"]["tool_calls"][0]["function"]["arguments"])  # type: ignore[index]
    assert engine.reply["tool_calls"] == [CALL]


def test_a_conversation_reaches_the_engine_as_plain_text(shared_server: Server, engine: ScriptedEngine) -> None:
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "name": "eve", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None, "annotations": [], "audio": None},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]
    answer = chat(shared_server, messages=messages, tools=[TOOL])
    (seen, _), *_ = engine.asked
    assert [dict(message) for message in seen] == [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "name": "eve", "content": "ab"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "assistant", "content": "no"},
    ]
    assert answer["usage"]["prompt_tokens"] > 30


def test_without_a_tokenizer_a_token_is_four_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "toktok", None)
    assert tokens.count(["12345", ""]) == 2
    assert tokens.truncate("12345ü", 1) == "1234"
    assert tokens.truncate("123ü", 1) == "123"


def test_models_leave_the_shelf_when_it_is_full(tmp_path: Any) -> None:
    with Server(tmp_path / "data", loaded_models=1) as server:
        job = server.wait(server.create_job(hyperparameters={"n_epochs": 2}))
        page = server.get(f"/v1/fine_tuning/jobs/{job['id']}/checkpoints")["data"]
        for name in [each["fine_tuned_model_checkpoint"] for each in page] * 2:
            assert chat(server, model=name)["model"] == name


def test_only_large_requests_are_read_in_a_thread_of_their_own(
    shared_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[threading.Thread] = []

    def read(arguments: Any) -> Any:
        readers.append(threading.current_thread())
        return read_chat_request(arguments)

    monkeypatch.setattr("ftops.server.routes.chat.read_chat_request", read)
    message = {"role": "user", "content": "hi"}
    for count in (1, 20_000):
        body = {"model": "gpt-4o", "messages": [message] * count}
        assert shared_server.ask("POST", "/v1/chat/completions", json=body).status_code == 200
    small, large = readers
    assert small is threading.current_thread()
    assert large is not small
