"""Adoption: which jobs that exist already can be imported, which of them are one fine-tune, and what it is called.

Owns these decisions. It reads no data and writes nothing: ``application.import_jobs`` does.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from ftops.domain.attempts import JobStatus
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import AdoptedDataset, FineTuneName, JobId, Revision
from ftops.domain.past_job import PastJob
from ftops.domain.records import LedgerState

_BASE_MODEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/-]{0,255}")
_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_LONGEST: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a person asked for: jobs by id, or all (None) whose suffix matches one of the globs, if there are any."""

    jobs: tuple[JobId, ...] | None = None
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A job that is not imported, and why. ``is_known``: because the ledger has it already, which is no fault."""

    job: JobId
    why: str
    is_known: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The jobs to import, and those that were asked for and are not."""

    chosen: tuple[PastJob, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kin:
    """Jobs that become one fine-tune, oldest first. ``label`` is what people called it: the suffix, or nothing.

    ``owner`` is the fine-tune that has them, or their kind, already; None where a name is still to be found.
    """

    label: str
    base_model: str
    jobs: tuple[PastJob, ...]
    owner: FineTuneName | None = None

    @property
    def newest(self) -> PastJob | None:
        """The newest job with a model: what the manifest declares."""
        return next((past for past in reversed(self.jobs) if _has_model(past)), None)


def choose(listing: Sequence[PastJob], wanted: Wanted, ledger: LedgerState, desired: DesiredState) -> Choice:
    """Chooses among a backend's jobs.

    A job that the ledger knows is chosen only where no manifest declares its fine-tune: it is written once more.
    """
    owners = owners_in(ledger)
    declared = {name for one in desired.fine_tunes for name in (one.name, *one.fine_tune.moved_from)}
    chosen: list[PastJob] = []
    left_out: list[LeftOut] = []
    for past in listing:
        is_anothers = past.project not in {None, "", desired.project.name}
        if not _is_asked_for(past, wanted) or (is_anothers and wanted.jobs is None):
            continue  # jobs of another project are nobody's business
        owner = owners.get(past.id)
        why = _obstacle(past, desired.project.name, is_named=wanted.jobs is not None)
        if owner in declared:
            left_out.append(LeftOut(job=past.id, why=f"the ledger has it already, as {owner}", is_known=True))
        elif why is not None:
            left_out.append(LeftOut(job=past.id, why=why))
        else:
            chosen.append(past)
    found = {past.id for past in listing}
    left_out += [LeftOut(job=job, why="there is no such job") for job in wanted.jobs or () if job not in found]
    return Choice(chosen=tuple(chosen), left_out=tuple(left_out))


def owners_in(ledger: LedgerState) -> Mapping[JobId, FineTuneName]:
    """Gives the fine-tune of every job that a ledger knows."""
    return {
        JobId(job.id): FineTuneName(record.name) for record in ledger.fine_tunes.values() for *_, job in record.jobs()
    }


def kins_of(
    chosen: Sequence[PastJob], listing: Sequence[PastJob], ledger: LedgerState, desired: DesiredState
) -> tuple[Kin, ...]:
    """Sorts jobs into fine-tunes: ours by the name in their metadata, others by suffix and base model; the newest first.

    Whose kind the ledger knows already, by an earlier import or by name, goes there.
    """
    owners = owners_in(ledger)
    known = {_key(past, desired): owners[past.id] for past in listing if past.id in owners}
    sorted_out: dict[tuple[str, str, str], list[PastJob]] = {}
    for past in sorted(chosen, key=lambda past: (past.job.created_at, past.id)):
        sorted_out.setdefault(_key(past, desired), []).append(past)
    kins = [
        Kin(
            label=key[1],
            base_model=jobs[-1].job.base_model,
            jobs=tuple(jobs),
            owner=known.get(key) or (_owner_by_name(FineTuneName(key[1]), ledger, desired) if key[0] else None),
        )
        for key, jobs in sorted_out.items()
    ]
    return tuple(sorted(kins, key=lambda kin: (kin.jobs[-1].job.created_at, kin.jobs[-1].id), reverse=True))


def name_kins(
    kins: Sequence[Kin], revisions: Mapping[JobId, Revision], ledger: LedgerState, desired: DesiredState
) -> tuple[Kin, ...]:
    """Gives each kin an owner. A manifest of the same name that declares one of its revisions or jobs is its manifest."""
    taken = {*ledger.fine_tunes, *(name for record in ledger.fine_tunes.values() for name in record.former_names)}
    taken |= {name for one in desired.fine_tunes for name in (one.name, *one.fine_tune.moved_from)}
    taken |= {kin.owner for kin in kins if kin.owner is not None}
    bases: dict[str, set[str]] = {}
    for kin in kins:
        bases.setdefault(_label(kin.label), set()).add(kin.base_model)
    named: list[Kin] = []
    for kin in kins:
        owner = kin.owner
        is_on_several = len(bases[_label(kin.label)]) > 1
        for name in _names(kin, is_on_several=is_on_several) if owner is None else ():
            if name not in taken or _is_manifest_of(desired.named(name), kin, revisions):
                owner = name
                break
        taken.add(owner or "")
        named.append(replace(kin, owner=owner))
    return tuple(named)


def _is_asked_for(past: PastJob, wanted: Wanted) -> bool:
    if wanted.jobs is not None:
        return past.id in wanted.jobs
    label = past.fine_tune or past.suffix
    return not wanted.suffixes or any(fnmatchcase(label, pattern) for pattern in wanted.suffixes)


def _has_model(past: PastJob) -> bool:
    return past.job.status is JobStatus.SUCCEEDED and past.job.model is not None


def _obstacle(past: PastJob, project: str, *, is_named: bool) -> str | None:
    """Why a job can't be imported. Our own ones that ended without a model are, among all: they are history."""
    if past.project == "":
        return "it bears metadata of ftops without a project's name"
    if past.project not in {None, project}:
        return f"it is of the project {quoted(past.project or '')}"
    if not past.job.status.is_final:
        return f"it has not ended ({past.job.status.value}): import it when it has"
    if not _BASE_MODEL.fullmatch(past.job.base_model):
        return "its base model is none that a manifest can name"
    if _has_model(past) or (past.project == project and not is_named):
        return None
    return f"it made no model ({past.job.status.value})"


def _key(past: PastJob, desired: DesiredState) -> tuple[str, str, str]:
    if past.project == desired.project.name and past.fine_tune is not None:
        return "ours", past.fine_tune, ""
    return "", past.suffix, past.job.base_model


def _owner_by_name(name: FineTuneName, ledger: LedgerState, desired: DesiredState) -> FineTuneName:
    """The present name of a fine-tune of ours: the ledger may have renamed it, or a manifest be about to."""
    record = ledger.named(name)
    if record is not None:
        return FineTuneName(record.name)
    return next((one.name for one in desired.fine_tunes if name in one.fine_tune.moved_from), name)


def _is_manifest_of(declared: Declared | None, kin: Kin, revisions: Mapping[JobId, Revision]) -> bool:
    if declared is None:
        return False
    if isinstance(declared.fine_tune.dataset, AdoptedDataset):
        return any(past.id == declared.fine_tune.dataset.job for past in kin.jobs)
    return any(revisions.get(past.id) == declared.revision for past in kin.jobs)


def _names(kin: Kin, *, is_on_several: bool) -> Iterator[FineTuneName]:
    """Gives names in the order of preference: the suffix, with the base model where that tells it apart, with a number."""
    base = _label(_DATE.sub("", kin.base_model)) or "model"
    stem = _label(kin.label)
    yield _fit(stem or _label(kin.base_model) or base)
    if stem and is_on_several:
        yield _fit(stem, f"-{base}"[: _LONGEST // 2].rstrip("-"))
    number = 2
    while True:
        yield _fit(stem or base, f"-{number}")
        number += 1


def _label(text: str) -> str:
    """A DNS label out of any text; "" where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _fit(stem: str, tail: str = "") -> FineTuneName:
    return FineTuneName(stem[: _LONGEST - len(tail)].rstrip("-") + tail)


def counted(reasons: Iterable[LeftOut]) -> Mapping[str, int]:
    """Gives how many jobs each reason keeps out, the commonest first."""
    counts: dict[str, int] = {}
    for one in reasons:
        counts[one.why] = counts.get(one.why, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
