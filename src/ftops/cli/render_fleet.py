"""The fleet as a table for a terminal of any width, and as JSON.

Owns the columns, which of them give way, and the words for ages and money. A name is never cut: it is what people act by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from ftops.application.fleet import AliasRow, FleetRow, Spending
from ftops.cli.render_notices import notice_lines
from ftops.cli.style import paint, safe
from ftops.cli.widths import cells, margin, padded
from ftops.domain.health import Health
from ftops.domain.near_misses import listed
from ftops.domain.plan import Plan
from ftops.domain.plan_json import judgement_to_json

_GAP: Final = 2
_COLORS: Final = {
    Health.BROKEN: "red",
    Health.ATTENTION: "yellow",
    Health.PENDING: "cyan",
    Health.WORKING: "cyan",
    Health.SUSPENDED: None,
    Health.OK: "green",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """A column; those with the highest ``rank`` give way first where the terminal is too narrow. Rank 0 always stays."""

    head: str
    rank: int
    is_number: bool = False


_COLUMNS: Final = (
    _Column(head="HEALTH", rank=0),
    _Column(head="NAME", rank=0),
    _Column(head="STATE", rank=1),
    _Column(head="ALIASES", rank=2),
    _Column(head="AGE", rank=3, is_number=True),
    _Column(head="SPENT", rank=4, is_number=True),
    _Column(head="SHUTDOWN", rank=5, is_number=True),
    _Column(head="BACKEND", rank=6),
    _Column(head="REVISION", rank=7),
)
_ALIASES: Final = 3


def in_order(rows: Sequence[FleetRow], order: str) -> list[FleetRow]:
    """Gives the rows by ``health`` (worst first), ``name``, ``age`` (oldest first) or ``spent`` (dearest first)."""
    words = list(Health)
    by_name = sorted(rows, key=lambda row: row.name)
    match order:
        case "health":
            return sorted(by_name, key=lambda row: words.index(row.health))
        case "age":
            return sorted(by_name, key=lambda row: (row.made_at is None, row.made_at and row.made_at.timestamp()))
        case "spent":
            return sorted(by_name, key=lambda row: -row.spent_usd)
        case _:
            return by_name


def fleet_lines(rows: Sequence[FleetRow], spent: Spending, plan: Plan, *, now: datetime) -> Iterator[str]:
    """Gives the table, why some rows are not ok, what else is to be known, and last how many are how and what was spent."""
    if not rows:
        yield "No manifests: ftops init writes a first one."
        return
    yield from _table(rows, now)
    reasons: dict[tuple[Health, str], list[str]] = {}
    for row in rows:
        if row.why and row.health is not Health.SUSPENDED:
            reasons.setdefault((row.health, row.why), []).append(row.name)
    if reasons:
        yield ""
    for (health, why), names in reasons.items():
        yield f"{paint(f'{listed(names)}: ', _COLORS[health])}{safe(why)}"
    told = {row.why for row in rows}
    notices = [one for one in plan.notices if one.message not in told]
    if notices:
        yield ""
    yield from notice_lines(notices)
    yield ""
    yield _summary(rows, spent)


def fleet_to_json(
    rows: Sequence[FleetRow], spent: Spending, plan: Plan, *, now: datetime, fetched: datetime | None
) -> dict[str, Any]:
    """Gives the same as data; ``fetched`` is when the ledger's copy was, where it was not fetched now."""
    return {
        "format_version": "1",
        "project": plan.project,
        "at": now.isoformat(),
        "ledger_fetched_at": fetched.isoformat() if fetched else None,
        "caveats": list(plan.caveats),
        "spending": {
            "month": f"{spent.year:04}-{spent.month:02}",
            "usd": spent.usd,
            "budget_usd": spent.budget_usd,
        },
        "fine_tunes": [_to_json(row) for row in rows],
        "notices": [{"fine_tune": one.fine_tune, "message": one.message} for one in plan.notices],
    }


