"""A plan as Markdown: what a reviewer reads in a pull request, and what a step's summary keeps.

Owns the page of a plan; ``markdown_text`` owns how foreign text gets into it, ``markdown_page`` how it is cut. Labels of
rows are training text: a terminal shows them, a page that others read doesn't. The same plan gives the same bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ftops.cli.markdown_alerts import refused, shut_out, stays_back
from ftops.cli.markdown_page import Item, Page, Section, row, table
from ftops.cli.markdown_steps import fine_tune_details, verbs
from ftops.cli.markdown_text import cell, code, prose
from ftops.cli.plan_words import summary_words, usd_words
from ftops.cli.render_findings import counted_rows
from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.plan import Action, Evaluate, Plan, Train

_Key = tuple[str, str]  # fine-tune and backend


def render_markdown(plan: Plan) -> str:
    """Gives the whole plan; it ends with a line break."""
    return plan_page(plan).text().rstrip("\n") + "\n"


def plan_page(plan: Plan) -> Page:
    """Gives the plan as a page that can be cut. Every line begins with text of ours."""
    return Page(title=f"### {summary_words(plan)}", below=(_where(plan),), sections=plan_sections(plan))


def plan_sections(plan: Plan) -> tuple[Section, ...]:
    """Gives what a plan says below its summary, what matters most first."""
    by_key = _by_key(plan.actions)
    changes: defaultdict[str, list[DatasetChange]] = defaultdict(list)
    for change in plan.dataset_changes:
        changes[change.fine_tune].append(change)
    return (
        *refused(plan),
        stays_back(plan),
        *shut_out(plan),
        _costs(by_key),
        Section(
            what="details",
            items=tuple(
                Item(fine_tune=key[0], lines=fine_tune_details(key, actions, changes[key[0]]))
                for key, actions in by_key.items()
            ),
            gap=True,
        ),
        _findings(plan),
    )


def _where(plan: Plan) -> str:
    at = f" at {code(plan.commit[:12])}" if plan.commit else ""
    return f"Project {code(plan.project)}{at}, {plan.today.isoformat()} (UTC)"


def _by_key(actions: Iterable[Action]) -> Mapping[_Key, Sequence[Action]]:
    found: defaultdict[_Key, list[Action]] = defaultdict(list)
    for action in actions:
        found[action.fine_tune, action.backend].append(action)
    return dict(sorted(found.items()))


def _costs(by_key: Mapping[_Key, Sequence[Action]]) -> Section:
    """What each fine-tune would cost; with its backend where there are several."""
    has_backends = len({backend for _, backend in by_key}) > 1
    rows = tuple(
        Item(
            fine_tune=name,
            lines=(row(cell(name), *([cell(backend)] if has_backends else []), verbs(actions), *_figures(actions)),),
        )
        for (name, backend), actions in by_key.items()
    )
    every = [action for actions in by_key.values() for action in actions]
    total = row("**Total**", *([""] if has_backends else []), "", *(f"**{text}**" for text in _figures(every)))
    names = ("Fine-tune", *(["Backend"] if has_backends else []), "What", "Training", "Evaluation", "Cost")
    return Section(
        what="rows of the table",
        before=table(names, "l" * (len(names) - 3) + "rrr"),
        items=rows,
        behind=(total,) if len(rows) > 1 else (),
    )


def _figures(actions: Sequence[Action]) -> tuple[str, str, str]:
    return _cost(actions, Train), _cost(actions, Evaluate), _cost(actions, Train, Evaluate)


def _cost(actions: Sequence[Action], *kinds: type[Train | Evaluate]) -> str:
    costs = [action.estimate.usd for action in actions if isinstance(action, kinds)]
    if not costs:
        return "–"
    return usd_words(None if None in costs else sum(cost or 0.0 for cost in costs))


def _findings(plan: Plan) -> Section:
    """Warnings about the data of planned trainings, folded; of advice there is only the number."""
    items = [
        Item(
            fine_tune=None,
            lines=(
                f"- {code(f'{one.file}:{one.lines[0]}' if any(one.lines) else one.file)}: {one.code} {prose(one.name)}"
                + (f", {counted_rows(one.code, one.count)}" if one.count > 1 else ""),
            ),
        )
        for one in plan.findings
        if one.level == "warning"
    ]
    advice = sum(one.count for one in plan.findings if one.level == "advice")
    if advice:
        words = f"- {advice:,} {'piece' if advice == 1 else 'pieces'} of advice: `ftops data check` tells"
        items.append(Item(fine_tune=None, lines=(words,)))
    warnings = sum(one.level == "warning" for one in plan.findings)
    counts = (
        f"{warnings:,} kind{'' if warnings == 1 else 's'} of warning" if warnings else "",
        "advice" if advice else "",
    )
    before = ("<details>", f"<summary>Found in the data: {', '.join(filter(None, counts))}</summary>", "")
    return Section(what="findings in the data", before=before, items=tuple(items), behind=("", "</details>"))
