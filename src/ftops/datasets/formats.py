"""Does a row fit what it is used for? All that is wrong with it, not the first thing alone.

Owns the shapes of OpenAI's training formats as untyped rows have them, key by key. It is the slow look, at rows that don't
decode as ``rows``' types or that something is to be said of; ``decoding`` chooses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import msgspec

from ftops.datasets.conversations import RowFormat, row_format
from ftops.datasets.excerpts import masked_value
from ftops.datasets.findings import Found
from ftops.datasets.foreign_formats import remedy_of
from ftops.datasets.images import MOST_IMAGES, VISION_MODELS
from ftops.datasets.messages import ROLES, calls_of, message_findings
from ftops.datasets.tools import NO_OFFER, Offer, Talk, offer_of
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import MethodType
from ftops.graders.templates import TemplateProblem, look_up


class Use(StrEnum):
    """What the rows of a file are for. ``free`` evaluations state their own ``input``, so that any object will do."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    REINFORCEMENT = "reinforcement"
    EVALUATION = "evaluation"
    FREE = "free"

    @property
    def is_training(self) -> bool:
        """Whether rows are trained on, so that their answers count."""
        return self in (Use.SUPERVISED, Use.DPO, Use.REINFORCEMENT)

    @property
    def has_fixed_keys(self) -> bool:
        """Whether rows have no keys but those of their format: graders and templates read none."""
        return self in (Use.SUPERVISED, Use.DPO)


