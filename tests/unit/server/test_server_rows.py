"""The rules for rows of training files, one row each."""

import io
import json
from typing import Any

import pytest
from server_in_process import PREFERENCE, ROW

from ftops.server.errors import ApiError
from ftops.server.jobs.training_files import JobFailure, check_upload, training_rows_of, validation_rows_of
from ftops.server.jobs.training_rows import fault_of
from shared_data import missing, shared_path

USER = {"role": "user", "content": "hi"}
BOT = {"role": "assistant", "content": "ho"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
NOT_SUPERVISED = (
    ", the last message must be the assistant's: rows that end otherwise are in the reinforcement format, which doesn't fit "
    "the fine-tuning method supervised"
)


def calling(name: str, arguments: str = "{}") -> dict[str, Any]:
    call = {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "tool_calls": [call]}


CALLING = calling("f")
ANSWER = {"role": "tool", "tool_call_id": "c", "content": "done"}


def chat(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        chat(USER, {**BOT, "weight": 0}, USER, {**BOT, "weight": 1}),
        chat({"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, {**USER, "name": "eve"}, BOT),
        chat(
            USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c", "content": ""}, BOT
        ),
        chat(USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}),
        chat(USER, {**BOT, "function_call": None, "tool_calls": None, "tool_call_id": None}),
        chat(USER, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}),
        chat(USER, {"role": "assistant", "refusal": "no", "content": None}),
        chat({"role": "user", "content": [{"type": "text", "text": "a"}]}, BOT),
        chat(USER, BOT, tools=[{"type": "function", "function": {"name": "f"}}], parallel_tool_calls=False),
        chat(USER, BOT, functions=None, tools=None, my_own_key=1),
        chat(USER, {**BOT, "weight": 0}, {"role": "user", "content": "b"}, {**BOT, "weight": 1}),
        chat(USER, CALLING, ANSWER, CALLING, ANSWER, BOT),  # the same id again, once it is answered
        chat(USER, CALLING, BOT),
        chat(USER, CALLING, tools=TOOLS),
        chat(USER, CALLING, tools=[]),  # as some libraries write that there is none to tell of
        chat(BOT),
    ],
)
def test_a_good_supervised_row(row: Any) -> None:
    assert fault_of(row, method="supervised", model="m") is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, ", 'messages' must be a list with at least one message"),
        (chat(), ", 'messages' must be a list with at least one message"),
        ({"messages": "hi"}, ", 'messages' must be a list with at least one message"),
        (chat("hi"), ", message 1 is not a dictionary"),
        (chat(USER, {"content": "x"}), ", message 2 Discriminator 'role' is missing in value"),
        (chat({"role": "king", "content": "x"}), ", message 1 Discriminator 'role' must be one of "),
        (chat({"role": ["user"], "content": "x"}), ", message 1 Discriminator 'role' must be one of "),
        (chat(USER), NOT_SUPERVISED),
        (chat(USER, BOT, USER, answer="a"), NOT_SUPERVISED),
        (chat(BOT, USER), NOT_SUPERVISED),
        (chat(USER, CALLING, ANSWER), NOT_SUPERVISED),
        (chat(USER, {**BOT, "weight": 0}), " must have at least one assistant message whose weight is not 0"),
        (chat(USER, {**BOT, "weight": 0.5}), ", message 2 has a weight"),
        (chat(USER, {**BOT, "weight": True}), ", message 2 has a weight"),
        (chat(USER, {**BOT, "weight": "1"}), ", message 2 has a weight"),
        (chat({**USER, "weight": 1}, BOT), ", message 1 has a weight"),
        (chat(USER, {**BOT, "wieght": 0}), ", message 2 has the unexpected key 'wieght'"),
        (chat({"role": "user"}, BOT), ", message 1 has no 'content'"),
        (chat(USER, {"role": "assistant"}), ", message 2 has no 'content'"),
        (chat({"role": "user", "content": 5}, BOT), ", message 1 has 'content' that is neither"),
        (chat({"role": "user", "content": []}, BOT), ", message 1 has 'content' that is neither"),
        (chat({"role": "user", "content": ["a"]}, BOT), ", message 1 has a content part without a type"),
        (chat({"role": "user", "content": [{"type": "audio"}]}, BOT), ", message 1 has a content part of unknown type"),
        (chat({"role": "user", "content": [{"type": "image_url"}]}, BOT), ", message 1 has an image, which this model"),
        (
            chat({"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}, BOT),
            ", message 1 has a content part with the unexpected key 'x'",
        ),
        (
            chat({"role": "user", "content": [{"type": "refusal", "refusal": "a"}]}, BOT),
            ", message 1 has a refusal, which belongs to assistant messages",
        ),
        (chat(USER, {**BOT, "refusal": 5}), ", message 2 has a 'refusal' that is not a string"),
        (chat({**USER, "refusal": "a"}, BOT), ", message 1 has a 'refusal', which belongs to assistant messages"),
        (chat({**USER, "tool_call_id": "c"}, BOT), ", message 1 has a 'tool_call_id', which belongs to tool messages"),
        (chat(USER, CALLING, {**ANSWER, "tool_calls": [CALL]}, BOT), ", message 3 has 'tool_calls', which belong to"),
        (chat(USER, CALLING, ANSWER, ANSWER, BOT), ", message 4 has a 'tool_call_id' that no call before it has, or"),
        (chat(USER, CALLING, USER, ANSWER, BOT), ", message 4 has a 'tool_call_id' that no call before it has, or"),
        (chat(USER, {**BOT, "tool_calls": [CALL, CALL]}), ", message 2 has two tool calls with one id"),
        (
            chat(USER, {**BOT, "tool_calls": [{**CALL, "index": 0}]}),
            ", message 2 has a tool call with an unexpected key",
        ),
        (
            chat({"role": "function", "name": "f", "content": "x"}, BOT),
            ", message 1 Discriminator 'role' must be one of ",
        ),
        (chat(USER, {**BOT, "weight": 1.0}), ", message 2 has a weight"),
        (chat({"role": "user", "content": [{"type": "text"}]}, BOT), ", message 1 has a content part of type 'text' w"),
        (chat({**USER, "name": 5}, BOT), ", message 1 has a 'name' that is not a string"),
        (chat({"role": "tool", "content": "x"}, BOT), ", message 1 has no 'tool_call_id'"),
        (chat(USER, ANSWER, BOT), ", message 2 has a 'tool_call_id' that no call before it has"),
        (chat(USER, ANSWER, CALLING), ", message 2 has a 'tool_call_id' that no call before it has"),
        (chat(USER, CALLING, {**ANSWER, "tool_call_id": "d"}, BOT), ", message 3 has a 'tool_call_id' that no call"),
        (chat(USER, calling("f", "{")), ", message 2 has a call of 'f' whose arguments are not a JSON dictionary"),
        (chat(USER, calling("f", "[1]")), ", message 2 has a call of 'f' whose arguments are not a JSON dictionary"),
        (chat(USER, calling("f", "[" * 50_000)), ", message 2 has a call of 'f' whose arguments are not"),
        (chat(USER, calling("g"), tools=TOOLS), ", message 2 has a call of 'g', which is not among the row's tools"),
        (chat({**USER, "tool_calls": [CALL]}, BOT), ", message 1 has 'tool_calls', which belong to"),
        (chat(USER, {**BOT, "tool_calls": []}), ", message 2 has 'tool_calls' that is not a list"),
        (chat(USER, {**BOT, "tool_calls": ["x"]}), ", message 2 has a tool call that is not a function"),
        (chat(USER, {**BOT, "tool_calls": [{**CALL, "id": 5}]}), ", message 2 has a tool call without an id"),
        (chat(USER, {**BOT, "function_call": {"name": "f"}}), ", message 2 has a 'function_call', which is no longer"),
        (chat(USER, BOT, tools="x"), ", 'tools' must be a list of up to 128 functions"),
        (chat(USER, BOT, tools=[{"type": "function"}]), ", 'tools' must be a list of up to 128 functions"),
        (
            chat(USER, BOT, tools=[{"type": "zzz", "function": {"name": "f"}}]),
            ", 'tools' must be a list of up to 128 functions",
        ),
        (chat(USER, BOT, tools=[{"function": {"name": "f"}}]), ", 'tools' must be a list of up to 128 functions"),
        (chat(USER, BOT, tools=[{"type": "function", "name": "f"}]), ", 'tools' must be a list of up to 128 functions"),
        (
            chat(USER, BOT, tools=[{"type": "function", "function": {"name": ""}}]),
            ", 'tools' must be a list of up to 128 functions",
        ),
        (
            chat(USER, BOT, tools=[{"type": "function", "function": {"name": "f", "parameters": []}}]),
            ", 'tools' must be a list of up to 128 functions",
        ),
        (
            chat(USER, BOT, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "dict"}}}]),
            ", 'tools' must be a list of up to 128 functions",
        ),
        (
            chat(USER, BOT, tools=[{"type": "function", "function": {"name": "f", "parameters": {"$ref": "urn:x"}}}]),
            ", 'tools' must be a list of up to 128 functions",
        ),
        (
            chat(USER, BOT, tools=[{"type": "function", "function": {"name": "a b"}}]),
            ", 'tools' must be a list of up to 128 functions",
        ),
        (chat(USER, BOT, tools=TOOLS * 129), ", 'tools' must be a list of up to 128 functions"),
        (chat(USER, BOT, tools=TOOLS * 2), ", 'tools' must not have two functions of one name"),
        (chat(USER, BOT, functions=[5]), ", 'functions' are no longer taken"),
        (chat(USER, BOT, parallel_tool_calls="no"), ", 'parallel_tool_calls' must be true or false"),
    ],
)
def test_a_bad_supervised_row(row: Any, message: str) -> None:
    fault = fault_of(row, method="supervised", model="m")
    assert fault is not None
    assert fault.message.startswith(message)
    assert not fault.is_about_file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, None),
        ({"input": {"messages": [USER], "tools": TOOLS}, "preferred_output": [CALLING]}, None),
        ({"input": {"messages": [USER, CALLING, ANSWER]}}, None),
        ({"input": 5}, ", 'input' is missing or not a dictionary"),
        ({"input": {}}, ", input 'messages' must be a list"),
        ({"input": {"messages": [{"role": "user"}]}}, ", input message 1 has no 'content'"),
        ({"input": {"messages": [USER], "tools": 5}}, ", input 'tools' must be a list"),
        ({"input": {"messages": [USER, ANSWER]}}, ", input message 2 has a 'tool_call_id' that no call before it has"),
        (
            {"input": {"messages": [USER], "tools": TOOLS}, "non_preferred_output": [calling("g")]},
            ", non_preferred_output message 1 has a call of 'g', which is not among the row's tools",
        ),
        ({"preferred_output": "good"}, ", preferred_output 'preferred_output' must be a list"),
        ({"preferred_output": [BOT, BOT]}, ", 'preferred_output' must be a list with one assistant message"),
        ({"non_preferred_output": [USER]}, ", 'non_preferred_output' must be a list with one assistant message"),
        ({"non_preferred_output": None}, ", non_preferred_output 'non_preferred_output' must be a list"),
    ],
)
def test_a_preference_row(change: Any, message: str | None) -> None:
    fault = fault_of({**PREFERENCE, **change}, method="dpo", model="m")
    assert (fault is None) if message is None else (fault is not None and fault.message.startswith(message))


