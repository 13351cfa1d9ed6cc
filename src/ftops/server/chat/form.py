"""The form that a request demands of an answer, by its tools and its response format.

Owns what happens when the model has no reply of that form: OpenAI's models can always write one, so the shortest value that
the schema allows is given; where none is found, the answer is a refusal, as structured outputs know it.
"""

import msgspec

from ftops.server import ids
from ftops.server.chat.response_format import JsonFormat
from ftops.server.chat.schema_instances import NoInstance, shortest_instance
from ftops.server.chat.tools import Calling, ToolUse
from ftops.server.engines.interface import Message

_REFUSAL = "I know no answer of the form that is asked for."


def has_form(message: Message, tool_use: ToolUse, json_format: JsonFormat | None) -> bool:
    """Whether an assistant message is what a request asks for. A message that calls tools may leave its content out."""
    if not tool_use.allows(message):
        return False
    if message.get("tool_calls"):
        return True
    return json_format is None or json_format.fits(message.get("content"))


def shortest_answer(tool_use: ToolUse, json_format: JsonFormat | None) -> Message:
    """A message of the form asked for, or a refusal."""
    if tool_use.calling is Calling.REQUIRED:
        return _shortest_call(tool_use)
    if json_format is None:
        return {"role": "assistant", "content": ""}
    try:
        value = {} if json_format.schema is None else shortest_instance(json_format.schema)
    except NoInstance:
        return _refusal()
    return {"role": "assistant", "content": _encoded(value)} if json_format.fits_value(value) else _refusal()


def _shortest_call(tool_use: ToolUse) -> Message:
    function = tool_use.first()
    try:
        given = shortest_instance(function.get("parameters") or {})
    except NoInstance:
        given = {}
    call = {"name": function["name"], "arguments": _encoded(given)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": ids.new_call_id(), "type": "function", "function": call}],
    }


def _refusal() -> Message:
    return {"role": "assistant", "content": None, "refusal": _REFUSAL}


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()
