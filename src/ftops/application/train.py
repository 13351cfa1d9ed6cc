"""Creates a paid job exactly once: upload, look, claim, POST, record.

Owns the intent protocol of one attempt. Each POST has an intent of its own, written to the ledger before it; what became of a
POST whose answer was lost is found out by listing, never by guessing. See ``docs/architecture.md``, "One job".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ftops.application.claims import Claim
from ftops.application.uploads import declaration, file_id, forget_lost_files
from ftops.application.workspace import Workspace, kept_pending
from ftops.domain.attempts import CancelReason, Closed, Intent, JobRecord, JobStatus
from ftops.domain.desired import Declared, request_body
from ftops.domain.events import (
    AnyEvent,
    CancelRecorded,
    EventRefused,
    Intended,
    IntentClosed,
    JobRecorded,
    TrainingBlocked,
)
from ftops.domain.manifest import FineTuneName, JobId, Revision
from ftops.domain.observed import Job
from ftops.domain.plan import Train
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.training_steps import attempt_of, is_adoptable
from ftops.errors import AnswerLost, BackendError, FtopsError, Rejected, TrainingNotAvailable, Unreachable
from ftops.ports import BackendSession, LedgerWriter

TAKE_OVER_SECONDS: Final = 150.0
POLL_SECONDS: Final = 2.0
TRIES: Final = 5


class ClaimLost(FtopsError):
    """Another run creates this job, or has created it; the next observe will see it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """One train action being carried out."""

    workspace: Workspace
    action: Train
    declared: Declared
    session: BackendSession
    ledger: LedgerWriter

    def run(self) -> str:
        """Ends with a job in the ledger, and says which. Raises ClaimLost, BackendError, LedgerError, Stale, Interrupted."""
        takes_over = self._wait_for_owner() if self.action.takes_over else None
        for number in range(TRIES):
            self.workspace.check_interrupted()
            found = self._find()
            if found is not None:
                return self._record(found, intent=found.metadata.get("ftops_intent") or None, is_adopted=True)
            body = self._body()
            claim = self._claim(takes_over)
            intent, takes_over = claim.intent, None
            metadata = self._metadata(intent)
            if not self._holds(claim):
                continue
            try:
                job = self.session.training.create(body, metadata)
            except Unreachable as error:
                self._close(intent, Closed.UNSENT, error)  # what a person asked for stands
                raise
            except AnswerLost as error:
                self.workspace.progress.say(
                    "no answer to the job's creation; looking whether it was made", fine_tune=self.declared.name
                )
                found = self._settle()
                if found is not None:
                    return self._record(found, intent=intent)
                self._close(intent, Closed.LOST, error)
                if number + 1 == TRIES:
                    raise
            except Rejected as error:
                self._reject(intent, error)
                # Refused for a file that somebody deleted, it is no longer the same request once that is brought there again.
                if number + 1 == TRIES or not forget_lost_files(self.workspace, self.declared):
                    raise
            else:
                return self._record(job, intent=intent)
        raise ClaimLost("this machine slept between each claim and its call", remedy="run apply again")

    def _find(self) -> Job | None:
        """Lists the backend's jobs of this revision: one of this attempt that lives or succeeded is ours to adopt."""
        snapshot = self.ledger.read()
        record = snapshot.state.named(self.declared.name)
        known = record.revisions.get(self.declared.revision) if record else None
        # What the ledger forgot counts whatever its number is: it was paid for.
        is_forgotten = snapshot.state.has_forgotten(self.declared.name) and not (
            known and known.on(self.declared.backend.name)
        )
        ledger_id = snapshot.state.project.ledger_id if snapshot.state.project else None
        for name in dict.fromkeys((self.declared.name, *self.declared.fine_tune.moved_from, *_former_names(record))):
            wanted = {
                "ftops_project": self.workspace.desired.project.name,
                "ftops_name": name,
                "ftops_revision": self.declared.revision,
            }
            for job in self.session.jobs.list_jobs(metadata=wanted):
                is_ours = ledger_id is None or job.metadata.get("ftops_ledger") == ledger_id
                is_later = attempt_of(job) > self.action.attempt and not is_forgotten
                if not is_ours or snapshot.state.knows_job(job.id) or is_later:
                    continue
                is_live = job.status is JobStatus.SUCCEEDED or not job.status.is_final
                if is_live or (
                    known is not None
                    and attempt_of(job) == self.action.attempt
                    and is_adoptable(job, known, self.declared.backend.name, self.action.attempt)
                ):
                    return job
        return None

    def _settle(self) -> Job | None:
        """Looks for the job until the backend's lists can be trusted to show it."""
        clock = self.workspace.clock
        until = clock.monotonic() + self.declared.backend.settle_seconds
        while True:
            try:
                found = self._find()
            except BackendError:
                found = None  # a backend in trouble says nothing about the job; keep looking until the time is up
                if clock.monotonic() >= until:
                    raise
            if found is not None or clock.monotonic() >= until:
                return found
            self.workspace.check_interrupted()
            clock.sleep(POLL_SECONDS)

    def _wait_for_owner(self) -> str | None:
        """Waits until the owner of an open intent has had its time; gives the intent to take over, None where it is closed."""
        clock = self.workspace.clock
        first_seen: dict[str, float] = {}
        while True:
            intent = self._open_intent()
            if intent is None:
                return None
            is_dead = self.workspace.identity.is_dead(intent.owner)
            patience = self.declared.backend.settle_seconds if is_dead else TAKE_OVER_SECONDS
            # Its owner may have closed one intent and written another: each has its own time.
            waited = clock.monotonic() - first_seen.setdefault(intent.id, clock.monotonic())
            if waited >= patience or self._find() is not None:
                return intent.id
            self.workspace.check_interrupted()
            self.workspace.progress.update(
                self.declared.name, "waiting", detail=f"another run's claim, {patience - waited:.0f} s left"
            )
            clock.sleep(min(POLL_SECONDS, patience - waited))

    def _open_intent(self) -> Intent | None:
        record = self.ledger.read().state.named(self.declared.name)
        known = record.revisions.get(self.declared.revision) if record else None
        attempts = known.on(self.declared.backend.name) if known else ()
        return next((a.open_intent for a in attempts if a.number == self.action.attempt), None)

    def _claim(self, takes_over: str | None) -> Claim:
        declares = declaration(self.workspace, self.declared)  # looks at rows, perhaps: before the claim has its time
        claim = Claim(self.workspace.identity.new_id(), self.workspace.clock)
        check = self.workspace.fence(self.declared.backend.name)

        def guard(state: LedgerState) -> None:
            check(state)
            claim.send()  # the ledger asks right before it writes

        event = Intended(
            **self._about(),
            intent=claim.intent,
            owner=self.workspace.identity.owner,
            run_url=self.workspace.identity.run_url,
            estimate_usd=self.action.estimate.usd,
            takes_over=takes_over,
            limit_usd=self.workspace.desired.project.training_budget_usd,
            rehearsals=self.workspace.rehearsals,
        )
        try:
            self.ledger.record([*declares, event], guard)
        except EventRefused as error:
            if error.claim_lost:
                raise ClaimLost(str(error)) from error
            raise
        return claim

    def _holds(self, claim: Claim) -> bool:
        """Whether the POST may be sent under a claim; False where this run slept too long and gave it up.

        Nothing was sent under a claim that is given up, so that closing it is safe. Raises ClaimLost where another run took
        it over.
        """
        if claim.is_fresh:
            return True
        standing = self._open_intent()
        if standing is None or standing.id != claim.intent:
            raise ClaimLost("another run took over while this one slept")
        if not claim.is_expired:
            return True
        slept = BackendError("the owner slept between its claim and the call; nothing was sent")
        self._close(claim.intent, Closed.ABANDONED, slept)
        return False

    def _body(self) -> Mapping[str, Any]:
        body = dict(request_body(self.declared))
        body["training_file"] = file_id(self.workspace, self.declared, self.declared.train)
        if self.declared.validation is not None:
            body["validation_file"] = file_id(self.workspace, self.declared, self.declared.validation)
        return body

    def _metadata(self, intent: str) -> Mapping[str, str]:
        project = self.ledger.read_cached().state.project
        return {
            "ftops_project": self.workspace.desired.project.name,
            "ftops_ledger": project.ledger_id if project else "",
            "ftops_name": self.declared.name,
            "ftops_revision": self.declared.revision,
            "ftops_intent": intent,
            "ftops_attempt": str(self.action.attempt),
        }

    def _record(self, job: Job, *, intent: str | None, is_adopted: bool = False) -> str:
        """Writes the job's id. The first job recorded is the job: if that is another one, ours is cancelled."""
        event = JobRecorded(
            **self._about(),
            job=job.id,
            # A job that has ended is observed like any other, with its model and its cost.
            status=JobStatus.RUNNING if job.status.is_final else job.status,
            intent=intent,
            created_at=job.created_at,
            is_adopted=is_adopted,
        )
        events: list[AnyEvent] = [*declaration(self.workspace, self.declared), event]
        backend = self.ledger.read_cached().state.backend(self.declared.backend.name)
        if backend is not None and backend.blocked is not None and not is_adopted:
            # A job was made: the organisation may train again.
            events.append(TrainingBlocked(at=event.at, backend=self.declared.backend.name, message=None))
        snapshot = self.ledger.record_eventually(events)
        if snapshot is None:
            raise kept_pending(self.ledger, f"job {job.id} was made; its id is")
        winner = _job_of(snapshot.state, self.declared.name, self.declared.revision, self.action)
        if winner is not None and winner.id != job.id:
            self._cancel_surplus(job.id)
            return f"job {winner.id} of another run; ours, {job.id}, was cancelled"
        return f"job {job.id}" + (" (found at the backend)" if is_adopted else "")

    def _cancel_surplus(self, job: JobId) -> None:
        event = CancelRecorded(
            **self._about(),
            job=job,
            reason=CancelReason.DUPLICATE,
        )
        self.ledger.record_eventually([event])
        self.session.training.cancel(job)

    def _about(self) -> dict[str, Any]:
        """What every event of this training says: when, and about which attempt."""
        return {
            "at": self.workspace.clock.now(),
            "fine_tune": self.declared.name,
            "revision": self.declared.revision,
            "backend": self.declared.backend.name,
            "attempt": self.action.attempt,
        }

    def _close(self, intent: str, closed: Closed, error: BackendError) -> None:
        self.ledger.record_eventually([self._closing(intent, closed, error)])

    def _closing(self, intent: str, closed: Closed, error: BackendError) -> IntentClosed:
        return IntentClosed(
            **self._about(),
            intent=intent,
            closed=closed,
            message=error.message[:1000],
        )

    def _reject(self, intent: str, error: Rejected) -> None:
        events: list[AnyEvent] = [self._closing(intent, Closed.REJECTED, error)]
        if isinstance(error, TrainingNotAvailable):
            events.append(
                TrainingBlocked(
                    at=self.workspace.clock.now(), backend=self.declared.backend.name, message=error.message[:1000]
                )
            )
        self.ledger.record_eventually(events)


def _former_names(record: FineTuneRecord | None) -> tuple[FineTuneName, ...]:
    return tuple(FineTuneName(name) for name in record.former_names) if record else ()


def _job_of(state: LedgerState, name: FineTuneName, revision: Revision, action: Train) -> JobRecord | None:
    record = state.named(name)
    known = record.revisions.get(revision) if record else None
    attempts = known.on(action.backend) if known else ()
    return next((a.job for a in attempts if a.number == action.attempt), None)
