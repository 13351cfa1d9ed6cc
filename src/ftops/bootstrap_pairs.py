"""Wires adapters for pairs of answers that people choose between, beside ``bootstrap``: calls no backend, needs no key."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from ftops.adapters.clock import SystemClock
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.evaluation_files import EvaluationFiles
from ftops.adapters.output_files import OutputFiles
from ftops.application.evaluate import Evaluations
from ftops.bootstrap_place import Place
from ftops.datasets.inputs import input_digest


@contextmanager
def open_kept_evaluations(place: Place) -> Iterator[Evaluations]:
    """Opens evaluations over what is kept on this machine alone."""
    with closing(OutputFiles(place.ftops_dir / "outputs")) as outputs:
        yield Evaluations(
            files=EvaluationFiles(place.root, DatasetFiles(place.root)),
            outputs=outputs,
            sessions={},
            clock=SystemClock(threading.Event()),
            input_digest=input_digest,
        )
