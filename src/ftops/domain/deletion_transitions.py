"""What the ledger's newest state has to say to a deletion that is about to be sent, and to a claim that meets one.

Owns the last look: another run may have moved an alias, applied a protection or begun a training since the deletion was
planned. What is deleted in the first place is ``domain.retention``'s to choose.
"""

from ftops.domain.alias_line import line_before
from ftops.domain.attempts import Attempt, JobRecord
from ftops.domain.events import EventRefused, FileDeletion, Intended, ModelDeletion
from ftops.domain.records import AliasRecord, FineTuneRecord, LedgerState, RevisionRecord, Target


def check_model_deletion(record: FineTuneRecord, event: ModelDeletion) -> None:
    """Raises EventRefused: nothing protected or imported is deleted, nor what an alias points to or pointed to before."""
    if record.is_protected:
        raise EventRefused(f"{record.name} is protected")
    job = next((job for *_, job in record.jobs() if job.id == event.job), None)
    if job is not None and (why := why_never_deleted(record, event.backend, job)) is not None:
        raise EventRefused(why)


def why_never_deleted(record: FineTuneRecord, backend: str, job: JobRecord) -> str | None:
    """Says what forbids to delete a job's model, as far as the job itself and the aliases tell; None where nothing does."""
    if job.is_imported:
        return f"job {job.id} was imported: its model is not ours to delete"
    for alias, known in sorted(record.aliases.items()):
        for verb, targets in (("points", {known.target}), ("pointed", targets_before(known))):
            if any(t and t.backend == backend and job.has_model(t.model) for t in targets):
                return f"alias {alias} {verb} to {job.model}"
    return None


def check_file_deletion(state: LedgerState, event: FileDeletion) -> None:
    """Raises EventRefused: a file goes only if this ledger recorded its upload, and no training may still read it."""
    known = state.backend(event.backend)
    file = known.files.get(event.sha256) if known else None
    if file is None or file.id != event.file:
        raise EventRefused(f"the ledger does not know {event.file} as the file of that content any more")
    for record in state.fine_tunes.values():
        for name, revision in sorted(record.revisions.items()):
            if event.sha256 in datasets_of(revision) and any(map(is_unfinished, revision.on(event.backend))):
                raise EventRefused(f"revision {name} of {record.name} is trained with {event.file}")


def check_datasets(state: LedgerState, event: Intended) -> None:
    """Raises EventRefused where a file that this training would read is being deleted."""
    record, known = state.named(event.fine_tune), state.backend(event.backend)
    revision = record.revisions.get(event.revision) if record else None
    for sha256 in sorted(datasets_of(revision)) if revision else ():
        file = known.files.get(sha256) if known else None
        if file is not None and file.deleting_at is not None:
            raise EventRefused(f"{file.id} is being deleted; apply again to upload it anew")


def is_unfinished(attempt: Attempt) -> bool:
    """Whether somebody is about to create this attempt's job, or one of its jobs has not ended."""
    jobs = (*((attempt.job,) if attempt.job else ()), *attempt.surplus)
    return attempt.open_intent is not None or any(not job.status.is_final for job in jobs)


def is_in_training(revision: RevisionRecord) -> bool:
    """Whether a revision is unfinished on any backend."""
    return any(is_unfinished(attempt) for attempts in revision.attempts.values() for attempt in attempts)


def datasets_of(revision: RevisionRecord) -> frozenset[str]:
    """What identifies the data that a revision is trained with."""
    return frozenset(dataset.sha256 for dataset in (revision.train, revision.validation) if dataset is not None)


def targets_before(alias: AliasRecord) -> frozenset[Target]:
    """What an alias pointed to before its present target: the one right before, the newest one of another revision, and the
    one that a rollback goes to.

    They differ where a revision got another model or backend, and after a rollback. None where it is retired.
    """
    present = alias.target
    if present is None:
        return frozenset()
    earlier = [move.target for move in reversed(alias.history) if move.target is not None and move.target != present]
    others = [target for target in earlier if target.revision != present.revision]
    return frozenset((*earlier[:1], *others[:1], *line_before(alias, present.backend)[-1:]))
