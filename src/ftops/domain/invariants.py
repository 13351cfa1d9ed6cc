"""The ledger's invariants: what must hold of a project's records, whoever wrote them.

Owns the closed list, one function for each, and asks nobody: what the branch's history says is ``adapters.ledger_history``'s.
Decoding has already checked shapes, ids and names, so that only what no schema can say is here. The rules about attempts are
in ``attempt_invariants``.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import msgspec

from ftops.domain.attempt_invariants import (
    attempt_numbers,
    claims,
    intent_ids,
    job_ids,
    living_jobs,
    models,
    requests,
    statuses,
)
from ftops.domain.findings import Breach, Finding, Invariant
from ftops.domain.manifest import BackendName, Method, MethodType
from ftops.domain.records import FineTuneRecord, LedgerState, RevisionRecord, Target
from ftops.domain.revision import revision_of

CLOCK_TOLERANCE: Final = timedelta(days=1)

Rule = Callable[[LedgerState], Iterator[Breach]]


def broken_invariants(state: LedgerState, *, project: str, now: datetime) -> tuple[Finding, ...]:
    """Gives every invariant that a project's records break, in the order of the list, then of the records."""
    rules: dict[Invariant, Rule] = {
        **_RULES,
        Invariant.PROJECT: lambda state: _project(state, project),
        Invariant.CLOCKS: lambda state: _clocks(state, now),
    }
    return tuple(
        Finding(invariant=invariant, fine_tune=breach.fine_tune, says=breach.says)
        for invariant in Invariant
        if invariant in rules
        for breach in rules[invariant](state)
    )


def _project(state: LedgerState, project: str) -> Iterator[Breach]:
    """A folder with fine-tunes has a record of its project, which bears the folder's name."""
    if state.project is None:
        if state.fine_tunes:
            yield Breach(says=f"records of fine-tunes ({len(state.fine_tunes)}) are there, and none of the project")
    elif state.project.name != project:
        yield Breach(says=f"the project's record is of {state.project.name}, and lies in the folder of {project}")


def _names(state: LedgerState) -> Iterator[Breach]:
    """A name means one fine-tune: no former name is another one's, former or present."""
    holders: dict[str, list[str]] = {}
    for name, record in sorted(state.fine_tunes.items()):
        for known in {name, *record.former_names}:
            holders.setdefault(known, []).append(name)
        if name in record.former_names:
            yield Breach(fine_tune=name, says="its former names hold its present one")
    for name, known_as in sorted(holders.items()):
        if len(known_as) > 1:
            yield Breach(fine_tune=known_as[0], says=f"the name {name} belongs to {' and '.join(known_as)}")


def _revisions(state: LedgerState) -> Iterator[Breach]:
    """A revision's name is the digest of what is recorded of it, where enough is recorded to tell.

    Of an imported job nobody knows which of its settings the manifest of its day left to the backend.
    """
    for name, record in sorted(state.fine_tunes.items()):
        for revision, known in sorted(record.revisions.items()):
            digest = None if _is_imported(known) else _digest(known)
            if digest is not None and digest != revision:
                yield Breach(fine_tune=name, says=f"revision {revision} is recorded with the content of {digest}")


def _is_imported(known: RevisionRecord) -> bool:
    return any(attempt.job is not None and attempt.job.is_imported for on in known.attempts.values() for attempt in on)


def _digest(known: RevisionRecord) -> str | None:
    """Recomputes a revision; None where the snapshot doesn't hold all of it, as with a grader that names a file."""
    base_model, method, seed = (known.spec.get(key) for key in ("base_model", "method", "seed"))
    if (
        not isinstance(base_model, str)
        or not isinstance(method or {}, dict)
        or not isinstance(seed, int | float | None)
    ):
        return None
    stated = method or {}
    hyperparameters = stated.get("hyperparameters", {})
    if stated.get("grader") is not None or not isinstance(hyperparameters, dict):
        return None
    try:
        return revision_of(
            base_model=base_model,
            method=Method(type=MethodType(stated.get("type", "supervised")), hyperparameters=hyperparameters),
            seed=None if seed is None else int(seed),
            train_sha256=known.train.sha256,
            validation_sha256=known.validation.sha256 if known.validation else None,
        )
    except (ValueError, RecursionError):
        return None


def _aliases(state: LedgerState) -> Iterator[Breach]:
    """An alias points, and pointed, to models that jobs of those revisions made on those backends."""
    for name, record in sorted(state.fine_tunes.items()):
        for alias, known in sorted(record.aliases.items()):
            if not known.history:
                yield Breach(fine_tune=name, says=f"alias {alias} has no history")
            for move in known.history:
                if move.target is not None and not _is_made(record, move.target):
                    target = move.target
                    where = f"revision {target.revision} on {target.backend}"
                    yield Breach(
                        fine_tune=name,
                        says=f"alias {alias} points to {target.model}, which no recorded job of {where} made",
                    )


def _is_made(record: FineTuneRecord, target: Target) -> bool:
    revision = record.revisions.get(target.revision)
    attempts = revision.on(BackendName(target.backend)) if revision else ()
    jobs = (job for attempt in attempts for job in (attempt.job, *attempt.surplus))
    return any(job is not None and job.has_model(target.model) for job in jobs)


