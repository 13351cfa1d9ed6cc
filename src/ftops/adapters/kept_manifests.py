"""Manifests and project files found valid before, by the SHA-256 of their bytes: their YAML is not read again, nor is their
schema asked.

Owns what is kept of them. Whatever depends on more than the bytes (paths, names, the project) is checked anew each time.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ftops.adapters.content_cache import ContentCache
from ftops.adapters.schemas import load_schema
from ftops.adapters.yaml_documents import Place, YamlDocument


class _Document(msgspec.Struct, frozen=True, array_like=True):
    value: Any
    place: Place
    values: dict[str, Place]


class KeptManifests:
    """The documents of valid files. ``schema`` is the name of the one that they were held to."""

    def __init__(self, ftops_dir: Path, *, seal: bytes | None) -> None:
        schemas = [load_schema(name) for name in ("finetune.v1", "project.v1")]
        version = f"2 {hashlib.sha256(msgspec.json.encode(schemas)).hexdigest()}"
        self._cache = ContentCache(ftops_dir, "manifests", kind=tuple[_Document, ...], version=version, seal=seal)

    def get(self, sha256: str, schema: str) -> tuple[YamlDocument, ...] | None:
        """Gives the documents of a file with this content; None where it was never found valid."""
        kept = self._cache.get(f"{schema} {sha256}")
        if kept is None:
            return None
        return tuple(YamlDocument(value=d.value, place=d.place, values=d.values, keys={}) for d in kept)

    def put(self, sha256: str, schema: str, documents: Sequence[YamlDocument]) -> None:
        """Keeps documents that neither YAML nor the schema has anything against."""
        self._cache.put(f"{schema} {sha256}", tuple(_Document(d.value, d.place, d.values) for d in documents))

    def save(self) -> None:
        """Writes them for the next run."""
        self._cache.save()
