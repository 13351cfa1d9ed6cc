"""From a grader as it is declared, in OpenAI's JSON, to a grader as a value.

Owns which fields each type has, their limits, and the three forms of ``multi``'s graders. Messages to judges are read in
``prompts``, programs in ``programs``. Whether a grader may be used for something is for ``rules`` to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ftops.graders.fields import Fields, finite, wrong_type
from ftops.graders.formula import FormulaProblem, parse_formula
from ftops.graders.kinds import (
    Grader,
    JudgeSampling,
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
from ftops.graders.problems import GraderProblem
from ftops.graders.programs import check_program
from ftops.graders.prompts import read_prompt
from ftops.graders.variables import NAMESPACES, check_template

LONGEST_TEMPLATE: Final = 100_000
_LONGEST_NAME: Final = 1_000
_MOST_PARTS: Final = 64
_MOST_LABELS: Final = 1_000
_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SINGLE: Final = ("string_check", "text_similarity", "score_model", "label_model", "python")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """What holds for a grader and the graders inside it."""

    namespaces: frozenset[str]

    def template(self, fields: Fields, name: str) -> str:
        text = fields.take_required_text(name, most=LONGEST_TEMPLATE, may_be_empty=True)
        check_template(text, at=fields.path(name), namespaces=self.namespaces)
        return text


def parse_grader(declared: object, *, at: str = "grader", also: frozenset[str] = frozenset()) -> Grader:
    """Gives the grader that a JSON object declares.

    ``at`` is the path by which errors name it; ``also`` are variables that templates may name beside ``item`` and
    ``sample``. Raises GraderProblem with the path of the first thing wrong.
    """
    reader = _Reader(namespaces=NAMESPACES | also)
    fields = Fields(declared, at=at)
    if fields.take_choice("type", (*_SINGLE, "multi")) == "multi":
        return _multi(fields, reader)
    return _single(fields, reader)


def _single(fields: Fields, reader: _Reader) -> SingleGrader:
    name = _name(fields)
    grader: SingleGrader
    match fields.take_choice("type", _SINGLE):
        case "string_check":
            grader = StringCheck(
                name=name,
                input=reader.template(fields, "input"),
                reference=reader.template(fields, "reference"),
                operation=Operation(fields.take_choice("operation", tuple(Operation))),
            )
        case "text_similarity":
            grader = TextSimilarity(
                name=name,
                input=reader.template(fields, "input"),
                reference=reader.template(fields, "reference"),
                metric=Metric(fields.take_choice("evaluation_metric", tuple(Metric))),
                pass_threshold=_threshold(fields),
            )
        case "score_model":
            grader = _score_model(fields, reader, name)
        case "label_model":
            grader = _label_model(fields, reader, name)
        case _:
            source = fields.take_required("source")
            grader = Python(
                name=name,
                source=check_program(source, at=fields.path("source")),
                image_tag=fields.take_text("image_tag", most=_LONGEST_NAME),
                pass_threshold=_threshold(fields),
            )
    fields.finish()
    return grader


def _score_model(fields: Fields, reader: _Reader, name: str) -> ScoreModel:
    lowest, highest = _range(fields)
    return ScoreModel(
        name=name,
        model=fields.take_required_text("model", most=_LONGEST_NAME),
        input=read_prompt(fields, namespaces=reader.namespaces, longest=LONGEST_TEMPLATE),
        lowest=lowest,
        highest=highest,
        sampling=_sampling(fields),
        pass_threshold=_threshold(fields),
    )


def _label_model(fields: Fields, reader: _Reader, name: str) -> LabelModel:
    labels = fields.take_texts("labels", most=_MOST_LABELS, longest=_LONGEST_NAME)
    passing = fields.take_texts("passing_labels", most=_MOST_LABELS, longest=_LONGEST_NAME)
    for number, label in enumerate(passing):
        if label not in labels:
            at = f"{fields.path('passing_labels')}[{number}]"
            raise GraderProblem(f"Invalid '{at}': it is none of the labels.", at)
    return LabelModel(
        name=name,
        model=fields.take_required_text("model", most=_LONGEST_NAME),
        input=read_prompt(fields, namespaces=reader.namespaces, longest=LONGEST_TEMPLATE),
        labels=labels,
        passing_labels=frozenset(passing),
    )


def _multi(fields: Fields, reader: _Reader) -> Multi:
    name = _name(fields)
    given = fields.take_required("graders")
    parts = tuple(
        Part(key=key, at=each.at, grader=_part(each, reader))
        for key, each in _declared_parts(given, at=fields.path("graders"))
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


def _part(fields: Fields, reader: _Reader) -> SingleGrader:
    if fields.take("type") == "multi":
        raise GraderProblem(
            f"Invalid '{fields.path('type')}': a multi grader can't be inside another.", fields.path("type")
        )
    return _single(fields, reader)


def _declared_parts(given: object, *, at: str) -> Iterator[tuple[str, Fields]]:
    """Gives key and fields of each grader.

    They come by key, as in OpenAI's guide, as a list, as in its examples, or as one grader, which is all that its OpenAPI
    document speaks of. The last two are known by their names.
    """
    if isinstance(given, Mapping) and not _is_grader(given):
        _check_count(given, at)
        for key, each in given.items():
            yield str(key), Fields(each, at=f"{at}.{key}")
        return
    if isinstance(given, Mapping):
        fields = Fields(given, at=at)
        yield _name(fields), fields
        return
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise wrong_type(at, "an object or an array of graders", given)
    _check_count(given, at)
    seen: set[str] = set()
    for number, each in enumerate(given):
        fields = Fields(each, at=f"{at}[{number}]")
        name = _name(fields)
        if name in seen:
            raise GraderProblem(f"Invalid '{fields.path('name')}': another grader has this name.", fields.path("name"))
        seen.add(name)
        yield name, fields


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


def _name(fields: Fields) -> str:
    return fields.take_required_text("name", most=_LONGEST_NAME)


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


def _sampling(fields: Fields) -> JudgeSampling:
    given = fields.take("sampling_params")
    if given is None:
        return JudgeSampling()
    params = Fields(given, at=fields.path("sampling_params"))
    effort = params.take("reasoning_effort")
    sampling = JudgeSampling(
        temperature=params.take_number("temperature", least=0, most=2),
        top_p=params.take_number("top_p", least=0, most=1),
        seed=params.take_whole("seed", least=-(2**63), most=2**63 - 1),
        max_tokens=params.take_whole("max_completions_tokens", least=1, most=2**31),
        reasoning_effort=None if effort is None else params.take_choice("reasoning_effort", _EFFORTS),
    )
    params.finish()
    return sampling
