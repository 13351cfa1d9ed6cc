"""Plans deletions, where somebody asked for them: models beyond retention or of no manifest, and files that nobody needs.

What a fine-tune keeps is ``retention``'s to say; refusing what goes too far is ``deletion_guards``'. A deletion that only a
promotion of this plan makes possible waits for it, so that one apply comes to rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import msgspec

from ftops.domain.deletion_transitions import datasets_of
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.draft import Draft
from ftops.domain.guard import Policy
from ftops.domain.kept import Kept, Rule, Why
from ftops.domain.manifest import BackendName, FineTuneName, JobId, Revision
from ftops.domain.observed import ObservedState, is_same_ledger
from ftops.domain.plan import DeleteFile, DeleteModel, Notice, Promote, Reason, action_id
from ftops.domain.records import AliasMove, AliasRecord, FileRecord, FineTuneRecord, LedgerState, RevisionRecord
from ftops.domain.retention import Model, half_deleted, kept_revisions, kept_whole, models_of, named_models
from ftops.domain.training_steps import is_alive


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """One fine-tune of one ledger: what it keeps, and what it keeps ``until`` the ``promotions`` (ids) are done.

    ``whole`` says why nothing of it is deleted, where that is so.
    """

    record: FineTuneRecord
    declared: Declared | None
    whole: Why | None
    kept: Mapping[Revision, Why]
    until: Mapping[Revision, Why]
    promotions: tuple[str, ...]
    is_selected: bool

    @property
    def name(self) -> FineTuneName:
        return FineTuneName(self.record.name)

    @property
    def reason(self) -> Reason:
        return Reason.UNDECLARED if self.declared is None else Reason.RETENTION

    @property
    def keeps_files(self) -> bool:
        """Whether the manifest says so; where it is gone, unless the last one that was applied said delete."""
        if self.declared is not None:
            return self.declared.fine_tune.retention.files == "keep"
        by_age = sorted(self.record.revisions.items(), key=lambda item: (item[1].declared_at, item[0]))
        retention = by_age[-1][1].spec.get("retention") if by_age else None
        return not (isinstance(retention, Mapping) and retention.get("files") == "delete")

    def after(self, revision: Revision) -> tuple[str, ...]:
        """The promotions that a revision has to wait for before it may go."""
        return self.promotions if revision in self.until else ()


def plan_deletions(desired: DesiredState, observed: ObservedState, policy: Policy, draft: Draft, today: date) -> None:
    """Adds what may be deleted, what is kept and why, and notices of what stays although no manifest declares it."""
    named = named_models(desired, observed)
    for _, ledger in observed.distinct_ledgers:
        steps = _LedgerSteps(desired=desired, observed=observed, ledger=ledger, draft=draft)
        for name, record in sorted(ledger.fine_tunes.items()):
            promotions = [
                a
                for a in draft.actions
                if isinstance(a, Promote) and a.fine_tune == name and steps.is_recorded_here(a.backend)
            ]
            subject = _subject(record, desired, observed, policy, promotions, named, today)
            steps.subjects[FineTuneName(name)] = subject
            if subject.is_selected:
                steps.plan_models(subject)
        steps.plan_files()


def _subject(
    record: FineTuneRecord,
    desired: DesiredState,
    observed: ObservedState,
    policy: Policy,
    promotions: list[Promote],
    named: Mapping[str, str],
    today: date,
) -> _Subject:
    declared = desired.named(FineTuneName(record.name))
    is_renamed = declared is None and bool(_names(desired).intersection((record.name, *record.former_names)))
    found = _found(record, observed)
    now = kept_revisions(record, declared, named, found)
    then = kept_revisions(_after(record, promotions, today), declared, named, found)
    return _Subject(
        record=record,
        declared=declared,
        whole=kept_whole(record, declared, is_applying=not policy.only_prunes, is_renamed=is_renamed),
        kept={revision: now.get(revision, why) for revision, why in then.items()},
        until={revision: why for revision, why in now.items() if revision not in then},
        promotions=tuple(sorted(action.id for action in promotions)),
        is_selected=policy.selects(FineTuneName(record.name)),
    )


def _names(desired: DesiredState) -> set[str]:
    """Every name that a manifest has or had."""
    return {name for declared in desired.fine_tunes for name in (declared.name, *declared.fine_tune.moved_from)}


def _found(record: FineTuneRecord, observed: ObservedState) -> frozenset[Revision]:
    """The revisions that a backend trains, or has trained, in a job which the ledger does not know yet."""
    names = {record.name, *record.former_names}
    return frozenset(
        Revision(job.metadata.get("ftops_revision", ""))
        for view in observed.backends.values()
        for job in view.found
        if is_alive(job) and job.metadata.get("ftops_name") in names
    )


def _after(record: FineTuneRecord, promotions: list[Promote], today: date) -> FineTuneRecord:
    """The record as it will be when its aliases have moved."""
    at, aliases = datetime(today.year, today.month, today.day, tzinfo=UTC), dict(record.aliases)
    for action in promotions:
        known = aliases.get(action.alias, AliasRecord())
        move = AliasMove(at=at, target=action.target, reason=action.reason.value)
        aliases[action.alias] = AliasRecord(history=(*known.history, move))
    return msgspec.structs.replace(record, aliases=aliases)


@dataclass(kw_only=True, slots=True)
class _LedgerSteps:
    """The deletions of one ledger. ``staying`` and ``going`` are revisions whose models stay, or go by these actions."""

    desired: DesiredState
    observed: ObservedState
    ledger: LedgerState
    draft: Draft
    subjects: dict[FineTuneName, _Subject] = field(default_factory=dict)
    staying: set[tuple[FineTuneName, Revision]] = field(default_factory=set)
    going: dict[tuple[FineTuneName, Revision], tuple[str, ...]] = field(default_factory=dict)

    def plan_models(self, subject: _Subject) -> None:
        kept: list[Kept] = []
        for model in models_of(subject.record):
            why = subject.whole or subject.kept.get(model.revision) or self._out_of_reach(model.backend)
            kept += self._settle(subject, model, why)
        for model in half_deleted(subject.record):  # what was begun is finished, however many are kept by now
            why = subject.kept.get(model.revision)
            is_in_use = why is not None and why.rule is not Rule.NEWEST
            kept += self._settle(
                subject, model, subject.whole or (why if is_in_use else self._out_of_reach(model.backend))
            )
        self.draft.kept += kept
        self._report(subject, kept)

    def _settle(self, subject: _Subject, model: Model, why: Why | None) -> list[Kept]:
        """Adds the deletion of a model, or gives why it is kept."""
        about = subject.name, model.revision
        if why is not None:
            self.staying.add(about)
            return [_kept(subject, model, why)]
        action = _delete_model(subject, model)
        self.draft.actions.append(action)
        self.going[about] = (*self.going.get(about, ()), action.id)
        return []

    def is_recorded_here(self, backend: BackendName) -> bool:
        """Whether this ledger records a backend."""
        return is_same_ledger(self.observed.ledgers[backend], self.ledger)

    def _out_of_reach(self, backend: BackendName) -> Why | None:
        """Says why nothing can be deleted at a backend now; an embedded server that is not running can be started."""
        view = self.observed.backends.get(backend)
        if view is None or not self.is_recorded_here(backend):
            known = backend in self.desired.project.backends
            words = f"{backend} was not asked" if known else f"ftops.yaml has no backend {backend} any more"
            return Why(rule=Rule.NOT_ASKED, words=words)
        if view.why_offline is not None:
            return Why(rule=Rule.NOT_ASKED, words=f"{backend} was not asked: {view.why_offline}")
        return None

    def _report(self, subject: _Subject, kept: list[Kept]) -> None:
        """Says what stays that one might expect to go."""
        is_orphan = subject.declared is None and (subject.whole is None or subject.whole.rule is not Rule.RENAMED)
        if is_orphan and (kept or all(name != subject.name for name, _ in self.going)):
            self.draft.notices.append(Notice(fine_tune=None, message=_orphan(subject, kept)))
        if is_orphan:
            return
        for why in dict.fromkeys(entry.why for entry in kept if entry.rule is Rule.NOT_ASKED):
            count = _count([entry for entry in kept if entry.why == why])
            message = f"{count} beyond retention left alone: {why}"
            self.draft.notices.append(Notice(fine_tune=subject.name, message=message))

    def plan_files(self) -> None:
        """Adds the files that no revision needs any more, each for the first fine-tune by name that has used it."""
        users: dict[str, list[tuple[_Subject, Revision, RevisionRecord]]] = {}
        for _, subject in sorted(self.subjects.items()):
            for revision, known in sorted(subject.record.revisions.items(), key=lambda r: (r[1].declared_at, r[0])):
                for sha256 in datasets_of(known):
                    users.setdefault(sha256, []).append((subject, Revision(revision), known))
        for backend, sha256, file in self._files():
            using = users.get(sha256, [])
            if using and not any(self._needs(subject, revision) for subject, revision, _ in using):
                self.draft.actions.append(self._delete_file(backend, sha256, file, using))

    def _files(self) -> Iterator[tuple[BackendName, str, FileRecord]]:
        """The files that this ledger uploaded and that can be deleted now, but those that a manifest declares."""
        declared = {d.sha256 for one in self.desired.fine_tunes for d in (one.train, one.validation) if d is not None}
        for name, backend in sorted(self.ledger.project.backends.items()) if self.ledger.project else ():
            if self._out_of_reach(BackendName(name)) is None:
                for sha256, file in sorted(backend.files.items()):
                    if sha256 not in declared:
                        yield BackendName(name), sha256, file

    def _needs(self, subject: _Subject, revision: Revision) -> bool:
        """Whether a revision's data has to stay: it is kept itself, or its fine-tune deletes no files."""
        is_left_alone = subject.whole is not None or not subject.is_selected or subject.keeps_files
        return is_left_alone or revision in subject.kept or (subject.name, revision) in self.staying

    def _delete_file(
        self,
        backend: BackendName,
        sha256: str,
        file: FileRecord,
        using: list[tuple[_Subject, Revision, RevisionRecord]],
    ) -> DeleteFile:
        first = using[0][0]
        waits = [
            id_
            for subject, revision, _ in using
            for id_ in (*subject.after(revision), *self.going.get((subject.name, revision), ()))
        ]
        return DeleteFile(
            id=action_id("delete_file", backend, sha256[:12]),
            fine_tune=first.name,
            backend=backend,
            reason=first.reason,
            revision=[revision for subject, revision, _ in using if subject is first][-1],
            after=tuple(dict.fromkeys(waits)),
            sha256=sha256,
            file=file.id,
            size=file.size,
        )


