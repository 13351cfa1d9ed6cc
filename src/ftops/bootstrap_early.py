"""Begins to ask a backend: the part of ``bootstrap`` that a plan comes to first. It imports little before that."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ftops.adapters.early_process import EarlyProcess

if TYPE_CHECKING:
    from ftops.adapters.early_look import EarlyLook
    from ftops.adapters.kept_manifests import KeptManifests


@contextmanager
def beginning_early(*, is_offline: bool) -> Iterator[EarlyProcess | None]:
    """Starts to import the SDK in a process of its own; not where there is no second processor, or nobody to be asked."""
    if is_offline or (os.cpu_count() or 1) < 2:
        yield None
        return
    with closing(EarlyProcess()) as process:
        yield process


def look_early(
    process: EarlyProcess | None, root: Path, *, backend: str | None, kept: "KeptManifests | None" = None
) -> "EarlyLook | None":
    """Has the process ask the backend that will most likely be asked, while manifests and ledger are read.

    Where there is none, or none that may be asked, the process is ended. ``kept`` are files found valid before.
    """
    from ftops.adapters.early_look import EarlyLook, early_question
    from ftops.adapters.project_file import read_project_file
    from ftops.application.look import NEWEST_JOBS

    if process is None:
        return None
    file = read_project_file(root, kept=kept)
    question = early_question(file.project, backend, newest=NEWEST_JOBS, environ=os.environ)
    if question is None or file.problems:
        process.close()
        return None
    return EarlyLook(question, process)
