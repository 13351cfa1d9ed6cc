"""What the application needs of the machine it runs on: git, time, a place for outputs, and somebody who watches."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import BinaryIO, Protocol

from ftops.ports.backend import ChatAnswer


class Repository(Protocol):
    """The git repository that holds the manifests."""

    def head(self) -> str | None:
        """Gives the commit checked out, None before the first one."""
        ...

    def is_dirty(self) -> bool:
        """Whether tracked files differ from the commit checked out, or untracked ones lie in the project."""
        ...

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        """Whether ``older`` is ``newer`` or one of its ancestors; None where the history here can't tell."""
        ...

    def changed_files(self, older: str, newer: str) -> frozenset[str] | None:
        """Gives the files below the project's root, as paths from there, in which two commits differ; None where unknown."""
        ...

    def content(self, commit: str, path: str, *, limit: int) -> BinaryIO | str:
        """Gives a file as it was at a commit, or says why it can't be had; fetches nothing.

        ``path`` is relative to the project's root. What has more than ``limit`` bytes can't be had. The caller closes it.
        """
        ...

    def fetch_history(self, commit: str, *, remote: str) -> None:
        """Brings what is missing of the history of the commit checked out, and of ``commit``, from a configured remote.

        No files, no ref and no tag. What can't be had within some minutes is done without. Raises UsageProblem.
        """
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Gives the wall-clock time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Gives seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits; returns early when the run is interrupted."""
        ...


class OutputStore(Protocol):
    """Model outputs, kept on this machine only: other people's text."""

    def get(self, key: str) -> ChatAnswer | None:
        """Gives the answer kept for a request's digest."""
        ...

    def get_all(self, keys: Sequence[str]) -> Mapping[str, ChatAnswer]:
        """Gives those of the answers that are kept, by key."""
        ...

    def put(self, key: str, answer: ChatAnswer) -> None:
        """Keeps an answer."""
        ...

    def get_vector(self, key: str) -> tuple[float, ...] | None:
        """Gives the embedding kept for a text's digest."""
        ...

    def put_vector(self, key: str, vector: Sequence[float]) -> None:
        """Keeps an embedding."""
        ...


class Progress(Protocol):
    """Tells a person how a run goes. Safe to call from several threads."""

    def update(
        self, fine_tune: str, phase: str, *, done: int | None = None, total: int | None = None, detail: str = ""
    ) -> None:
        """Shows where a fine-tune is now: the phase in a word or two, ``done`` of ``total``, and a detail such as a loss."""
        ...

    def say(self, message: str, *, fine_tune: str | None = None) -> None:
        """Reports something that happened."""
        ...
