"""Older formats of the ledger: how a document of one is brought up to the present format, a version at a time.

Pure. A version is a whole number, written as text in each record (``format_version``) and in each commit's message
(``Ftops-Format``; a message without one is of version 1). Records are brought up when they are read, before they are
decoded, and come back in the present form with the next change that is made to them; events of older commits are brought
up for ``ftops history`` alone. Whoever changes the format adds a step, and nothing else has to know.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ftops.domain.record_types import FORMAT_VERSION

CURRENT: Final = int(FORMAT_VERSION)
_DIGITS: Final = 9

Document = Mapping[str, Any]
Change = Callable[[Document], Document]


class Kind(StrEnum):
    """What a document is."""

    PROJECT = "project"
    FINE_TUNE = "fine_tune"
    EVENT = "event"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """From format ``source`` to the next one: the kinds of documents that it changes, and how. It need not set the version."""

    source: int
    changes: Mapping[Kind, Change]


# Nothing older than version 1 was ever released.
STEPS: tuple[Step, ...] = ()


def version_of(document: Any) -> int | None:
    """Gives the version that a record states, None where it states none."""
    return version_in(document.get("format_version")) if isinstance(document, Mapping) else None


def version_in(text: Any) -> int | None:
    """Gives the version that a text states, None where it states none."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
        return None
    return int(text)


def is_older(version: int, *, steps: Sequence[Step] | None = None, target: int = CURRENT) -> bool:
    """Whether there are steps from a version up to the present one."""
    known = {step.source for step in (STEPS if steps is None else steps)}
    return version < target and known.issuperset(range(version, target))


def migrated(
    document: Document, kind: Kind, *, version: int, steps: Sequence[Step] | None = None, target: int = CURRENT
) -> Document:
    """Gives a document of an older version (see ``is_older``) in the present form. Raises what a step raises."""
    by_source = {step.source: step for step in (STEPS if steps is None else steps)}
    for source in range(version, target):
        change = by_source[source].changes.get(kind)
        document = change(document) if change is not None else document
        if kind is not Kind.EVENT:
            document = {**document, "format_version": str(source + 1)}
    return document
