"""Which revisions an alias can be pinned to, and which one is meant: what ``ftops promote`` and ``rollback`` choose from.

Pure over the ledger's record, the manifest and the judgements of recorded scores. What may be pinned is what a plan would
carry out; ``is_free`` is the part of that rule which both go by.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ftops.domain.alias_line import line_before
from ftops.domain.attempts import Attempt, CancelReason, JobRecord, JobStatus, counting_attempt
from ftops.domain.checkpoints import chosen_model
from ftops.domain.desired import Declared
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.lost_models import what_is_lost
from ftops.domain.manifest import AliasName, Revision
from ftops.domain.records import AliasRecord, FineTuneRecord, Target

SHORTEST_PREFIX = 4


class Outlook(StrEnum):
    """What an apply does with an alias that is pinned to a revision."""

    MOVES = "moves"
    WAITS = "waits"
    WITHHELD = "withheld"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinnable:
    """One revision, as an alias could be pinned to it. ``why`` says in words why it would move, wait or stay.

    ``model`` is None where it has none on this backend, ``made_at`` when that was made. ``has_passed`` is what a promotion
    that names no revision looks for: the present gates pass by recorded scores, or, where these were never measured with the
    present evals, the gates of its day did.
    """

    revision: Revision
    outlook: Outlook
    why: str
    model: str | None = None
    made_at: datetime | None = None
    verdict: Verdict | None = None
    has_passed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """What a prefix may mean: one revision where it is clear, else all that begin so."""

    found: tuple[Revision, ...]

    @property
    def only(self) -> Revision | None:
        """The revision that is meant; None where there is none, or several."""
        return self.found[0] if len(self.found) == 1 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """Where a rollback goes; None where it can't. ``passed_over`` would have come before that, and say why not."""

    to: Pinnable | None
    passed_over: tuple[Pinnable, ...] = ()


def is_free(record: FineTuneRecord, alias: AliasName, target: Target) -> bool:
    """Whether a pin may go there whatever the gates say now: the alias pointed there before, or it passed earlier evals."""
    history = record.aliases[alias].history if alias in record.aliases else ()
    return any(move.target == target for move in history) or _passed_at(record, target) is not None


def pinnable(
    record: FineTuneRecord | None, declared: Declared, alias: AliasName, judgements: Mapping[Revision, Judgement]
) -> tuple[Pinnable, ...]:
    """Gives every revision that the ledger knows, and the declared one: the newest model first, then what has none.

    ``judgements`` has what the recorded scores say of each chosen model on the backend in force, where they say something.
    """
    revisions = {Revision(one) for one in record.revisions} if record else set[Revision]()
    found = [_of(record, declared, alias, one, judgements.get(one)) for one in sorted(revisions | {declared.revision})]
    return tuple(sorted(found, key=lambda one: (one.made_at is not None, one.made_at, one.revision), reverse=True))


def newest_passed(choices: Sequence[Pinnable]) -> Pinnable | None:
    """Gives the newest of ``pinnable``'s that passed."""
    return next((one for one in choices if one.has_passed), None)


def revisions_named(prefix: str, known: Iterable[Revision]) -> Named:
    """Gives the revisions that a prefix of at least four digits may mean."""
    is_long_enough = len(prefix) >= SHORTEST_PREFIX
    return Named(found=tuple(sorted(one for one in set(known) if is_long_enough and one.startswith(prefix.lower()))))


def back_from(alias: AliasRecord | None, declared: Declared, choices: Sequence[Pinnable]) -> Back:
    """Gives the newest revision before the present one that the alias can go back to on the backend in force.

    What it was rolled back from before doesn't count as before: after A, B and A again there is nothing before A.
    """
    known = {one.revision: one for one in choices}
    passed_over: list[Pinnable] = []
    for target in reversed(line_before(alias, declared.backend.name) if alias else ()):
        one = known.get(Revision(target.revision))
        if one is None:
            continue
        if one.outlook is Outlook.MOVES:
            return Back(to=one, passed_over=tuple(passed_over))
        passed_over.append(one)
    return Back(to=None, passed_over=tuple(passed_over))


