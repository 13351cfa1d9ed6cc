"""Where a project lies: the part of ``bootstrap`` that is needed first. It imports little, so that it is known soon."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftops.adapters.content_cache import seal_key
from ftops.adapters.git_repo import GitRepository
from ftops.adapters.kept_digests import KeptDigests
from ftops.adapters.kept_manifests import KeptManifests
from ftops.adapters.kept_scans import KeptScans
from ftops.ports import Repository

PROJECT_FILE: Final = "ftops.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a project lies: the git top folder, and the folder of ``ftops.yaml`` (the top folder where there is none).

    ``seal`` is the key that this clone's cache is sealed with.
    """

    top: Path
    root: Path
    repository: Repository
    seal: bytes | None
    manifests: KeptManifests
    scans: KeptScans
    digests: KeptDigests

    @property
    def ftops_dir(self) -> Path:
        """What belongs to this machine alone."""
        return self.root / ".ftops"


def find_place(start: Path) -> Place:
    """Finds the project that ``start`` lies in. Raises UsageProblem where there is no git repository."""
    repository = GitRepository(start)
    top = repository.root
    here = start.resolve()
    candidates = [folder for folder in (here, *here.parents) if folder == top or top in folder.parents]
    root = next((folder for folder in candidates if (folder / PROJECT_FILE).exists()), top)
    repository = repository.for_project(root)
    seal, ftops_dir = seal_key(repository.common_dir), root / ".ftops"
    return Place(
        top=top,
        root=root,
        repository=repository,
        seal=seal,
        manifests=KeptManifests(ftops_dir, seal=seal),
        scans=KeptScans(ftops_dir, seal=seal),
        digests=KeptDigests(ftops_dir, seal=seal),
    )
