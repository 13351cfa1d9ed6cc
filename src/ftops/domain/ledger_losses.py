"""What is lost where a ledger's branch was rewritten or deleted: what one state holds and another one doesn't.

A job that nobody recorded yet is known by its claim alone: lost with it, and perhaps paid for, it must be told too.
"""

from collections.abc import Iterator

from ftops.domain.attempts import Attempt, Intent
from ftops.domain.manifest import BackendName, Revision
from ftops.domain.records import FineTuneRecord, LedgerState


def losses(before: LedgerState, after: LedgerState) -> tuple[str, ...]:
    """Gives, in sentences, what ``before`` holds and ``after`` lacks: fine-tunes, jobs, claims, moves, scores, preferences."""
    return tuple(_losses(before, after))


def _losses(before: LedgerState, after: LedgerState) -> Iterator[str]:
    if before.project is not None and (after.project is None or after.project.ledger_id != before.project.ledger_id):
        yield f"the ledger's id, {before.project.ledger_id}: jobs that carry it are strangers to another ledger"
    jobs = {job.id: job for record in after.fine_tunes.values() for *_, job in record.jobs()}
    claims = {intent.id for record in after.fine_tunes.values() for *_, intent in _intents(record)}
    claims |= {job.intent for job in jobs.values() if job.intent}  # it was adopted without its claim
    for name, record in sorted(before.fine_tunes.items()):
        now = after.fine_tunes.get(name)
        if now is None:
            yield f"fine-tune {name}"
        for revision, backend, attempt, job in record.jobs():
            if job.id not in jobs:
                made = f", which made {job.model}" if job.model else ""
                yield f"job {job.id} of {name}: revision {revision} on {backend}, attempt {attempt.number}{made}"
        for revision, backend, attempt, intent in _intents(record):
            if intent.closed is None and intent.id not in claims:
                yield (
                    f"claim {intent.id} of {intent.owner} to create a job of {name}: revision {revision} on {backend}, "
                    f"attempt {attempt.number}; that job may exist"
                )
        yield from _lost_of(record, now or FineTuneRecord(format_version="1", name=name))
    for train in sorted(before.inputs - after.inputs):
        yield f"what training set {train[:12]} held: no evaluation row is left out for it"


def _intents(record: FineTuneRecord) -> Iterator[tuple[Revision, BackendName, Attempt, Intent]]:
    for revision, known in record.revisions.items():
        for backend, attempts in known.attempts.items():
            for attempt in attempts:
                for intent in attempt.intents:
                    yield Revision(revision), BackendName(backend), attempt, intent


def _lost_of(before: FineTuneRecord, after: FineTuneRecord) -> Iterator[str]:
    name = before.name
    for alias, record in sorted(before.aliases.items()):
        now = after.aliases.get(alias)
        moves = len(record.history) - len(now.history if now else ())
        if moves > 0:
            yield f"{moves} {'move' if moves == 1 else 'moves'} of alias {alias} of {name}"
    scored = {(e.digest, e.sent, e.model, e.backend) for e in after.evaluations}
    for evaluation in before.evaluations:
        if (evaluation.digest, evaluation.sent, evaluation.model, evaluation.backend) not in scored:
            yield f"the scores of {evaluation.model} under {evaluation.name}, of {name}"
    told = {preferences.about for preferences in after.preferences}
    for one in before.preferences:
        if one.about not in told:
            yield f"the preferences between {one.candidate} and {one.baseline} under {one.name}, of {name}"
    if before.is_protected and not after.is_protected:
        yield f"the protection of {name}"
