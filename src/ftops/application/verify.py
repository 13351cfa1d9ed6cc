"""Verifies a ledger: what its branch tells and what its records must be, put together, with what to do about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ftops.domain.findings import Finding, Invariant
from ftops.domain.invariants import broken_invariants
from ftops.ports import Inspected, LedgerInspector

SHOWN: Final = 50
_TAKE: Final = "take the ledger as it is now: ftops ledger verify --accept"
_ELSEWHERE: Final = "in this clone; in others and in CI, --since COMMIT, the tip accepted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was looked at, and everything wrong with it, each with its remedy. ``is_accepted``: it was taken as it is."""

    inspected: Inspected
    problems: tuple[tuple[Finding, str], ...]
    is_accepted: bool = False

    @property
    def is_in_order(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    inspector: LedgerInspector, *, project: str, now: datetime, is_accepting: bool = False, since: str | None = None
) -> Verified:
    """Looks at a ledger, or takes it as it is now. Raises LedgerError where it can't be looked at.

    Commits up to ``since`` are not judged; UsageProblem where it is none of the ledger's.
    """
    inspected = inspector.accept() if is_accepting else inspector.inspect(since=since)
    is_whole = all(finding.invariant is not Invariant.READABLE for finding in inspected.findings)
    broken = tuple(
        finding
        for finding in broken_invariants(inspected.state, project=project, now=now)
        # What can't be read is told of; that it is missing follows from it.
        if is_whole or finding.invariant is not Invariant.PROJECT
    )
    return Verified(
        inspected=inspected,
        problems=tuple((found, _remedy(found, inspected, project)) for found in (*inspected.findings, *broken)),
        is_accepted=is_accepting,
    )


def _remedy(finding: Finding, inspected: Inspected, project: str) -> str:
    match finding.invariant:
        case Invariant.APPEND_ONLY:
            return f"find out who did it; push the earlier commit back, or {_TAKE}"
        case Invariant.CLOCKS:
            return "set the clock of the machine that wrote it; what is recorded becomes right as time passes"
        case Invariant.ONE_LIVING_JOB:
            return "ftops apply cancels the job that does not count; where it finds none to cancel, ftops cancel does"
        case _ if finding.commit is not None:
            undo = "where it was wrong undo it in a commit on top"
            return f"see it: git show {finding.commit[:12]}; {undo}; then {_TAKE} ({_ELSEWHERE})"
        case _:
            path = f"projects/{project}" + (f"/fine-tunes/{finding.fine_tune}.json" if finding.fine_tune else "")
            tip = inspected.tip[:12] if inspected.tip else "HEAD"
            return f"see what changed it: git log -p {tip} -- {path}; mend the file in a commit on top; then {_TAKE}"