USE_OF: Final = {
    MethodType.SUPERVISED: Use.SUPERVISED,
    MethodType.DPO: Use.DPO,
    MethodType.REINFORCEMENT: Use.REINFORCEMENT,
}
_METHOD_OF: Final = {RowFormat.CHAT: "supervised", RowFormat.PREFERENCE: "dpo"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Demands:
    """What else a file's rows must be: ``base_model`` decides on images, and ``item_paths`` are those that the method's
    grader names, as ``answer`` or ``reference.unit``."""

    base_model: str = ""
    item_paths: tuple[str, ...] = ()

    @property
    def takes_images(self) -> bool:
        """Whether rows may have images. What models of other makers are trained on, nobody says here."""
        base = self.base_model.split(":")[1] if self.base_model.startswith("ft:") else self.base_model
        return not base.startswith(_OWN_MODELS) or base in VISION_MODELS


PROMPT_ROLES: Final = ("system", "developer", "user", "tool")
_OWN_MODELS: Final = "gpt-"
_LEGACY_KEY: Final = "functions"
_KEPT_CHARACTERS: Final = 1_000
NO_DEMANDS: Final = Demands()
_ROW_KEYS: Final = {
    Use.SUPERVISED: ("messages", "tools", "parallel_tool_calls"),
    Use.DPO: ("input", "preferred_output", "non_preferred_output"),
}


def row_findings(row: Mapping[str, Any], use: Use, demands: Demands = NO_DEMANDS) -> Iterator[Found]:
    """Gives everything about ``row`` that ``use`` can't take, or that deserves a word."""
    found = row_format(row)
    match use:
        case Use.FREE:
            return
        case Use.SUPERVISED if found is RowFormat.CHAT:
            yield from _chat_findings(row, demands)
        case Use.REINFORCEMENT if found is RowFormat.CHAT:
            yield from _prompt_findings(row, demands)
        case Use.DPO if found is RowFormat.PREFERENCE:
            yield from _preference_findings(row)
        case Use.EVALUATION if found is RowFormat.CHAT:
            yield from _asked_findings(row)
        case Use.EVALUATION if found is RowFormat.PREFERENCE:
            yield from _preference_findings(row)
        case _:
            yield _other_format(row, found, use)
            return
    if use.has_fixed_keys:
        yield from unknown_keys(row, use)


def unknown_keys(row: Mapping[str, Any], use: Use) -> Iterator[Found]:
    """Gives the keys that a row of supervised training or DPO has beside those of its format."""
    places = [("", row, _ROW_KEYS[use])]
    if use is Use.DPO and isinstance(row.get("input"), Mapping):
        places.append(("/input", row["input"], _ROW_KEYS[Use.SUPERVISED]))
    for pointer, given, known in places:
        keys = tuple(given)
        find = _known_further_keys if sum(map(len, keys)) <= _KEPT_CHARACTERS else _further_keys
        yield from find(keys, pointer, known)


def _further_keys(given: tuple[str, ...], pointer: str, known: tuple[str, ...]) -> tuple[Found, ...]:
    says = f"expected no other keys here than {', '.join(known)}, got"
    return tuple(
        Found(code="D023", field=pointer, says=f"{says} {masked_value(key)}", hint="training doesn't read it")
        for key in given
        if key not in known and key != _LEGACY_KEY
    )


_known_further_keys: Final = lru_cache(maxsize=100)(_further_keys)  # the rows of a file mostly have the same keys


def is_legacy(row: Mapping[str, Any], use: Use) -> bool:
    """Tells whether a row may have the tools of old."""
    given = row["input"] if use is Use.DPO else row
    return given.get(_LEGACY_KEY) is not None


def missing_paths(item: Mapping[str, Any], demands: Demands) -> Iterator[Found]:
    """Gives what the method's grader names and a row of reinforcement hasn't."""
    for path in demands.item_paths:
        try:
            look_up(f"item.{path}", {"item": item})
        except TemplateProblem:
            yield Found(code="D034", says=f"expected the field that the grader names, got no {quoted(path)}")


def _other_format(row: Mapping[str, Any], found: RowFormat, use: Use) -> Found:
    if found is RowFormat.PROMPT_COMPLETION:
        says = "expected a row with messages, got the legacy format prompt/completion"
        remedy = "no base model takes it any more: write prompt and completion as messages of user and assistant"
        return Found(code="D021", says=says, hint=remedy)
    if use is Use.EVALUATION:
        input_hint = "an evaluation of free rows needs input" if found is RowFormat.FREE else None
        return Found(code="D020", says=f"expected a chat or preference row, got a {found} row", hint=input_hint)
    wanted = {
        Use.SUPERVISED: "a chat row ({messages})",
        Use.DPO: "a preference row ({input, preferred_output, non_preferred_output})",
        Use.REINFORCEMENT: "a row with messages",
    }[use]
    fitting = _METHOD_OF.get(found)
    hint = f"method.type {fitting} takes such rows" if fitting else remedy_of(row)
    return Found(code="D020", says=f"expected {wanted} for method {use}, got a {found} row", hint=hint)


def _chat_findings(row: Mapping[str, Any], demands: Demands) -> Iterator[Found]:
    yield from _asked_findings(row, is_text_only=not demands.takes_images)
    messages = row["messages"]
    if not isinstance(messages, list) or not messages:
        return
    if _role(messages[-1]) != "assistant":
        at, says = f"/messages/{len(messages) - 1}", "expected the last message from the assistant"
        yield Found(code="D027", field=at, says=says)
    answers = [message for message in messages if _role(message) == "assistant"]
    if answers and all(_is_zero(message.get("weight")) for message in answers):
        says = "expected an assistant message with a weight other than 0 to train on"
        yield Found(code="D028", field="/messages", says=says)


def _prompt_findings(row: Mapping[str, Any], demands: Demands) -> Iterator[Found]:
    yield from _asked_findings(row, is_text_only=not demands.takes_images)
    messages = row["messages"]
    if isinstance(messages, list) and messages and _role(messages[-1]) == "assistant":
        says = "expected a last message that the model answers, not one from the assistant"
        yield Found(code="D027", field=f"/messages/{len(messages) - 1}", says=says)
    yield from missing_paths(row, demands)


def _preference_findings(row: Mapping[str, Any]) -> Iterator[Found]:
    asked = row.get("input")
    offer = NO_OFFER
    if isinstance(asked, Mapping):
        yield from _asked_findings(asked, "/input", is_text_only=True)
        offer = _offer(asked)
    else:
        yield Found(code="D024", field="/input", says="expected a mapping with messages")
    for key in ("preferred_output", "non_preferred_output"):
        answers = row.get(key)
        if not isinstance(answers, list) or len(answers) != 1:
            yield Found(code="D033", field=f"/{key}", says="expected a list of one assistant message")
            continue
        yield from message_findings(answers[0], f"/{key}/0", roles=("assistant",), is_text_only=True)
        if isinstance(answers[0], Mapping):
            talk = Talk(offer)
            talk.take_calls(calls_of(answers[0], f"/{key}/0"))
            yield from talk.found


def _asked_findings(row: Mapping[str, Any], pointer: str = "", *, is_text_only: bool = False) -> Iterator[Found]:
    """Looks at messages and tools."""
    yield from _tool_findings(row, pointer)
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        got = masked_value(messages) if "messages" in row else "none"
        says = f"expected a list of messages that is not empty, got {got}"
        yield Found(code="D026", field=f"{pointer}/messages", says=says)
        return
    talk = Talk(_offer(row))
    images = 0
    for index, message in enumerate(messages):
        here = f"{pointer}/messages/{index}"
        yield from message_findings(message, here, roles=ROLES, is_text_only=is_text_only)
        if isinstance(message, Mapping):
            _follow(talk, message, here)
            images += _images(message)
    if _role(messages[-1]) != "assistant":
        talk.take_other()
    yield from talk.found
    if images > MOST_IMAGES:
        says = f"expected at most {MOST_IMAGES} images a row, got {images:,}"
        yield Found(code="D031", field=f"{pointer}/messages", says=says)


def _follow(talk: Talk, message: Mapping[str, Any], here: str) -> None:
    role, call_id = message.get("role"), message.get("tool_call_id")
    if role == "tool":
        if isinstance(call_id, str):
            talk.take_result(here, call_id)
    elif role == "assistant" and message.get("tool_calls"):
        talk.take_calls(calls_of(message, here))
    else:
        talk.take_other()


def _tool_findings(row: Mapping[str, Any], pointer: str) -> Iterator[Found]:
    for one in _offer(row).found:
        yield Found(code=one.code, field=f"{pointer}/tools{one.field}", says=one.says, hint=one.hint)
    if row.get(_LEGACY_KEY) is not None:
        says = "expected tools, got the legacy functions"
        yield Found(code="D021", field=f"{pointer}/{_LEGACY_KEY}", says=says, hint="use tools and tool_calls")
    if not isinstance(row.get("parallel_tool_calls"), bool | None):
        says = f"expected true or false, got {masked_value(row['parallel_tool_calls'])}"
        yield Found(code="D024", field=f"{pointer}/parallel_tool_calls", says=says)


def _offer(row: Mapping[str, Any]) -> Offer:
    tools = row.get("tools")
    return NO_OFFER if tools is None else offer_of(msgspec.json.encode(tools))


def _images(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    return sum(1 for part in parts if isinstance(part, Mapping) and part.get("type") == "image_url")


def _is_zero(weight: Any) -> bool:
    return weight == 0 and not isinstance(weight, bool)


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None
