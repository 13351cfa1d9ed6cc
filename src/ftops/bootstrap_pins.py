"""Wires adapters for ``ftops promote`` and ``ftops rollback``, beside ``bootstrap``."""

import threading
from dataclasses import dataclass

from ftops.adapters.manifest_edits import ManifestFiles
from ftops.application.pins import Pins, pins_of
from ftops.bootstrap import load_desired, open_catalog, open_workspace
from ftops.bootstrap_place import Place
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.guard import Policy
from ftops.domain.manifest import AliasName
from ftops.domain.records import LedgerState
from ftops.ports import ManifestEdits, Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class PinsAtHand:
    """The declared world, and the ledger that records one backend; no backend is called."""

    place: Place
    desired: DesiredState
    edits: ManifestEdits
    backend: str | None

    def ledger(self, declared: Declared, *, is_cached: bool) -> tuple[LedgerState, tuple[str, ...]]:
        """Gives the ledger's state for a fine-tune, and what is to be known of its age. Raises LedgerError."""
        snapshot = open_catalog(self.place, backend=self.backend).read(declared.backend, is_cached=is_cached)
        return snapshot.state, snapshot.caveats

    def pins(self, state: LedgerState, declared: Declared, alias: AliasName, progress: Progress) -> Pins:
        """Gives what an alias could be pinned to."""
        policy = Policy(selected=frozenset({declared.name}))
        stop = threading.Event()
        opening = open_workspace(
            self.place, self.desired, policy=policy, progress=progress, stop=stop, is_offline=True, may_lack_keys=True
        )
        with opening as workspace:
            return pins_of(workspace, state, declared, alias)


def open_pins(place: Place, *, backend: str | None) -> PinsAtHand:
    """Reads manifests and datasets. Raises Invalid with all problems, and UsageProblem for ``backend``."""
    desired = load_desired(place, backend=backend)
    edits = ManifestFiles(place.top, place.root, desired.manifest_digests)
    return PinsAtHand(place=place, desired=desired, edits=edits, backend=backend)
