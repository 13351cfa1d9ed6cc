"""Notices of a plan as lines for a terminal: what is said of several fine-tunes in the same words is said once."""

from collections.abc import Iterable, Iterator

from ftops.cli.style import safe
from ftops.domain.near_misses import listed
from ftops.domain.plan import Notice


def notice_lines(notices: Iterable[Notice]) -> Iterator[str]:
    """Gives one line for each sentence, with the fine-tunes that it is about before it."""
    gathered: dict[tuple[str, bool], list[str]] = {}
    for notice in notices:
        names = gathered.setdefault((notice.message, notice.fine_tune is None), [])
        names += [] if notice.fine_tune is None else [notice.fine_tune]
    for (message, _), names in gathered.items():
        yield f"{listed(names)}: {safe(message)}" if names else safe(message)
