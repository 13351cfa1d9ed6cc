"""What differs between two versions of a dataset, as text for people and as JSON.

Owns both forms. Rows are shown by the beginnings of their texts, with secrets masked, and never begin a line.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import heading, indented, table
from ftops.cli.render_figures import assumption_lines, dollars, first_finding, training_to_json
from ftops.cli.style import safe
from ftops.datasets.difference import Aspect
from ftops.datasets.excerpts import masked_excerpt, masked_words
from ftops.datasets.statistics import function_names

if TYPE_CHECKING:
    from ftops.application.data_differences import DataDifference, ShownChange
    from ftops.application.data_figures import Survey, Training
    from ftops.datasets.batches import Example
    from ftops.datasets.difference import Difference

_FEW_LABELS: Final = 10
_NOTHING: Final = "nothing"


def difference_parts(found: "DataDifference") -> Iterator[RenderableType]:
    """Gives all that is said of two versions."""
    difference = found.difference
    yield heading(f"{safe(found.old.path)} → {safe(found.new.path)}", found.new.use.value)
    for survey in (found.old, found.new):
        if survey.left_out:
            lines = "1 line is" if survey.left_out == 1 else f"{survey.left_out:,} lines are"
            says = f"{lines} left out for errors: ftops data check {safe(survey.path)}"
            yield indented(Text(says, style="yellow"))
        if not survey.rows:
            yield from first_finding(survey)
    yield indented(Text(counts_of(difference) if difference.has_changes else _same(found)))
    yield Text()
    rows = [
        ("rows", difference.old_rows, difference.new_rows),
        ("tokens of one epoch", difference.old_tokens, difference.new_tokens),
    ]
    cells = ((name, f"{old:,}", f"{new:,}", signed(new - old)) for name, old, new in rows)
    yield indented(table(("", "old", "new", "change"), cells))
    yield from _labels(difference)
    yield from _trainings(found.trainings)
    yield from _rows("added", found.added)
    yield from _rows("removed", found.removed)
    yield from _changed(found.changed)


def counts_of(difference: "Difference") -> str:
    """Says in a line how many rows were added, removed and changed."""
    return f"+{difference.added:,} −{difference.removed:,} ~{difference.changed:,} rows{_aspects(difference)}"


def signed(number: int) -> str:
    """Gives a number with its sign."""
    return f"+{number:,}" if number > 0 else f"−{-number:,}" if number < 0 else "0"


def difference_to_json(found: "DataDifference") -> dict[str, Any]:
    """Gives two versions as JSON: labels whole, other texts by their beginnings, both with secrets masked."""
    difference = found.difference
    return {
        "format_version": "1",
        "use": found.new.use.value,
        "old": _survey_to_json(found.old, difference.old_rows, difference.old_tokens),
        "new": _survey_to_json(found.new, difference.new_rows, difference.new_tokens),
        "differ": difference.has_changes,
        "added": difference.added,
        "removed": difference.removed,
        "changed": difference.changed,
        "changed_by_aspect": {aspect.value: count for aspect, count in difference.aspects},
        "label_distance": difference.label_distance,
        "labels": [
            {
                "label": masked_words(shift.label),
                "old": {"rows": shift.old, "share": shift.old_share},
                "new": {"rows": shift.new, "share": shift.new_share},
                "change": shift.change,
            }
            for shift in difference.labels
        ],
        "trainings": [{"old": training_to_json(old), "new": training_to_json(new)} for old, new in found.trainings],
        "shown": {
            "added": [_example_to_json(one) for one in found.added],
            "removed": [_example_to_json(one) for one in found.removed],
            "changed": [
                {
                    "aspects": [aspect.value for aspect in one.aspects],
                    "old": _example_to_json(one.old),
                    "new": _example_to_json(one.new),
                }
                for one in found.changed
            ],
        },
    }


def _same(found: "DataDifference") -> str:
    if found.old.sha256 == found.new.sha256:
        return "The same content."
    return "The same rows: their order or their spelling as JSON differs."


def _aspects(difference: "Difference") -> str:
    said = ", ".join(f"{count:,} by {_named(aspect)}" for aspect, count in difference.aspects)
    return f" (changed: {said})" if said else ""


def _named(aspect: Aspect) -> str:
    return "anything else" if aspect is Aspect.OTHER else aspect.value


def _labels(difference: "Difference") -> Iterator[RenderableType]:
    shifts = [shift for shift in difference.labels if shift.change]
    if difference.label_distance is None:
        return
    yield Text()
    yield indented(heading("labels", f"total variation distance {difference.label_distance:.3f}"))
    cells = (
        (
            safe(masked_excerpt(shift.label)),
            f"{shift.old:,} → {shift.new:,}",
            f"{shift.old_share:.1%} → {shift.new_share:.1%}",
            f"{'+' if shift.change > 0 else '−'}{abs(shift.change) * 100:.1f}",
        )
        for shift in shifts[:_FEW_LABELS]
    )
    if shifts:
        yield indented(table(("label", "rows", "share", "points"), cells))
    if len(shifts) > _FEW_LABELS:
        yield indented(Text(f"and {len(shifts) - _FEW_LABELS:,} more whose share changed"))


def _trainings(trainings: "Sequence[tuple[Training, Training]]") -> Iterator[RenderableType]:
    if not trainings:
        return
    yield Text()
    yield indented(heading("training", "estimated"))
    is_named = any(new.fine_tune for _, new in trainings)
    if not is_named and all(one.estimate.tokens is None for pair in trainings for one in pair):
        yield from assumption_lines([new for _, new in trainings])
        return
    heads = (*(("fine-tune",) if is_named else ()), "base model", "epochs", "tokens", "USD", "change")
    cells = (
        (
            *((safe(new.fine_tune or ""),) if is_named else ()),
            safe(new.base_model),
            str(new.epochs) if old.epochs == new.epochs else f"{old.epochs} → {new.epochs}",
            f"{_tokens(old)} → {_tokens(new)}",
            f"{dollars(old.estimate.usd)} → {dollars(new.estimate.usd)}",
            _usd_change(old, new),
        )
        for old, new in trainings
    )
    yield indented(table(heads, cells, texts=2 if is_named else 1))
    yield from assumption_lines([new for _, new in trainings])


def _tokens(training: "Training") -> str:
    return "unknown" if training.estimate.tokens is None else f"{training.estimate.tokens:,}"


def _usd_change(old: "Training", new: "Training") -> str:
    if old.estimate.usd is None or new.estimate.usd is None:
        return "unknown"
    change = new.estimate.usd - old.estimate.usd
    return f"{'−' if change < 0 else '+'}{dollars(abs(change))}"


def _rows(title: str, examples: "Sequence[Example]") -> Iterator[RenderableType]:
    if not examples:
        return
    yield Text()
    yield indented(heading(title))
    for example in examples:
        yield indented(Text(f"line {example.line:,}: {_prompt(example)} → {_answer(example)}"), 4)


def _changed(changes: "Sequence[ShownChange]") -> Iterator[RenderableType]:
    if not changes:
        return
    yield Text()
    yield indented(heading("changed"))
    for change in changes:
        what = " and ".join(_named(aspect) for aspect in change.aspects)
        line, was = change.lines.new_line, change.lines.old_line
        where = f"line {line:,}" if line == was else f"line {line:,}, was {was:,}"
        yield indented(Text(f"{where}: {_prompt(change.new)}: {what}"), 4)
        for aspect in change.aspects:
            before, after = _side(change.old, aspect), _side(change.new, aspect)
            if before != after:
                yield indented(Text(f"- {before}", style="red"), 6)
                yield indented(Text(f"+ {after}", style="green"), 6)


def _side(example: "Example", aspect: Aspect) -> str:
    """Gives what stands for a row where one thing of it changed."""
    match aspect:
        case Aspect.ANSWER:
            return _answer(example)
        case Aspect.SYSTEM:
            return safe(masked_excerpt(example.system)) if example.system else _NOTHING
        case Aspect.TOOLS:
            return ", ".join(map(safe, function_names(example.tools))) or _NOTHING
        case _:
            return _prompt(example)


def _prompt(example: "Example") -> str:
    return safe(masked_excerpt(example.question or example.asked)) if example.asked else f"line {example.line:,}"


def _answer(example: "Example") -> str:
    calls = ", ".join(f"{call.function.name}({masked_excerpt(call.function.arguments)})" for call in example.calls)
    text = masked_excerpt(example.answer) if example.answer else ""
    rejected = f" rather than {masked_excerpt(example.rejected)}" if example.rejected is not None else ""
    return safe(" ".join(part for part in (text, calls) if part) + rejected) or _NOTHING


def _survey_to_json(survey: "Survey", rows: int, tokens: int) -> dict[str, Any]:
    return {
        "path": survey.path,
        "sha256": survey.sha256,
        "rows": rows,
        "lines_left_out": survey.left_out,
        "tokens_per_epoch": tokens,
    }


def _example_to_json(example: "Example") -> dict[str, Any]:
    return {
        "line": example.line,
        "prompt": masked_excerpt(example.question or example.asked),
        "answer": _answer(example),
    }
