"""An edit of a manifest as git would show it, and the commands that commit it."""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ftops.cli.style import paint, safe
from ftops.domain.foreign_text import shell_word
from ftops.ports import ManifestEdit

_CONTEXT: Final = 3
_COLORS: Final = {"+": "green", "-": "red", "@": "cyan"}


def diff_lines(edit: ManifestEdit) -> Iterator[str]:
    """Gives the difference, without line ends; what can't be seen in it is made visible."""
    old, new = _lines(edit.before), _lines(edit.after)
    paths = f"a/{edit.path}", f"b/{edit.path}"
    for line in difflib.unified_diff(old, new, *paths, n=_CONTEXT, lineterm=""):
        yield safe(line.rstrip("\r\n"))
        if line[0] in "+- " and not line.startswith(("+++", "---")) and not line.endswith(("\r", "\n")):
            yield "\\ No newline at end of file"


def coloured(line: str) -> str:
    """Gives a line of a difference in the colour that git gives it."""
    return paint(line, bold=True) if line.startswith(("+++", "---")) else paint(line, _COLORS.get(line[:1]))


def add_command(edit: ManifestEdit, top: Path) -> tuple[str, ...] | None:
    """Gives the words of the command that comes before; None where git knows the file."""
    return None if edit.is_tracked else _git(edit, top, "add")


def commit_command(edit: ManifestEdit, top: Path, message: str) -> tuple[str, ...]:
    """Gives the words of the command that commits the edit alone."""
    return _git(edit, top, "commit", "-m", message)


def shell_line(words: tuple[str, ...]) -> str:
    """Gives a command's words as a line to copy."""
    return safe(" ".join(map(shell_word, words)))


def _git(edit: ManifestEdit, top: Path, *words: str) -> tuple[str, ...]:
    """Gives a command about the file, as it is right where ftops was run."""
    here, target = Path.cwd(), top / edit.path
    if here.is_relative_to(top):
        return ("git", *words, "--", os.path.relpath(target, here))
    return ("git", "-C", str(top), *words, "--", edit.path)


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8-sig").splitlines(keepends=True)
