"""What was found in datasets, as text for people and as JSON.

Owns both forms. What files hold is foreign: no line begins with it, and nothing in it looks like a command to a CI runner.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from ftops.cli.style import paint, safe
from ftops.datasets.checks import CHECKS, Level

if TYPE_CHECKING:
    from ftops.application.data_checks import FileReport
    from ftops.application.data_reviews import Review
    from ftops.datasets.findings import FindingGroup, Found

LEVELS: Final = (Level.ERROR, Level.WARNING, Level.ADVICE)
_COLORS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.ADVICE: "cyan"}
_ROLES: Final = {"train": "Training", "validation": "Validation", "evaluation": "Evaluation"}
_ONCE_A_ROW: Final = "D060"  # from this code on a row counts once
_UNITS: Final = {Level.ERROR: ("error", "errors"), Level.WARNING: ("warning", "warnings")}


def is_at_least(level: Level, least: Level) -> bool:
    """Whether a level is as bad as ``least``, or worse."""
    return LEVELS.index(level) <= LEVELS.index(least)


def finding_lines(review: "Review", *, least: Level) -> Iterator[str]:
    """Gives the findings file by file, those of a level below ``least`` left out, and last the summary."""
    for path in dict.fromkeys(one.findings.file for one in review.files):
        groups = [one for one in review.groups if one.file == path and is_at_least(one.level, least)]
        for file in review.files:
            if file.findings.file == path:
                yield _heading(file)
        for group in groups:
            yield from _group(group)
        if groups:
            yield ""
    yield from _summary(review, least)


def review_to_json(review: "Review", *, least: Level) -> dict[str, Any]:
    """Gives files, findings and their numbers as JSON."""
    return {
        "files": [
            {"path": safe(file.path), "role": file.role, "use": file.use, "rows": file.rows, "tokens": file.tokens}
            for file in review.files
        ],
        "findings": [group_to_json(one) for one in review.groups if is_at_least(one.level, least)],
        "summary": {
            **{level.value: review.count(level) for level in LEVELS},
            "known": sum(group.count for group in review.known),
            "switched_off": list(review.off),
        },
    }


def group_to_json(group: "FindingGroup") -> dict[str, Any]:
    """Gives one kind of finding as JSON."""
    return {
        "code": group.check.code,
        "name": group.check.name,
        "level": group.level.value,
        "file": safe(group.file),
        "kind": safe(group.kind),
        "count": group.count,
        "shown": [
            {
                "line": one.line,
                "column": one.column,
                "field": safe(one.field),
                "says": safe(one.says),
                "hint": None if one.hint is None else safe(one.hint),
            }
            for one in group.shown
        ],
    }


def rows_of(group: "FindingGroup") -> str:
    """Says how many rows a finding is about; nothing where it is about the file as a whole."""
    return "" if group.count == 1 and not group.shown[0].line else counted_rows(group.check.code, group.count)


def counted_rows(code: str, count: int) -> str:
    """Says in how many rows something was found, or how often where one row may have it several times."""
    return "1 row" if count == 1 else f"{count:,} {'times' if code < _ONCE_A_ROW else 'rows'}"


def place_of(file: str, found: "Found") -> str:
    """Says where something was found, as editors and terminals read it."""
    where = f"{file}:{found.line}:{found.column}" if found.line else file
    return safe(f"{where} {found.field}".rstrip())


def totals(review: "Review") -> str:
    """Says how much was found, level by level."""
    counts = {level: review.count(level) for level in LEVELS if review.count(level)}
    said = [_counted(count, level) for level, count in counts.items()]
    return ", ".join(said) or ("nothing new" if review.known else "nothing found")


def _heading(file: "FileReport") -> str:
    text = f"{_ROLES[file.role.value]} file {safe(file.path)}"
    return f"{paint(text, bold=True)}  {file.use.value}, {_many(file.rows, 'row')}, {_many(file.tokens, 'token')}"


def _group(group: "FindingGroup") -> Iterator[str]:
    level = paint(f"{group.level.value:<7}", _COLORS[group.level])
    head = f"  {paint(group.check.code, bold=True)} {level}  {group.check.name}"
    rows = rows_of(group)
    yield f"{head}  {rows}" if rows else head
    hints = {one.hint for one in group.shown}
    for one in group.shown:
        own = f" ({safe(one.hint)})" if one.hint and len(hints) > 1 else ""
        yield f"    at {place_of(group.file, one)}: {safe(one.says)}{own}"
    if group.rest > 0:
        yield f"    and {group.rest:,} more"
    (hint, *others) = hints
    if hint and not others:
        yield f"    {paint('hint:', dim=True)} {safe(hint)}"


def _summary(review: "Review", least: Level) -> Iterator[str]:
    files = {file.path: file for file in review.files}
    rows, tokens = sum(file.rows for file in files.values()), sum(file.tokens for file in files.values())
    size = f"{_many(len(files), 'file')}, {_many(rows, 'row')}, {_many(tokens, 'token')}"
    yield f"{paint('Checked', bold=True)} {size}: {totals(review)}."
    hidden = sum(review.count(level) for level in LEVELS if not is_at_least(level, least))
    if hidden:
        yield f"Below --level {least.value} and not shown: {_many(hidden, 'finding')}."
    if review.known:
        yield f"Known from the baseline: {_many(sum(one.count for one in review.known), 'finding')}."
    if review.off:
        yield f"Switched off: {', '.join(f'{code} {CHECKS[code].name}' for code in review.off)}."


def _counted(count: int, level: Level) -> str:
    one, many = _UNITS.get(level, ("piece of advice", "pieces of advice"))
    return f"{count:,} {one if count == 1 else many}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def brief_lines(groups: Sequence["FindingGroup"]) -> Iterator[str]:
    """Gives one line for each kind of finding: where it is first, what it is, how often it is there."""
    for group in groups:
        first, rows = group.shown[0], rows_of(group)
        what = f"{group.check.code} {group.check.name}{f', {rows}' if group.count > 1 else ''}"
        yield f"{place_of(group.file, first)}: {what}: {safe(first.says)}"
