"""From one of the graders that ftops adds, as it is declared, to a grader as a value.

Owns which fields each of them has and their limits. What an engine makes of patterns and schemas is asked of it here, so that
nothing is wrong with a grader that was read.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ftops.graders.classes import normal_form
from ftops.graders.dialects import ANSWER, LONGEST_NAME, LONGEST_TEMPLATE, Dialect
from ftops.graders.fields import Fields, wrong_type
from ftops.graders.json_schemas import check_schema
from ftops.graders.kinds import OwnGrader
from ftops.graders.marks import NO_CLASS
from ftops.graders.own_kinds import Criterion, JsonSchema, Label, Numeric, Outcome, Regex, Scorecard, ToolCall
from ftops.graders.patterns import LONGEST_PATTERN, check_pattern
from ftops.graders.problems import GraderProblem
from ftops.graders.prompt_kinds import JudgeSampling
from ftops.graders.prompts import read_sampling

_REFERENCE: Final = "{{reference}}"
_MOST: Final = 1_000
_MOST_CRITERIA: Final = 64
_LONGEST_LABEL: Final = 200
_HEAVIEST: Final = 1e6


def read_own(kind: str, fields: Fields, dialect: Dialect, name: str) -> OwnGrader:
    """Gives the grader of a type that ftops adds; what its fields leave over is for the caller to refuse."""
    match kind:
        case Regex.TYPE:
            return _regex(fields, dialect, name)
        case JsonSchema.TYPE:
            return _json_schema(fields, dialect, name)
        case Numeric.TYPE:
            return Numeric(
                name=name,
                input=dialect.template(fields, "input", default=ANSWER),
                reference=dialect.template(fields, "reference", default=_REFERENCE),
                absolute=fields.take_number("absolute", least=0) or 0.0,
                relative=fields.take_number("relative", least=0) or 0.0,
            )
        case ToolCall.TYPE:
            return ToolCall(name=name, reference=dialect.template(fields, "reference", default="{{reference_tools}}"))
        case Label.TYPE:
            return _label(fields, dialect, name)
        case Outcome.TYPE:
            return _outcome(fields, dialect, name)
        case _:
            return _scorecard(fields, dialect, name)


def _regex(fields: Fields, dialect: Dialect, name: str) -> Regex:
    pattern = fields.take_required_text("pattern", most=LONGEST_PATTERN)
    check_pattern(pattern, at=fields.path("pattern"))
    return Regex(name=name, pattern=pattern, input=dialect.template(fields, "input", default=ANSWER))


def _json_schema(fields: Fields, dialect: Dialect, name: str) -> JsonSchema:
    schema: object = fields.take_required("schema")
    at = fields.path("schema")
    if not isinstance(schema, Mapping):
        raise wrong_type(at, "an object", schema)
    try:
        text = json.dumps(schema, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise GraderProblem(f"Invalid '{at}': it can't be written as JSON.", at) from error
    check_schema(text, at=at)
    return JsonSchema(name=name, schema=text, input=dialect.template(fields, "input", default=ANSWER))


def _label(fields: Fields, dialect: Dialect, name: str) -> Label:
    labels: tuple[str, ...] = ()
    if fields.take("labels") is not None:
        labels = fields.take_texts("labels", most=_MOST, longest=_LONGEST_LABEL)
    seen: dict[str, str] = {}
    for number, label in enumerate(labels):
        at, form = f"{fields.path('labels')}[{number}]", normal_form(label)
        if not form or label == NO_CLASS:
            raise GraderProblem(f"Invalid '{at}': it can't be told from an answer without a class.", at)
        if form in seen:
            raise GraderProblem(f"Invalid '{at}': it is the same class as '{seen[form]}'.", at)
        seen[form] = label
    return Label(
        name=name,
        input=dialect.template(fields, "input", default=ANSWER),
        reference=dialect.template(fields, "reference", default=_REFERENCE),
        labels=labels,
    )


def _outcome(fields: Fields, dialect: Dialect, name: str) -> Outcome:
    model = fields.take_text("model", most=LONGEST_NAME)
    abstained, hallucinated = _patterns(fields, "abstained"), _patterns(fields, "hallucinated")
    if model is None and not abstained:
        at = fields.path("abstained")
        raise GraderProblem(f"Invalid '{at}': expected patterns of answers that abstain, or a model that judges.", at)
    for field, patterns in (("abstained", abstained), ("hallucinated", hallucinated)):
        if model is not None and patterns:
            at = fields.path(field)
            raise GraderProblem(f"Invalid '{at}': a model judges here, so patterns would not be asked.", at)
    sampling = read_sampling(fields)
    if model is None and sampling != JudgeSampling():
        at = fields.path("sampling_params")
        raise GraderProblem(f"Invalid '{at}': no model judges here.", at)
    return Outcome(
        name=name,
        input=dialect.template(fields, "input", default=ANSWER),
        reference=dialect.template(fields, "reference", default=_REFERENCE),
        abstained=abstained,
        hallucinated=hallucinated,
        model=model,
        sampling=sampling,
    )


def _patterns(fields: Fields, name: str) -> tuple[str, ...]:
    if fields.take(name) is None:
        return ()
    patterns = fields.take_texts(name, most=_MOST, longest=LONGEST_PATTERN)
    for number, pattern in enumerate(patterns):
        check_pattern(pattern, at=f"{fields.path(name)}[{number}]")
    return patterns


def _scorecard(fields: Fields, dialect: Dialect, name: str) -> Scorecard:
    given = fields.take_list("criteria", most=_MOST_CRITERIA)
    criteria = tuple(_criterion(each, f"{fields.path('criteria')}[{number}]") for number, each in enumerate(given))
    names = [criterion.name for criterion in criteria]
    for number, each in enumerate(names):
        if each in names[:number]:
            at = f"{fields.path('criteria')}[{number}].name"
            raise GraderProblem(f"Invalid '{at}': another criterion has this name.", at)
    has_reference = fields.take("reference") is not None
    return Scorecard(
        name=name,
        model=fields.take_required_text("model", most=LONGEST_NAME),
        criteria=criteria,
        input=dialect.template(fields, "input", default=ANSWER),
        reference=dialect.template(fields, "reference") if has_reference else None,
        sampling=read_sampling(fields),
    )


def _criterion(given: Any, at: str) -> Criterion:
    fields = Fields(given, at=at)
    name = fields.take_required_text("name", most=LONGEST_NAME)
    description = fields.take_required_text("description", most=LONGEST_TEMPLATE)
    weight = fields.take_number("weight", least=0, most=_HEAVIEST)
    if weight == 0:
        raise GraderProblem(f"Invalid '{fields.path('weight')}': expected a number above 0.", fields.path("weight"))
    fields.finish()
    return Criterion(name=name, description=description, weight=1.0 if weight is None else weight)