def _delete_model(subject: _Subject, model: Model) -> DeleteModel:
    return DeleteModel(
        id=action_id("delete_model", subject.name, model.job.id),
        fine_tune=subject.name,
        backend=model.backend,
        reason=subject.reason,
        revision=model.revision,
        after=() if model.job.deleting_at else subject.after(model.revision),
        job=JobId(model.job.id),
        attempt=model.attempt.number,
        model=model.id,
    )


def _kept(subject: _Subject, model: Model, why: Why) -> Kept:
    return Kept(
        fine_tune=subject.name,
        backend=model.backend,
        revision=model.revision,
        model=model.id,
        rule=why.rule,
        why=why.words,
    )


def _orphan(subject: _Subject, kept: list[Kept]) -> str:
    text = f"orphan: no manifest declares {subject.name}"
    if not kept:
        if any(not job.status.is_final for *_, job in subject.record.jobs()):
            return f"{text}; a job of it has not ended"
        return f"{text}, and no model of it is left; ftops forget {subject.name} lets go of its record"
    whys = "; ".join(dict.fromkeys(entry.why for entry in kept))
    text += f"; {_count(kept)} kept: {whys}"
    if any(entry.rule is Rule.ALIAS for entry in kept):
        text += ". To let it go, declare it once more without that alias, apply, and prune again"
    return text


def _count(kept: list[Kept]) -> str:
    return f"{len(kept)} model{'' if len(kept) == 1 else 's'}"
