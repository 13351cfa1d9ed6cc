"""What the checks found in datasets of planned trainings, as far as a plan may tell it.

Owns what is left out: a plan holds no training text, so no value of a row and no sentence that may quote one.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetFinding:
    """Findings of one kind in one file: the check, how many rows it is about, and the lines of the first few.

    ``file`` is relative to the project's root. Line 0 stands for the file as a whole.
    """

    file: str
    code: str
    name: str
    level: Literal["warning", "advice"]
    count: int
    lines: tuple[int, ...]
