"""What trains inside the server: the contract in ``interface``, one folder for each engine, and here the list of them.

A further engine is a folder and a line in ``ENGINES``. Nothing is imported before it is asked for: an engine may be heavy, and
need packages that others don't.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ftops.server.engines.interface import Engine

DEFAULT_ENGINE = "linear"


def _linear() -> "Engine":
    from ftops.server.engines.linear import LinearEngine

    return LinearEngine()


ENGINES: dict[str, Callable[[], "Engine"]] = {DEFAULT_ENGINE: _linear}
"""By its name, which is the one that the engine itself tells, how to make each."""


def make_engine(name: str) -> "Engine":
    """The engine of a name. KeyError where there is none."""
    return ENGINES[name]()
