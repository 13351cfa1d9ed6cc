"""Reads the body of ``POST /v1/chat/completions``.

Owns which parameters the server carries out, which it takes because they promise nothing about the answer, and which it
refuses. Messages come out with plain strings for content, which is all that an engine knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftops.server.arguments import Arguments, missing_parameter, wrong_type
from ftops.server.chat.response_format import JsonFormat, read_response_format
from ftops.server.chat.streaming import StreamOptions
from ftops.server.chat.tools import ToolUse, read_tool_use
from ftops.server.engines.interface import Sampling
from ftops.server.errors import ApiError, unsupported_parameter, unsupported_value
from ftops.server.jobs.request import read_metadata

_ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_MAX_STOPS = 4
_MAX_TOP_LOGPROBS = 20
_REFUSED = (
    "audio", "function_call", "functions", "moderation", "prediction", "prompt_cache_options", "reasoning_effort",
    "verbosity", "web_search_options",
)  # fmt: skip
# Hints about who asks and how to cache: they change no answer, here or at OpenAI.
_HINTS = ("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user")
_VALUES_REFUSED = (
    "frequency_penalty", "logit_bias", "metadata", "modalities", "presence_penalty", "service_tier", "store",
)  # fmt: skip
_SELDOM_GIVEN = frozenset({*_REFUSED, *_HINTS, *_VALUES_REFUSED})
_ASSISTANT_EXTRAS = ("annotations", "audio", "function_call", "refusal")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChatRequest:
    """A request for answers. ``stream`` is None unless they are to come in pieces."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    tool_use: ToolUse
    json_format: JsonFormat | None
    sampling: Sampling
    calls_in_parallel: bool
    stream: StreamOptions | None


def read_chat_request(arguments: Arguments) -> ChatRequest:
    """The request, checked."""
    model = arguments.take_required_text("model")
    messages = _messages(arguments)
    _refuse_unsupported(arguments)
    temperature = arguments.take_number("temperature", least=0, most=2)
    top_p = arguments.take_number("top_p", least=0, most=1)
    request = ChatRequest(
        model=model,
        messages=messages,
        tool_use=read_tool_use(arguments),
        json_format=read_response_format(arguments, messages),
        sampling=Sampling(
            n=arguments.take_whole("n", least=1, most=128) or 1,
            temperature=1.0 if temperature is None else temperature,
            top_p=1.0 if top_p is None else top_p,
            seed=arguments.take_whole("seed", least=-(2**63), most=2**63 - 1),
            top_logprobs=_top_logprobs(arguments),
            max_tokens=_max_tokens(arguments),
            stops=_stops(arguments),
        ),
        calls_in_parallel=arguments.take_flag("parallel_tool_calls") is not False,
        stream=_stream(arguments),
    )
    arguments.finish()
    return request


def _refuse_unsupported(arguments: Arguments) -> None:
    if arguments.lacks(_SELDOM_GIVEN):
        return
    if arguments.take_flag("store"):
        raise unsupported_parameter("store")
    if read_metadata(arguments):
        # OpenAI refuses it likewise: metadata belongs to completions that are stored.
        raise ApiError("The 'metadata' parameter is only allowed when 'store' is enabled.", param="metadata")
    for name in _REFUSED:
        if arguments.take(name) is not None:
            raise unsupported_parameter(name)
    for name in _HINTS:
        arguments.take_text(name)
    _refuse_values(arguments)


def _refuse_values(arguments: Arguments) -> None:
    for name in ("frequency_penalty", "presence_penalty"):
        if arguments.take_number(name, least=-2, most=2):
            raise unsupported_value(name, "must be 0 at this server.")
    if arguments.take_object("logit_bias"):
        raise unsupported_parameter("logit_bias")
    if arguments.take_list("modalities") not in (None, ["text"]):
        raise unsupported_value("modalities", "must be ['text'] at this server.")
    if arguments.take_text("service_tier") not in (None, "auto", "default"):
        raise unsupported_value("service_tier", "must be 'auto' or 'default' at this server.")


def _max_tokens(arguments: Arguments) -> int | None:
    new = arguments.take_whole("max_completion_tokens", least=1, most=2**31)
    old = arguments.take_whole("max_tokens", least=1, most=2**31)
    if new is not None and old is not None:
        raise ApiError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", param="max_tokens"
        )
    return old if new is None else new


