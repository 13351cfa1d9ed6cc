"""JSON that a command saved and another one reads: what it holds may have been written by anybody meanwhile.

Owns which numbers there may be. What a document means is its reader's.
"""

import json
import math
from pathlib import Path
from typing import Any, Final

_LARGEST: Final = 2**63


def read_json(path: Path) -> Any:
    """Reads a file. Raises OSError, and ValueError for what is no JSON, is nested too deeply, or holds an unfit number."""
    try:
        return json.loads(
            path.read_text(encoding="utf-8"), parse_float=_finite, parse_constant=_finite, parse_int=_countable
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _finite(text: str) -> float:
    """No cost is infinite, nor none at all: everything would be cheaper than that."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number of JSON")
    return number


def _countable(text: str) -> int:
    """Nothing is counted beyond this, and what is could not be reckoned with."""
    number = int(text)
    if abs(number) > _LARGEST:
        raise ValueError(f"{text[:40]}… is too large a number")
    return number
