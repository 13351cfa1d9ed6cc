"""What people should know about valid manifests: it refuses nothing.

Owns what a notice is about, so that each place can leave out and gather; the sentences are made where they are found out.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ftops.domain.manifest import FineTuneName
from ftops.domain.near_misses import listed


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestNotice:
    """A sentence about fine-tunes; ``file`` and ``line`` are the manifest of the only one, None where there are several."""

    fine_tunes: tuple[FineTuneName, ...]
    message: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Gives it in one line, with its place where it has one."""
        place = f"{self.file}:{self.line}: " if self.file is not None else ""
        return f"{place}{', '.join(self.fine_tunes)}: {self.message}"


def gathered(notices: Iterable[ManifestNotice], selected: Collection[FineTuneName] | None) -> list[str]:
    """Gives one line for each thing that is said of selected fine-tunes; None selects all.

    What is said of several manifests in the same words is said once, so that a fleet's warnings don't bury its plan.
    """
    by_message: dict[str, list[ManifestNotice]] = {}
    for notice in notices:
        if selected is None or any(name in selected for name in notice.fine_tunes):
            by_message.setdefault(notice.message, []).append(notice)
    return [str(found[0]) if len(found) == 1 else _together(message, found) for message, found in by_message.items()]


def _together(message: str, notices: Iterable[ManifestNotice]) -> str:
    return f"{listed(name for notice in notices for name in notice.fine_tunes)}: {message} (ftops validate tells where)"
