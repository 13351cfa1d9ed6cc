"""From what the ledger and ``.ftops`` hold to findings: can it be read, is it ours, what is unfinished, what is spent.

Pure: ``adapters.doctor_ledger`` reads them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final, assert_never

from ftops.domain.diagnosing_git import Trouble
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.diagnosis import Check, Finding, Unknown, counted, listed, unknown, warning, well, wrong
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import FineTuneName
from ftops.domain.records import LedgerState
from ftops.domain.spending import is_over, spent_usd

OLD_INTENT: Final = timedelta(hours=1)
NEARLY_SPENT: Final = 0.8
_CHECKS: Final = (
    Check.LEDGER, Check.LEDGER_NAME, Check.APPLIED, Check.INTENTS, Check.TRAINING, Check.BUDGET,
)  # fmt: skip


class Standing(StrEnum):
    """How the commit that was applied last lies to the one checked out."""

    NONE = "none"
    CONTAINED = "contained"
    NEWER = "newer"
    DIVERGED = "diverged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerFacts:
    """The ledger's branch as fetched just now.

    ``trouble`` is why it can't be read at all, ``problems`` why some of its files can't. ``others`` are projects that have
    folders in the branch. ``standing`` is that of the commit applied last.
    """

    branch: str
    place: str = "in this clone"
    exists: bool = True
    trouble: Trouble | None = None
    problems: tuple[Trouble, ...] = ()
    is_rewritten: bool = False
    others: tuple[str, ...] = ()
    state: LedgerState = field(default_factory=LedgerState)
    standing: Standing = Standing.NONE
    is_shallow: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingFacts:
    """Files in ``.ftops/pending``: how many wait for the next run, and how many the ledger refused."""

    waiting: int = 0
    refused: int = 0


def trained(facts: LedgerFacts | Unknown, project: ProjectFacts) -> frozenset[FineTuneName]:
    """Gives the fine-tunes that have a model on their backend in force: what forbids training may not concern them today."""
    if isinstance(facts, Unknown):
        return frozenset()
    known = facts.state.fine_tunes
    return frozenset(
        one.name
        for one in project.fine_tunes
        if (backend := project.backend_of(one)) is not None
        for name in (one.name, *one.moved_from)
        if name in known and any(record.trained_job(backend.name) for record in known[name].revisions.values())
    )


def diagnose_ledger(
    facts: LedgerFacts | Unknown,
    *,
    pending: PendingFacts | Unknown,
    project: ProjectFacts | Unknown,
    now: datetime,
) -> Iterator[Finding]:
    """Gives the findings about the ledger."""
    yield from _branch(facts, project=project, now=now)
    yield _pending(pending)


def _branch(facts: LedgerFacts | Unknown, *, project: ProjectFacts | Unknown, now: datetime) -> Iterator[Finding]:
    wanting = facts if isinstance(facts, Unknown) else project if isinstance(project, Unknown) else None
    if wanting is not None:
        yield from (unknown(check, wanting) for check in _CHECKS)
        return
    assert isinstance(facts, LedgerFacts)  # noqa: S101 - told from Unknown above
    assert isinstance(project, ProjectFacts)  # noqa: S101
    yield _reading(facts)
    if facts.trouble is not None:
        why = Unknown(why="the ledger can't be read")
        yield from (unknown(check, why) for check in _CHECKS if check is not Check.LEDGER)
        return
    yield _name(facts, project)
    yield _applied(facts, project)
    yield _intents(facts, now)
    yield _training(facts, project)
    yield _budget(facts, project, now)


def _reading(facts: LedgerFacts) -> Finding:
    check, where = Check.LEDGER, f"{visible(facts.branch)} {visible(facts.place)}"
    if facts.trouble is not None:
        return wrong(check, visible(facts.trouble.message), *facts.trouble.mends, code=facts.trouble.exit_code)
    if facts.is_rewritten:
        what = "was rewritten" if facts.exists else "was deleted"
        says = f"the ledger's branch {where} {what}: it lacks a commit that this clone has seen"
        return wrong(check, says, "ftops ledger verify", "ftops ledger verify --accept", code=5)
    if facts.problems:
        first = facts.problems[0]
        says = f"{counted(len(facts.problems), 'file')} of the ledger can't be read: {visible(first.message)}"
        return wrong(check, says, *first.mends or ("ftops ledger verify",), code=first.exit_code)
    if not facts.exists:
        return well(check, f"{where}: there is none yet; the first apply makes it")
    return well(check, f"{where}: {counted(len(facts.state.fine_tunes), 'fine-tune')} recorded")


def _name(facts: LedgerFacts, project: ProjectFacts) -> Finding:
    check, name = Check.LEDGER_NAME, project.project.name
    is_recorded = facts.state.project is not None or bool(facts.state.fine_tunes)
    if is_recorded or not facts.others:
        known = set(facts.state.fine_tunes)
        if project.is_rehearsal or project.fine_tunes or not known:
            return well(check, f"the ledger is about the project {visible(name)}")
        says = f"no manifest is here, but the ledger knows {listed(sorted(known))}"
        return wrong(check, says, "git status", "ftops forget NAME", code=5)
    says = f"the ledger has nothing of {visible(name)}, but projects named {listed(map(visible, facts.others))}"
    mend = f"if this is one of them, in ftops.yaml: metadata: {{name: {visible(facts.others[0])}}}"
    return warning(check, says, mend)


def _applied(facts: LedgerFacts, project: ProjectFacts) -> Finding:
    check = Check.APPLIED
    if project.is_rehearsal:
        return unknown(check, Unknown(why="rehearsals don't ask which commit was applied"))
    match facts.standing:
        case Standing.NONE:
            return unknown(check, Unknown(why="nothing was applied yet"))
        case Standing.CONTAINED:
            return well(check, "the commit applied last is part of this one")
        case Standing.NEWER:
            says = "a newer commit was applied already: an apply from here ends as stale"
            return wrong(check, says, "git pull --ff-only", code=6)
        case Standing.DIVERGED:
            says = "a commit was applied that this history does not contain"
            return wrong(check, says, "git pull", "ftops apply --allow diverged", code=5)
        case Standing.UNKNOWN:
            says = "this clone lacks the history to tell whether a newer commit was applied"
            return warning(check, says, "git fetch --unshallow --filter=tree:0" if facts.is_shallow else "git fetch")
        case _:
            assert_never(facts.standing)


def _intents(facts: LedgerFacts, now: datetime) -> Finding:
    old = sorted(
        f"{name} {revision} on {backend}"
        for name, record in facts.state.fine_tunes.items()
        for revision, known in record.revisions.items()
        for backend, attempts in known.attempts.items()
        for attempt in attempts
        if attempt.open_intent is not None and attempt.job is None and now - attempt.open_intent.at > OLD_INTENT
    )
    if old:
        says = f"a run that never told its end may have started a job of {listed(map(visible, old))}"
        return warning(Check.INTENTS, says, "ftops apply --continue")
    return well(Check.INTENTS, "no run left a claim behind")


def _training(facts: LedgerFacts, project: ProjectFacts) -> Finding:
    for backend in project.backends:
        record = facts.state.backend(backend.name)
        if record is not None and record.blocked is not None:
            says = (
                f"{visible(backend.name)} said on {record.blocked.at:%Y-%m-%d} that this organisation may train no more: "
                f"{visible(record.blocked.message)}"
            )
            return warning(Check.TRAINING, says, "ftops retry NAME asks again, once", "another backend in ftops.yaml")
    return well(Check.TRAINING, "no backend has refused to train for this organisation")


def _budget(facts: LedgerFacts, project: ProjectFacts, now: datetime) -> Finding:
    limit = project.project.training_budget_usd
    if limit is None:
        return unknown(Check.BUDGET, Unknown(why="ftops.yaml sets none"))
    rehearsals = frozenset(name for name, backend in project.project.backends.items() if backend.is_rehearsal)
    spent = spent_usd(facts.state, month=(now.year, now.month), rehearsals=rehearsals)
    says = f"${spent:,.2f} of ${limit:,.2f} are spent this month"
    if is_over(spent, limit) or (spent and spent >= NEARLY_SPENT * limit):
        more = max(2 * limit, float(ceil(spent)))
        return warning(Check.BUDGET, says, f"in ftops.yaml: spec.budget: {{training_usd: {more:.0f}}}")
    return well(Check.BUDGET, says)


def _pending(facts: PendingFacts | Unknown) -> Finding:
    check = Check.PENDING
    if isinstance(facts, Unknown):
        return unknown(check, facts)
    if facts.refused:
        says = f"{counted(facts.refused, 'record')} in .ftops/pending/refused, paid for and not taken by the ledger"
        return warning(check, says, "ls .ftops/pending/refused", "ftops ledger verify")
    if facts.waiting:
        says = f"{counted(facts.waiting, 'record')} in .ftops/pending of what was paid for and is not in the ledger yet"
        return warning(check, says, "ftops apply --continue")
    return well(check, "nothing waits in .ftops/pending")
