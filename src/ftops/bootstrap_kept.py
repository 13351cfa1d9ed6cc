"""Wires what runs keep for later ones in ``.ftops``, beside ``bootstrap``: answers of models, and what was worked out."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from ftops.adapters.kept_curves import KeptCurves
from ftops.adapters.kept_row_changes import KeptRowChanges
from ftops.adapters.kept_verdicts import KeptVerdicts
from ftops.adapters.state_dir import clear_left_behind, ensure_private_dir
from ftops.bootstrap_place import Place
from ftops.ports import OutputStore


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Answers of models, and what earlier runs learnt: of datasets, of finished jobs, and of scores."""

    outputs: OutputStore
    row_changes: KeptRowChanges
    curves: KeptCurves
    verdicts: KeptVerdicts


@contextmanager
def open_kept(place: Place) -> Iterator[Kept]:
    """Gives what was kept; at the end what this run learnt is kept, too."""
    from ftops.adapters.output_files import OutputFiles

    clear_left_behind(place.ftops_dir, place.ftops_dir / "pending")
    row_changes = KeptRowChanges(place.ftops_dir, seal=place.seal)
    curves = KeptCurves(place.ftops_dir, seal=place.seal)
    verdicts = KeptVerdicts(place.ftops_dir, seal=place.seal)
    with closing(OutputFiles(ensure_private_dir(place.ftops_dir) / "outputs")) as outputs:
        try:
            yield Kept(outputs=outputs, row_changes=row_changes, curves=curves, verdicts=verdicts)
        finally:
            for learnt in (place.scans, row_changes, curves, verdicts):
                learnt.save()
