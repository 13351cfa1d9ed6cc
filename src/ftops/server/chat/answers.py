"""Turns what a model answers into a chat completion: its form, stops, token limits, finish reasons, usage."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ftops.server import ids, wire
from ftops.server.chat import tokens
from ftops.server.chat.form import has_form, shortest_answer
from ftops.server.chat.request import ChatRequest
from ftops.server.engines.interface import Answer, Message, Model

# What OpenAI's document gives for a token that is very unlikely.
_LEAST_LOGPROB = -9999.0


def complete(model: Model, request: ChatRequest, *, engine: str) -> Mapping[str, Any]:
    """Asks the model, which an ``engine`` of this name has made; gives a ``chat.completion``."""
    choices = [_choice(index, answer, request) for index, answer in enumerate(_answers(model, request))]
    return wire.completion(
        completion_id=ids.new_completion_id(),
        created=int(time.time()),
        model=request.model,
        engine=engine,
        choices=choices,
        usage=(
            tokens.count_prompt(request.messages, request.tool_use.tools),
            tokens.count([text for choice in choices for text in _texts(choice["message"])]),
        ),
    )


def _answers(model: Model, request: ChatRequest) -> tuple[Answer, ...]:
    """Answers of the form that the request asks for: those that the model knows, else one made up."""

    def has_its_form(message: Message) -> bool:
        return has_form(message, request.tool_use, request.json_format)

    # Always the same function for requests that demand nothing: an engine may remember what it has said of a reply.
    accepts = has_its_form if request.tool_use.tools or request.json_format else _calls_nothing
    drawn = model.answer(request.messages, request.sampling, accepts, request.tool_use.callable_tools())
    return drawn or (Answer(message=shortest_answer(request.tool_use, request.json_format)),) * request.sampling.n


def _calls_nothing(message: Message) -> bool:
    return not message.get("tool_calls")


def _choice(index: int, answer: Answer, request: ChatRequest) -> Mapping[str, Any]:
    content = answer.message.get("content")
    calls = [_call(call) for call in answer.message.get("tool_calls") or ()]
    if not request.calls_in_parallel:
        calls = calls[:1]
    is_cut = answer.is_cut
    if content is not None:
        stopped = _stopped(content, request.sampling.stops)
        is_cut = is_cut and stopped == content  # a stop before the engine's cut ended the answer
        content = stopped
    if request.sampling.max_tokens is not None:
        content, calls, is_longer = _cut(content, calls, request.sampling.max_tokens)
        is_cut = is_cut or is_longer
    refusal = answer.message.get("refusal")
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal, "annotations": []}
    if calls:
        message["tool_calls"] = calls
    # A call that the request itself names ends like a text: the model had no choice but to make it.
    is_call = bool(calls) and not request.tool_use.is_one_named
    reason = "length" if is_cut else "tool_calls" if is_call else "stop"
    logprobs = None if request.sampling.top_logprobs is None else _logprobs(answer, content)
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason}


def _logprobs(answer: Answer, content: str | None) -> Mapping[str, Any]:
    """The probabilities of as many tokens as the content, perhaps cut, has left."""
    if not content or answer.tokens is None:
        return {"content": None, "refusal": None}
    measured, left = [], len(content.encode())
    for token in answer.tokens:
        left -= len(token.content)
        if left < 0:
            break
        top = [_token(each, logprob) for each, logprob in token.top]
        measured.append({**_token(token.content, token.logprob), "top_logprobs": top})
    return {"content": measured, "refusal": None}


def _token(content: bytes, logprob: float) -> Mapping[str, Any]:
    # Where a token is a part of a character its text shows bytes, and only ``bytes`` says what it is.
    text = content.decode(errors="backslashreplace")
    return {"token": text, "logprob": max(logprob, _LEAST_LOGPROB), "bytes": list(content)}


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    # An engine that learnt a reply would repeat its ids, but a conversation tells its calls apart by them.
    return {"id": ids.new_call_id(), "type": "function", "function": dict(call["function"])}


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
    texts = [message[name] for name in ("content", "refusal") if message[name]]
    for call in message.get("tool_calls") or ():
        texts += [call["function"]["name"], call["function"]["arguments"]]
    return texts
