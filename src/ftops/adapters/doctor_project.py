"""What the doctor reads of a project's files: ``ftops.yaml``, manifests, and the first bytes of data files.

Owns the gathering of ``domain.diagnosing_project``'s facts; it writes nothing, no cache either.
"""

from pathlib import Path
from typing import Final

from ftops.adapters.manifest_files import read_project
from ftops.datasets.lines import file_finding
from ftops.domain.diagnosing_project import ProjectFacts
from ftops.domain.loaded import LoadedProject
from ftops.domain.manifest import Backend

_HEAD: Final = 256
_PROJECT_FILES: Final = frozenset({"ftops.yaml", "ftops.yml"})
_POINTER: Final = "D003"


def read_facts(root: Path, *, redirected: str | None) -> ProjectFacts:
    """Reads the project below ``root``. ``redirected`` is the backend that ``--backend`` or FTOPS_BACKEND names."""
    loaded, problems = read_project(root, backend_override=redirected)
    paths = sorted({use.path for use in loaded.datasets})
    return ProjectFacts(
        project=loaded.project,
        fine_tunes=loaded.fine_tunes,
        file_problems=tuple(str(problem) for problem in problems if problem.file in _PROJECT_FILES),
        problems=tuple(str(problem) for problem in problems if problem.file not in _PROJECT_FILES),
        data_files=len(paths),
        pointers=tuple(path for path in paths if _is_pointer(root / path, path)),
        redirected=redirected,
        backends=_in_force(loaded, redirected),
    )


def _is_pointer(file: Path, path: str) -> bool:
    try:
        with file.open("rb") as stream:
            found = file_finding(stream.read(_HEAD), path)
    except OSError:
        return False
    return found is not None and found.code == _POINTER


def _in_force(loaded: LoadedProject, redirected: str | None) -> tuple[Backend, ...]:
    known = {str(name): backend for name, backend in loaded.project.backends.items()}
    default = str(loaded.project.backend)
    named = {redirected} if redirected else {str(one.backend or default) for one in loaded.fine_tunes} or {default}
    return tuple(known[name] for name in sorted(named) if name in known)
