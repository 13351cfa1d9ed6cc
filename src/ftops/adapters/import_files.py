"""Imported manifests and their data as files: fetched data is kept aside, then placed where nothing lies yet.

Owns where imported files go. Nothing that exists is written over, and nothing is written outside the project.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from ftops.adapters.manifest_text import manifest_text, quoted_text, read_back
from ftops.adapters.project_paths import PathRefused, resolve_inside
from ftops.adapters.state_dir import ensure_private_dir, write_privately
from ftops.domain.manifest import FineTuneName, Project
from ftops.errors import UsageProblem
from ftops.ports import KeptFile, ManifestDraft

_SCHEMA: Final = "schemas/finetune.v1.json"
_PART: Final = {"train": "train", "validation": "valid"}
_BLOCK: Final = 1 << 20


class ImportFiles:
    """The work tree below ``root``; fits ``ports.AdoptionFiles``."""

    def __init__(self, root: Path, ftops_dir: Path, project: Project) -> None:
        self._root = root
        self._aside = ftops_dir / "import"
        self._project = project
        self._folder = _manifest_folder(root, project)
        self._promised: set[str] = set()

    def keep(self, file_id: str, read: Callable[[], bytes]) -> KeptFile:
        """Keeps what ``read`` gives in ``.ftops/import``; a file that is there already is not asked for again."""
        place = self._place(file_id)
        if not place.exists():
            ensure_private_dir(self._aside.parent)
            ensure_private_dir(self._aside)
            write_privately(place, read().replace(b"\r\n", b"\n"))
        hashed, rows, size, block = hashlib.sha256(), 0, 0, b""
        with place.open("rb") as stream:
            while chunk := stream.read(_BLOCK):
                block = chunk
                hashed.update(block)
                rows += block.count(b"\n")
                size += len(block)
        return KeptFile(
            id=file_id, sha256=hashed.hexdigest(), size=size, rows=rows + (size > 0 and not block.endswith(b"\n"))
        )

    def open(self, kept: KeptFile) -> BinaryIO:
        """Gives what a kept file holds, from its start; the caller closes it."""
        return self._place(kept.id).open("rb")

    def draft(
        self, name: FineTuneName, document: Mapping[str, Any], data: Mapping[str, KeptFile], comments: tuple[str, ...]
    ) -> ManifestDraft:
        """Gives a manifest that reads as ``document`` with its data in place, and what reading it gives."""
        path = self._free(f"{self._folder}/{name}", ".yaml", None)
        placed = {part: self._free(f"{self._folder}/data/{name}.{_PART[part]}", ".jsonl", data[part]) for part in data}
        spec = dict(document["spec"])
        if placed:
            spec["dataset"] = {part: os.path.relpath(to, self._folder) for part, to in placed.items()}
        if "aliases" in spec:
            spec["aliases"] = {alias: quoted_text(to) for alias, to in spec["aliases"].items()}
        text = manifest_text({**document, "spec": spec}, (*self._schema_line(), *comments))
        pointers = {f"/spec/dataset/{part}": to for part, to in placed.items()}
        fine_tune, problems = read_back(text, path=path, root=self._root, project=self._project, paths=pointers)
        if fine_tune is not None:
            self._promised |= {path, *placed.values()}
        return ManifestDraft(
            path=path,
            text=text,
            data={to: data[part] for part, to in placed.items()},
            fine_tune=fine_tune,
            problems=problems,
        )

    def write(self, draft: ManifestDraft) -> None:
        """Writes the data, then the manifest; data that lies there already stays as it is."""
        for path, kept in draft.data.items():
            if not self._holds(path, kept):
                with self.open(kept) as content:
                    self._create(path, content)
        self._create(draft.path, draft.text.encode())

    def discard(self) -> None:
        """Removes what was kept aside."""
        shutil.rmtree(self._aside, ignore_errors=True)

    def _place(self, file_id: str) -> Path:
        return self._aside / f"{hashlib.sha256(file_id.encode()).hexdigest()[:32]}.jsonl"

    def _schema_line(self) -> tuple[str, ...]:
        if not (self._root / _SCHEMA).is_file():
            return ()
        return (f"yaml-language-server: $schema={os.path.relpath(_SCHEMA, self._folder)}",)

    def _free(self, stem: str, ending: str, kept: KeptFile | None) -> str:
        """The first path of that name where nothing lies, or this very content."""
        for path in _numbered(stem, ending):
            resolve_inside(self._root, self._root, path)
            is_there = (self._root / path).exists() or (self._root / path).is_symlink()
            if path not in self._promised and (not is_there or (kept is not None and self._holds(path, kept))):
                return path
        raise AssertionError(stem)  # there is always one more number

    def _holds(self, path: str, kept: KeptFile) -> bool:
        target = self._root / path
        if not target.is_file():
            return False
        hashed = hashlib.sha256()
        with target.open("rb") as stream:
            for line in stream:
                hashed.update(line[:-2] + b"\n" if line.endswith(b"\r\n") else line)
        return hashed.hexdigest() == kept.sha256

    def _create(self, path: str, content: BinaryIO | bytes) -> None:
        """Makes a new file as a whole; raises FileExistsError where one came to lie there meanwhile."""
        resolve_inside(self._root, self._root, path)
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Made aside: what a kill leaves of it is in nobody's way, and goes with the rest.
        ensure_private_dir(self._aside.parent)
        partial = ensure_private_dir(self._aside) / f"{target.name}.{os.getpid()}"
        try:
            with partial.open("wb") as stream:
                if isinstance(content, bytes):
                    stream.write(content)
                else:
                    shutil.copyfileobj(content, stream, _BLOCK)
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(partial, target)  # unlike a rename it never replaces
            except OSError:
                if target.exists() or target.is_symlink():
                    raise
                shutil.move(partial, target)  # no hard links here, or .ftops is on another file system
        finally:
            partial.unlink(missing_ok=True)


def _numbered(stem: str, ending: str) -> Iterator[str]:
    path = PurePosixPath(stem).as_posix()
    yield path + ending
    for number in count(2):
        yield f"{path}-{number}{ending}"


def _manifest_folder(root: Path, project: Project) -> str:
    """The folder that new manifests go to: the first one that ``spec.manifests`` names. Raises UsageProblem."""
    for pattern in project.manifests:
        path = PurePosixPath(pattern)
        if path.suffix in {".yaml", ".yml"} and path.stem == "*":
            path = path.parent
        if any(letter in str(path) for letter in "*?[") or path.suffix in {".yaml", ".yml"}:
            continue
        try:
            target = resolve_inside(root, root, str(path))
        except PathRefused:
            continue
        if target.is_dir() or not target.exists():
            return str(path)
    raise UsageProblem(
        "spec.manifests in ftops.yaml names no folder that manifests could be written to",
        remedy="add one, such as finetunes",
    )
