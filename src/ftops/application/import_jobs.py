"""Imports jobs that exist already: manifests for what is there, and a ledger that knows it, so that the next plan is empty.

The ledger is written first: a manifest whose job no ledger knew would be trained, and paid for, a second time. What a killed
import left undone the next one does; what is there already it leaves alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ftops.application.import_candidates import Candidate, as_declared, as_history, without_data
from ftops.application.import_events import Adoptee, Recording
from ftops.application.import_fetch import Fetched, Fetching
from ftops.application.trained_inputs import digests_of
from ftops.domain.adoption import Kin, LeftOut, Wanted, choose, kins_of, name_kins, owners_in
from ftops.domain.desired import DesiredState
from ftops.domain.events import AnyEvent, BackendSeen, EventRefused, InputsKept, RevisionDeclared, Started
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import AdoptedDataset, AliasName, Backend, FineTuneName, JobId, Revision
from ftops.domain.past_job import PastJob
from ftops.domain.recipe import without_method
from ftops.domain.records import LedgerState
from ftops.domain.trained_inputs import digests_kept
from ftops.domain.transitions import apply_event
from ftops.errors import FtopsError, Unauthorized
from ftops.ports import AdoptionFiles, BackendSession, Clock, KeptFile, LedgerWriter, ManifestDraft, Progress

# As many fine-tunes share a commit of the ledger: few pushes, and little to do again after a kill.
_AT_ONCE: Final = 50
_LEDGER_ID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
# The order in which people write them.
_FIRST: Final = ("n_epochs", "batch_size", "learning_rate_multiplier")


@dataclass(frozen=True, kw_only=True, slots=True)
class Importing:
    """What an import works with: the manifests that are there, one backend, its ledger, and the work tree."""

    desired: DesiredState
    backend: Backend
    address: str
    session: BackendSession
    ledger: LedgerWriter
    files: AdoptionFiles
    clock: Clock
    progress: Progress
    new_id: Callable[[], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """One fine-tune of an import. ``path`` is the manifest that was written, None where one was there or none is due."""

    name: FineTuneName
    label: str
    base_model: str
    jobs: tuple[JobId, ...]
    revision: Revision | None
    path: str | None
    data: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What an import came to, or would come to. ``is_recovery``: jobs that a lost ledger had made were among them."""

    imported: tuple[Imported, ...]
    left_out: tuple[LeftOut, ...]
    is_recovery: bool = False