def _of(
    record: FineTuneRecord | None,
    declared: Declared,
    alias: AliasName,
    revision: Revision,
    judgement: Judgement | None,
) -> Pinnable:
    backend = declared.backend.name
    known = record.revisions.get(revision) if record else None
    if record is None or known is None:
        return _untrained(declared, revision, None)
    attempt = counting_attempt(known.on(backend))
    job = known.trained_job(backend) or (attempt.job if attempt else None)
    if job is None:
        return _untrained(declared, revision, attempt)
    if job.is_missed or job.is_model_lost:
        why = what_is_lost(record, revision, backend, job)
        return Pinnable(revision=revision, outlook=Outlook.IMPOSSIBLE, why=why, made_at=_made_at(job))
    if job.status is JobStatus.SUCCEEDED and job.model is not None:
        return _trained(record, declared, alias, revision, job, judgement)
    return _without_model(declared, revision, job)


def _without_model(declared: Declared, revision: Revision, job: JobRecord) -> Pinnable:
    if not job.status.is_final:
        return Pinnable(revision=revision, outlook=Outlook.WAITS, why=f"job {job.id} trains it ({job.status.value})")
    if revision == declared.revision and job.cancel is CancelReason.SUPERSEDED:
        return Pinnable(revision=revision, outlook=Outlook.WAITS, why="it is declared: the next apply trains it")
    return Pinnable(revision=revision, outlook=Outlook.IMPOSSIBLE, why=f"job {job.id} {job.ending}")


def _untrained(declared: Declared, revision: Revision, attempt: Attempt | None) -> Pinnable:
    if revision == declared.revision:
        return Pinnable(revision=revision, outlook=Outlook.WAITS, why="it is declared: the next apply trains it")
    how = "its training was not begun" if attempt else "it was never trained"
    return Pinnable(revision=revision, outlook=Outlook.IMPOSSIBLE, why=f"{how} on {declared.backend.name}")


def _trained(
    record: FineTuneRecord,
    declared: Declared,
    alias: AliasName,
    revision: Revision,
    job: JobRecord,
    judgement: Judgement | None,
) -> Pinnable:
    backend = declared.backend.name
    model = chosen_model(record, revision, backend, declared.fine_tune.policy.checkpoints)
    target = Target(backend=backend, revision=revision, model=model or "")
    verdict = judgement.verdict if judgement else None
    passed_at = _passed_at(record, target)
    outlook, why = _outlook(record, declared, alias, target, judgement)
    return Pinnable(
        revision=revision,
        outlook=outlook,
        why=why,
        model=model,
        made_at=_made_at(job),
        verdict=verdict if _has_gate(declared) else None,
        has_passed=not _has_gate(declared) or verdict is Verdict.PASS or (verdict is None and passed_at is not None),
    )


def _outlook(
    record: FineTuneRecord, declared: Declared, alias: AliasName, target: Target, judgement: Judgement | None
) -> tuple[Outlook, str]:
    override, passed_at = declared.fine_tune.policy.override, _passed_at(record, target)
    verdict = judgement.verdict if judgement else None
    if not _has_gate(declared):
        return Outlook.MOVES, "no gate is enforced"
    if verdict is Verdict.PASS:
        return Outlook.MOVES, "its gates pass"
    if passed_at is not None:
        return Outlook.MOVES, f"it passed on {passed_at:%Y-%m-%d}{_by_now(verdict)}"
    if record.target_of(alias) == target:
        return Outlook.MOVES, f"{alias} points to it{_by_now(verdict)}"
    if is_free(record, alias, target):
        return Outlook.MOVES, f"{alias} pointed to it before{_by_now(verdict)}"
    if override is not None and override.revision == target.revision:
        return Outlook.MOVES, f"spec.policy.override names it: {override.why}"
    if judgement is None or verdict is None:
        return Outlook.WAITS, "it was not measured with the present evals: apply does that first, and its gates decide"
    if verdict is Verdict.ERROR and judgement.missing:
        return Outlook.WAITS, "an evaluation ended in error: apply asks again what failed, and its gates decide"
    return Outlook.WITHHELD, f"its gates say {verdict.value}"


def _by_now(verdict: Verdict | None) -> str:
    return "" if verdict is None else f"; by the present gates it is {verdict.value}"


def _has_gate(declared: Declared) -> bool:
    return any(one.spec.is_enforced for one in declared.evals)


def _passed_at(record: FineTuneRecord, target: Target) -> datetime | None:
    key = (target.backend, target.revision, target.model)
    return next((p.at for p in reversed(record.passed) if (p.backend, p.revision, p.model) == key), None)


def _made_at(job: JobRecord) -> datetime:
    return job.finished_at or job.created_at or job.seen_at
