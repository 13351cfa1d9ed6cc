"""Reads the body of ``POST /v1/chat/completions``.

Owns which parameters the server carries out, which it takes because they promise nothing about the answer, and which it
refuses. ``messages`` reads the conversation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ftops.server.arguments import Arguments, wrong_type
from ftops.server.chat.messages import read_messages
from ftops.server.chat.response_format import JsonFormat, read_response_format
from ftops.server.chat.streaming import StreamOptions
from ftops.server.chat.tools import ToolUse, only_with_tools, read_tool_use
from ftops.server.chat.work import Work
from ftops.server.engines.interface import Sampling
from ftops.server.errors import ApiError, unsupported_parameter, unsupported_value
from ftops.server.jobs.request import read_metadata

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

    @property
    def is_plain(self) -> bool:
        """Whether any reply will do, so that nothing needs to be compared with a form."""
        return self.json_format is None and not self.tool_use.tools


FORMS = frozenset({"response_format", "tools"})
"""The parameters that may hold schemas, which take their time to be read."""


def read_chat_request(arguments: Arguments) -> ChatRequest:
    """The request, checked."""
    model = arguments.take_required_text("model")
    messages = read_messages(arguments)
    work = Work()
    _refuse_unsupported(arguments)
    temperature = arguments.take_number("temperature", least=0, most=2)
    top_p = arguments.take_number("top_p", least=0, most=1)
    tool_use = read_tool_use(arguments, work)
    request = ChatRequest(
        model=model,
        messages=messages,
        tool_use=tool_use,
        json_format=read_response_format(arguments, messages, work),
        sampling=Sampling(
            n=arguments.take_whole("n", least=1, most=128) or 1,
            temperature=1.0 if temperature is None else temperature,
            top_p=1.0 if top_p is None else top_p,
            seed=arguments.take_whole("seed", least=-(2**63), most=2**63 - 1),
            top_logprobs=_top_logprobs(arguments),
            max_tokens=_max_tokens(arguments),
            stops=_stops(arguments),
        ),
        calls_in_parallel=_calls_in_parallel(arguments, tool_use),
        stream=_stream(arguments),
    )
    arguments.finish()
    return request


def _calls_in_parallel(arguments: Arguments, tool_use: ToolUse) -> bool:
    flag = arguments.take_flag("parallel_tool_calls")
    if flag is not None and not tool_use.tools:
        raise only_with_tools("parallel_tool_calls")
    return flag is not False


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
