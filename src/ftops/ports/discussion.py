"""The comments of a pull request: what is said there, and by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """One comment. ``id`` grows: the one with the smaller one is the older one. ``url`` is its page, "" where unknown."""

    id: int
    author: str
    body: str
    url: str = ""


class Discussion(Protocol):
    """The comments of one pull request. All methods raise HostError."""

    def own_login(self) -> str | None:
        """Gives the user that the token belongs to, None where it may not ask for that."""
        ...

    def comments(self) -> Sequence[Comment]:
        """Gives all comments, of everybody."""
        ...

    def add(self, body: str) -> Comment:
        """Writes a comment. Raises HostAnswerLost where it may have arrived or not."""
        ...

    def change(self, comment: int, body: str) -> None:
        """Replaces a comment's text. Raises HostNotFound where somebody has deleted it."""
        ...

    def remove(self, comment: int) -> None:
        """Deletes a comment. Raises HostNotFound where somebody has done so already."""
        ...
