"""What a shorter prompt saves: input tokens a request, where an evaluation or a trial asks in another way on purpose.

Owns what is compared with what. Tokens are counted here, by the published rule, not taken from answers: nobody is asked.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ftops.application.baselines import Candidate
from ftops.application.evaluate import Evaluations
from ftops.domain.desired import Dataset, Declared, DeclaredEval
from ftops.domain.manifest import PromptFile
from ftops.evaluation.prompts import count_leading_system, read_prompt, with_prompt
from ftops.evaluation.rows import RowProblem, read_row

Messages = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSaving:
    """Input tokens that a request has less on average, below zero where it has more; ``than`` says less than what."""

    tokens: float
    than: str


def prompt_saving(
    evaluations: Evaluations, declared: Declared, candidate: Candidate, one: DeclaredEval
) -> PromptSaving | None:
    """Gives what a trial's own prompt saves beside that of the rows, else what an intended one saves beside training's.

    None where the prompt is neither, or where the training data is gone.
    """
    rows = [read for row in evaluations.files.rows(one.dataset) if (read := _leading(row, one)) is not None]
    if isinstance(candidate.asks, PromptFile):
        prompt = read_prompt(evaluations.files.text(candidate.asks.path))
        replaced = [with_prompt(messages, prompt) for messages in rows]
        return PromptSaving(tokens=_mean_tokens(rows) - _mean_tokens(replaced), than="with the rows' own prompt")
    if one.spec.prompt != "intended" or declared.train.is_gone:
        return None
    trained = _leading_of(evaluations, declared.train)
    return PromptSaving(tokens=_mean_tokens(trained) - _mean_tokens(rows), than="with the prompt of the training data")


def _leading_of(evaluations: Evaluations, dataset: Dataset) -> list[Messages]:
    return [read for row in evaluations.files.rows(dataset) if (read := _leading(row, None)) is not None]


def _leading(row: Mapping[str, Any], one: DeclaredEval | None) -> Messages | None:
    """Gives the system messages that a row begins with, as they are sent; None where the row can't be."""
    try:
        messages = read_row(row, input_messages=one.spec.input if one is not None else None).messages
    except RowProblem:
        return None
    return messages[: count_leading_system(messages)]


def _mean_tokens(prompts: Iterable[Messages]) -> float:
    """Counts each distinct prompt once: rows share a few of them."""
    from ftops.datasets.tokens import TokenCount  # brings a tokeniser along

    counts = Counter(json.dumps(prompt, sort_keys=True) for prompt in prompts)
    total = 0
    for text, times in counts.items():
        count = TokenCount()
        count.add({"messages": json.loads(text)}, has_answers=True)
        count.finish()
        total += times * count.total
    return total / max(1, counts.total())
