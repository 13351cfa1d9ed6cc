"""What an import needs of the work tree: a place for data that was fetched, and manifests that a person could have written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from ftops.domain.manifest import FineTune, FineTuneName


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFile:
    """A file that was fetched from a backend, CRLF made LF. ``sha256`` (hex), ``size`` (bytes) and ``rows`` are of that."""

    id: str
    sha256: str
    size: int
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestDraft:
    """A manifest as it would be written to ``path``, and where its data would go; paths are relative to the project's root.

    ``fine_tune`` is what reading it gives; None where ``problems`` say what a manifest may not say.
    """

    path: str
    text: str
    data: Mapping[str, KeptFile]
    fine_tune: FineTune | None
    problems: tuple[str, ...] = ()


class AdoptionFiles(Protocol):
    """Writes manifests and their data into the work tree; nothing that exists is ever written over."""

    def keep(self, file_id: str, read: Callable[[], bytes]) -> KeptFile:
        """Keeps what ``read`` gives, aside and on this machine only; asks for no file twice, in later runs neither."""
        ...

    def open(self, kept: KeptFile) -> BinaryIO:
        """Gives what a kept file holds, from its start; the caller closes it."""
        ...

    def draft(
        self, name: FineTuneName, document: Mapping[str, Any], data: Mapping[str, KeptFile], comments: tuple[str, ...]
    ) -> ManifestDraft:
        """Gives a manifest without writing it. ``data`` maps ``train`` and ``validation`` to files, for ``spec.dataset``."""
        ...

    def write(self, draft: ManifestDraft) -> None:
        """Writes the data, then the manifest. Raises OSError."""
        ...

    def discard(self) -> None:
        """Removes what was kept."""
        ...
