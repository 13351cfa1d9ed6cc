"""What an alias answers: the model an application should call.

Pure over the ledger's records and the manifests. Answers for former names too, also before a declared rename is applied.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ftops.domain.foreign_text import visible
from ftops.domain.lost_models import what_is_lost
from ftops.domain.manifest import AliasName, BackendName, FineTune, FineTuneName, ModelId, Revision
from ftops.domain.near_misses import hint
from ftops.domain.records import FineTuneRecord, LedgerState, Target


class NoAnswer(Exception):
    """There is no model to name, and why; ``is_usage`` where the question itself has to change."""

    def __init__(self, message: str, *, is_usage: bool = False) -> None:
        super().__init__(message)
        self.is_usage = is_usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The model behind an alias, and what a caller should be warned of."""

    name: FineTuneName
    alias: AliasName
    model: ModelId
    backend: BackendName
    revision: Revision
    warnings: tuple[str, ...] = ()


def resolve(
    ledger: LedgerState,
    manifests: Sequence[FineTune],
    name: FineTuneName,
    alias: AliasName | None,
    backend: BackendName,
) -> Resolved:
    """Gives what ``NAME`` or ``NAME@ALIAS`` stands for. ``backend`` is the one that the manifest wants.

    Without an alias the only one is meant. Raises NoAnswer.
    """
    manifest = next((m for m in manifests if m.name == name or name in m.moved_from), None)
    record = _record(ledger, manifest, name)
    if record is None:
        known = {*ledger.fine_tunes, *(m.name for m in manifests)}
        if manifest is not None:
            raise NoAnswer(f"{name} was never applied on {backend}")
        raise NoAnswer(f"there is no fine-tune {visible(name)}; {hint(name, known)}", is_usage=True)
    alias = alias or _only_alias(record)
    known_alias = record.aliases.get(alias)
    if known_alias is None or not known_alias.history:
        declared = manifest is not None and alias in manifest.aliases
        why = "nothing was promoted to it yet" if declared else hint(alias, record.aliases)
        raise NoAnswer(f"{name} has no model under {visible(alias)}: {why}", is_usage=not declared)
    if known_alias.target is None:
        raise NoAnswer(f"alias {alias} of {name} is retired: its line was removed from the manifest")
    target = known_alias.target
    warnings = []
    present = manifest.name if manifest else record.name
    if present != name:
        warnings.append(f"{name} is called {present} now")
    if (lost := _lost(record, target)) is not None:
        warnings.append(lost)
    if target.backend != backend:
        warnings.append(f"{alias} points to backend {target.backend}; the manifest wants {backend}")
    return Resolved(
        name=FineTuneName(present),
        alias=alias,
        model=ModelId(target.model),
        backend=BackendName(target.backend),
        revision=Revision(target.revision),
        warnings=tuple(warnings),
    )


def _lost(record: FineTuneRecord, target: Target) -> str | None:
    """What is wrong with the model that an alias points to, as far as the ledger knows."""
    for revision, backend, _, job in record.jobs():
        is_it = (backend, revision) == (target.backend, target.revision) and job.has_model(target.model)
        if is_it and (job.is_missed or job.is_model_lost):
            return what_is_lost(record, revision, backend, job)
    return None


def _record(ledger: LedgerState, manifest: FineTune | None, name: FineTuneName) -> FineTuneRecord | None:
    names = (name, *((manifest.name, *manifest.moved_from) if manifest else ()))
    return next((record for known in names if (record := ledger.named(known)) is not None), None)


def _only_alias(record: FineTuneRecord) -> AliasName:
    alive = sorted(alias for alias, known in record.aliases.items() if known.target is not None)
    if len(alive) == 1:
        return AliasName(alive[0])
    if not alive:
        raise NoAnswer(f"nothing of {record.name} was promoted yet")
    raise NoAnswer(f"{record.name} has several aliases; name one: {', '.join(alive)}", is_usage=True)
