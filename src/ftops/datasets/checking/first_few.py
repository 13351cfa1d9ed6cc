"""Many findings of one kind: the first few in words, the others as a count.

Owns that shortening, so that a hundred thousand findings cost no more than five. Inspections that know all places before they
say anything come here; what others keep of each batch is in ``hits``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from ftops.datasets.findings import SHOWN_OF_A_KIND, Found


def first_few(places: Sequence[int] | NDArray[Any], tell: Callable[[int], Found]) -> Iterator[Found]:
    """Gives what ``tell`` says of the first few of ``places``, then one finding that counts for all others.

    All findings that ``tell`` gives are of one code and kind.
    """
    for place in places[:SHOWN_OF_A_KIND]:
        yield tell(int(place))
    if len(places) > SHOWN_OF_A_KIND:
        yield replace(tell(int(places[SHOWN_OF_A_KIND])), count=len(places) - SHOWN_OF_A_KIND)