def _scores(state: LedgerState) -> Iterator[Breach]:
    """Passed gates, comparisons, preferences and a revision's evaluations are about models that its jobs made."""
    for name, record in sorted(state.fine_tunes.items()):
        for passed in record.passed:
            target = Target(backend=passed.backend, revision=passed.revision, model=passed.model)
            if not _is_made(record, target):
                yield Breach(fine_tune=name, says=f"{passed.model} passed its gates, and no recorded job made it")
        for evaluation in record.evaluations:
            about = evaluation.revision
            if about is None:
                continue
            target = Target(backend=evaluation.backend, revision=about, model=evaluation.model)
            if not _is_made(record, target):
                says = (
                    f"evaluation {evaluation.name} of revision {about} is of {evaluation.model}, which it did not make"
                )
                yield Breach(fine_tune=name, says=says)
        made = {model for *_, job in record.jobs() for model in (job.model, *(c.model for c in job.checkpoints))}
        for comparison in record.comparisons:
            if comparison.candidate not in made:
                says = f"{comparison.candidate} is compared with {comparison.model}, and no recorded job made it"
                yield Breach(fine_tune=name, says=says)
        for preferences in record.preferences:
            if preferences.candidate not in made:
                says = f"{preferences.candidate} is preferred or not to {preferences.baseline}, and no recorded job made it"
                yield Breach(fine_tune=name, says=says)


def _files(state: LedgerState) -> Iterator[Breach]:
    """A file at a backend has one content, and is recorded once."""
    for backend, known in sorted(state.project.backends.items() if state.project else ()):
        seen: dict[str, str] = {}
        for sha256, file in sorted(known.files.items()):
            if file.id in seen:
                yield Breach(
                    says=f"file {file.id} at {backend} is recorded with the contents {seen[file.id]} and {sha256[:12]}"
                )
            seen[file.id] = sha256[:12]


def _inputs(state: LedgerState) -> Iterator[Breach]:
    """Digests of inputs are kept of training sets alone."""
    trained_on = {known.train.sha256 for record in state.fine_tunes.values() for known in record.revisions.values()}
    for train in sorted(state.inputs - trained_on):
        yield Breach(says=f"digests of inputs are kept of {train}, which no recorded revision was trained on")


def _amounts(state: LedgerState) -> Iterator[Breach]:
    """Numbers are finite, and what is paid, spent or taken is never negative."""
    for fine_tune, path, value in _leaves(state):
        if not isinstance(value, float):
            continue
        field = path.rpartition(".")[2]
        if not math.isfinite(value):
            yield Breach(fine_tune=fine_tune, says=f"{path} is {value}")
        elif value < 0 and (field in {"cost_usd", "estimate_usd", "usd", "seconds"}):
            yield Breach(fine_tune=fine_tune, says=f"{path} is negative: {value:g}")


def _clocks(state: LedgerState, now: datetime) -> Iterator[Breach]:
    """No moment lies more than a day ahead, and no alias moved more than a day before its last move."""
    for fine_tune, path, value in _leaves(state):
        if isinstance(value, datetime) and value - now > CLOCK_TOLERANCE:
            yield Breach(fine_tune=fine_tune, says=f"{path} is in the future: {value:%Y-%m-%d %H:%M} UTC")
    for name, record in sorted(state.fine_tunes.items()):
        for alias, known in sorted(record.aliases.items()):
            for before, after in zip(known.history, known.history[1:], strict=False):
                if before.at - after.at > CLOCK_TOLERANCE:
                    says = f"alias {alias} moved on {after.at:%Y-%m-%d}, after a move of {before.at:%Y-%m-%d}"
                    yield Breach(fine_tune=name, says=says)


def _leaves(state: LedgerState) -> Iterator[tuple[str | None, str, Any]]:
    """Gives every value of every record: the fine-tune it is of, the path to it, and the value."""
    if state.project is not None:
        yield from ((None, path, value) for path, value in _below(state.project, ""))
    for name, record in sorted(state.fine_tunes.items()):
        yield from ((name, path, value) for path, value in _below(record, ""))


def _below(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    match value:
        case msgspec.Struct():
            # A manifest's snapshot is what people wrote, however deep: nothing in it is an amount or a moment.
            items: Any = ((name, getattr(value, name)) for name in value.__struct_fields__ if name != "spec")
        case dict():
            items = sorted(value.items())
        case tuple() | list():
            items = enumerate(value)
        case _:
            yield path, value
            return
    for name, item in items:
        yield from _below(item, f"{path}.{name}" if path else str(name))


_RULES: Final[Mapping[Invariant, Rule]] = MappingProxyType(
    {
        Invariant.NAMES: _names,
        Invariant.REVISION_IDS: _revisions,
        Invariant.ATTEMPT_NUMBERS: attempt_numbers,
        Invariant.CLAIMS: claims,
        Invariant.INTENT_IDS: intent_ids,
        Invariant.JOB_IDS: job_ids,
        Invariant.ONE_LIVING_JOB: living_jobs,
        Invariant.STATUSES: statuses,
        Invariant.MODELS: models,
        Invariant.REQUESTS: requests,
        Invariant.ALIASES: _aliases,
        Invariant.SCORES: _scores,
        Invariant.FILES: _files,
        Invariant.INPUTS: _inputs,
        Invariant.AMOUNTS: _amounts,
    }
)
