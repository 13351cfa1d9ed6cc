"""What an inspection is: one family of checks over the rows of a file, made to run over its parts in several processes.

Owns the two protocols. ``look`` sees one batch of rows and nothing else, and gives something small that can be pickled;
``conclude`` puts together what was seen of all batches of a file, in order. What compares two files does that with what was
seen of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ftops.datasets.batches import Batch
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """What is known of a file after all its rows were read. ``path`` is for messages.

    ``systems`` are the system prompts of evaluations that state their own input, which is sent in place of the rows' messages.
    """

    path: str
    use: Use
    rows: int
    systems: tuple[str, ...] = ()


class Inspection(Protocol):
    """One family of checks; without state, so that it may be pickled and shared.

    ``codes`` are those it may find: it isn't run where all of them are switched off.
    """

    codes: ClassVar[tuple[str, ...]]

    def look(self, batch: Batch) -> Any:
        """Gives what is to be remembered of a batch: small (some bytes a row at most), and picklable."""
        ...

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Gives what is found in the whole file; ``seen`` are the results of ``look``, in the order of the file."""
        ...


class Comparison(Inspection, Protocol):
    """An inspection that also compares a file with the training file that it goes with."""

    def compare(
        self, train: Sequence[Any], train_facts: FileFacts, other: Sequence[Any], facts: FileFacts
    ) -> Iterator[Found]:
        """Gives what is found in the other file, a validation or evaluation set, seen beside the training file."""
        ...
