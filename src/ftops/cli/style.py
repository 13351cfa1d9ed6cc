"""Colour and foreign text on a terminal: when to use the one, and how to show the other safely."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, TextIO

import click

from ftops.cli.widths import folded
from ftops.domain.foreign_text import visible

# The signs of this house, for streams that have ASCII alone.
TYPED: Final = str.maketrans(
    {
        "✓": "ok",
        "✗": "x",
        "→": "->",
        "…": "...",
        "×": "x",
        "·": "-",
        "–": "-",
        "−": "-",
        "≤": "<=",
        "≥": ">=",
    }
)

_forced: bool | None = None


def choose_color(*, is_wanted: bool | None) -> None:
    """Forces colours off or on, or leaves the choice to the stream.

    NO_COLOR in the environment forces them off, too, and wins over FORCE_COLOR, which asks for them in files and pipes.
    """
    global _forced  # noqa: PLW0603  (one choice for the whole process, made once at its start)
    if is_wanted is False or os.environ.get("NO_COLOR"):
        _forced = False
    else:
        _forced = True if os.environ.get("FORCE_COLOR", "0") not in {"", "0"} else None


def has_color(stream: IO[Any] | None) -> bool:
    """Whether to colour what is written to a stream: only on a terminal, unless forced. None is a closed one."""
    if stream is None or _forced is False:
        return False
    return _forced is True or (stream.isatty() and os.environ.get("TERM") != "dumb")


def never_fail_to_encode() -> None:
    """Makes standard output show what its encoding lacks as ``\\uNNNN``, as standard error does from the start."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None and not shows_all(sys.stdout):
        reconfigure(errors="backslashreplace")


def shows_all(stream: IO[Any] | None) -> bool:
    """Whether a stream's encoding has all characters."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    return encoding.replace("-", "").replace("_", "").startswith("utf")


def typed(text: str, stream: IO[Any] | None) -> str:
    """Gives text as a stream can show it: a tick or an arrow that it lacks in letters, all else as ``\\uNNNN``."""
    if shows_all(stream):
        return text
    encoding = getattr(stream, "encoding", "ascii")
    return text.translate(TYPED).encode(encoding, "backslashreplace").decode(encoding)


def paint(text: str, color: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
    """Gives text in a colour where standard output shows colours."""
    if not has_color(sys.stdout):
        return text
    return click.style(text, fg=color, bold=bold or None, dim=dim or None)


def safe(text: str) -> str:
    """Gives foreign text with control characters made visible, and nothing in it that GitHub's runner takes for a command.

    It looks for ``##[`` anywhere in a line, and for ``::`` at the beginning of one, behind blanks, too: wherever this text
    goes, it may begin a line there.
    """
    shown = visible(text).replace("##[", "#\\x23[")
    return shown.replace("::", ":\\x3a", 1) if shown.lstrip().startswith("::") else shown


def echo(text: str = "") -> None:
    """Writes text to standard output; on a terminal its lines are broken between words, not within."""
    click.echo(folded(typed(text, sys.stdout), sys.stdout), color=has_color(sys.stdout))


def echo_data(text: str) -> None:
    """Writes text to standard output as it is: what programs read, or a person copies."""
    click.echo(text, color=has_color(sys.stdout))


def tell(text: str) -> None:
    """Writes a line to standard error: progress and remarks, never data. Where nobody can read them any more that is all."""
    try:
        click.echo(folded(typed(text, sys.stderr), sys.stderr), err=True, color=has_color(sys.stderr))
    except OSError:
        abandon(sys.stderr)


def abandon(stream: TextIO | None) -> None:
    """Gives up a stream whose terminal or reader is gone: what it still holds, and all that follows, goes nowhere.

    Otherwise the interpreter would fail to write it once more at its end, and put 120 in place of the exit code.
    """
    if stream is None:
        return
    with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def print_error(message: str, *, remedy: str | None = None) -> None:
    """Writes an error and what mends it to standard error."""
    word = click.style("Error:", fg="red", bold=True) if has_color(sys.stderr) else "Error:"
    tell(f"{word} {safe(message)}")
    if remedy:
        tell(f"  {safe(remedy)}")
