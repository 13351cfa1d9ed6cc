"""D132 and D133: numbers that were guessed, and numbers that can't be right.

Owns both tests, which ``docs/data-checks.md`` defines. They look at files whose answers mostly are one number each.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from ftops.datasets.batches import Batch
from ftops.datasets.checking.answer_messages import answer_field
from ftops.datasets.checking.hits import Hit, hit_findings, shortened
from ftops.datasets.checking.written_numbers import number_in
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.domain.foreign_text import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMERIC_SHARE: Final = 0.8
ROUND_ROWS: Final = 20
ROUND_SHARE: Final = 0.3
ROUND_EXPECTED: Final = 0.1
ROUND_P: Final = 0.001
_ROUND_DECIMALS_LEFT_OUT: Final = 0.05
_MOST_DECIMALS: Final = 6
OUTLIER_ROWS: Final = 20
OUTLIER_K: Final = 6.0
OUTLIER_SHARE: Final = 0.02
_MAD_TO_DEVIATION: Final = 1.4826  # of a normal distribution


class _Numbers(NamedTuple):
    """The numbers that some answers are, all bare or all of one JSON field, and where the answers stand."""

    values: "NDArray[np.float64]"
    decimals: "NDArray[np.int8]"
    lines: "NDArray[np.int64]"
    messages: "NDArray[np.int32]"


class NumericAnswers:
    """Looks at numbers in answers: whether too many are round, and whether some are far from all others."""

    codes: ClassVar[tuple[str, ...]] = ("D132", "D133")

    def look(self, batch: Batch) -> Mapping[str, _Numbers]:
        """Gives the numbers by the name of their JSON field, bare ones under the empty name."""
        import numpy as np

        found: dict[str, list[tuple[float, int, int, int]]] = {}
        for place, example in enumerate(batch.examples):
            if example.answer and not example.calls and (number := number_in(example.answer)) is not None:
                message = int(answer_field(batch.rows[place]).rpartition("/")[2])
                entry = (number.value, min(number.decimals, 100), example.line, message)
                found.setdefault(number.field, []).append(entry)
        return {
            field: _Numbers(
                np.array([one[0] for one in numbers], dtype=np.float64),
                np.array([one[1] for one in numbers], dtype=np.int8),
                np.array([one[2] for one in numbers], dtype=np.int64),
                np.array([one[3] for one in numbers], dtype=np.int32),
            )
            for field, numbers in found.items()
        }

    def conclude(self, seen: Sequence[Mapping[str, _Numbers]], facts: FileFacts) -> Iterator[Found]:
        """Gives what is found in the numbers that most answers are."""
        import numpy as np

        for field in sorted({field for part in seen for field in part}):
            parts = [part[field] for part in seen if field in part]
            numbers = _Numbers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
            if numbers.values.size >= NUMERIC_SHARE * facts.rows:
                yield from _round_numbers(field, numbers)
                yield from _outliers(field, numbers, facts)


def _round_numbers(field: str, numbers: _Numbers) -> Iterator[Found]:
    """Tests the last digit that the numbers have: where it carries information, one in ten is a zero."""
    import numpy as np
    from scipy.stats import binomtest

    # The places that the numbers are given to; a few with more are conversions, and don't count.
    places = int(np.quantile(numbers.decimals, 1 - _ROUND_DECIMALS_LEFT_OUT, method="lower"))
    scaled = np.abs(np.rint(numbers.values * 10.0 ** min(places, _MOST_DECIMALS)))
    tested = scaled[(scaled >= 10) & (scaled < 1e15)].astype(np.int64)  # floats are exact up to there
    count = int((tested % 10 == 0).sum())
    if tested.size < ROUND_ROWS or count < ROUND_SHARE * tested.size:
        return
    if binomtest(count, int(tested.size), ROUND_EXPECTED, alternative="greater").pvalue >= ROUND_P:
        return
    what = _named(field)
    says = (
        f"{count:,} of {tested.size:,} {what} ({100 * count / tested.size:.0f} %) end in 0, where one in ten is expected: "
        f"they look estimated"
    )
    hint = "take them from a measurement or a record: the model learns to round as they do"
    yield Found(code="D132", says=says, kind=f"{what} are round", hint=hint)


def _outliers(field: str, numbers: _Numbers, facts: FileFacts) -> Iterator[Found]:
    """Tests the distance from the median in robust standard deviations, of logarithms where all are positive."""
    import numpy as np

    values = numbers.values
    if values.size < OUTLIER_ROWS:
        return
    scale = np.log10(values) if (values > 0).all() else values
    median = np.median(scale)
    deviation = _MAD_TO_DEVIATION * np.median(np.abs(scale - median))
    if not deviation > 0:
        return
    places = (np.abs(scale - median) > OUTLIER_K * deviation).nonzero()[0]
    if places.size > max(1, OUTLIER_SHARE * values.size):
        return  # the numbers have no one magnitude, and the far ones are no exceptions
    what, middle = _named(field), float(np.median(values))
    hits = [
        Hit(
            int(numbers.lines[place]),
            _field(int(numbers.messages[place]), facts),
            f"expected a number of the magnitude of all {what}, whose median is {middle:g}, got {values[place]:.10g}",
        )
        for place in places.tolist()
    ]
    hint = "see whether a decimal point, a unit or a whole row is wrong"
    yield from hit_findings("D133", [shortened(hits)], kind=f"{what} are far from all others", hint=hint)


def _field(message: int, facts: FileFacts) -> str:
    return f"/preferred_output/{message}/content" if facts.use == "dpo" else f"/messages/{message}/content"


def _named(field: str) -> str:
    return f"numbers in the field {quoted(field)}" if field else "answers"
