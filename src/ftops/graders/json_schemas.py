"""Answers that have to be JSON of a certain form.

Owns the bounds (see ``schema_unfolding``). Schemas are draft 2020-12 unless they say otherwise; schemas of other places are
never fetched.
"""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ftops.graders.problems import Failure, FailureKind, GraderProblem, GradingFailed
from ftops.graders.samples import parsed_json
from ftops.graders.schema_unfolding import DEEPEST, MOST_PARTS, MOST_STEPS, Unfolding, depth_of, most_steps

if TYPE_CHECKING:
    import jsonschema_rs

_LONGEST_REASON: Final = 300


def check_schema(schema: str, *, at: str) -> None:
    """Raises GraderProblem where this JSON text is no schema, or one that takes too long."""
    import jsonschema_rs

    declared = json.loads(schema)
    if depth_of(declared) > DEEPEST:
        raise GraderProblem(f"Invalid '{at}': it nests deeper than {DEEPEST} levels.", at)
    unfolded = Unfolding(declared)
    if unfolded.parts > MOST_PARTS:
        said = f"it has more than {MOST_PARTS:,} parts once references are followed"
        raise GraderProblem(f"Invalid '{at}': {said}.", at)
    if not unfolded.is_known:
        said = "references within it must be pointers, as #/$defs/name"
        raise GraderProblem(f"Invalid '{at}': {said}.", at)
    try:
        _compiled(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        said = str(getattr(error, "message", error)).partition("\n")[0][:_LONGEST_REASON]
        raise GraderProblem(f"Invalid '{at}': it is no JSON Schema: {said}.", at) from error


def fits(schema: str, text: str) -> bool:
    """Whether a text is JSON that fits the schema, which was checked. Raises GradingFailed where telling takes too long."""
    try:
        value = parsed_json(text)
    except (ValueError, RecursionError):
        return False
    validator, parts, loops = _compiled(schema)
    if depth_of(value) > DEEPEST or most_steps(parts, loops, value) > MOST_STEPS:
        message = "the answer nests too deep to be compared with the schema"
        raise GradingFailed(Failure(kind=FailureKind.SAMPLE, message=message, is_samples=True))
    try:
        return validator.is_valid(value)
    except ValueError:  # half of a character: no JSON text has one
        return False


@lru_cache(maxsize=100)
def _compiled(schema: str) -> tuple["jsonschema_rs.Validator", int, int]:
    import jsonschema_rs

    declared = json.loads(schema)
    unfolded = Unfolding(declared)
    return jsonschema_rs.validator_for(declared, retriever=_refuse), unfolded.parts, unfolded.loops


def _refuse(uri: str) -> Any:
    raise ValueError(f"schemas of other places are not fetched: {uri}")