def age(since: datetime | None, now: datetime) -> str:
    """Gives how long ago something was, in its largest unit: ``12 min``, ``5 h``, ``3 d``."""
    if since is None:
        return "-"
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60):,} d"


def _table(rows: Sequence[FleetRow], now: datetime) -> Iterator[str]:
    is_narrow = sum(_widths([_cells(row, now) for row in rows])) + _GAP * (len(_COLUMNS) - 1) > margin()
    # In a narrow terminal each alias has a line of its own.
    texts = [_cells(row, now, between="\n" if is_narrow else ", ") for row in rows]
    widths = _widths(texts)
    shown = _fitting(widths)
    yield paint(_line([column.head for column in _COLUMNS], widths, shown), bold=True)
    for row, text in zip(rows, texts, strict=True):
        aliases, *others = text[_ALIASES].split("\n")
        line = _line([*text[:_ALIASES], aliases, *text[_ALIASES + 1 :]], widths, shown)
        yield paint(line[: widths[0]], _COLORS[row.health]) + line[widths[0] :]
        for alias in others if _ALIASES in shown else ():
            yield _line([alias if place == _ALIASES else "" for place in range(len(_COLUMNS))], widths, shown)


def _widths(texts: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(cells(column.head), *(cells(line) for text in texts for line in text[place].split("\n")))
        for place, column in enumerate(_COLUMNS)
    ]


def _fitting(widths: Sequence[int]) -> list[int]:
    """Gives the columns that fit into a line, in their order: those that matter most are taken first."""
    shown: list[int] = []
    for place in sorted(range(len(_COLUMNS)), key=lambda one: _COLUMNS[one].rank):
        taken = sum(widths[one] + _GAP for one in shown)
        if _COLUMNS[place].rank == 0 or taken + widths[place] <= margin():
            shown.append(place)
    return sorted(shown)


def _line(texts: Sequence[str], widths: Sequence[int], shown: Sequence[int]) -> str:
    made = [padded(texts[place], widths[place], is_right=_COLUMNS[place].is_number) for place in shown]
    return (" " * _GAP).join(made).rstrip()


def _cells(row: FleetRow, now: datetime, *, between: str = ", ") -> tuple[str, ...]:
    days = row.shutdown_in_days
    return (
        row.health.value,
        row.name,
        safe(row.state),
        between.join(_alias(alias, row) for alias in row.aliases) or "none",
        age(row.made_at, now),
        f"${row.spent_usd:,.2f}",
        "-" if days is None else f"{days:,} d",
        row.backend,
        row.revision,
    )


def _alias(alias: AliasRow, row: FleetRow) -> str:
    if alias.target is None:
        return f"{alias.alias}: " + ("retired" if alias.wants is None else "nothing")
    is_behind = alias.wants == "latest" and alias.target.revision != row.revision
    return f"{alias.alias}: {alias.target.revision}" + (" (behind)" if is_behind else "")


def _summary(rows: Sequence[FleetRow], spent: Spending) -> str:
    counts = {health: sum(row.health is health for row in rows) for health in Health}
    words = ", ".join(f"{count:,} {paint(health.value, _COLORS[health])}" for health, count in counts.items() if count)
    budget = f" of ${spent.budget_usd:,.2f}" if spent.budget_usd is not None else ""
    return f"{words}. Spent in {spent.year:04}-{spent.month:02}: ${spent.usd:,.2f}{budget}."


def _to_json(row: FleetRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "health": row.health.value,
        "why": row.why or None,
        "backend": row.backend,
        "revision": row.revision,
        "state": row.state,
        "job": msgspec.to_builtins(row.job) if row.job else None,
        "judgement": judgement_to_json(row.judgement) if row.judgement else None,
        "aliases": [msgspec.to_builtins(alias) for alias in row.aliases],
        "made_at": row.made_at.isoformat() if row.made_at else None,
        "spent_usd": row.spent_usd,
        "revisions": row.revisions,
        "shutdown_in_days": row.shutdown_in_days,
        "drift": list(row.drift),
    }
