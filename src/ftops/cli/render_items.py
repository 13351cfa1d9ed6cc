"""Single items of evaluations, as text for people and as JSON: which were won and lost, and which came out worst.

Owns both forms. Texts of rows and answers are shown by their beginnings, escaped, with secrets masked, and never begin a line.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import beside, heading, indented, terminal_width
from ftops.cli.style import safe
from ftops.datasets.excerpts import masked_excerpt, masked_words
from ftops.domain.scores import Outcome

if TYPE_CHECKING:
    from ftops.application.item_reports import Against, ItemReport, Place, Told
    from ftops.evaluation.rows import EvalRow

_FEW: Final = 20
_LABELS: Final = 17  # columns before a quoted text
_LONGEST: Final = 400
_GONE: Final = "kept no more in .ftops/outputs"


def item_parts(report: "ItemReport") -> Iterator[RenderableType]:
    """Gives what became of one evaluation's items; nothing where all were right and nothing was compared."""
    if not report.against and not report.worst and not report.unscored:
        return
    failed = "" if report.failed is None else f", {report.failed:,} failed"
    yield heading(f"Items of {report.name}", f"{_many(report.count, 'row')} of {safe(report.path)}{failed}")
    if report.unscored:
        yield indented(Text(f"without a score: lines {_lines(report.unscored)}"))
    for against in report.against:
        yield indented(Text(_versus(against)))
        for word, places in (("won", against.won), ("lost", against.lost)):
            if places:
                yield indented(Text(f"{word:<5} lines {_lines(places)}"), 4)
    if report.worst:
        yield indented(Text(f"worst {len(report.worst)}" if len(report.worst) > 1 else "worst", style="bold"))
    for told in report.worst:
        yield from _told(report, told)


def items_to_json(report: "ItemReport") -> dict[str, Any]:
    """Gives the same as JSON: all rows by line and digest, texts by their beginnings, with secrets masked."""
    return {
        "name": report.name,
        "dataset": report.path,
        "rows": report.count,
        "failed": report.failed,
        "unscored": [_place_to_json(place) for place in report.unscored],
        "against": [
            {
                "model": one.model,
                "backend": one.backend,
                "prompt": one.asks or None,
                "won": [_place_to_json(place) for place in one.won],
                "lost": [_place_to_json(place) for place in one.lost],
                "tied": one.tied,
            }
            for one in report.against
        ],
        "worst": [_told_to_json(told) for told in report.worst],
    }


def _versus(against: "Against") -> str:
    model = f"{safe(against.model)} on {against.backend}{f', with {safe(against.asks)}' if against.asks else ''}"
    return f"against {model}: {len(against.won):,} won, {len(against.lost):,} lost, {against.tied:,} alike"


def _lines(places: "Sequence[Place]") -> str:
    shown = ", ".join(f"{place.line}" for place in places[:_FEW])
    return shown if len(places) <= _FEW else f"{shown} and {len(places) - _FEW:,} more (--json has all)"


def _told(report: "ItemReport", told: "Told") -> Iterator[RenderableType]:
    score = "no score" if told.score is None else f"score {told.score:.3g}"
    parts = [f"{safe(report.path)}:{told.place.line}", score]
    if told.item.outcome is not Outcome.OK:
        parts.append(told.item.outcome.value)
    if told.item.mark is not None or told.item.expected is not None:
        read, due = (masked_words(safe(mark or "nothing")) for mark in (told.item.mark, told.item.expected))
        parts.append(f"read as {read}" + (f" where {due} was due" if told.item.expected is not None else ""))
    if told.is_lost:
        parts.append("a baseline did better")
    yield indented(Text(", ".join(parts)), 4)
    limit = min(_LONGEST, max(40, 2 * (terminal_width() - _LABELS) - 4))
    for name, text in _texts(told, limit):
        yield indented(beside(Text(f"{name:<9}"), safe(text)), 6)


def _texts(told: "Told", limit: int) -> Iterator[tuple[str, str]]:
    """Gives what was asked, answered and expected, each quoted and cut."""
    if told.read is not None:
        yield "prompt", masked_excerpt(asked_text(told.read), limit=limit)
    if told.answer is None:
        yield "answer", _GONE
    else:
        yield "answer", _answer(told.answer.text, told.answer.tool_calls, limit)
    if told.read is not None and (wanted := reference_text(told.read)) is not None:
        yield "reference", masked_excerpt(wanted, limit=limit)


def _answer(text: str, calls: Sequence[Any], limit: int) -> str:
    whole = " ".join(part for part in (text, json.dumps(list(calls), ensure_ascii=False) if calls else "") if part)
    return masked_excerpt(whole, limit=limit) if whole else "empty"


def asked_text(read: "EvalRow") -> str:
    """Gives the text of the last turn that was sent."""
    content = read.messages[-1].get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", f"[{part.get('type')}]")) for part in parts if isinstance(part, dict))


def reference_text(read: "EvalRow") -> str | None:
    """Gives what a row says the answer should be; None where it has no reply."""
    text, calls = read.context.get("reference"), read.context.get("reference_tools")
    if text is None and calls is None:
        return None
    return " ".join(part for part in (text or "", json.dumps(calls, ensure_ascii=False) if calls else "") if part)


def _place_to_json(place: "Place") -> dict[str, Any]:
    return {"line": place.line, "row": place.row}


def _told_to_json(told: "Told") -> dict[str, Any]:
    texts = dict(_texts(told, _LONGEST))
    return {
        **_place_to_json(told.place),
        "score": told.score,
        "outcome": told.item.outcome.value,
        "mark": masked_words(told.item.mark) if told.item.mark is not None else None,
        "expected": masked_words(told.item.expected) if told.item.expected is not None else None,
        "lost": told.is_lost,
        "prompt": texts.get("prompt"),
        "answer": texts.get("answer") if told.answer is not None else None,
        "reference": texts.get("reference"),
    }


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
