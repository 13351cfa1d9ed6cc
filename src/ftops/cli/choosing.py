"""Which fine-tunes a run is about: some of those that are declared, and where it deletes of those that are not, too."""

from ftops.bootstrap import open_catalog
from ftops.bootstrap_place import Place
from ftops.cli.options import Selection
from ftops.domain.desired import DesiredState
from ftops.domain.manifest import FineTuneName


def choose(
    place: Place, desired: DesiredState, selection: Selection, *, backend: str | None, is_pruning: bool
) -> frozenset[FineTuneName] | None:
    """Gives the selected names, None where nothing was asked. Raises UsageProblem where a word selects nothing."""
    undeclared = _undeclared(place, desired, backend) if is_pruning and selection.is_asking else frozenset()
    return selection.choose(desired, undeclared=undeclared)


def _undeclared(place: Place, desired: DesiredState, backend: str | None) -> frozenset[FineTuneName]:
    """The fine-tunes that the ledgers of this run know and no manifest declares."""
    catalog = open_catalog(place, backend=backend)
    known = {name for one in desired.backends for name in catalog.read(one, is_cached=False).state.fine_tunes}
    return frozenset(FineTuneName(name) for name in known if desired.named(FineTuneName(name)) is None)
