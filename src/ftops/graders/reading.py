"""From a grader as it is declared, in OpenAI's JSON, to a grader as a value.

Owns which fields each of OpenAI's types has, their limits, and the three forms of ``multi``'s graders. ftops' own types are
read in ``own_reading``, messages to judges in ``prompts``, programs in ``programs``. Whether a grader may be used for
something is for ``rules`` to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ftops.graders.dialects import LONGEST_NAME, LONGEST_TEMPLATE, OPENAI, Dialect
from ftops.graders.fields import Fields, finite, shown, wrong_type
from ftops.graders.formula import FormulaProblem, parse_formula
from ftops.graders.kinds import (
    Grader,
    LabelModel,
    Metric,
    Multi,
    Operation,
    Part,
    Python,
    ScoreModel,
    SingleGrader,
    StringCheck,
    TextSimilarity,
    type_of,
)
from ftops.graders.own_reading import read_own
from ftops.graders.problems import GraderProblem
from ftops.graders.programs import check_program
from ftops.graders.prompts import read_prompt, read_sampling

_MOST_PARTS: Final = 64
_MOST_LABELS: Final = 1_000


def parse_grader(
    declared: object, *, at: str = "grader", dialect: Dialect = OPENAI, also: frozenset[str] = frozenset()
) -> Grader:
    """Gives the grader that a JSON object declares.

    ``at`` is the path by which errors name it; ``also`` are variables that templates may name beside the dialect's. Raises
    GraderProblem with the path of the first thing wrong.
    """
    dialect = replace(dialect, namespaces=dialect.namespaces | also)
    fields = Fields(declared, at=at)
    if fields.take_choice("type", (*dialect.types, "multi")) == "multi":
        return _multi(fields, dialect)
    return _single(fields, dialect)


def _single(fields: Fields, dialect: Dialect, *, default: str | None = None) -> SingleGrader:
    """``default`` is the grader's name where it has none and needs none."""
    kind = fields.take_choice("type", dialect.types)
    name = dialect.name(fields, default=default or kind)
    grader: SingleGrader
    match kind:
        case "string_check":
            grader = StringCheck(
                name=name,
                input=dialect.template(fields, "input"),
                reference=dialect.template(fields, "reference"),
                operation=Operation(fields.take_choice("operation", tuple(Operation))),
            )
        case "text_similarity":
            grader = _text_similarity(fields, dialect, name)
        case "score_model":
            grader = _score_model(fields, dialect, name)
        case "label_model":
            grader = _label_model(fields, dialect, name)
        case "python":
            source = fields.take_required("source")
            grader = Python(
                name=name,
                source=check_program(source, at=fields.path("source")),
                image_tag=fields.take_text("image_tag", most=LONGEST_NAME),
                pass_threshold=_threshold(fields),
            )
        case _:
            grader = read_own(kind, fields, dialect, name)
    fields.finish()
    return grader


def _text_similarity(fields: Fields, dialect: Dialect, name: str) -> TextSimilarity:
    metric = Metric(fields.take_choice("evaluation_metric", tuple(Metric)))
    model = None
    if not dialect.is_hosted and metric is Metric.COSINE:
        model = fields.take_required_text("embedding_model", most=LONGEST_NAME)
    elif not dialect.is_hosted and fields.take("embedding_model") is not None:
        at = fields.path("embedding_model")
        raise GraderProblem(f"Invalid '{at}': only cosine compares embeddings, not {metric.value}.", at)
    return TextSimilarity(
        name=name,
        input=dialect.template(fields, "input"),
        reference=dialect.template(fields, "reference"),
        metric=metric,
        embedding_model=model,
        pass_threshold=_threshold(fields),
    )


def _score_model(fields: Fields, dialect: Dialect, name: str) -> ScoreModel:
    lowest, highest = _range(fields)
    return ScoreModel(
        name=name,
        model=fields.take_required_text("model", most=LONGEST_NAME),
        input=read_prompt(fields, namespaces=dialect.namespaces, longest=LONGEST_TEMPLATE),
        lowest=lowest,
        highest=highest,
        sampling=read_sampling(fields),
        pass_threshold=_threshold(fields),
    )


def _label_model(fields: Fields, dialect: Dialect, name: str) -> LabelModel:
    labels = fields.take_texts("labels", most=_MOST_LABELS, longest=LONGEST_NAME)
    passing = fields.take_texts("passing_labels", most=_MOST_LABELS, longest=LONGEST_NAME)
    for number, label in enumerate(passing):
        if label not in labels:
            at = f"{fields.path('passing_labels')}[{number}]"
            raise GraderProblem(f"Invalid '{at}': it is none of the labels.", at)
    return LabelModel(
        name=name,
        model=fields.take_required_text("model", most=LONGEST_NAME),
        input=read_prompt(fields, namespaces=dialect.namespaces, longest=LONGEST_TEMPLATE),
        labels=labels,
        passing_labels=frozenset(passing),
    )


