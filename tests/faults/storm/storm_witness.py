"""Sees what really happens at the backends, whatever the ledger says, and judges it in that very moment.

Owns the truth that the promises are checked against: every job that was ever made and how it came to be, every model deleted.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from storm_backend import StormBackend
from storm_ledger import Folder, MemoryRemote
from storm_manifests import Manifests
from storm_script import Spec
from storm_time import VirtualTime

from ftops.domain.attempts import CancelReason, Closed, DeletionStage, Intent, JobRecord, JobStatus
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    CancelRecorded,
    FileDeletion,
    Intended,
    ModelDeletion,
    Renamed,
)
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.ports import Job

PROJECT = "acme"
LEASE_SECONDS = 150.0
OLDEST_CLAIM_SECONDS = 60.0


@dataclass
class Node:
    """A commit: its manifests, and the commits that it contains."""

    name: str
    manifests: Mapping[str, Spec]
    contains: frozenset[str]


@dataclass(frozen=True)
class Post:
    """A creation that took effect. ``excuse`` says why it may be a second one: an owner that slept, or a ledger set back."""

    job: str
    excuse: str | None


class Witness:
    """Hears of every creation and deletion. ``wrong`` are the promises that were broken, ``KIND: what``.

    ``actor`` is the commit of the run whose call takes effect right now, ``began`` when that call was begun. ``claimed`` tells
    when each intent came to count.
    """

    def __init__(self, time: VirtualTime, manifests: Manifests) -> None:
        self.time = time
        self.manifests = manifests
        self.struck: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.nodes: list[Node] = []
        self.posts: dict[str, Post] = {}
        self.lost_models: set[str] = set()
        self.deleted_models: set[str] = set()
        self.tampered_at: float | None = None
        self.told_lost: list[str] = []
        self.actor: Node | None = None
        self.began = 0.0
        self.claimed: dict[str, float] = {}

    @property
    @abstractmethod
    def folders(self) -> list[Folder]:
        """Every ledger there is, once."""

    def act(self, actor: Node, began: float) -> None:
        """Notes whose call is about to take effect."""
        self.actor, self.began = actor, began

    def note_write(self, branch: MemoryRemote, commit: str) -> None:
        """Judges what comes into a ledger: a run that finds a newer commit applied there begins and moves nothing more."""
        written = branch.commits[commit]
        self.claimed |= {e.intent: self.time.monotonic() for e in written.events if isinstance(e, Intended)}
        if self.actor is None or any(branch is folder.remote for folder in self.folders if folder.is_rehearsal):
            return
        for project, state in written.states.items():
            before = branch.state(written.parent, project)
            applied = before.project.applied if before.project else None
            is_known = applied is None or applied.commit in self.actor.contains | {self.actor.name}
            if state is not before and not is_known:
                begun = [type(e).__name__ for e in written.events if _begins(e)]
                self.wrong += [f"fence: {what} was written by a run of an older commit" for what in begun]

    def note_post(self, backend: StormBackend, job: Job) -> None:
        """Judges a creation as it happens: an intent of its own must stand open for it, and no sibling may live."""
        meta = job.metadata
        intent = self._intent(meta)
        claimed = self.claimed.get(meta["ftops_intent"], self.began)
        slept = self.time.monotonic() - claimed >= LEASE_SECONDS
        if self.began - claimed > OLDEST_CLAIM_SECONDS:
            self.wrong.append(f"protocol: {job.id} was asked for {self.began - claimed:.0f} s after its claim")
        excuse = None
        if intent is not None and intent.closed is not None and slept:
            excuse = "slept"
            self.struck["an owner slept past its lease and sent its POST"] += 1
        elif self.tampered_at is not None and intent is None:
            excuse = "tampered"
        elif intent is not None and intent.closed is Closed.ABANDONED and self._has_sleeper(backend, job):
            pass  # a sleeper's job was recorded between this claim and its call: this one is the surplus of it
        elif intent is None or intent.closed is not None:
            state = f"closed as {intent.closed}" if intent else "nowhere"
            self.wrong.append(f"protocol: {job.id} was made for intent {meta['ftops_intent']}, which is {state}")
        self.posts[job.id] = Post(job.id, excuse)
        if excuse is None:
            for other in self.siblings(backend, job):
                if self.is_living(backend, other) and other.id in self.posts and not self.posts[other.id].excuse:
                    self.wrong.append(f"one job: {job.id} was made although {other.id} of the same revision lives")

    def note_deletion(self, model: str) -> None:
        """Judges a deletion as it happens: nothing that is protected, declared, or that an alias points to."""
        self.struck["models deleted"] += 1
        self.deleted_models.add(model)
        for folder in self.folders:
            state = folder.remote.state(folder.remote.tip, PROJECT)
            for record in state.fine_tunes.values():
                for revision, backend, _, job in record.jobs():
                    if job.model == model:
                        self.wrong += self._why_kept(record, revision, backend, job)

    def _why_kept(self, record: FineTuneRecord, revision: str, backend: str, job: JobRecord) -> list[str]:
        aliases = [a for a, known in record.aliases.items() if known.target and known.target.model == job.model]
        wrong = [f"deletion: {job.model} is gone, and {alias} of {record.name} points to it" for alias in aliases]
        if record.is_protected:
            wrong.append(f"deletion: {job.model} is gone, though {record.name} is protected")
        spec = self.actor.manifests.get(record.name) if self.actor else None
        if spec is not None:
            if (self.manifests.revision(spec), spec.backend) == (revision, backend):
                wrong.append(f"deletion: {job.model} is gone, though {record.name} declares its revision")
            if spec.protect:
                wrong.append(f"deletion: {job.model} is gone, though the manifest of {record.name} protects it")
        return wrong

    def _has_sleeper(self, backend: StormBackend, job: Job) -> bool:
        return any(self.posts[j.id].excuse == "slept" for j in self.siblings(backend, job) if j.id in self.posts)

    def siblings(self, backend: StormBackend, job: Job) -> list[Job]:
        """The other jobs of the same project, ledger, fine-tune and revision."""
        mine = self._own_subject(backend, job)
        return [e.job for e in backend.world.jobs if e.job.id != job.id and self._own_subject(backend, e.job) == mine]

    def _own_subject(self, backend: StormBackend, job: Job) -> tuple[str, ...]:
        # A rehearsal's ledger knows no order of commits: runs of two commits may both train what one renames.
        return (*self.subject(job), job.metadata.get("ftops_name", "") if backend.is_twin else "")

    def subject(self, job: Job) -> tuple[str, ...]:
        meta = job.metadata
        name = meta.get("ftops_name", "")
        root = self.manifests.root_of.get(name, name)
        return meta.get("ftops_project", ""), meta.get("ftops_ledger", ""), root, meta.get("ftops_revision", "")

    def is_living(self, backend: StormBackend, job: Job) -> bool:
        """Whether a job runs, or has made a model that is still there."""
        if job.status is JobStatus.SUCCEEDED:
            return job.model in backend.world.models
        return not job.status.is_final

    def _intent(self, meta: Mapping[str, str]) -> Intent | None:
        """The intent that a job's metadata name, as its ledger has it now."""
        for folder in self.folders:
            state = folder.remote.state(folder.remote.tip, meta["ftops_project"])
            if state.project is not None and state.project.ledger_id == meta["ftops_ledger"]:
                return next((i for i in intents_of(state) if i.id == meta["ftops_intent"]), None)
        return None


def _begins(event: AnyEvent) -> bool:
    match event:
        case Intended() | Renamed() | AliasMoved():
            return True
        case CancelRecorded(reason=reason):
            return reason in {CancelReason.SUPERSEDED, CancelReason.REQUESTED}
        case ModelDeletion(stage=stage) | FileDeletion(stage=stage):
            return stage is DeletionStage.BEGUN
        case _:
            return False


def intents_of(state: LedgerState) -> list[Intent]:
    return [
        intent
        for record in state.fine_tunes.values()
        for revision in record.revisions.values()
        for attempts in revision.attempts.values()
        for attempt in attempts
        for intent in attempt.intents
    ]
