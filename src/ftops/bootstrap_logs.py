"""Wires what ``ftops logs`` reads: the ledger of a fine-tune, and the backend that has its jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ftops.application.requests import known
from ftops.bootstrap import load_desired, open_catalog
from ftops.bootstrap_place import Place
from ftops.bootstrap_sessions import open_session
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.records import FineTuneRecord
from ftops.errors import Invalid, UsageProblem
from ftops.ports import BackendSession


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """A fine-tune of the ledger, and the revision that the manifests declare of it, where they can be read.

    ``caveats`` say how old the ledger's copy is, where it could not be fetched.
    """

    record: FineTuneRecord
    declared: Revision | None
    caveats: tuple[str, ...]


def find_logged(place: Place, name: str, *, backend: str | None) -> Logged:
    """Finds a fine-tune by its present or a former name. Raises UsageProblem where neither ledger nor manifest knows it."""
    catalog = open_catalog(place, backend=backend)
    snapshot = catalog.read(catalog.backend_of(FineTuneName(name)), is_cached=False)
    manifest = next((one for one in catalog.fine_tunes if name == one.name or name in one.moved_from), None)
    names = (name, *((manifest.name, *manifest.moved_from) if manifest else ()))
    record = next((r for one in names if (r := snapshot.state.named(FineTuneName(one))) is not None), None)
    if record is None and manifest is not None:
        record = FineTuneRecord(format_version="1", name=manifest.name)
    record = record or known(snapshot.state, FineTuneName(name))
    return Logged(record=record, declared=_declared(place, backend, record), caveats=snapshot.caveats)


@contextmanager
def opened_backend(place: Place, name: BackendName) -> Iterator[BackendSession]:
    """Opens the backend that has a job. Raises UsageProblem, MissingKey, BackendError."""
    backends = open_catalog(place, backend=None).project.backends
    backend = backends.get(name)
    if backend is None:
        raise UsageProblem(f"ftops.yaml has no backend {name}, which has the job", remedy="write it there again")
    if backend.is_rehearsal and not (place.ftops_dir / "embedded").is_dir():
        raise UsageProblem(f"the data of {name} is not on this machine", remedy="ask where the job was run")
    session = open_session(place.ftops_dir, backend)
    try:
        yield session
    finally:
        session.close()


def _declared(place: Place, backend: str | None, record: FineTuneRecord) -> Revision | None:
    """The declared revision; None where a manifest or a dataset is wrong: what was trained can be read all the same."""
    try:
        desired = load_desired(place, backend=backend)
    except Invalid:
        return None
    names = {record.name, *record.former_names}
    return next(
        (one.revision for one in desired.fine_tunes if not names.isdisjoint((one.name, *one.fine_tune.moved_from))),
        None,
    )
