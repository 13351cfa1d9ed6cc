"""What training sets held, as digests of their rows' inputs: the form in which the ledger keeps them beside its records.

A file has one digest of 16 hex digits a line (``datasets.inputs``), each once and in order: equal sets are equal bytes.
Pure; whoever stores such a file checks it with ``parsed``.
"""

import hashlib
import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from ftops.domain.desired import Dataset
from ftops.domain.events import InputsKept

FILE_LIMIT: Final = 64 << 20
_LINES: Final = re.compile(rb"(?:[0-9a-f]{16}\n)+")
_LINE: Final = 17


def written(digests: Collection[str]) -> bytes:
    """Gives the file of some digests."""
    return "".join(f"{digest}\n" for digest in sorted(set(digests))).encode("ascii")


def parsed(content: bytes) -> frozenset[str]:
    """Gives the digests in a file. Raises ValueError where it isn't one that ``written`` gives."""
    if len(content) > FILE_LIMIT or not _LINES.fullmatch(content):
        raise ValueError("expected lines of 16 hex digits")
    lines = content.decode("ascii").split()
    found = frozenset(lines)
    if len(found) < len(lines) or lines != sorted(lines):
        raise ValueError("expected each digest once, in order")
    return found


def file_digest(content: bytes) -> str:
    """Gives what an event says of such a file instead of its content: 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def inputs_kept(at: datetime, train: Dataset) -> InputsKept | None:
    """Makes the event that puts a training set's digests into the ledger; None where there is nothing to keep.

    So it is where the data is gone, or has more rows than a file may have lines. Looks into every row; raises ``Stale`` where
    the file has changed since it was planned.
    """
    if train.is_gone or train.rows * _LINE > FILE_LIMIT:
        return None
    return digests_kept(at, train.sha256, train.input_digests)


def digests_kept(at: datetime, train: str, digests: Collection[str]) -> InputsKept | None:
    """Makes the same event of digests that are there already; ``train`` is the training set's SHA-256."""
    content = written(digests)
    if not 0 < len(content) <= FILE_LIMIT:
        return None
    return InputsKept(at=at, train=train, digest=file_digest(content), content=content)
