"""What would be done to one fine-tune, as a folded block: its steps, what changed in its manifest and in its data, and why."""

import html
from collections.abc import Iterator, Sequence
from typing import assert_never

from ftops.cli.markdown_page import row, table
from ftops.cli.markdown_text import cell, fence, html_code, prose, prose_cell
from ftops.cli.plan_words import WHY, duration_words, size_words, target_text, usd_words, verb
from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    FieldChange,
    Move,
    Promote,
    Train,
    Upload,
)


def verbs(actions: Sequence[Action]) -> str:
    """Gives what is done, each word once, for a table's cell; promotions with their aliases."""
    words = dict.fromkeys(
        f"{'promote' if action.target else 'retire'} {cell(action.alias)}"
        if isinstance(action, Promote)
        else verb(action)
        for action in actions
    )
    return ", ".join(words)


def fine_tune_details(
    key: tuple[str, str], actions: Sequence[Action], changes: Sequence[DatasetChange]
) -> tuple[str, ...]:
    """Gives the block of one fine-tune on one backend; ``changes`` are those of its datasets."""
    name, backend = key
    does = ", ".join(dict.fromkeys(verb(action) for action in actions))
    costs = [action.estimate.usd for action in actions if isinstance(action, Train | Evaluate)]
    cost = f" · {usd_words(None if None in costs else sum(usd or 0.0 for usd in costs))}" if costs else ""
    return (
        "<details>",
        f"<summary>{html_code(name)} on {html_code(backend)}: {does}{cost}</summary>",
        "",
        *table(("Step", "What", "Cost", "Why"), "llrl"),
        *(_step(action) for action in actions),
        "",
        *_assumptions(actions),
        *_manifest_changes(actions),
        *_data_changes(actions, changes),
        "</details>",
    )


def _step(action: Action) -> str:
    sign, what = _what(action)
    cost = usd_words(action.estimate.usd) if isinstance(action, Train | Evaluate) else ""
    # The sign stands outside of code: a line could be broken at a span's end, whatever follows it.
    return row(f"{html.escape(sign)}&nbsp;{verb(action)}", what, cost, prose_cell(WHY[action.reason]))


def _what(action: Action) -> tuple[str, str]:
    match action:
        case Move(former=former):
            return "~", f"{cell(former)} → {cell(action.fine_tune)}"
        case Adopt(job=job):
            return "<", f"job {cell(job)}"
        case Cancel(job=job):
            return "-", f"job {cell(job)} of revision {cell(action.revision)}"
        case Upload():
            return "+", f"{cell(action.path)}, {action.rows:,} rows, {size_words(action.size)}"
        case Train():
            attempt = f", attempt {action.attempt}" if action.attempt > 1 else ""
            revision = f" as revision {cell(action.revision)}"
            return "+", f"{cell(action.base_model)}{revision}{attempt}{_effort(action)}"
        case Evaluate(checkpoints=among):
            chooses = "" if among is None else f", chooses among {f'{len(among):,} ' if among else ''}checkpoints"
            judged = f", up to {action.judged:,} answers judged" if action.judged else ""
            uncounted = " at a cost not counted" if judged and action.estimate.usd else ""
            return (
                "+",
                f"{cell(action.evaluation)}{chooses}, at most {action.calls:,} calls{judged}{uncounted}{_effort(action)}",
            )
        case Promote(target=None):
            return "-", f"{cell(action.alias)}: {_revision(action, is_old=True)} → retired"
        case Promote():
            condition = ", if its gates pass" if action.is_conditional else ""
            move = f"{cell(action.alias)}: {_revision(action, is_old=True)} → {_revision(action)}{condition}"
            return "~" if action.was else "+", move
        case DeleteModel(model=model):
            return "-", f"model {cell(model)} of revision {cell(action.revision)}"
        case DeleteFile(file=file):
            return "-", f"file {cell(file)}, {size_words(action.size)}"
        case _:
            assert_never(action)


def _revision(action: Promote, *, is_old: bool = False) -> str:
    if is_old:
        return cell(target_text(action.was)) if action.was else "nothing"
    return cell(action.revision)


def _effort(action: Train | Evaluate) -> str:
    tokens = f", {action.estimate.tokens:,} tokens" if action.estimate.tokens is not None else ""
    return f"{tokens}{duration_words(action.estimate.seconds)}"


def _assumptions(actions: Sequence[Action]) -> Iterator[str]:
    """What estimates rest on; of an unknown cost, why it is unknown."""
    for action in actions:
        if not isinstance(action, Train | Evaluate) or not action.estimate.assumes:
            continue
        if isinstance(action, Train) or action.estimate.usd is None:
            unknown = ", cost unknown" if action.estimate.usd is None else ""
            yield f"Assumed for {verb(action)}{unknown}: {prose(action.estimate.assumes)}"
            yield ""


def _manifest_changes(actions: Sequence[Action]) -> Iterator[str]:
    changes = dict.fromkeys(change for action in actions for change in action.changes)
    if changes:
        yield "Changed in the manifest:"
        yield ""
        yield from fence((line for change in changes for line in _change(change)), "diff")
        yield ""


def _change(change: FieldChange) -> Iterator[tuple[str, str]]:
    if change.old is not None:
        yield "-", f"{change.path}: {change.old}"
    if change.new is not None:
        yield "+", f"{change.path}: {change.new}"


def _data_changes(actions: Sequence[Action], changes: Sequence[DatasetChange]) -> Iterator[str]:
    its = [change for action in actions for change in changes if _is_its(change, action)]
    if not its:
        return
    yield from table(("Data", "Since revision", "Rows", "Tokens", "Cost"), "lllrr")
    for change in its:
        yield _data_row(change)
    yield ""


def _is_its(change: DatasetChange, action: Action) -> bool:
    if isinstance(action, Evaluate):
        return change.evaluation == action.evaluation
    return isinstance(action, Train) and change.evaluation is None and change.revision == action.revision


def _data_row(change: DatasetChange) -> str:
    name = f"{change.dataset} {cell(change.evaluation)}" if change.evaluation is not None else change.dataset
    rows = change.rows
    if rows is None:
        return row(name, cell(change.since), prose_cell(change.unknown or "not known"), "", "")
    counts = ((rows.added, "added"), (rows.removed, "removed"), (rows.changed, "changed"))
    said = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    tokens = f"{'−' if rows.tokens < 0 else '+'}{abs(rows.tokens):,}"
    return row(name, cell(change.since), said or "the same, in another order or spelling", tokens, _dearer(rows.usd))


def _dearer(usd: float | None) -> str:
    if not usd:
        return "–"
    return f"{'−' if usd < 0 else '+'}${abs(usd):,.2f}" if abs(usd) >= 0.005 else "under $0.01"
