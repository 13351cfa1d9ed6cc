"""D060–D062: are there rows enough to train on?

Owns the two thresholds that practitioners recommend. The lowest, below which nothing is trained, is the API's.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from ftops.datasets.batches import Batch
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.reading import MIN_TRAINING_ROWS

FEW_TRAINING_ROWS: Final = 50
FAIR_TRAINING_ROWS: Final = 100


class Sizes:
    """Counts the rows of a training file; a file for anything else may be of any size."""

    codes: ClassVar[tuple[str, ...]] = ("D060", "D061", "D062")

    def look(self, batch: Batch) -> None:
        """Sees nothing: the rows are counted by whoever reads them."""

    def conclude(self, seen: Sequence[None], facts: FileFacts) -> Iterator[Found]:
        """Gives what ``size_finding`` says of a training file."""
        if facts.use.is_training and (found := size_finding(facts.rows)) is not None:
            yield found


def size_finding(rows: int) -> Found | None:
    """Gives what is to be said of a training set of so many rows, or of the part of a split that is trained on."""
    count = f"{rows} row" if rows == 1 else f"{rows} rows"
    if rows < MIN_TRAINING_ROWS:
        return Found(code="D060", says=f"expected at least {MIN_TRAINING_ROWS} rows to train on, got {count}")
    if rows < FEW_TRAINING_ROWS:
        hint = "add rows, above all of the cases that the model gets wrong"
        return Found(code="D061", says=f"fewer than {FEW_TRAINING_ROWS} rows seldom teach much, got {count}", hint=hint)
    if rows < FAIR_TRAINING_ROWS:
        return Found(code="D062", says=f"{FAIR_TRAINING_ROWS} rows or more are recommended, got {count}")
    return None
