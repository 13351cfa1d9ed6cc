"""Which files each commit of a branch changed, from ``git diff-tree``: one process for many commits, and no file is read."""

from collections.abc import Mapping, Sequence
from typing import Final

from ftops.adapters.git_process import GitProcess

_LIMIT: Final = 64 << 20
_DELETED: Final = b"D"

# By path: the new blob's hash with its mode before it, None where the file went.
Changes = Mapping[str, str | None]


def changes_of(git: GitProcess, commits: Sequence[str]) -> Mapping[str, Changes]:
    """Gives what each commit changed against its first parent; nothing for merges. Raises GitFailed, OutputTooLarge."""
    arguments = ("diff-tree", "--stdin", "--root", "--always", "-r", "-z", "--raw", "--no-abbrev", "--no-renames")
    output = git.run(*arguments, stdin="".join(f"{commit}\n" for commit in commits).encode(), limit=_LIMIT)
    found: dict[str, dict[str, str | None]] = {commit: {} for commit in commits}
    words = iter(output.split(b"\0"))
    current: dict[str, str | None] = {}
    for word in words:
        if not word.startswith(b":"):
            current = found.get(word.decode("ascii", "replace").strip(), current)
            continue
        _, mode, _, blob, status = word.decode("ascii").split()
        path = next(words).decode("utf-8", "replace")
        current[path] = None if status.encode() == _DELETED else f"{mode} {blob}"
    return found
