"""How much of the schemas and replies of one request is looked at before it counts as too complex.

A schema of a few lines can ask for more evaluations than there is time: each definition need only refer twice to the next one.
What reads or evaluates schemas therefore draws on a budget that the whole request shares.
"""

# Less than a second on a slow machine; ten thousand replies of ten properties are far from it.
_STEPS = 1_000_000


class TooComplex(Exception):
    """The budget is used up."""


class Work:
    """The budget of one request, in steps of about a microsecond. Used by one thread at a time."""

    __slots__ = ("_left",)

    def __init__(self, steps: int = _STEPS) -> None:
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Draws on the budget; ``TooComplex`` once it is used up, and ever after."""
        self._left -= steps
        if self._left < 0:
            raise TooComplex
