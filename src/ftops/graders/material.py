"""What ftops' own judges are shown of an answer.

Owns its form: one JSON object, so that nothing in a conversation or an answer can be taken for the end of it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ftops.graders.templates import LONGEST_TEXT, TemplateProblem, render

ASKED: Final = "asked"
"""The context's key for the messages that were sent. No template can name it."""


def judge_messages(
    task: str, context: Mapping[str, Any], *, answer: str, reference: str | None, **more: str
) -> Sequence[Mapping[str, Any]]:
    """Gives the messages to a judge: the task, and what is to be judged. Raises TemplateProblem.

    ``answer`` and ``reference`` are templates; ``more`` is told as it is.
    """
    shown: dict[str, Any] = {**more}
    if context.get(ASKED):
        shown["conversation"] = context[ASKED]
    shown["answer"] = render(answer, context)
    if calls := context.get("sample", {}).get("output_tools"):
        shown["tool_calls"] = calls
    if reference is not None:
        shown["reference"] = render(reference, context)
    try:
        text = json.dumps(shown, ensure_ascii=False)
    except (ValueError, RecursionError) as problem:
        raise TemplateProblem("a value can't be written as JSON") from problem
    if len(text) > LONGEST_TEXT:
        raise TemplateProblem(f"what a judge would be shown is longer than {LONGEST_TEXT:,} characters")
    return ({"role": "system", "content": task}, {"role": "user", "content": text})
