"""Rows of an evaluation as rows to train on: in the format of a fine-tune's method, with the answer that should have come.

Owns the three formats. Which items failed, and that an evaluation row which is trained on is no evidence any more, is the
application's business.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ftops.domain.manifest import MethodType
from ftops.evaluation.rows import EvalRow
from ftops.graders.templates import TemplateProblem, render

# Besides messages, what a conversation that is trained on may have: ``datasets`` refuses any other key.
_CONVERSATION: Final = ("tools", "parallel_tool_calls")
_NOT_OF_A_PROMPT: Final = ("preferred_output", "non_preferred_output", "input", "messages", *_CONVERSATION)


class NoCandidate(Exception):
    """An item that makes no row to train on; the message says why."""


def training_row(
    method: MethodType,
    read: EvalRow,
    *,
    grader: Mapping[str, Any],
    text: str,
    tool_calls: tuple[Mapping[str, Any], ...],
) -> dict[str, Any]:
    """Gives a row that teaches what the model should have answered; ``text`` and ``tool_calls`` are what it did answer.

    Supervised: what was sent, and the reference as the last turn. DPO: the reference is preferred to the model's answer.
    Reinforcement: what was sent, and the row's other keys, which the reward's grader reads. Raises NoCandidate.
    """
    conversation = {"messages": _prompt(read), **_parts(read)}
    match method:
        case MethodType.SUPERVISED:
            return {**conversation, "messages": [*_prompt(read), reference_turn(read, grader)]}
        case MethodType.DPO:
            wanted, answered = reference_turn(read, grader), _turn(text, tool_calls)
            if "content" not in wanted or "content" not in answered:
                raise NoCandidate("preferences compare texts, and one of the two is none")
            if wanted == answered:
                raise NoCandidate("the model answered what the reference says")
            return {"input": conversation, "preferred_output": [wanted], "non_preferred_output": [answered]}
        case MethodType.REINFORCEMENT:
            item = read.context.get("item", {})
            others = {key: value for key, value in item.items() if key not in _NOT_OF_A_PROMPT}
            return {**conversation, **others}


def reference_turn(read: EvalRow, grader: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the turn that should have come: the row's own, else what the grader compares with. Raises NoCandidate."""
    text, calls = read.context.get("reference"), read.context.get("reference_tools") or ()
    if text is None and not calls:
        text = _compared_with(read, grader)
    turn = _turn(text or "", tuple(calls))
    if len(turn) == 1:
        raise NoCandidate("it has no reference: neither a reply in the row nor a text that the grader compares with")
    return turn


def _compared_with(read: EvalRow, grader: Mapping[str, Any]) -> str | None:
    """Fills in a grader's ``reference``; None where it has none, or one that this row does not have."""
    template = grader.get("reference")
    if not isinstance(template, str):
        return None
    try:
        return render(template, read.context)
    except TemplateProblem:
        return None


def _prompt(read: EvalRow) -> list[Mapping[str, Any]]:
    """Gives what was sent, with the weights that the row's own turns have: what must not be learnt stays so."""
    item = read.context.get("item", {})
    original = list(item.get("messages") or ())[: len(read.messages)]
    sent = [{key: value for key, value in turn.items() if key != "weight"} for turn in original]
    return original if sent == list(read.messages) else list(read.messages)


def _parts(read: EvalRow) -> dict[str, Any]:
    return {key: read.extra[key] for key in _CONVERSATION if key in read.extra}


def _turn(text: str, tool_calls: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """Gives an assistant turn as rows have it; keys that are empty are left out."""
    turn: dict[str, Any] = {"role": "assistant"}
    if text:
        turn["content"] = text
    if tool_calls:
        turn["tool_calls"] = json.loads(json.dumps([dict(call) for call in tool_calls]))
    return turn