def _stops(arguments: Arguments) -> tuple[str, ...]:
    given = arguments.take("stop")
    if isinstance(given, str):
        return (given,) if given else ()
    stops = arguments.take_list("stop", most=_MAX_STOPS) or ()
    for number, each in enumerate(stops):
        if not isinstance(each, str):
            raise wrong_type(f"stop[{number}]", "a string", each)
    return tuple(each for each in stops if each)


def _stream(arguments: Arguments) -> StreamOptions | None:
    is_stream = arguments.take_flag("stream") is True
    options = arguments.take_section("stream_options")
    if options is None:
        return StreamOptions() if is_stream else None
    if not is_stream:
        raise ApiError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )
    read = StreamOptions(
        includes_usage=options.take_flag("include_usage") is True,
        includes_obfuscation=options.take_flag("include_obfuscation") is not False,
    )
    options.finish()
    return read


def _top_logprobs(arguments: Arguments) -> int | None:
    is_asked = arguments.take_flag("logprobs") is True
    top = arguments.take_whole("top_logprobs", least=0, most=_MAX_TOP_LOGPROBS)
    if top is not None and not is_asked:
        raise ApiError("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", param="top_logprobs")
    return (top or 0) if is_asked else None


def _messages(arguments: Arguments) -> Sequence[Mapping[str, Any]]:
    given = arguments.take_list("messages")
    if given is None:
        raise missing_parameter("messages")
    if not given:
        raise ApiError(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    return tuple(_message(each, f"messages[{number}]") for number, each in enumerate(given))


def _message(given: object, at: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise wrong_type(at, "an object", given)
    # Nearly every message of a long prompt is this plain, and thousands of such prompts come in a row.
    if (
        len(given) == 2
        and given.get("role") in ("system", "user", "assistant")
        and isinstance(given.get("content"), str)
    ):
        return given
    fields = Arguments(given, at=at)
    role = fields.take_text("role")
    if role is None:
        raise missing_parameter(fields.path("role"))
    fields.take_choice("role", _ROLES)
    message: dict[str, Any] = {"role": role}
    name = fields.take_text("name")
    if name is not None:
        message["name"] = name
    if role == "assistant":
        for extra in _ASSISTANT_EXTRAS:
            fields.take(extra)
        calls = _calls(fields)
        if calls:
            message["tool_calls"] = calls
    if role == "tool":
        message["tool_call_id"] = fields.take_required_text("tool_call_id")
    message["content"] = _content(fields, may_be_missing=role == "assistant")
    fields.finish()
    return message


def _content(fields: Arguments, *, may_be_missing: bool) -> str | None:
    given = fields.take("content")
    if given is None:
        if may_be_missing:
            return None
        raise missing_parameter(fields.path("content"))
    if isinstance(given, str):
        return given
    if not isinstance(given, list):
        raise wrong_type(fields.path("content"), "a string or an array of parts", given)
    texts: list[str] = []
    for number, part in enumerate(given):
        at = f"{fields.path('content')}[{number}]"
        if not isinstance(part, dict):
            raise wrong_type(at, "an object", part)
        each = Arguments(part, at=at)
        kind = each.take_required_text("type")
        if kind not in ("text", "refusal"):
            raise unsupported_value(each.path("type"), f"is '{kind[:64]}': this server reads text alone.")
        texts.append(each.take_text(kind) or "")
    return "".join(texts)


def _calls(fields: Arguments) -> Sequence[Any]:
    calls = fields.take_list("tool_calls") or ()
    for number, given in enumerate(calls):
        at = f"{fields.path('tool_calls')}[{number}]"
        if not isinstance(given, dict):
            raise wrong_type(at, "an object", given)
        call = Arguments(given, at=at)
        call.take_required_text("id")
        call.take_required_text("type")
        call.take_choice("type", ("function",))
        function = call.take_section("function")
        if function is None:
            raise missing_parameter(f"{at}.function")
        function.take_required_text("name")
        if function.take_text("arguments") is None:
            raise missing_parameter(function.path("arguments"))
    return calls
