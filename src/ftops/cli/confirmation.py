"""Asks a person before something is spent or lost for good, and says which option answers instead.

Owns who counts as a person: somebody at a terminal. Where nobody is there, or the terminal ends without an answer, nothing is
done, and that is a wrong usage of the command (exit 2), not an interruption.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from ftops.cli.style import tell
from ftops.cli.widths import columns, wrapped
from ftops.errors import UsageProblem


def check_somebody_is_there(what: str, *, instead: str) -> None:
    """Raises UsageProblem where no terminal is at standard input. ``what`` a person is needed for, ``instead`` what helps."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageProblem(f"nobody is here to {what}", remedy=instead)


def is_confirmed(question: str, *, instead: str) -> bool:
    """Asks for yes or no; Enter alone is no. Raises UsageProblem where the input ends, and click.Abort at Ctrl-C."""
    with _told_at_the_end(instead):
        return click.confirm(_fitting(question, " [y/N]: "), default=False, err=True)


def is_typed(question: str, word: str, *, instead: str) -> bool:
    """Asks for a word to be typed, for what can't be had back; anything else is no. Raises as ``is_confirmed`` does."""
    with _told_at_the_end(instead):
        answer = click.prompt(
            _fitting(f"{question} Type {word} to do it", ": "), default="", show_default=False, err=True
        )
    if answer.strip() != word:
        tell(f"That was not {word}.")
    return bool(answer.strip() == word)


def _fitting(question: str, rest: str) -> str:
    """Gives a question in lines that leave room for what follows it."""
    width = columns(sys.stderr)
    return question if width is None else "\n".join(wrapped(question, width - len(rest) - 4, indent=4))


@contextmanager
def _told_at_the_end(instead: str) -> Iterator[None]:
    """Tells the end of input from Ctrl-C, for which click raises the same."""
    _forget_what_was_typed()
    try:
        yield
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            tell("")
            raise UsageProblem("the question was not answered", remedy=instead) from abort
        raise


def _forget_what_was_typed() -> None:
    """Drops the keys that were pressed before the question stood there: they can't have been meant as its answer."""
    with suppress(ImportError, OSError, ValueError):
        import termios

        with suppress(termios.error):
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
