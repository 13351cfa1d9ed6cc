"""Finds what tests read but the project doesn't hold: the folder ``shared`` next to the repository.

``FTOPS_SHARED_DATA`` may name its ``data`` folder elsewhere; ``reference`` is expected beside it. A test that needs a file
skips when it isn't there, and says so.
"""

import os
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def shared_path(name: str) -> Path:
    """Where ``data/…`` or ``reference/…`` is expected; it may not be there."""
    given = os.environ.get("FTOPS_SHARED_DATA")
    folder = Path(given).parent if given else _ROOT.parent / "shared"
    kind, _, rest = name.partition("/")
    return (Path(given) if given and kind == "data" else folder / kind) / rest


def missing(path: Path) -> str:
    """The reason to skip a test without it."""
    return f"{path.name} isn't at {path.parent}: set FTOPS_SHARED_DATA to the data folder that it lies in or beside"
