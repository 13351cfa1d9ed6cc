"""Tells a chat completion in pieces, as server-sent events.

Owns the order of chunks: for each choice its role, then its content token by token or its calls piece by piece, then why it
ended; at last the usage, if it was asked for, and ``[DONE]``.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ftops.server.chat import tokens

_PADDED_BYTES = 32
_DONE = b"data: [DONE]\n\n"
_SHARED = ("id", "created", "model", "service_tier", "system_fingerprint")


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamOptions:
    """What chunks have besides their pieces: the usage at the end, and padding that hides how long a piece is."""

    includes_usage: bool = False
    includes_obfuscation: bool = True


def events(completion: Mapping[str, Any], options: StreamOptions) -> Iterator[bytes]:
    """The events of a ``chat.completion``, ready to be sent."""
    head = {"object": "chat.completion.chunk", **{name: completion[name] for name in _SHARED}}
    usage = {"usage": None} if options.includes_usage else {}
    for choice in completion["choices"]:
        for delta, logprobs, reason in _pieces(choice):
            piece = {"index": choice["index"], "delta": delta, "logprobs": logprobs, "finish_reason": reason}
            padding = {"obfuscation": _padding(delta)} if options.includes_obfuscation else {}
            yield _event({**head, "choices": [piece], **usage, **padding})
    if options.includes_usage:
        padding = {"obfuscation": _padding({})} if options.includes_obfuscation else {}
        yield _event({**head, "choices": [], "usage": completion["usage"], **padding})
    yield _DONE


def _pieces(choice: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Any, str | None]]:
    message, logprobs = choice["message"], choice["logprobs"]
    calls = message.get("tool_calls") or ()
    yield {"role": "assistant", "content": None if calls else "", "refusal": None}, None, None
    if message["content"]:
        measured = logprobs and logprobs["content"]
        yield from _measured_pieces(measured) if measured else _plain_pieces("content", message["content"])
    if message["refusal"]:
        yield from _plain_pieces("refusal", message["refusal"])
    for number, call in enumerate(calls):
        function = call["function"]
        opening = {**call, "index": number, "function": {"name": function["name"], "arguments": ""}}
        yield {"tool_calls": [opening]}, None, None
        for text in tokens.split(function["arguments"]):
            yield {"tool_calls": [{"index": number, "function": {"arguments": text}}]}, None, None
    yield {}, None, choice["finish_reason"]


def _plain_pieces(name: str, text: str) -> Iterator[tuple[Mapping[str, Any], None, None]]:
    for each in tokens.split(text):
        yield {name: each}, None, None


def _measured_pieces(measured: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Any, None]]:
    """Content in the tokens that were measured; a character that several make up comes with the last of them."""
    waiting: list[Mapping[str, Any]] = []
    for token in measured:
        waiting.append(token)
        try:
            text = b"".join(bytes(each["bytes"]) for each in waiting).decode()
        except UnicodeDecodeError:
            continue
        yield {"content": text}, {"content": waiting, "refusal": None}, None
        waiting = []


def _padding(delta: Mapping[str, Any]) -> str:
    """Random characters that round a chunk's length up, so that who sees encrypted sizes learns no token from them."""
    return secrets.token_urlsafe(_PADDED_BYTES)[: _PADDED_BYTES - len(msgspec.json.encode(delta)) % _PADDED_BYTES]


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
