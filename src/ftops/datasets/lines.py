"""The lines of a JSONL file, a few megabytes at a time, however long one of them is.

Owns what counts as content (CRLF made LF, nothing else changed), what is no JSONL at all by its first bytes, and the longest
line that is looked at. It opens no file and judges no row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from ftops.datasets.findings import FindingList, Found
from ftops.domain.foreign_text import shell_word

MAX_LINE_BYTES: Final = 64_000_000
_CHUNK: Final = 4_000_000
_HEAD: Final = 64
_LFS: Final = b"version https://git-lfs.github.com/spec/"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# The magic numbers of RFC 1952 (gzip), RFC 8878 (zstd), APPNOTE.TXT (zip), and of bzip2 and xz.
_PACKED: Final = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines that end with LF; the very last one of a file may have none. ``first_line`` counts from 1."""

    data: bytes
    first_line: int


def chunks(
    stream: BinaryIO, findings: FindingList, *, size: int = _CHUNK, longest: int = MAX_LINE_BYTES
) -> Iterator[Chunk]:
    """Gives all lines of ``stream``, read ``size`` bytes at a time.

    What is no JSONL at all gives nothing but a finding. A line of more than ``longest`` bytes is a finding and left out; no
    more than these and one piece are ever held.
    """
    piece = stream.read(max(size, _HEAD))
    wrong = file_finding(piece, findings.file)
    if wrong is not None:
        findings.add(wrong)
        if not piece.startswith(BYTE_ORDER_MARK):
            return
        piece = piece.removeprefix(BYTE_ORDER_MARK)
    cut = _Cut(findings=findings, longest=longest)
    while piece:
        chunk = cut.take(piece)
        if chunk is not None:
            yield chunk
        piece = stream.read(size)
    chunk = cut.rest()
    if chunk is not None:
        yield chunk


def file_finding(head: bytes, path: str) -> Found | None:
    """Tells by the first bytes what is no JSONL at all, or begins with a mark. ``path`` is for the hint."""
    if not head:
        return Found(code="D002", says="expected rows, the file is empty")
    if head.startswith(_LFS):
        hint = f"run: git lfs pull --include={shell_word(path)}"
        return Found(code="D003", line=1, says="expected data, got a git-LFS pointer", hint=hint)
    for magic, name in _PACKED:
        if head.startswith(magic):
            return Found(code="D004", line=1, says=f"expected JSONL, got {name}", hint="unpack it")
    if head.startswith(BYTE_ORDER_MARK):
        says, hint = "expected JSONL without a byte-order mark", "save it as UTF-8 without BOM"
        return Found(code="D006", line=1, says=says, hint=hint)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:4]:
        says = "expected UTF-8, got what looks like UTF-16 or binary data"
        return Found(code="D005", line=1, says=says, hint="save it as UTF-8")
    return None


def long_line_finding(line: int, size: int, *, longest: int = MAX_LINE_BYTES) -> Found:
    """Tells of a line of ``size`` bytes, its line feed included, which is left out."""
    says = f"expected at most {longest:,} bytes a line, got {size:,}"
    return Found(code="D010", line=line, says=says, hint="is it one row a line?")


class _Cut:
    """Cuts pieces at line feeds. What comes after the last one waits for the next piece."""

    def __init__(self, *, findings: FindingList, longest: int) -> None:
        self._findings = findings
        self._longest = longest
        self._open: list[bytes] = []
        self._open_size = 0
        self._line = 1

    def take(self, piece: bytes) -> Chunk | None:
        """Takes the next piece; gives the lines that it ends, where there are some."""
        end = piece.rfind(b"\n") + 1
        if not end:
            self._keep(piece)
            return None
        first = piece.find(b"\n") + 1
        line, skipped = self._line, 0
        self._keep(piece[:first])
        if self._open_size > self._longest:
            self._skip()
            skipped, data = 1, piece[first:end]
        else:
            data = b"".join((*self._open, piece[first:end]))
        self._open, self._open_size = [], 0
        self._line += skipped + data.count(b"\n")
        self._keep(piece[end:])
        if b"\r" in data:  # to look for one byte takes a part of what to look for two takes
            data = data.replace(b"\r\n", b"\n")
        return Chunk(data, line + skipped) if data else None

    def rest(self) -> Chunk | None:
        """Gives the last line, where it has no line feed."""
        if self._open_size > self._longest:
            self._skip()
            return None
        data = b"".join(self._open)
        return Chunk(data, self._line) if data else None

    def _keep(self, piece: bytes) -> None:
        self._open_size += len(piece)
        if self._open_size > self._longest:
            self._open.clear()
        elif piece:
            self._open.append(piece)

    def _skip(self) -> None:
        self._findings.add(long_line_finding(self._line, self._open_size, longest=self._longest))
