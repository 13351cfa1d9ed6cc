"""What differs between two versions of a dataset, and what that does to the cost of training.

Owns which rows are read again to be shown, and which trainings are set side by side. It opens no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftops.application.data_figures import Survey, Surveyor, Training, Users, trainings_on
from ftops.datasets.batches import Example
from ftops.datasets.difference import Aspect, ChangedRow, Difference, difference
from ftops.datasets.formats import Use
from ftops.datasets.row_digests import DigestsSeen, RowDigests, joined
from ftops.domain.desired import TokenSum
from ftops.domain.manifest import Split


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownChange:
    """A row as it was and as it is."""

    lines: ChangedRow
    old: Example
    new: Example

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """What of it changed."""
        return self.lines.aspects


@dataclass(frozen=True, kw_only=True, slots=True)
class DataDifference:
    """Two versions of a dataset. ``trainings`` are pairs: what training on the old and on the new one would take."""

    old: Survey
    new: Survey
    difference: Difference
    trainings: tuple[tuple[Training, Training], ...]
    added: tuple[Example, ...]
    removed: tuple[Example, ...]
    changed: tuple[ShownChange, ...]


def difference_of(
    old: str, new: str, users: Users, surveyor: Surveyor, *, base_model: str | None = None, shown: int
) -> DataDifference:
    """Compares two versions of a dataset. ``users`` are the manifests that count; ``shown`` rows of each kind are read again.

    Raises UsageProblem where one can't be read.
    """
    use = users.use or surveyor.recognised(new) or surveyor.recognised(old) or Use.FREE
    before = {split: surveyor.survey(old, use, RowDigests(), split=split) for split in users.splits}
    after = {split: surveyor.survey(new, use, RowDigests(), split=split) for split in users.splits}
    first = users.splits[0]
    found = difference(_whole(before[first]), _whole(after[first]), shown=shown)
    trainings = zip(
        trainings_on(_sizes(before), use, users, base_model),
        trainings_on(_sizes(after), use, users, base_model),
        strict=True,
    )
    changed = found.shown_changed
    old_rows = surveyor.examples_at(old, use, {*found.shown_removed, *(one.old_line for one in changed)})
    new_rows = surveyor.examples_at(new, use, {*found.shown_added, *(one.new_line for one in changed)})
    return DataDifference(
        old=before[first],
        new=after[first],
        difference=found,
        trainings=tuple(trainings),
        added=_known(found.shown_added, new_rows),
        removed=_known(found.shown_removed, old_rows),
        changed=tuple(
            ShownChange(lines=one, old=old_rows[one.old_line], new=new_rows[one.new_line])
            for one in changed
            if one.old_line in old_rows and one.new_line in new_rows  # a file may change between two looks
        ),
    )


def _whole(survey: Survey) -> DigestsSeen:
    """Gives the rows of both parts of a split, or of the file."""
    return joined([seen for part in survey.parts for seen in part])


def _sizes(surveys: Mapping[Split | None, Survey]) -> Mapping[Split | None, tuple[int, TokenSum]]:
    """Gives rows and tokens of what is trained on: of a split, the first part."""
    trained = {split: joined(survey.parts[0]) for split, survey in surveys.items()}
    return {
        split: (len(one.arrays), TokenSum(tokens=int(one.arrays.tokens.sum()), caveats=one.token_caveats))
        for split, one in trained.items()
    }


def _known(lines: Sequence[int], rows: Mapping[int, Example]) -> tuple[Example, ...]:
    return tuple(rows[line] for line in lines if line in rows)
