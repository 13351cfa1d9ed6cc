"""Answers by class: precision, recall and F1 of each, and which class was taken for which."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import heading, indented, table
from ftops.cli.style import safe
from ftops.datasets.excerpts import masked_words

if TYPE_CHECKING:
    from ftops.evaluation.reports import Classes

# A matrix of more classes fits no terminal: then the commonest confusions are listed.
_MOST_COLUMNS: Final = 10
_MOST_CLASSES: Final = 20
_MOST_CONFUSIONS: Final = 10
_LONGEST: Final = 24


def class_parts(classes: "Classes") -> Iterator[RenderableType]:
    """Gives the figures of each class, the worst F1 first, and the confusions."""
    figures = sorted(classes.figures, key=lambda one: (one.f1, one.label))
    macro = sum(one.f1 for one in figures) / len(figures)
    yield Text()
    yield indented(heading("classes", f"{len(figures):,} in the references, macro-F1 {macro:.3f}"))
    rows = (
        (_quoted(one.label), _share(one.precision), _share(one.recall), f"{one.f1:.3f}", f"{one.support:,}")
        for one in figures[:_MOST_CLASSES]
    )
    yield indented(table(("class", "precision", "recall", "F1", "support"), rows))
    if len(figures) > _MOST_CLASSES:
        yield indented(Text(f"and {len(figures) - _MOST_CLASSES:,} more with a higher F1 (--json has all)"))
    yield Text()
    if len(classes.given) <= _MOST_COLUMNS:
        yield indented(heading("confusion matrix", "references down, answers across"))
        yield indented(_matrix(classes))
    else:
        yield from _confusions(classes)


def classes_to_json(classes: "Classes") -> dict[str, Any]:
    """Gives the same as JSON, with the whole matrix as counts that are not zero."""
    return {
        "figures": [
            {
                "label": masked_words(one.label),
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
                "support": one.support,
            }
            for one in classes.figures
        ],
        "confusion": [
            {"expected": masked_words(due), "given": masked_words(given), "count": count}
            for (due, given), count in sorted(classes.counts.items())
        ],
    }


def _matrix(classes: "Classes") -> RenderableType:
    numbers = [str(number) for number in range(1, len(classes.given) + 1)]
    rows = [
        (f"{number} {_shown(due)}", *(_count(classes, due, given) for given in classes.given))
        for number, due in zip(numbers, classes.due, strict=False)
    ]
    others = classes.given[len(classes.due) :]
    heads = ("", *numbers[: len(classes.due)], *(_shown(name) for name in others))
    return table(heads, rows)


def _count(classes: "Classes", due: str, given: str) -> str:
    count = classes.counts.get((due, given), 0)
    return f"{count:,}" if count else "·"


def _confusions(classes: "Classes") -> Iterator[RenderableType]:
    wrong = sorted(
        ((count, due, given) for (due, given), count in classes.counts.items() if due != given),
        key=lambda one: (-one[0], one[1], one[2]),
    )
    if not wrong:
        return
    yield indented(heading("commonest confusions", f"{len(wrong):,} different"))
    rows = ((_quoted(due), _shown(given), f"{count:,}") for count, due, given in wrong[:_MOST_CONFUSIONS])
    yield indented(table(("reference", "answer", "items"), rows, texts=2))


def _quoted(label: str) -> str:
    """Quotes a class that begins a line: text of a row must not on a CI runner's output, where it could be a command."""
    return f"'{_shown(label)}'"


def _shown(label: str) -> str:
    text = safe(masked_words(label))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
