"""Draws training examples for a few-shot baseline: one set for all rows, so that every request has the same prefix.

Owns the draw: its order, one example per label first, and what counts as too close to an evaluation row.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ftops.evaluation.prompts import Examples, count_leading_system
from ftops.evaluation.rows import EvalRow, RowProblem, read_row
from ftops.graders.samples import text_of

# Of rapidfuzz.fuzz.ratio, out of 100.
_TOO_CLOSE: Final = 90.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Example:
    """A training example: its question's text, its turns without system messages, and its reply as the label."""

    question: str
    label: str
    turns: tuple[Mapping[str, Any], ...]


def draw_examples(training: Iterable[Mapping[str, Any]], rows: Sequence[EvalRow], *, k: int, seed: int) -> Examples:
    """Draws ``k`` examples, fewer where there are not enough.

    Examples are ordered by SHA-256 of seed and row, so that neither the file's order nor a library's generator matters.
    The first of each label (distinct reply) are taken before any second one. An example is left out where its question,
    case folded and with single blanks, equals that of an evaluation row or is at least 90 % similar to it by
    ``rapidfuzz.fuzz.ratio``. So are examples that call tools: as turns they would need results that no row has.
    """
    examples = [example for _, example in sorted(_keyed(training, seed), key=lambda keyed: keyed[0])]
    questions = {_question(row.messages) for row in rows}
    clear = _by_label(examples, lambda example: not _is_close(example.question, questions))
    drawn = tuple(islice(clear, k))
    return Examples(messages=tuple(turn for example in drawn for turn in example.turns), count=len(drawn))


def _keyed(training: Iterable[Mapping[str, Any]], seed: int) -> Iterator[tuple[str, _Example]]:
    for row in training:
        try:
            read = read_row(row)
        except RowProblem:
            continue
        reply = read.context.get("reference")
        turns = read.messages[count_leading_system(read.messages) :]
        if reply is None or "reference_tools" in read.context or any("tool_calls" in turn for turn in turns):
            continue
        key = hashlib.sha256(f"{seed}:{read.digest}".encode()).hexdigest()
        answer = {"role": "assistant", "content": reply}
        yield key, _Example(question=_question(read.messages), label=reply, turns=(*turns, answer))


def _by_label(examples: Sequence[_Example], is_usable: Callable[[_Example], bool]) -> Iterator[_Example]:
    """Gives the first usable example of every label, then the second ones, and so on; labels in the order first drawn."""
    by_label: dict[str, list[_Example]] = {}
    for example in examples:
        by_label.setdefault(example.label, []).append(example)
    waiting = [filter(is_usable, drawn) for drawn in by_label.values()]
    while waiting:
        left = []
        for drawn in waiting:
            for example in islice(drawn, 1):
                left.append(drawn)
                yield example
        waiting = left


def _question(messages: Sequence[Mapping[str, Any]]) -> str:
    """Gives the text of all messages but the leading system ones, case folded, with single blanks."""
    asked = messages[count_leading_system(messages) :]
    return " ".join(" ".join(text_of(message) or "" for message in asked).casefold().split())


def _is_close(question: str, questions: set[str]) -> bool:
    if question in questions:
        return True
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import extractOne

    return extractOne(question, questions, scorer=ratio, score_cutoff=_TOO_CLOSE) is not None
