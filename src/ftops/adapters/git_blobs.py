"""Files as they were at a revision: found by git, checked for their size, and written to a temporary file.

Owns that nothing larger than was allowed is unpacked, that symbolic links are followed inside the revision only, and what
becomes of git-LFS pointers: the file itself where this clone has it.
"""

import re
import tempfile
from pathlib import Path
from typing import BinaryIO, Final, cast

from ftops.adapters.git_process import NETWORK_SECONDS, GitFailed, GitProcess
from ftops.domain.foreign_text import quoted

_POINTER_BYTES: Final = 1_024  # git-LFS keeps pointers below that
_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n"
)
_TREE: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class BlobRefused(Exception):
    """A file of a revision that can't be read: ``says`` why, ``hint`` what may help."""

    def __init__(self, says: str, *, hint: str | None = None) -> None:
        super().__init__(says)
        self.says = says
        self.hint = hint


class RevisionMissing(BlobRefused):
    """This clone has no revision of that name."""


def open_blob(git: GitProcess, revision: str, path: str, *, limit: int) -> BinaryIO:
    """Opens the file that ``path``, relative to the repository's top, was at ``revision``; the caller closes it.

    Raises ``BlobRefused``, also where the file has more than ``limit`` bytes.
    """
    sha, size = _located(git, revision, path)
    if size > limit:
        raise BlobRefused(f"expected at most {limit:,} bytes, {quoted(path)} has {size:,} at {quoted(revision)}")
    content = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115  (the caller closes it)
    try:
        git.write("cat-file", "blob", sha, into=content, seconds=NETWORK_SECONDS)
        content.seek(0)
        if size <= _POINTER_BYTES and (pointer := _POINTER.match(content.read())):
            content.close()
            content = _stored(git, pointer, revision, path, limit)
        content.seek(0)
    except GitFailed as failure:
        content.close()
        raise BlobRefused(f"git can't read {quoted(path)} at {quoted(revision)}: {failure.gist}") from failure
    except BaseException:
        content.close()
        raise
    return content


def _located(git: GitProcess, revision: str, path: str) -> tuple[str, int]:
    """Gives a file's object and its size in bytes."""
    try:
        tree = git.line("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}")
    except GitFailed as failure:
        hint = "in a shallow clone: git fetch --unshallow"
        raise RevisionMissing(f"there is no revision {quoted(revision)} here", hint=hint) from failure
    missing = BlobRefused(f"there is no file {quoted(path)} at {quoted(revision)}")
    if not _TREE.fullmatch(tree) or not path or "\n" in path or "\0" in path:
        raise missing
    question = f"{tree}:{path}\n".encode("utf-8", "surrogateescape")
    form = "--batch-check=%(objecttype) %(objectname) %(objectsize)"
    try:
        answer = git.run("cat-file", form, "--follow-symlinks", stdin=question, seconds=NETWORK_SECONDS)
    except (GitFailed, ValueError) as failure:
        raise missing from failure
    kind, _, rest = answer.partition(b" ")
    found = rest.split()
    if kind == b"tree":
        raise BlobRefused(f"expected a file, {quoted(path)} is a folder at {quoted(revision)}")
    if kind != b"blob" or len(found) != 2 or not found[1].isdigit():
        raise missing
    return found[0].decode("ascii"), int(found[1])


def _stored(git: GitProcess, pointer: re.Match[bytes], revision: str, path: str, limit: int) -> BinaryIO:
    """Opens what a git-LFS pointer stands for, where this clone has it."""
    oid, size = pointer[1].decode("ascii"), int(pointer[2])
    common = Path(git.line("rev-parse", "--path-format=absolute", "--git-common-dir"))
    file = common / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    if size > limit:
        raise BlobRefused(f"expected at most {limit:,} bytes, {quoted(path)} has {size:,} at {quoted(revision)}")
    if not file.is_file() or file.stat().st_size != size:
        says = f"{quoted(path)} is a git-LFS pointer at {quoted(revision)}, and its content is not in this clone"
        raise BlobRefused(says, hint="run: git lfs fetch --all")
    return file.open("rb")