@pytest.mark.parametrize("name", ["gsm8k-chat", "tool-calling", "orca-dpo"])
def test_published_rows_are_good(name: str) -> None:
    folder = shared_path(f"data/{name}")
    if not folder.is_dir():
        pytest.skip(missing(folder))
    for file in folder.glob("*.jsonl"):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        method = "dpo" if name == "orca-dpo" else "supervised"
        assert [fault_of(row, method=method, model="m") for row in rows] == [None] * len(rows)


@pytest.mark.parametrize("method", ["supervised", "dpo"])
def test_legacy_rows_are_named_as_such(method: str) -> None:
    fault = fault_of({"prompt": "a", "completion": "b"}, method=method, model="gpt-4o")
    assert fault is not None
    assert fault.is_about_file
    expected = "Input file is in the prompt-completion format, but the specified model gpt-4o is a chat model"
    assert fault.message.startswith(expected)


def test_blank_lines_and_a_byte_order_mark_are_refused_at_the_upload() -> None:
    line = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\r\n'
    assert len(training_rows_of(line * 10, method="supervised", model="m")) == 10
    assert len(validation_rows_of(line, method="supervised", model="m")) == 1
    check_upload(io.BytesIO(line * 2), max_line_bytes=1_000)
    for content, expected in [
        (line + b"\n", "Line 2 is blank"),
        (b" \n" + line, "Line 1 is blank"),
        (b"\xef\xbb\xbf" + line, "Line 1 is not valid JSON"),
        (b"", "File is empty"),
    ]:
        with pytest.raises(ApiError, match=expected):
            check_upload(io.BytesIO(content), max_line_bytes=1_000)


