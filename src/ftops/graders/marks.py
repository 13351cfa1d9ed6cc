"""What a grader says of an answer besides its score.

Owns the closed vocabularies. A mark is never the model's own words: marks stand in the ledger, which others read.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NO_CLASS: Final = "(none)"
"""The mark of an answer that is none of the known classes. No class is spelt so: brackets around it are not compared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A score, and the mark and expected class where the grader has them."""

    score: float
    mark: str | None = None
    expected: str | None = None


class OutcomeMark(StrEnum):
    """What became of a question.

    ``correct``: the answer agrees with the reference, or abstains where the reference does. ``abstained``: it abstains
    although there is an answer. ``hallucinated``: it makes something up, above all where there is no answer. ``wrong``: it is
    any other answer.
    """

    CORRECT = "correct"
    WRONG = "wrong"
    ABSTAINED = "abstained"
    HALLUCINATED = "hallucinated"


class CallMark(StrEnum):
    """What is wrong with an answer's tool calls, from the first thing looked at to the last."""

    UNPARSABLE = "unparsable_arguments"
    UNEXPECTED_CALL = "unexpected_call"
    MISSING_CALL = "missing_call"
    WRONG_COUNT = "wrong_count"
    WRONG_NAME = "wrong_name"
    MISSING_PARAMETER = "missing_parameter"
    UNEXPECTED_PARAMETER = "unexpected_parameter"
    WRONG_TYPE = "wrong_type"
    WRONG_VALUE = "wrong_value"
    MATCH = "match"
