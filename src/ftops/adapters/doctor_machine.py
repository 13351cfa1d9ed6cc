"""What the doctor looks at on this machine: Python, packages, ``.ftops`` and its disk, the terminal, the sandbox.

Owns those looks; nothing is written, and one process is started at most, the one that python graders would run in.
"""

import os
import re
import shutil
import sys
import threading
import time
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Final

from ftops.domain.diagnosing_machine import MachineFacts, Package
from ftops.ports import ProgramMode
from ftops.version import __version__

_LEFT_BEHIND_SECONDS: Final = 3600.0
_MOST_LEFTOVERS: Final = 1000
_VERSION: Final = re.compile(r"^Version: *(\S+)", re.MULTILINE)
_LEAST: Final = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9][0-9.]*)")


def look_at_machine(root: Path) -> MachineFacts:
    """Looks at this machine for the project at ``root``."""
    ftops_dir = root / ".ftops"
    return MachineFacts(
        python=sys.version_info[:3],
        version=__version__,
        packages=_packages(),
        free=shutil.disk_usage(_existing(ftops_dir)).free,
        refusal=_refusal(ftops_dir),
        leftovers=_leftovers(root),
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
    )


def isolation_refusal() -> str | None:
    """Says why python graders can't be isolated here, None where they can; finds out by starting a process."""
    from ftops.adapters.grader_programs import GraderPrograms

    with closing(GraderPrograms(ProgramMode.ISOLATED, stop=threading.Event())) as programs:
        return programs.refusal()


def _packages() -> tuple[Package, ...]:
    try:
        wanted = metadata.requires("ftops") or []
    except metadata.PackageNotFoundError:
        return ()
    found = [match.groups() for text in wanted if "extra ==" not in text and (match := _LEAST.match(text))]
    return tuple(Package(name=name, least=least, installed=_installed(name)) for name, least in sorted(found))


def _installed(name: str) -> str | None:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    # metadata.version() parses the package's whole description: of 25 packages that took longer than all else here.
    head = (found.read_text("METADATA") or found.read_text("PKG-INFO") or "").partition("\n\n")[0]
    stated = _VERSION.search(head)
    return stated[1] if stated else None


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _refusal(ftops_dir: Path) -> str | None:
    """Says why nothing can be written to ``.ftops``; asks for permission, and writes nothing to find out."""
    if ftops_dir.exists() and not ftops_dir.is_dir():
        return "it is a file"
    place = ftops_dir if ftops_dir.exists() else _existing(ftops_dir)
    folders = (place, *(path for path in sorted(place.glob("*")) if path.is_dir())) if place == ftops_dir else (place,)
    refused = next((folder for folder in folders if not os.access(folder, os.W_OK | os.X_OK)), None)
    return None if refused is None else f"no permission for {refused.name if refused != place else 'the folder'}"


def _leftovers(root: Path) -> tuple[str, ...]:
    """Gives files that killed processes left: unfinished ones, by the names that ``state_dir`` gives them."""
    ftops_dir = root / ".ftops"
    folders = (ftops_dir, *(path for path in ftops_dir.glob("*") if path.is_dir()))
    old = time.time() - _LEFT_BEHIND_SECONDS
    every = (path for folder in folders for path in folder.glob(".*.????????"))
    found = [path.relative_to(root).as_posix() for path in every if path.is_file() and path.stat().st_mtime < old]
    return tuple(sorted(found)[:_MOST_LEFTOVERS])
