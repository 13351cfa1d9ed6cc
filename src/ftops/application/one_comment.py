"""One comment for a project in a pull request: found again by its marker, updated in place, never a second one.

Owns the marker and the rule which comment counts: the oldest of our own user that begins with the marker. A comment of
somebody else is nobody's business, whatever it holds. Two runs at once come to the same one.
"""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ftops.errors import HostAnswerLost, HostError, HostNotFound
from ftops.ports import Comment, Discussion

_ROUNDS: Final = 4


class Done(StrEnum):
    """What was done to the comment."""

    WRITTEN = "written"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """Which comment it is, and what was done. ``author`` is who wrote it: our own user, as the host knows it."""

    done: Done
    url: str
    author: str


def marker_of(project: str) -> str:
    """Gives the line that a project's comment begins with, and that nobody sees. ``project`` is a DNS label."""
    return f"<!-- ftops:{project} -->"


def post(discussion: Discussion, *, marker: str, body: str, author: str) -> Posted:
    """Sees to it that the project's one comment says ``body``, which begins with ``marker``.

    ``author`` is our own user's login. Where a comment that was written now turns out to be another user's, that is us from
    then on. Raises HostError.
    """
    made: Comment | None = None
    for _ in range(_ROUNDS):
        ours = [one for one in discussion.comments() if one.author == author and _has_marker(one.body, marker)]
        if made is not None and made.id not in {one.id for one in ours}:
            ours = ours or [made]  # the list may be a moment behind
        if not ours:
            # An answer that was lost may have been one to a comment that arrived: looked for in the next round.
            with suppress(HostAnswerLost):
                made = discussion.add(body)
                author = made.author
            continue
        oldest, *others = sorted(ours, key=lambda one: one.id)
        try:
            is_same = _normal(oldest.body) == _normal(body)
            if not is_same:
                discussion.change(oldest.id, body)
        except HostNotFound:
            made = None
            continue
        for other in others:
            with suppress(HostNotFound):  # the other run has deleted it already
                discussion.remove(other.id)
        return Posted(done=_done(oldest, made, is_same=is_same), url=oldest.url, author=author)
    raise HostError("the comment could not be written: it was lost or deleted again and again", remedy="run it again")


def _done(oldest: Comment, made: Comment | None, *, is_same: bool) -> Done:
    if made is not None and oldest.id == made.id:
        return Done.WRITTEN
    return Done.UNCHANGED if is_same else Done.UPDATED


def _has_marker(body: str, marker: str) -> bool:
    first, _, _ = _normal(body).partition("\n")
    return first == marker


def _normal(body: str) -> str:
    """Gives a text as it was sent: the host may give back other line breaks, and none at the end."""
    return body.replace("\r\n", "\n").rstrip()
