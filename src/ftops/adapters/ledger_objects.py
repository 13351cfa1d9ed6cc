"""The ledger's commits as git objects: reads a project's folder at a commit, and makes a child commit.

Owns how few processes that takes: two to read (only files that changed since the last reading), one to write. No ref is
moved here, and nothing is ever checked out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from ftops.adapters.git_process import GitFailed, GitProcess, OutputTooLarge
from ftops.adapters.ledger_files import (
    ENTRY_LIMIT,
    FILE_LIMIT,
    FOLDER_LIMIT,
    VERIFY,
    decode_fine_tune,
    decode_inputs,
    decode_project,
    name_in_path,
    train_in_path,
)
from ftops.adapters.ledger_messages import MESSAGE_LIMIT
from ftops.domain.foreign_text import visible
from ftops.domain.records import FineTuneRecord, LedgerState, ProjectRecord
from ftops.errors import LedgerCorrupt

_IDENTITY: Final = "ftops <ftops@localhost>"
_COMMITS_AT_ONCE: Final = 100
_FILES_AT_ONCE: Final = 200


class Entry(msgspec.Struct, frozen=True):
    """A file of the folder at some commit: a blob that is small enough to be read."""

    path: str
    sha: str
    size: int


def commit_messages(git: GitProcess, commits: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Gives some commits and their messages, in the same order; None for one that is too long. Holds few at a time."""
    listed = git.run("cat-file", "--batch-check=%(objectsize)", stdin=_lines(commits)).split()
    sizes = dict(zip(commits, map(int, listed), strict=True))
    waiting: list[str] = []
    for commit in commits:
        waiting.append(commit)
        if sum(min(sizes[sha], MESSAGE_LIMIT) for sha in waiting) >= MESSAGE_LIMIT or commit == commits[-1]:
            short = [sha for sha in waiting if sizes[sha] <= MESSAGE_LIMIT]
            contents = _batch(git.run("cat-file", "--batch", stdin=_lines(short)))
            for sha in waiting:
                yield sha, contents[sha].partition(b"\n\n")[2] if sha in contents else None
            waiting = []


class LedgerObjects:
    """A project's folder in the ledger's commits. Not safe for several threads at once: its owner takes care of that."""

    def __init__(self, git: GitProcess, folder: str) -> None:
        self._git = git
        self._folder = folder
        # By path, of the tip read last: what has the same hash there again is the same record.
        self._known: dict[str, tuple[str, ProjectRecord | FineTuneRecord]] = {}

    def read(self, tip: str) -> LedgerState:
        """Gives the folder's state at a commit. Raises LedgerCorrupt, naming the file."""
        listed = [entry_of(self._folder, line) for line in list_files(self._git, self._folder, tip)]
        entries, inputs = apart(self._folder, listed)
        check_total(entries)
        missing = [e for e in entries if self._known.get(e.path, ("",))[0] != e.sha]
        fresh = {
            entry.path: (entry.sha, decode_file(self._folder, entry.path, content))
            for some in _read_ahead(self._git, missing)
            for entry, content in some
        }
        self._known = {entry.path: fresh.get(entry.path) or self._known[entry.path] for entry in entries}
        state = state_of([record for _, record in self._known.values()], inputs=inputs.keys())
        if state.project is None and state.fine_tunes:
            # Taken for a ledger that was never started, it would get another id, and its jobs would be strangers to it.
            says = f"the ledger holds fine-tunes, and {self._folder}/project.json is missing"
            raise LedgerCorrupt(says, remedy=VERIFY)
        return state

    def inputs(self, tip: str, train: str) -> frozenset[str] | None:
        """Gives the digests of a training set's inputs, None where the ledger has none. Raises LedgerCorrupt."""
        listed = list_files(self._git, f"{self._folder}/inputs", tip)
        entry = apart(self._folder, [entry_of(self._folder, line) for line in listed])[1].get(train)
        return decode_inputs(read_files(self._git, [entry])[entry.sha], path=entry.path) if entry else None

    def commit(self, parent: str | None, changes: Mapping[str, bytes | None], message: bytes, *, at: datetime) -> str:
        """Makes a child commit of ``parent`` with some files changed, and gives its hash. No ref points to it."""
        date = f"{int(at.timestamp())} +0000"
        # The ref exists only within this stream: fast-import wants one to commit to.
        ref = "refs/ftops/unwritten"
        stream = [
            f"commit {ref}\nmark :1\nauthor {_IDENTITY} {date}\ncommitter {_IDENTITY} {date}\n".encode(),
            b"data %d\n%s\n" % (len(message), message),
            f"from {parent}\n".encode() if parent else b"",
        ]
        for path, content in changes.items():
            if content is None:
                stream.append(f"D {path}\n".encode())
            else:
                stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))
        nowhere = "0" * (len(parent) if parent else self._hash_length())
        stream.append(f"get-mark :1\nreset {ref}\nfrom {nowhere}\n\ndone\n".encode())
        return self._git.run("fast-import", "--quiet", "--done", stdin=b"".join(stream)).decode("ascii").strip()

    def messages(self, tip: str) -> Iterator[tuple[str, bytes | None]]:
        """Gives the commits that changed this folder and their messages, newest first; None for one that is too long."""
        commits = self._git.line("rev-list", "--end-of-options", tip, "--", self._folder).split()
        for start in range(0, len(commits), _COMMITS_AT_ONCE):
            yield from commit_messages(self._git, commits[start : start + _COMMITS_AT_ONCE])

    def _hash_length(self) -> int:
        return 64 if self._git.line("rev-parse", "--show-object-format") == "sha256" else 40


