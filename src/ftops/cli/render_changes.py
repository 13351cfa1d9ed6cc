"""What a plan says of trainings and evaluations beside their cost: what it rests on, what changed in the data, what was found.

Owns these sentences. Labels are training text: they are shown here, and stand in no saved plan.
"""

from collections.abc import Iterator

from ftops.cli.render_findings import counted_rows
from ftops.cli.style import paint, safe
from ftops.domain.dataset_changes import DatasetChange, RowChanges
from ftops.domain.plan import Action, Evaluate, Plan, Train


def change_lines(plan: Plan, action: Action) -> Iterator[str]:
    """Gives what the estimate of a training assumes, and a line for each dataset that changed since it was trained on."""
    if isinstance(action, Evaluate):
        for change in plan.dataset_changes:
            if (change.fine_tune, change.evaluation) == (action.fine_tune, action.evaluation):
                yield f"      its data since revision {change.since}: {_said(change)}"
    if not isinstance(action, Train):
        return
    if action.estimate.usd is not None and action.estimate.assumes:  # an unknown cost is told with its reason
        yield paint(f"      assumes {safe(action.estimate.assumes)}", dim=True)
    for change in plan.dataset_changes:
        is_its = (change.fine_tune, change.revision) == (action.fine_tune, action.revision)
        if is_its and change.evaluation is None:
            yield f"      {change.dataset} data since revision {change.since}: {_said(change)}"


def data_lines(plan: Plan) -> Iterator[str]:
    """Gives a line for each kind of warning about the data of planned trainings; of advice there is only the number."""
    for one in plan.findings:
        if one.level == "warning":
            place = f"{safe(one.file)}:{one.lines[0]}" if any(one.lines) else safe(one.file)
            rows = f", {counted_rows(one.code, one.count)}" if one.count > 1 else ""
            yield f"  {paint('!', 'yellow')} {place}: {one.code} {one.name}{rows}"
    advice = sum(one.count for one in plan.findings if one.level == "advice")
    if advice:
        yield f"  {advice:,} {'piece' if advice == 1 else 'pieces'} of advice: ftops data check tells"


def _said(change: DatasetChange) -> str:
    if change.rows is None:
        return safe(change.unknown or "")
    rows = change.rows
    if not (rows.added or rows.removed or rows.changed):
        return "the same rows in another order or spelling"
    added, removed = paint(f"+{rows.added:,}", "green"), paint(f"−{rows.removed:,}", "red")
    changed = paint(f"~{rows.changed:,}", "yellow")
    tokens = f"{'−' if rows.tokens < 0 else '+'}{abs(rows.tokens):,} tokens"
    return f"{added} {removed} {changed} rows, {tokens}{_dearer(rows.usd)}{_labels(rows)}"


def _dearer(usd: float | None) -> str:
    """Gives a difference of cost; nothing where it is none, as where training costs nothing, or isn't known."""
    if not usd:
        return ""
    return f", {'−' if usd < 0 else '+'}{f'${abs(usd):,.2f}' if abs(usd) >= 0.005 else '<$0.01'}"


def _labels(rows: RowChanges) -> str:
    said = (f"{safe(one.label)} {one.old_share:.1%} → {one.new_share:.1%}" for one in rows.labels)
    joined = ", ".join(said)
    return f", labels: {joined}" if joined else ""
