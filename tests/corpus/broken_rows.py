"""Rows of another format than the method takes, images, preference and reinforcement rows with one thing wrong."""

# ruff: noqa: E501  (a case is one line)

from typing import Any

from corpus.broken_tools import call, calling, result, tool
from corpus.files import File, answer, chat, file_of, message, pair, prompt, user
from ftops.datasets.formats import Use

PNG = "data:image/png;base64,iVBORw0KGgo="


def image(url: Any = PNG, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def _shown(*parts: Any) -> dict[str, Any]:
    return chat(user([{"type": "text", "text": "What is it?"}, *parts]), answer())


def _pair(name: str, row: Any, *found: str) -> File:
    return file_of(name, row, *found, use=Use.DPO)


def _prompt(name: str, row: Any, *found: str) -> File:
    return file_of(name, row, *found, use=Use.REINFORCEMENT)


def _without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


FILES = (
    file_of("empty-row", {}, "D020 : expected a chat row ({messages}) for method supervised, got a free row"),
    file_of("prompt-and-completion", {"prompt": "q", "completion": "a"}, "D021 : expected a row with messages, got the legacy format prompt/completion"),
    file_of("question-and-answer", {"question": "q", "answer": "a"}, "D020 : expected a chat row ({messages}) for method supervised, got a free row"),
    file_of("alpaca", {"instruction": "q", "input": "", "output": "a"}, "D020 : expected a chat row ({messages}) for method supervised, got a free row"),
    file_of("sharegpt", {"conversations": [{"from": "human", "value": "q"}]}, "D020 : expected a chat row ({messages}) for method supervised, got a free row"),
    file_of("pair-for-supervised", pair(), "D020 : expected a chat row ({messages}) for method supervised, got a preference row"),
    file_of("batch-request", {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": chat()}, "D020 : expected a chat row ({messages}) for method supervised, got a free row"),
    _pair("chat-for-dpo", chat(), "D020 : expected a preference row ({input, preferred_output, non_preferred_output}) for method dpo, got a chat row"),
    _pair("prompt-and-completion-for-dpo", {"prompt": "q", "completion": "a"}, "D021 : expected a row with messages, got the legacy format prompt/completion"),
    _pair("chosen-and-rejected", {"prompt": "q", "chosen": "a", "rejected": "b"}, "D020 : expected a preference row ({input, preferred_output, non_preferred_output}) for method dpo, got a free row"),
    _pair("input-missing", _without(pair(), "input"), "D024 /input: expected a mapping with messages"),
    _pair("input-text", pair(input="q"), "D024 /input: expected a mapping with messages"),
    _pair("input-list", pair(input=[user()]), "D024 /input: expected a mapping with messages"),
    _pair("input-without-messages", pair(input={}), "D026 /input/messages: expected a list of messages that is not empty, got none"),
    _pair("input-with-wrong-role", pair(input=chat(message("bot"))), "D025 /input/messages/0/role: expected one of system, developer, user, assistant, tool, got the string 'bot'"),
    _pair("input-with-image", pair(input=chat(user([image()]))), "D031 /input/messages/0/content/0: expected no image in these rows"),
    _pair("input-with-wrong-tool", pair(input=chat(user(), tools=[tool("")])), "D040 /input/tools/0/function/name: expected up to 64 letters, digits, _ and -, got the string ''"),
    _pair("preferred-missing", _without(pair(), "preferred_output"), "D033 /preferred_output: expected a list of one assistant message"),
    _pair("other-missing", _without(pair(), "non_preferred_output"), "D033 /non_preferred_output: expected a list of one assistant message"),
    _pair("preferred-text", pair(preferred_output="good"), "D033 /preferred_output: expected a list of one assistant message"),
    _pair("preferred-message", pair(preferred_output=answer()), "D033 /preferred_output: expected a list of one assistant message"),
    _pair("preferred-empty", pair(preferred_output=[]), "D033 /preferred_output: expected a list of one assistant message"),
    _pair("preferred-two", pair(preferred_output=[answer(), answer()]), "D033 /preferred_output: expected a list of one assistant message"),
    _pair("other-two", pair(non_preferred_output=[answer(), answer()]), "D033 /non_preferred_output: expected a list of one assistant message"),
    _pair("preferred-from-user", pair(preferred_output=[user()]), "D025 /preferred_output/0/role: expected role assistant, got the string 'user'"),
    _pair("other-without-role", pair(non_preferred_output=[{"content": "bad"}]), "D025 /non_preferred_output/0/role: expected role assistant, got none"),
    _pair("preferred-with-empty-role", pair(preferred_output=[message("")]), "D025 /preferred_output/0/role: expected role assistant, got the string ''"),
    _pair("preferred-a-text", pair(preferred_output=["good"]), "D024 /preferred_output/0: expected a message, got the string 'good'"),
    _pair("other-without-content", pair(non_preferred_output=[answer(None)]), "D030 /non_preferred_output/0/content: expected text or tool calls"),
    _pair("preferred-with-weight", pair(preferred_output=[answer(weight=3)]), "D029 /preferred_output/0/weight: expected 0 or 1, got the integer 3"),
    _pair("preferred-calls-another-tool", pair(input=chat(user(), tools=[tool()]), preferred_output=[calling(call(name="f"))]), "D046 /preferred_output/0/tool_calls/0/function/name: expected one of the row's tools, got the string 'f'"),
    _prompt("chat-for-reinforcement", chat(answer="yes"), "D027 /messages/1: expected a last message that the model answers, not one from the assistant"),
    _prompt("pair-for-reinforcement", pair(), "D020 : expected a row with messages for method reinforcement, got a preference row"),
    _prompt("no-messages-for-reinforcement", {"messages": [], "answer": "yes"}, "D026 /messages: expected a list of messages that is not empty, got an empty list"),
    _prompt("grader-names-what-isn't-there", _without(prompt(), "answer"), "D034 : expected the field that the grader names, got no 'answer'"),
    _prompt("grader-names-null", prompt() | {"answer": None}, "D034 : expected the field that the grader names, got no 'answer'"),
    _prompt("functions-of-old-for-reinforcement", prompt(user(), functions=[]), "D021 /functions: expected tools, got the legacy functions"),
    _prompt("prompt-with-wrong-role", prompt(message("bot")), "D025 /messages/0/role: expected one of system, developer, user, assistant, tool, got the string 'bot'"),
    _prompt("prompt-with-result-of-no-call", prompt(user(), result()), "D048 /messages/1/tool_call_id: expected the id of a call before it that has no result yet, got 'c1'"),
    file_of("image-without-url", _shown({"type": "image_url", "image_url": {}}), "D031 /messages/0/content/1/image_url: expected a mapping with url"),
    file_of("image-missing", _shown({"type": "image_url"}), "D031 /messages/0/content/1/image_url: expected a mapping with url"),
    file_of("image-as-text", _shown({"type": "image_url", "image_url": PNG}), "D031 /messages/0/content/1/image_url: expected a mapping with url"),
    file_of("image-of-a-file", _shown(image("file:///home/a.png")), "D031 /messages/0/content/1/image_url/url: expected an https address or a data URL, got the string 'file:///home/a.png'"),
    file_of("image-by-name", _shown(image("a.png")), "D031 /messages/0/content/1/image_url/url: expected an https address or a data URL, got the string 'a.png'"),
    file_of("image-of-another-kind", _shown(image("data:image/gif;base64,R0lGODlhAQABAAAAACw=")), "D031 /messages/0/content/1/image_url/url: expected JPEG, PNG or WEBP in base64, got the string 'data:image/gif;base64,'"),
    file_of("image-not-in-base64", _shown(image("data:image/png,abc")), "D031 /messages/0/content/1/image_url/url: expected JPEG, PNG or WEBP in base64, got the string 'data:image/png,'"),
    file_of("image-in-broken-base64", _shown(image("data:image/png;base64,iVBORw0KGgo")), "D031 /messages/0/content/1/image_url/url: expected image/png in base64, got other text"),
    file_of("image-with-other-bytes", _shown(image("data:image/jpeg;base64,iVBORw0KGgo=")), "D031 /messages/0/content/1/image_url/url: expected image/jpeg, got other bytes"),
    file_of("image-too-large", _shown(image("data:image/png;base64,iVBORw0KGgoA" + "AAAA" * 3_333_400)), "D031 /messages/0/content/1/image_url/url: expected at most 10,000,000 bytes an image, got 10,000,209"),
    file_of("image-detail", _shown(image(detail="huge")), "D031 /messages/0/content/1/image_url/detail: expected one of auto, low, high, got the string 'huge'"),
    file_of("image-with-another-key", _shown(image(alt="a dot")), "D022 /messages/0/content/1/image_url: expected url and detail only, got the string 'alt'"),
    file_of("images-too-many", _shown(*[image()] * 11), "D031 /messages: expected at most 10 images a row, got 11"),
    file_of("image-of-assistant", chat(user(), answer([image()])), "D031 /messages/1/content/0: expected images in user messages only"),
    file_of("image-of-system", chat(message("system", [image()]), user(), answer()), "D031 /messages/0/content/0: expected images in user messages only"),
    file_of("image-for-another-model", _shown(image()), "D031 /messages/0/content/1: expected no image in these rows", model="gpt-4o-mini-2024-07-18"),
)  # fmt: skip