def list_files(git: GitProcess, folder: str, tip: str) -> list[bytes]:
    """Lists a folder's files at a commit, a line of ``git ls-tree`` each, none of them checked. Raises LedgerCorrupt."""
    try:
        listing = git.run("ls-tree", "-r", "-l", "-z", "--full-tree", tip, "--", f"{folder}/", limit=ENTRY_LIMIT * 256)
    except OutputTooLarge as error:
        raise LedgerCorrupt(f"the ledger holds more than {ENTRY_LIMIT} files of this project", remedy=VERIFY) from error
    except GitFailed as failure:
        raise LedgerCorrupt(f"the ledger's commit {tip} can't be read: {failure.gist}", remedy="git fsck") from failure
    lines = listing.split(b"\0")[:-1]
    if len(lines) > ENTRY_LIMIT:
        raise LedgerCorrupt(f"the ledger holds more than {ENTRY_LIMIT} files of this project", remedy=VERIFY)
    return lines


def check_total(entries: Sequence[Entry]) -> None:
    """Refuses files that are too large together. Raises LedgerCorrupt."""
    if sum(entry.size for entry in entries) > FOLDER_LIMIT:
        says = f"the ledger's files of this project are larger than {FOLDER_LIMIT >> 20} MiB together"
        raise LedgerCorrupt(says, remedy=VERIFY)


def read_files(git: GitProcess, entries: Sequence[Entry]) -> dict[str, bytes]:
    """Gives the contents of files by their hashes. Raises LedgerCorrupt where one is missing."""
    if not entries:
        return {}
    # Sizes were checked, so that what git unpacks is bounded.
    limit = sum(entry.size + 128 for entry in entries)
    try:
        return _batch(git.run("cat-file", "--batch", stdin=_lines([e.sha for e in entries]), limit=limit))
    except (GitFailed, OutputTooLarge, ValueError) as error:
        raise LedgerCorrupt(f"the ledger's objects can't be read: {error}", remedy="git fsck") from error


def _read_ahead(git: GitProcess, entries: Sequence[Entry]) -> Iterator[list[tuple[Entry, bytes]]]:
    """Gives files and their contents, some at a time: git unpacks the next ones while their reader decodes these."""
    groups = [entries[start : start + _FILES_AT_ONCE] for start in range(0, len(entries), _FILES_AT_ONCE)]
    if len(groups) < 2:
        contents = read_files(git, entries)
        yield [(entry, contents[entry.sha]) for entry in entries]
        return
    from concurrent.futures import ThreadPoolExecutor

    ahead = ThreadPoolExecutor(max_workers=1)
    try:
        coming = [ahead.submit(read_files, git, group) for group in groups]
        for group, future in zip(groups, coming, strict=True):
            contents = future.result()
            yield [(entry, contents[entry.sha]) for entry in group]
    finally:
        ahead.shutdown(cancel_futures=True)


def decode_file(folder: str, path: str, content: bytes) -> ProjectRecord | FineTuneRecord:
    """Gives the record that a file of the folder holds. Raises LedgerCorrupt, naming the file."""
    name = name_in_path(folder, path)
    if name is None:
        return decode_project(content, path=path)
    return decode_fine_tune(content, path=path, name=name)


def apart(folder: str, entries: Sequence[Entry]) -> tuple[list[Entry], dict[str, Entry]]:
    """Gives the files of records, and those of inputs' digests by training set, which are not read with them."""
    named = [(train_in_path(folder, entry.path), entry) for entry in entries]
    inputs = {train: entry for train, entry in named if train is not None}
    return [entry for train, entry in named if train is None], inputs


def state_of(
    records: Sequence[ProjectRecord | FineTuneRecord], *, inputs: Collection[str] = frozenset()
) -> LedgerState:
    """Gives the state that some records are; ``inputs`` are the training sets whose rows' digests lie beside them."""
    return LedgerState(
        project=next((r for r in records if isinstance(r, ProjectRecord)), None),
        fine_tunes={r.name: r for r in records if isinstance(r, FineTuneRecord)},
        inputs=frozenset(inputs),
    )


def entry_of(folder: str, line: bytes) -> Entry:
    """Gives a file of the folder from its line of ``git ls-tree``. Raises LedgerCorrupt where it has no business there."""
    description, _, raw_path = line.partition(b"\t")
    path = raw_path.decode("utf-8", "replace")
    mode, kind, sha, size = description.decode("ascii").split()
    if train_in_path(folder, path) is None:
        name_in_path(folder, path)
    if kind != "blob" or mode not in {"100644", "100755"}:
        raise LedgerCorrupt(f"{visible(path)} in the ledger is not a plain file", remedy=VERIFY)
    if not size.isdigit():
        raise LedgerCorrupt(f"{path} of the ledger is missing in this clone", remedy="git fsck")
    if int(size) > FILE_LIMIT:
        raise LedgerCorrupt(f"{path} in the ledger is larger than {FILE_LIMIT >> 20} MiB", remedy=VERIFY)
    return Entry(path, sha, int(size))


def _lines(words: Sequence[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode("ascii")


def _batch(output: bytes) -> dict[str, bytes]:
    """Takes apart what ``git cat-file --batch`` answers: ``HASH TYPE SIZE``, a newline, the content, a newline."""
    contents: dict[str, bytes] = {}
    start = 0
    while start < len(output):
        end = output.index(b"\n", start)
        sha, _, size = output[start:end].decode("ascii").split()
        contents[sha] = output[end + 1 : end + 1 + int(size)]
        start = end + 1 + int(size) + 1
    return contents
