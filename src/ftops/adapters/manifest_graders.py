"""The graders of one manifest, whole: the files in them read, and what can't work told.

Owns the way from a grader's own words for what is wrong with it to a place in the manifest. What a grader must be, the schema
and ``ftops.graders`` decide.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ftops.adapters.findings import Findings
from ftops.adapters.manifest_paths import with_sources
from ftops.adapters.plain_values import member, sequence
from ftops.adapters.yaml_documents import child
from ftops.domain.desired import wire_grader
from ftops.domain.foreign_text import visible
from ftops.evaluation.graders import GraderProblem, parse_grader
from ftops.evaluation.pairwise import is_pairwise
from ftops.graders.problems import Fault

METHOD_GRADER: Final = "/spec/method/grader"
_AT: Final = "grader"


def whole_graders(value: Any, paths: Mapping[str, str], root: Path, findings: Findings) -> Mapping[str, Any]:
    """Gives the graders of a manifest of any shape by JSON pointer, with the files in them read.

    What can't work goes into ``findings``, where nothing else was found wrong with the grader. A training's grader comes
    without ``pass_threshold``, which is for evaluations only.
    """
    whole: dict[str, Any] = {}
    for pointer, grader in _declared(value):
        whole[pointer] = with_sources(grader, pointer, paths, root, findings)
        is_for_training = pointer == METHOD_GRADER
        if is_for_training:
            whole[pointer] = _without_thresholds(whole[pointer])
        if isinstance(grader, dict) and findings.is_sound(pointer) and not findings.has_any(pointer):
            for place, expected in _faults(whole[pointer], is_for_training=is_for_training):
                findings.add(pointer + place, expected)
    return whole


def _declared(value: Any) -> Iterator[tuple[str, Any]]:
    spec = member(value, "spec")
    yield METHOD_GRADER, member(member(spec, "method"), "grader")
    for index, entry in enumerate(sequence(member(spec, "evals"))):
        yield f"{child('/spec/evals', index)}/grader", member(entry, "grader")


def _without_thresholds(grader: Any) -> Any:
    """Gives a grader, and those inside it, without ``pass_threshold``; what is no grader as it is."""
    if not isinstance(grader, dict):
        return grader
    plain = {key: item for key, item in grader.items() if key != "pass_threshold"}
    inner = plain.get("graders")
    if isinstance(inner, dict):
        plain["graders"] = {key: _without_thresholds(one) for key, one in inner.items()}
    elif isinstance(inner, list):
        plain["graders"] = [_without_thresholds(one) for one in inner]
    return plain


def _faults(grader: Mapping[str, Any], *, is_for_training: bool) -> Iterator[tuple[str, str]]:
    """Gives (JSON pointer below the grader, what was expected).

    Of a multi grader that is what is wrong with each part; where nothing is, what is wrong with them together.
    """
    if not is_for_training and is_pairwise(grader):
        return
    inner = grader.get("graders")
    parts = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
    found = False
    for key, part in parts:
        below = child("/graders", key)
        # Its threshold, and a multi inside it, are the whole's to refuse.
        if isinstance(part, dict) and part.get("type") != "multi":
            alone = {name: item for name, item in part.items() if name != "pass_threshold"}
            for problem in _problems(alone, is_for_training=is_for_training, is_part=True):
                found = True
                yield below + _pointer(problem, alone), _words(problem)
    if not found:
        for problem in _problems(grader, is_for_training=is_for_training, is_part=False):
            yield _pointer(problem, grader), _words(problem)


def _problems(grader: Mapping[str, Any], *, is_for_training: bool, is_part: bool) -> Iterator[GraderProblem]:
    """Gives the first thing wrong with a grader, if anything is."""
    try:
        if not is_for_training:
            parse_grader(grader)
            return
        from ftops.graders import reading, rules

        read = reading.parse_grader(wire_grader(grader), at=_AT)
        if not is_part:
            rules.require_usable_in_reinforcement(read, at=_AT)
    except GraderProblem as problem:
        yield problem


def _pointer(problem: GraderProblem, grader: Mapping[str, Any]) -> str:
    """Gives the JSON pointer of what a problem's ``param`` names, as far as it is there.

    A param is written ``grader.graders.NAME.field[2]``, and a name may have dots and brackets of its own: the value tells.
    """
    rest, pointer = (problem.param or _AT).removeprefix(_AT), ""
    value: Any = grader
    while rest:
        steps: list[tuple[str, str | int, Any]] = []
        if isinstance(value, Mapping):
            steps = [(f".{key}", key, item) for key, item in value.items() if rest.startswith(f".{key}")]
        elif isinstance(value, list):
            steps = [(f"[{i}]", i, item) for i, item in enumerate(value) if rest.startswith(f"[{i}]")]
        fitting = [step for step in steps if rest[len(step[0]) :][:1] in ("", ".", "[")]
        if not fitting:
            missing = rest.removeprefix(".")
            return child(pointer, missing) if problem.fault is Fault.MISSING else pointer
        written, step, value = max(fitting, key=lambda each: len(each[0]))
        pointer, rest = child(pointer, step), rest[len(written) :]
    return pointer


def _words(problem: GraderProblem) -> str:
    """Gives what is wrong as findings say it: the place is told beside it."""
    match problem.fault:
        case Fault.MISSING:
            return "required, but missing"
        case Fault.UNKNOWN:
            return "unknown key"
        case _:
            return visible(str(problem).removeprefix(f"Invalid '{problem.param}': ").removesuffix("."))
