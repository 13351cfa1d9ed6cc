"""A ledger's folder read file by file: what can be read of it, and why the rest can't.

Where ``ledger_objects`` refuses the whole for one bad file, this goes on, for those who ask what is wrong.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ftops.adapters.git_process import GitProcess
from ftops.adapters.ledger_files import FILE_LIMIT, decode_inputs, format_in
from ftops.adapters.ledger_migrations import CURRENT
from ftops.adapters.ledger_objects import (
    Entry,
    apart,
    check_total,
    decode_file,
    entry_of,
    list_files,
    read_files,
    state_of,
)
from ftops.domain.records import FineTuneRecord, LedgerState, ProjectRecord
from ftops.errors import LedgerCorrupt

_PLAIN: Final = "100644"

AnyRecord = ProjectRecord | FineTuneRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """A folder at one commit, as far as it can be read: why its other files can't, and which are of an older format."""

    state: LedgerState = field(default_factory=LedgerState)
    problems: tuple[LedgerCorrupt, ...] = ()
    older: tuple[str, ...] = ()


class LedgerSurvey:
    """Reads one project's folder in a repository's commits."""

    def __init__(self, git: GitProcess, folder: str) -> None:
        self._git = git
        self._folder = folder
        is_sha256 = git.line("rev-parse", "--show-object-format") == "sha256"
        self._hash = hashlib.sha256 if is_sha256 else hashlib.sha1

    def at(self, tip: str) -> Survey:
        """Gives the folder at a commit. What is wrong with the listing as a whole is one problem."""
        try:
            lines = list_files(self._git, self._folder, tip)
        except LedgerCorrupt as error:
            return Survey(problems=(error,))
        listed, problems = self._checked(lines)
        entries, inputs = apart(self._folder, listed)
        problems += self._damaged(inputs.values())
        try:
            check_total(entries)
        except LedgerCorrupt as error:
            return Survey(problems=(*problems, error))
        records: list[AnyRecord] = []
        older = []
        for entry, record, version in self._read(entries):
            if isinstance(record, LedgerCorrupt):
                problems.append(record)
                continue
            records.append(record)
            if version != CURRENT:
                older.append(entry.path)
        return Survey(state=state_of(records, inputs=inputs), problems=tuple(problems), older=tuple(older))

    def files(self, blobs: Mapping[str, str | None]) -> Mapping[str, AnyRecord | LedgerCorrupt | None]:
        """Gives the records in some blobs (mode and hash, by path; None for a file that went), or why they can't be read."""
        found: dict[str, AnyRecord | LedgerCorrupt | None] = {}
        entries: list[Entry] = []
        present = {path: blob.split() for path, blob in blobs.items() if blob is not None}
        asked = "".join(f"{sha}\n" for _, sha in present.values()).encode()
        sizes = self._git.run("cat-file", "--batch-check=%(objecttype) %(objectsize)", stdin=asked).splitlines()
        for (path, (mode, sha)), answer in zip(present.items(), sizes, strict=True):
            kind, size = answer.decode("ascii").split()[-2:]
            try:
                entries.append(entry_of(self._folder, f"{mode} {kind} {sha} {size}\t{path}".encode()))
            except LedgerCorrupt as error:
                found[path] = error
        for entry, record, _ in self._read(entries):
            found[entry.path] = record
        return {path: found.get(path) for path in blobs}

    def blob_of(self, content: bytes | None) -> str | None:
        """Gives mode and hash that a file with such content has, None for one that went."""
        if content is None:
            return None
        return f"{_PLAIN} {self._hash(b'blob %d' % len(content) + bytes(1) + content).hexdigest()}"

    def content(self, blob: str) -> bytes:
        """Gives what a blob (mode and hash) holds that ``at`` or ``changes`` named. Raises LedgerCorrupt."""
        _, sha = blob.split()
        size = self._git.line("cat-file", "-s", sha)
        if int(size) > FILE_LIMIT:
            raise LedgerCorrupt(f"a file in the ledger is larger than {FILE_LIMIT >> 20} MiB")
        return read_files(self._git, [Entry("", sha, int(size))])[sha]

    def _damaged(self, entries: Iterable[Entry]) -> Iterator[LedgerCorrupt]:
        """Gives what is wrong with files of inputs' digests; reads one after the other, as they may be large."""
        for entry in entries:
            try:
                decode_inputs(read_files(self._git, [entry])[entry.sha], path=entry.path)
            except LedgerCorrupt as error:
                yield error

    def _checked(self, lines: Sequence[bytes]) -> tuple[list[Entry], list[LedgerCorrupt]]:
        entries, problems = [], []
        for line in lines:
            try:
                entries.append(entry_of(self._folder, line))
            except LedgerCorrupt as error:
                problems.append(error)
        return entries, problems

    def _read(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, AnyRecord | LedgerCorrupt, int | None]]:
        """Gives each file's record or why there is none, and the format that it states."""
        try:
            contents = read_files(self._git, entries)
        except LedgerCorrupt:
            contents = {}  # one that is missing spoils them all: each is asked for on its own
        for entry in entries:
            try:
                content = contents[entry.sha] if contents else read_files(self._git, [entry])[entry.sha]
                yield entry, decode_file(self._folder, entry.path, content), format_in(content)
            except LedgerCorrupt as error:
                yield entry, error, None
