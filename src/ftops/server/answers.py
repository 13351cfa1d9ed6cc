"""Turns what a model answers into a chat completion: stops, token limits, finish reasons, usage."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ftops.server import ids, tokens, wire
from ftops.server.chat_request import ChatRequest
from ftops.server.engines.interface import Message, Model


def complete(model: Model, request: ChatRequest) -> Mapping[str, Any]:
    """Asks the model; gives a ``chat.completion``."""
    answers = model.answer(request.messages, request.sampling)
    choices = [_choice(index, answer.message, request) for index, answer in enumerate(answers)]
    body = wire.completion(
        completion_id=ids.new_completion_id(),
        created=int(time.time()),
        model=request.model,
        choices=choices,
        usage=(
            tokens.count_prompt(request.messages, request.tools),
            tokens.count([text for choice in choices for text in _texts(choice["message"])]),
        ),
    )
    if request.metadata is not None:
        body["metadata"] = request.metadata
    return body


def _choice(index: int, answer: Message, request: ChatRequest) -> Mapping[str, Any]:
    content = answer.get("content")
    calls = [_call(call) for call in answer.get("tool_calls") or ()]
    if not request.calls_in_parallel:
        calls = calls[:1]
    if content is not None:
        content = _stopped(content, request.stops)
    is_cut = False
    if request.max_tokens is not None:
        content, calls, is_cut = _cut(content, calls, request.max_tokens)
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None, "annotations": []}
    if calls:
        message["tool_calls"] = calls
    reason = "length" if is_cut else "tool_calls" if calls else "stop"
    return {"index": index, "message": message, "logprobs": None, "finish_reason": reason}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": call.get("id") or ids.new_call_id(), "type": "function", "function": dict(call["function"])}


def _stopped(content: str, stops: Sequence[str]) -> str:
    ends = [at for at in (content.find(stop) for stop in stops) if at >= 0]
    return content[: min(ends)] if ends else content


def _cut(
    content: str | None, calls: Sequence[dict[str, Any]], limit: int
) -> tuple[str | None, list[dict[str, Any]], bool]:
    """Cuts content first, then the calls' arguments, where the tokens end; says whether anything was cut."""
    left = limit
    if content:
        length = tokens.count([content])
        if length > left:
            return tokens.truncate(content, left), [], True
        left -= length
    kept: list[dict[str, Any]] = []
    for call in calls:
        function = call["function"]
        left -= tokens.count([function["name"]])
        length = tokens.count([function["arguments"]])
        if left <= 0:
            return content, kept, True
        if length > left:
            function["arguments"] = tokens.truncate(function["arguments"], left)
            return content, [*kept, call], True
        left -= length
        kept.append(call)
    return content, kept, False


def _texts(message: Mapping[str, Any]) -> Sequence[str]:
    texts = [message["content"]] if message["content"] else []
    for call in message.get("tool_calls") or ():
        texts += [call["function"]["name"], call["function"]["arguments"]]
    return texts
