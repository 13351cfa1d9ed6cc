"""Foreign text in Markdown: the only ways by which it gets into a comment or a step summary.

Owns the escaping. What strangers wrote stands in code spans and fences that are longer than any run of backticks within, so
that it makes no link, picture, mention, reference, heading, table, HTML or mathematics, and closes nothing that is ours.
Sentences of ftops' own that quote it keep their plain words; every other word of theirs goes into a code span.
Sources: https://github.github.com/gfm/ (code spans, fences, tables, raw HTML) and its parser cmark-gfm, which takes no run of
more than 80 backticks for a code span; https://docs.github.com/get-started/writing-on-github for what GitHub adds:
mentions, references, emoji, alerts and mathematics, none of which it looks for in code.
"""

import html
import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from ftops.cli.style import safe

EMPTY: Final = "*(empty)*"
_LIMIT: Final = 300
_SENTENCE_LIMIT: Final = 2_000
_LONG_RUN: Final = re.compile("`{9,}")
_RUN: Final = re.compile("`+")
# Words in which no reader of Markdown, and nothing that GitHub adds to it, finds anything: plain ASCII letters, possibly
# joined by a hyphen or an apostrophe, and plain numbers; a few signs before and behind them. No word of hex digits, which
# may be a commit's.
_PLAIN_WORD: Final = re.compile(
    r"[(“'\"]?(?:(?![0-9a-f]{7,40}\b)(?:[A-Za-z]+(?:[-'’][a-z]+)*|[−+–]?\d{1,6}(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d\d)?%?|\d{4}-\d\d-\d\d))[.,;:!?)”’'\"…]{0,3}"
    r"|[–—×→=≥≤±+…%][.,;)]{0,2}"
)


def code(text: str, *, limit: int = _LIMIT) -> str:
    """Gives foreign text as a code span on one line, cut after ``limit`` characters."""
    return _span(_shown(text, limit))


def cell(text: str, *, limit: int = _LIMIT) -> str:
    """Gives foreign text as a code span for a table's cell: a pipe would end the cell, within code too."""
    return _span(_shown(text, limit).replace("|", "\\x7c"))


def prose(sentence: str, *, limit: int = _SENTENCE_LIMIT) -> str:
    """Gives a sentence of ftops' own with whatever is no plain word of it in code spans.

    It must not begin a line: its first word may be a number with a full stop, which would begin a list.
    """
    words = _shown(sentence, limit).split(" ")
    kinds = ((is_plain, list(some)) for is_plain, some in groupby(filter(None, words), key=_is_plain))
    return " ".join(
        " ".join(some) if is_plain else " ".join(_marked(word) for word in some) for is_plain, some in kinds
    )


def prose_cell(sentence: str, *, limit: int = _SENTENCE_LIMIT) -> str:
    """Gives a sentence for a table's cell."""
    return prose(sentence, limit=limit).replace("|", "\\x7c")


def fence(lines: Iterable[tuple[str, str]], language: str = "") -> list[str]:
    """Gives a fenced block. Each line begins with a sign of ours, as ``+``, and goes on with foreign text."""
    shown = [f"{sign} {_shown(text, _SENTENCE_LIMIT)}".rstrip() for sign, text in lines]
    longest = max((len(run) for line in shown for run in _RUN.findall(line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return [f"{ticks}{language}", *shown, ticks]


def html_code(text: str, *, limit: int = _LIMIT) -> str:
    """Gives foreign text for a line of HTML, in which no Markdown is read: within ``summary``."""
    return f"<code>{html.escape(_shown(text, limit)) or '(empty)'}</code>"


def _shown(text: str, limit: int) -> str:
    """Gives text on one line, cut, without what can't be seen and without long runs of backticks."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return _LONG_RUN.sub(lambda run: "\\x60" * len(run.group()), safe(cut))


def _span(shown: str) -> str:
    if not shown:
        return EMPTY
    ticks = "`" * (1 + max((len(run) for run in _RUN.findall(shown)), default=0))
    # A space at both ends is taken away, unless there is nothing but spaces.
    is_padded = (
        shown.startswith("`") or shown.endswith("`") or (shown[0] == shown[-1] == " " and shown.strip(" ") != "")
    )
    return f"{ticks} {shown} {ticks}" if is_padded else f"{ticks}{shown}{ticks}"


def _is_plain(word: str) -> bool:
    return _PLAIN_WORD.fullmatch(word) is not None


def _marked(word: str) -> str:
    """Gives a word in code, with the signs around it that belong to the sentence left outside."""
    core = word.rstrip(".,;")
    if not core:
        return _span(word)
    behind = word[len(core) :]
    if core[0] == "(" and core[-1] == ")" and not {"(", ")"} & set(core[1:-1]) and len(core) > 2:
        return f"({_marked(core[1:-1])}){behind}"
    if core[0] == core[-1] == "`" and len(core) > 2 and "`" not in core[1:-1]:
        core = core[1:-1]  # it is in code already
    return f"{_span(core)}{behind}"
