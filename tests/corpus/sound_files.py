"""Files with nothing wrong in them, however unusual. Some have what is advised against."""

# ruff: noqa: E501  (a case is one line)

from typing import Any

from corpus.broken_rows import PNG, image
from corpus.broken_tools import call, calling, result, tool, tooled
from corpus.files import ROWS, File, answer, chat, file_of, good_lines, line, message, pair, prompt, user
from ftops.datasets.formats import Use

_GOOD = good_lines(Use.SUPERVISED, ROWS)
_NULLS = {"name": None, "tool_calls": None, "tool_call_id": None, "function_call": None, "refusal": None}
_DEEP = {"$defs": {"city": {"type": "string"}}, "type": "object", "properties": {"city": {"$ref": "#/$defs/city"}}}
_OLD = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"city": {"type": "string"}},
}
_UNKNOWN = ": expected no other keys here than"
_ROW_KEYS = "messages, tools, parallel_tool_calls"


def _whole(name: str, data: bytes) -> File:
    return File(name=name, data=data, use=Use.SUPERVISED)


def _pair(name: str, row: Any, *found: str) -> File:
    return file_of(name, row, *found, use=Use.DPO)


def _prompt(name: str, row: Any) -> File:
    return file_of(name, row, use=Use.REINFORCEMENT)


FILES = (
    _whole("plain", _GOOD),
    _whole("lines-of-windows", _GOOD.replace(b"\n", b"\r\n")),
    _whole("no-last-line-feed", _GOOD[:-1]),
    file_of("blanks-around", b"  " + line(chat())[:-1] + b" \t\n"),
    file_of("wide-text", '{"messages": [{"role": "user", "content": "日本 é 🙂"}, {"role": "assistant", "content": "ja\u2028"}]}\n'.encode()),
    file_of("escaped-text", line(chat(user("🙂 \x00 \\ud800"), answer("\u2028")))),
    file_of("system", chat(message("system"), user(), answer())),
    file_of("developer", chat(message("developer"), user(), answer())),
    file_of("assistant-alone", chat(answer())),
    file_of("empty-texts", chat(user(""), answer(""))),
    file_of("names", chat(message("system", name="s"), user(name="eve"), answer(name="bot"))),
    file_of("weights", chat(user(), answer(weight=0), user(), answer(weight=1))),
    file_of("last-without-weight", chat(user(), answer(weight=1), user(), answer(weight=0))),
    file_of("nulls", chat(user(**_NULLS), answer(**_NULLS), tools=None, functions=None, parallel_tool_calls=None)),
    file_of("refusal", chat(user(), answer(None, refusal="I can't help with that."))),
    file_of("refusal-part", chat(user(), answer([{"type": "refusal", "refusal": "no"}, {"type": "text", "text": "sorry"}]))),
    file_of("text-parts", chat(message("system", [{"type": "text", "text": "s"}]), user([{"type": "text", "text": "q"}]), answer())),
    file_of("image-address", chat(user([image("https://example.com/a.png", detail="low")]), answer())),
    file_of("image-data", chat(user([{"type": "text", "text": "What is it?"}, image()]), answer())),
    file_of("image-of-webp", chat(user([image("data:image/webp;base64,UklGRgAAAABXRUJQ")]), answer())),
    file_of("ten-images", chat(user([image(PNG)] * 10), answer())),
    file_of("tools-offered", chat(tools=[tool(), tool("f-2_B", None), {"type": "function", "function": {"name": "g", "strict": True}}])),
    file_of("tools-empty", chat(tools=[])),
    file_of("schema-with-references", chat(tools=[tool(parameters=_DEEP)])),
    file_of("schema-of-another-draft", chat(tools=[tool(parameters=_OLD)])),
    file_of("call-last", tooled(calling(call()))),
    file_of("call-with-words", tooled({**calling(call()), "content": "Let me see."})),
    file_of("call-and-result", tooled(calling(call()), result(), answer())),
    file_of("calls-in-parallel", tooled(calling(call(), call(call_id="c2")), result("c2"), result(), answer())),
    file_of("no-calls-in-parallel", tooled(calling(call()), result(), answer()) | {"parallel_tool_calls": False}),
    file_of("id-again-in-a-later-turn", tooled(calling(call()), result(), answer(), user(), calling(call()), result(), answer())),
    file_of("result-of-parts", tooled(calling(call()), {**result(), "content": [{"type": "text", "text": "sunny"}]}, answer())),
    file_of("arguments-with-blanks", tooled(calling(call(' {\n"city": "R\\u00f6m"} ')))),
    file_of("further-key", chat(id=7), f"D023 {_UNKNOWN} {_ROW_KEYS}, got the string 'id'"),
    file_of("further-key-with-anything", chat(metadata={"a": [1e300, 10**30, None]}), f"D023 {_UNKNOWN} {_ROW_KEYS}, got the string 'metadata'"),
    _pair("pair", pair()),
    _pair("pair-with-tools", pair(input=chat(user(), tools=[tool()]), preferred_output=[calling(call())])),
    _pair("pair-of-calls", pair(input=chat(user(), calling(call()), result(), tools=[tool()]), non_preferred_output=[calling(call())])),
    _pair("pair-with-nulls", pair(preferred_output=[answer(**_NULLS)])),
    _pair("pair-with-further-key", pair(score=0.3), f"D023 {_UNKNOWN} input, preferred_output, non_preferred_output, got the string 'score'"),
    _prompt("prompt", prompt()),
    _prompt("prompt-with-answer-of-any-type", prompt(user()) | {"answer": {"text": ["yes"]}, "more": [1]}),
    _prompt("prompt-after-a-result", prompt(user(), calling(call()), result(), tools=[tool()])),
    _prompt("prompt-with-an-earlier-answer", prompt(user(), answer(), user())),
)  # fmt: skip
