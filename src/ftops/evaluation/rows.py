"""How a row of an evaluation dataset becomes a request and a reference.

Owns the shapes of rows: chat, preference, reinforcement and free ones. It doesn't check them (``datasets`` does) and sends
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ftops.datasets.conversations import RowFormat, exchange, row_format
from ftops.evaluation.identity import row_digest, short_digest
from ftops.graders.material import ASKED
from ftops.graders.samples import text_of
from ftops.graders.templates import TemplateProblem, render_all

_EXTRA: Final = ("tools", "parallel_tool_calls", "response_format")


class RowProblem(Exception):
    """A row that can't be sent, or that has no such reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalRow:
    """One row, ready to send: messages, the other request fields, and what graders know.

    ``context`` has ``item``, ``reference`` and what else templates name, and ``asked``, the messages, for ftops' judges.
    """

    digest: str
    messages: tuple[Mapping[str, Any], ...]
    extra: Mapping[str, Any]
    context: Mapping[str, Any] = field(default_factory=dict)


def read_row(row: Mapping[str, Any], *, input_messages: Sequence[Mapping[str, Any]] | None = None) -> EvalRow:
    """Makes a row ready to send.

    A chat row sends all messages before the assistant's turn at its end; that turn is the reference. A preference row sends
    its ``input``; the preferred output is the reference, the other one ``rejected``. A reinforcement row, which ends with no
    turn of the assistant, sends its messages. ``input_messages`` are templates that replace what is sent; a free row needs
    them. All keys of the row are ``item.*``. Raises RowProblem.
    """
    request, context = _read_shape(row)
    messages = request.get("messages")
    if input_messages is not None:
        try:
            messages = render_all(input_messages, context)
        except TemplateProblem as problem:
            raise RowProblem(str(problem)) from problem
    if not messages:
        raise RowProblem("a row without messages needs the evaluation's input")
    sent = tuple(_without_weight(message) for message in messages)
    return EvalRow(
        digest=row_digest(row),
        messages=sent,
        extra={key: request[key] for key in _EXTRA if request.get(key) is not None},
        context={**context, ASKED: sent},
    )


def cluster_of(row: Mapping[str, Any], path: str) -> str:
    """Gives the digest of what a row has under ``path``, keys with dots between.

    Rows that share it are no independent evidence. Raises RowProblem where it has nothing there.
    """
    value: Any = row
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        raise RowProblem(f"cluster_by: the row has no {path}")
    return short_digest(value)


def _read_shape(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Gives the request's fields and the context of templates. Fields of other shapes than a format's are the row's own."""
    context: dict[str, Any] = {"item": row}
    said = exchange(row)
    match row_format(row):
        case RowFormat.CHAT:
            context |= _references("reference", said.answers)
            return {**row, "messages": said.asked}, context
        case RowFormat.PREFERENCE:
            context |= _references("reference", row.get("preferred_output"))
            context |= _references("rejected", row.get("non_preferred_output"))
            return row["input"] if isinstance(row.get("input"), Mapping) else {}, context
        case _:
            return row, context


def _references(name: str, messages: Any) -> Mapping[str, Any]:
    """Gives the last message's text and tool calls, each only where there is one."""
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], Mapping):
        return {}
    found: dict[str, Any] = {}
    text = text_of(messages[-1])
    if text is not None:
        found[name] = text
    if messages[-1].get("tool_calls"):
        found[f"{name}_tools"] = messages[-1]["tool_calls"]
    return found


def _without_weight(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in message.items() if key != "weight"}