def _multi(fields: Fields, dialect: Dialect) -> Multi:
    name = dialect.name(fields, default="multi")
    given = fields.take_required("graders")
    parts = tuple(
        Part(key=key, at=each.at, grader=_part(each, dialect, key))
        for key, each in _declared_parts(given, dialect, at=fields.path("graders"))
    )
    aliases = {} if isinstance(given, Mapping) and not _is_grader(given) else _type_names(parts)
    text = fields.take_required_text("calculate_output", most=LONGEST_TEMPLATE)
    names = frozenset(part.key for part in parts) | aliases.keys()
    try:
        formula = parse_formula(text, names)
    except FormulaProblem as problem:
        at = fields.path("calculate_output")
        raise GraderProblem(f"Invalid '{at}': {problem}.", at) from problem
    grader = Multi(
        name=name,
        parts=parts,
        formula=formula,
        aliases=tuple((alias, key) for alias, key in aliases.items() if alias in formula.names),
        pass_threshold=_threshold(fields),
    )
    fields.finish()
    return grader


def _part(fields: Fields, dialect: Dialect, key: str) -> SingleGrader:
    if fields.take("type") == "multi":
        raise GraderProblem(
            f"Invalid '{fields.path('type')}': a multi grader can't be inside another.", fields.path("type")
        )
    if not dialect.is_hosted and fields.take("pass_threshold") is not None:
        at = fields.path("pass_threshold")
        said = "inside a multi grader the score counts as it is; a threshold belongs to the multi grader"
        raise GraderProblem(f"Invalid '{at}': {said}.", at)
    return _single(fields, dialect, default=key)


def _declared_parts(given: object, dialect: Dialect, *, at: str) -> Iterator[tuple[str, Fields]]:
    """Gives key and fields of each grader.

    They come by key, as in OpenAI's guide, as a list, as in its examples, or as one grader, which is all that its OpenAPI
    document speaks of. The last two are known by their names, in evaluations else by type and number: ``regex_2``.
    """
    if isinstance(given, Mapping) and not _is_grader(given):
        _check_count(given, at)
        for key, each in given.items():
            yield str(key), Fields(each, at=f"{at}.{key}")
        return
    if isinstance(given, Mapping):
        yield _listed_name(Fields(given, at=at), dialect, 1), Fields(given, at=at)
        return
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise wrong_type(at, "an object or an array of graders", given)
    _check_count(given, at)
    seen: set[str] = set()
    for number, each in enumerate(given):
        fields = Fields(each, at=f"{at}[{number}]")
        name = _listed_name(fields, dialect, number + 1)
        if name in seen:
            raise GraderProblem(f"Invalid '{fields.path('name')}': another grader has this name.", fields.path("name"))
        seen.add(name)
        yield name, fields


def _listed_name(fields: Fields, dialect: Dialect, number: int) -> str:
    return dialect.name(fields, default=f"{shown(fields.take('type'))}_{number}")


def _is_grader(given: Mapping[str, Any]) -> bool:
    return isinstance(given.get("type"), str)


def _check_count(given: Mapping[str, Any] | Sequence[Any], at: str) -> None:
    if not 1 <= len(given) <= _MOST_PARTS:
        raise GraderProblem(f"Invalid '{at}': expected 1 to {_MOST_PARTS} graders, but got {len(given)}.", at)


def _type_names(parts: Sequence[Part]) -> Mapping[str, str]:
    """Gives names of listed graders after their types, ``string_check_score``, where only one has the type.

    The OpenAPI document's example is written so: the names of its graders are such that no formula can hold them.
    """
    kinds = {part.key: type_of(part.grader) for part in parts}
    taken = list(kinds.values())
    names = {f"{kind}_score": key for key, kind in kinds.items() if taken.count(kind) == 1}
    return {name: key for name, key in names.items() if name not in kinds}


def _threshold(fields: Fields) -> float | None:
    return fields.take_number("pass_threshold")


def _range(fields: Fields) -> tuple[float, float]:
    if fields.take("range") is None:
        return 0.0, 1.0
    given = fields.take_list("range", most=2)
    at = fields.path("range")
    if len(given) != 2:
        raise GraderProblem(f"Invalid '{at}': expected the lowest and the highest score.", at)
    lowest, highest = (finite(each, at=f"{at}[{number}]") for number, each in enumerate(given))
    if lowest >= highest:
        raise GraderProblem(f"Invalid '{at}': the lowest score must be below the highest.", at)
    return lowest, highest