def import_jobs(importing: Importing, wanted: Wanted, *, alias: AliasName | None, is_dry_run: bool) -> Report:
    """Imports the jobs that are wanted; with ``alias`` it points to each fine-tune's newest model.

    Raises BackendError, LedgerError, Unauthorized for a key of another organisation, OSError.
    """
    fetching = Fetching(session=importing.session, files=importing.files, progress=importing.progress)
    state = importing.ledger.read().state
    listing = fetching.list_past()
    choice = choose(listing, wanted, state, importing.desired)
    lost = fetching.lost(choice.chosen)
    chosen = [past for past in choice.chosen if past.id not in lost or past.project is not None]
    left_out = [
        *choice.left_out,
        *(LeftOut(job=past.id, why="its model is gone") for past in choice.chosen if past not in chosen),
    ]
    fetched = fetching.fetch(chosen, with_model=[past.id for past in chosen if past.job.model and past.id not in lost])
    kins = kins_of(chosen, listing, state, importing.desired)
    adoptees = _Adopting(importing=importing, fetched=fetched, alias=alias, state=state, left_out=left_out).adopt(kins)
    if adoptees and not is_dry_run:
        recording = Recording(backend=importing.backend, fetched=fetched, lost=lost, at=importing.clock.now())
        _record(importing, recording, adoptees, _beginning(importing, state, listing), alias)
        importing.files.discard()
    return Report(
        imported=tuple(sorted(map(_imported, adoptees), key=lambda one: one.name)),
        left_out=tuple(left_out),
        is_recovery=state.project is None and any(past.project is not None for past in chosen),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Adopting:
    """Makes fine-tunes of kins. What no manifest can say goes into ``left_out``."""

    importing: Importing
    fetched: Fetched
    alias: AliasName | None
    state: LedgerState
    left_out: list[LeftOut]

    def adopt(self, kins: Sequence[Kin]) -> list[Adoptee]:
        candidates = {past.id: candidate for kin in kins for past, candidate in self._candidates(kin)}
        revisions = {job: candidate.revision for job, candidate in candidates.items()}
        named = name_kins(kins, revisions, self.state, self.importing.desired)
        adoptees = [self._adoptee(kin, [candidates[past.id] for past in kin.jobs]) for kin in named]
        return [adoptee for adoptee in adoptees if adoptee is not None]

    def _candidates(self, kin: Kin) -> Iterator[tuple[PastJob, Candidate]]:
        is_declared = kin.owner is not None and self.importing.desired.named(kin.owner) is not None
        for past in kin.jobs:
            if past is kin.newest and not is_declared:
                yield past, as_declared(past, self.fetched, self.importing.files)
            else:
                yield past, as_history(past, self.fetched)

    def _adoptee(self, kin: Kin, candidates: list[Candidate]) -> Adoptee | None:
        name = kin.owner or FineTuneName("")
        declared = self.importing.desired.named(name)
        adoptee = Adoptee(name=name, label=kin.label, base_model=kin.base_model, candidates=tuple(candidates))
        if declared is not None:
            if isinstance(declared.fine_tune.dataset, AdoptedDataset):
                job = declared.fine_tune.dataset.job
                candidates = [replace(c, revision=declared.revision) if c.past.id == job else c for c in candidates]
            return replace(adoptee, declared=declared, candidates=tuple(candidates))
        return self._to_be_written(adoptee, next((c for c in candidates if c.past is kin.newest), None))

    def _to_be_written(self, adoptee: Adoptee, head: Candidate | None) -> Adoptee | None:
        """Gives a fine-tune with the manifest that its newest job makes; None where there can't be one."""
        why, draft = "no job of its fine-tune made a model", None
        if head is not None:
            head, draft = self._draft(adoptee.name, head)
            why = f"no manifest can declare it: {draft.problems[0]}" if draft.problems else ""
            owner, record = owners_in(self.state).get(head.past.id), self.state.named(adoptee.name)
            if owner is not None and (record is None or head.revision not in record.revisions):
                why = f"its data is gone since it was imported; ftops forget {owner}, then import it again"
        if why:
            self.left_out.extend(LeftOut(job=candidate.past.id, why=why) for candidate in adoptee.candidates)
            return None
        candidates = [head if head and c.past is head.past else c for c in adoptee.candidates]
        return replace(adoptee, candidates=tuple(candidates), draft=draft, head=head)

    def _draft(self, name: FineTuneName, head: Candidate) -> tuple[Candidate, ManifestDraft]:
        """Gives a manifest for a job; where it can't say how the job was trained, one that leaves this open."""
        draft = self.importing.files.draft(name, self._document(name, head), head.data, _comments(head))
        if draft.fine_tune is None and head.recipe.is_whole:
            plainer = without_data(head.past, without_method(head.recipe, f"the method: {draft.problems[0]}"))
            again = self.importing.files.draft(name, self._document(name, plainer), {}, _comments(plainer))
            if again.fine_tune is not None:
                return plainer, again
        return head, draft

    def _document(self, name: FineTuneName, head: Candidate) -> Mapping[str, Any]:
        """A manifest in the order that people write it; the data's places are the files' to fill in."""
        project, backend, recipe = self.importing.desired.project, self.importing.backend, head.recipe
        spec: dict[str, Any] = {"backend": backend.name} if backend.name != project.backend else {}
        spec["base_model"] = recipe.base_model
        if recipe.is_whole:
            spec["method"] = {"type": recipe.method.type.value}
            if recipe.method.grader is not None:
                spec["method"]["grader"] = recipe.method.grader
            stated = recipe.method.hyperparameters
            spec["method"]["hyperparameters"] = {
                key: stated[key] for key in sorted(stated, key=lambda key: (key not in _FIRST, key != _FIRST[0], key))
            }
        if recipe.seed is not None:
            spec["seed"] = recipe.seed
        spec["dataset"] = {"adopted_job": head.past.id}
        if self.alias is not None:
            spec["aliases"] = {self.alias: head.revision}
        if recipe.integrations:
            spec["integrations"] = [dict(one) for one in recipe.integrations]
        return {"apiVersion": "ftops/v1", "kind": "FineTune", "metadata": {"name": name}, "spec": spec}


def _comments(head: Candidate) -> tuple[str, ...]:
    suffix = f" Its suffix was {quoted(head.past.suffix)}." if head.past.suffix else ""
    made = f"Imported: job {head.past.id} of {head.past.job.created_at:%Y-%m-%d} made {head.past.job.model}.{suffix}"
    resolved = "Hyperparameters and seed are what the job reports: what was auto then is a number here."
    return (made, *((resolved,) if head.recipe.is_whole and head.past.revision is None else ()), *head.notes)


def _beginning(importing: Importing, state: LedgerState, listing: Sequence[PastJob]) -> list[AnyEvent]:
    """What a ledger begins with. After a lost one it takes that one's id, which its jobs bear: they are ours as before."""
    now, project = importing.clock.now(), importing.desired.project.name
    ids = [past.job.metadata.get("ftops_ledger", "") for past in listing if past.project == project]
    old = next((found for found in ids if _LEDGER_ID.fullmatch(found)), None)
    organization = next((past.job.organization for past in listing if past.job.organization), None)
    started = Started(at=now, project=project, ledger_id=old or importing.new_id())
    seen = BackendSeen(at=now, backend=importing.backend.name, base_url=importing.address, organization=organization)
    return [started, seen] if state.project is None else [seen]


def _record(
    importing: Importing,
    recording: Recording,
    adoptees: Sequence[Adoptee],
    beginning: list[AnyEvent],
    alias: AliasName | None,
) -> None:
    """Writes ledger and files, some fine-tunes at a time. Raises Unauthorized, LedgerError, OSError."""
    state = importing.ledger.read_cached().state
    try:
        for event in beginning:
            state = apply_event(state, event)
    except EventRefused as error:
        raise Unauthorized(str(error), status=403, remedy="use the key and address that the ledger knows") from error
    for start in range(0, len(adoptees), _AT_ONCE):
        some = adoptees[start : start + _AT_ONCE]
        try:
            events = [event for adoptee in some for event in _events(recording, adoptee, alias, state)]
            events += _inputs(importing, recording, events, state)
            state, beginning = importing.ledger.record([*beginning, *events]).state, []
        except EventRefused as error:
            raise FtopsError(f"the ledger was changed meanwhile: {error}", remedy="import again") from error
        for adoptee in some:
            if adoptee.draft is not None:
                importing.files.write(adoptee.draft)
        importing.progress.update("import", "importing", done=start + len(some), total=len(adoptees))


def _events(recording: Recording, adoptee: Adoptee, alias: AliasName | None, state: LedgerState) -> Iterator[AnyEvent]:
    for event in recording.events(adoptee, state):
        state = apply_event(state, event)
        yield event
    move = recording.alias_move(adoptee, alias, state) if alias is not None else None
    if move is not None:
        yield move


def _inputs(
    importing: Importing, recording: Recording, events: Sequence[AnyEvent], state: LedgerState
) -> Iterator[InputsKept]:
    """Gives the events that keep what the training sets of revisions held, as far as their files could be fetched."""
    files = {file.sha256: file for file in recording.fetched.files.values() if isinstance(file, KeptFile)}
    wanted = {event.train.sha256 for event in events if isinstance(event, RevisionDeclared)} - state.inputs
    for sha256 in sorted(wanted & files.keys()):
        with importing.files.open(files[sha256]) as content:
            kept = digests_kept(recording.at, sha256, digests_of(content))
        if kept is not None:
            yield kept


def _imported(adoptee: Adoptee) -> Imported:
    notes = dict.fromkeys(adoptee.head.notes if adoptee.head else ())
    return Imported(
        name=adoptee.name,
        label=adoptee.label,
        base_model=adoptee.base_model,
        jobs=tuple(candidate.past.id for candidate in adoptee.candidates),
        revision=adoptee.declared_revision,
        path=adoptee.draft.path if adoptee.draft else None,
        data=tuple(adoptee.draft.data) if adoptee.draft else (),
        notes=tuple(notes),
    )
