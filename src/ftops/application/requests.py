"""Writes people's requests into the ledger: retry, cancel, forget.

Calls no backend and needs no key; what was asked for is carried out by apply.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from ftops.application.uploads import declaration_at
from ftops.domain.asking import Ambiguous, Answer, Subject, answer_cancel, answer_retry, open_claim
from ftops.domain.attempts import RequestKind
from ftops.domain.desired import Declared
from ftops.domain.events import AnyEvent, EventRefused, Forgot, Requested
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import FineTuneName
from ftops.domain.near_misses import hint
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.errors import FtopsError, Refused, UsageProblem
from ftops.ports import LedgerWriter

# A backend's lists may lag so long behind (the default of ``settle_seconds``): what was forgotten is found by them alone.
LISTED_WITHIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asks, and when."""

    owner: str
    run_url: str | None
    at: datetime


def ask_retry(ledger: LedgerWriter, declared: Declared, asker: Asker, *, commit: str | None) -> Answer:
    """Asks for another attempt at the declared revision. Raises LedgerError, and FtopsError where it can't be had."""
    state = ledger.read().state
    answer = answer_retry(declared, state)
    if answer.records is None:
        return answer
    record = next((r for name in (declared.name, *declared.fine_tune.moved_from) if (r := state.named(name))), None)
    name = FineTuneName(record.name) if record else declared.name
    events: list[AnyEvent] = []
    if record is None or declared.revision not in record.revisions:
        # Asking applies nothing: protection stays as it was.
        event = declaration_at(asker.at, declared, commit=commit)
        is_protected = record is not None and record.is_protected
        events.append(msgspec.structs.replace(event, fine_tune=name, is_protected=is_protected))
    at = _after_block(state, answer.records, asker.at)
    events.append(_requested(RequestKind.RETRY, name, answer.records, asker, at))
    _record(ledger, events, lambda newest: _check_same(answer, answer_retry(declared, newest)))
    return answer


def ask_cancel(
    ledger: LedgerWriter, name: FineTuneName, asker: Asker, *, job: str | None, revision: str | None
) -> Answer:
    """Asks for a running job to be cancelled. Raises LedgerError, UsageProblem where it isn't clear which, and FtopsError."""
    record = known(ledger.read().state, name)
    try:
        answer = answer_cancel(record, job=job, revision=revision)
    except Ambiguous as error:
        raise UsageProblem(str(error)) from error
    if answer.records is not None:
        event = _requested(RequestKind.CANCEL, FineTuneName(record.name), answer.records, asker, asker.at)
        _record(ledger, [event], None)
    return answer


def forget(ledger: LedgerWriter, name: FineTuneName, seen: FineTuneRecord, asker: Asker) -> None:
    """Lets go of a fine-tune, or of a former name, that is as who asked has ``seen`` it.

    Raises LedgerError, and Refused where it changed, where somebody is about to create a job, and where one is so new that
    lists may not show it: an apply right after this would not find it.
    """
    check_forgettable(seen, name)
    _check_listed(seen, name, asker.at)

    def check(newest: LedgerState) -> None:
        if newest.named(name) != seen:
            raise Refused(f"{name} changed in the ledger meanwhile", remedy="look again, and ask again")

    _record(ledger, [Forgot(at=asker.at, fine_tune=name)], check)


def check_forgettable(record: FineTuneRecord, name: FineTuneName) -> None:
    """Raises Refused where somebody is about to create a job: once let go of, it would be paid for and known to nobody."""
    owner = open_claim(record)
    if record.name == name and owner is not None:
        raise Refused(f"{owner} is about to create a job of {name}", remedy="let an ftops apply settle that first")


def _check_listed(record: FineTuneRecord, name: FineTuneName, now: datetime) -> None:
    if record.name != name:
        return
    for *_, job in record.jobs():
        if not job.status.is_final and job.created_at is not None and now - job.created_at < LISTED_WITHIN:
            raise Refused(f"job {job.id} of {name} was created a moment ago", remedy="ask again in a minute")


def known(state: LedgerState, name: FineTuneName) -> FineTuneRecord:
    """Gives a fine-tune's record by its present or a former name. Raises UsageProblem where there is none."""
    record = state.named(name)
    if record is None:
        what = f"the ledger knows no fine-tune {quoted(name)}"
        raise UsageProblem(f"{what}; {hint(name, state.fine_tunes, there_are='it knows')}")
    return record


def _requested(kind: RequestKind, name: FineTuneName, subject: Subject, asker: Asker, at: datetime) -> Requested:
    return Requested(
        at=at,
        fine_tune=name,
        revision=subject.revision,
        backend=subject.backend,
        attempt=subject.attempt,
        kind=kind,
        job=subject.job,
        owner=asker.owner,
        run_url=asker.run_url,
    )


def _after_block(state: LedgerState, subject: Subject, at: datetime) -> datetime:
    """A retry lifts a block that is older than itself; a clock that is slow must not make it older."""
    place = state.backend(subject.backend)
    blocked = place.blocked if place else None
    return max(at, blocked.at + timedelta(seconds=1)) if blocked else at


def _check_same(before: Answer, now: Answer) -> None:
    if now != before:
        raise FtopsError(f"the ledger changed meanwhile: {now.message}", remedy="ask again")


def _record(ledger: LedgerWriter, events: list[AnyEvent], check: Callable[[LedgerState], None] | None) -> None:
    try:
        ledger.record(events, check)
    except EventRefused as error:
        raise FtopsError(str(error), remedy="ask again") from error