def test_images_are_taken_where_openai_takes_them() -> None:
    def fault(*urls: str, model: str = "ft:gpt-4o-2024-08-06:org::1", **more: Any) -> str:
        parts = [{"type": "image_url", "image_url": {"url": url, **more}} for url in urls]
        found = fault_of(chat({"role": "user", "content": parts}, BOT), method="supervised", model=model)
        return "" if found is None else found.message

    png = "data:image/png;base64,iVBORw0KGgo="
    assert fault("https://x/a.png", png, detail="low") == ""
    assert fault(png, model="gpt-4o-2024-08-06") == ""
    assert "aren't trained on" in fault(png, model="gpt-4o-mini-2024-07-18")
    assert "more than 10 images" in fault(*[png] * 11)
    assert "neither an address" in fault("ftp://x")
    assert "neither an address" in fault("data:image/gif;base64,R0lGODlh")
    assert "not valid base64" in fault("data:image/png;base64,iVB_")
    assert "not of its type" in fault("data:image/webp;base64,iVBORw0KGgo=")
    assert "more than 10 MB" in fault("data:image/png;base64," + "A" * 14_000_000)
    assert "'detail'" in fault(png, detail="huge")
    assert "a dictionary of" in fault(png, more=1)
    answer = {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": png}}]}
    found = fault_of(chat(USER, answer), method="supervised", model="gpt-4o-2024-08-06")
    assert found is not None
    assert "belongs to user messages" in found.message


def test_a_fault_of_the_file_names_no_example() -> None:
    with pytest.raises(JobFailure) as caught:
        training_rows_of(b'{"prompt": "a", "completion": "b"}\n', method="supervised", model="m")
    start = (
        "The job failed due to an invalid training file. Invalid file format. Input file is in the prompt-completion"
    )
    assert caught.value.message.startswith(start)
