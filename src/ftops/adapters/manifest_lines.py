"""In which file and line each fine-tune of a work tree is declared, and each of its fields.

Owns no judgement of manifests: one that can't be read, or declares what another one does, is left out or comes second.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ftops.adapters.manifest_bytes import find_manifests, read_bytes
from ftops.adapters.plain_values import member
from ftops.adapters.project_file import read_project_file
from ftops.adapters.project_paths import KnownFolders
from ftops.adapters.yaml_documents import YamlDocument
from ftops.errors import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestLines:
    """Where one fine-tune is declared: a path in the repository, and the lines of its fields."""

    path: str
    document: YamlDocument

    def line(self, *pointers: str) -> int:
        """Gives the line of the first of these fields that there is, else of its name, else of its document."""
        places = {**self.document.values, **self.document.keys}
        found = (places[one].line for one in (*pointers, "/metadata/name") if one in places)
        return next(found, self.document.place.line)


def manifest_lines(root: Path, top: Path) -> Mapping[str, ManifestLines]:
    """Gives the manifests below ``root`` by their fine-tunes' names; paths are relative to ``top``, the git top folder."""
    from ftops.adapters.yaml_nodes import read_yaml

    file = read_project_file(root)
    paths, _ = find_manifests(root, file.project.manifests, file.manifest_places)
    folder, known = root.resolve().relative_to(top.resolve()).as_posix(), KnownFolders(root)
    found: dict[str, ManifestLines] = {}
    for path in paths:
        content = read_bytes(root, path, known=known)
        if isinstance(content, Problem):
            continue
        for document in read_yaml(content.data, path).documents:
            name = member(member(document.value, "metadata"), "name")
            if isinstance(name, str):
                in_repository = posixpath.normpath(posixpath.join(folder, path))
                found.setdefault(name, ManifestLines(path=in_repository, document=document))
    return found
