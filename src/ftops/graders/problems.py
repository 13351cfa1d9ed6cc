"""What can be wrong with a grader as it is declared, and what can go wrong when it grades.

Owns both vocabularies, which are OpenAI's: the codes of a refused request, and the flags in the answer of a grader's run.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why a declaration is refused, by OpenAI's error codes."""

    MISSING = "missing_required_parameter"
    WRONG_TYPE = "invalid_type"
    UNKNOWN = "unknown_parameter"
    INVALID = "invalid_value"
    UNSUPPORTED = "unsupported_value"


class GraderProblem(Exception):
    """A grader that can't be used. ``param`` is the path of what is wrong with it, as OpenAI's errors name it."""

    def __init__(self, message: str, param: str | None = None, *, fault: Fault = Fault.INVALID) -> None:
        super().__init__(message)
        self.param = param
        self.fault = fault


class FailureKind(StrEnum):
    """What kept a grader from scoring, by the flags in ``metadata.errors`` of ``/fine_tuning/alpha/graders/run``.

    OpenAI's flags for cut observations and for unresponsive rewards have no counterpart here. ``PROGRAM`` is what a python
    grader did, ``PROGRAM_HOST`` that it could not be run.
    """

    FORMULA = "formula_parse_error"
    SAMPLE = "sample_parse_error"
    VARIABLE = "invalid_variable_error"
    JUDGE = "model_grader_server_error"
    REFUSAL = "model_grader_refusal_error"
    VERDICT = "model_grader_parse_error"
    PROGRAM = "python_grader_runtime_error"
    PROGRAM_HOST = "python_grader_server_error"
    OTHER = "other_error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why there is no score. ``is_samples`` says that the answer itself is at fault, not the grader, the row or the judge."""

    kind: FailureKind
    message: str
    is_samples: bool = False


class GradingFailed(Exception):
    """One grader's failure, on its way to the grade."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
