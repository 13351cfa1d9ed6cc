"""What a JSON Schema has against a document, as sentences with line and column.

Owns the wording. A schema helps with the keyword ``x-expected``: what a value should have been, in words. Choices
(``anyOf``) are decided by the kind of value that stands there, so that nobody reads about branches they didn't mean.

``jsonschema_rs`` says of a thousand manifests in ten milliseconds that they are valid; ``jsonschema``, which takes a second
for that, is asked only where something is wrong, because it alone tells what and where. Tests hold the quick one to refusing
whatever the other refuses.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ftops.adapters.schemas import load_schema
from ftops.adapters.yaml_documents import Place, YamlDocument, child
from ftops.domain.foreign_text import excerpt, quoted, visible
from ftops.errors import Problem

if TYPE_CHECKING:
    import jsonschema_rs

_MOST: Final = 1_000
_KINDS: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def schema_problems(document: YamlDocument, schema: str, file: str) -> list[Problem]:
    """Checks ``document`` against the schema of that name; gives each problem once, sorted by place, a thousand at most."""
    if "" in document.broken or _quick_validator(schema).is_valid(document.value):
        return []
    errors = _validator(schema).iter_errors(document.value)
    found = (problem for error in errors for problem in _explain(error, document, file))
    problems = set(islice(found, _MOST))
    return sorted(problems, key=lambda p: (p.line, p.column, p.field, p.expected))


def fits_schema(value: object, schema: str) -> bool:
    """Whether a JSON value is as the schema of that name says. For what programs wrote: nobody is told what is wrong."""
    return _quick_validator(schema).is_valid(value)


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """Gives ``did you mean …?`` with the most similar of ``known``, None where nothing is similar."""
    matches = get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return f"did you mean {visible(matches[0])}?" if matches else None


@cache
def _quick_validator(name: str) -> "jsonschema_rs.Validator":
    import jsonschema_rs

    return jsonschema_rs.validator_for(dict(load_schema(name)))


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_: Any, wanted: str, instance: Any, __: Any) -> Iterator[Any]:
        # Python's $ also matches before a last line break, the $ of JSON Schema doesn't.
        if isinstance(instance, str) and ("\n" in instance or not re.search(wanted, instance)):
            yield ValidationError(f"does not match {wanted}")

    def unique(_: Any, is_wanted: bool, instance: Any, __: Any) -> Iterator[Any]:  # noqa: FBT001  (jsonschema calls it)
        # jsonschema compares each pair of items that can't be sorted, which a hostile list makes take minutes.
        if is_wanted and isinstance(instance, list):
            texts = {json.dumps(item, sort_keys=True) for item in instance}
            if len(texts) < len(instance):
                yield ValidationError("has an item twice")

    strict: Any = validators.extend(Draft202012Validator, {"pattern": pattern, "uniqueItems": unique})  # type: ignore[no-untyped-call]
    return strict(load_schema(name))


def _explain(error: Any, document: YamlDocument, file: str) -> Iterator[Problem]:
    pointer = _pointer(error.absolute_path)
    if pointer in document.broken and error.validator not in ("additionalProperties", "propertyNames"):
        return
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(error, pointer, document, file)
        case "anyOf":
            yield from _choice(error, pointer, document, file)
        case _ if "propertyNames" in error.absolute_schema_path:
            key = child(pointer, error.instance)
            hint = near_miss(error.instance, error.validator_value) if error.validator == "enum" else None
            wanted = f"expected {error.schema.get('x-expected', 'another key')}, got {quoted(error.instance)}"
            yield _problem(file, document.keys.get(key, document.at(pointer)), key, wanted, hint)
        case "required":
            for name in error.validator_value:
                if name not in error.instance:
                    yield _problem(file, document.at(pointer), child(pointer, name), "required, but missing")
        case "oneOf" if not isinstance(error.instance, dict):
            return  # that it has to be a mapping is told beside
        case "dependentRequired":
            yield from _missing_companions(error, pointer, document, file)
        case _:
            expected, hint = _expected(error)
            yield _problem(file, document.at(pointer), pointer, expected, hint)


def _unknown_keys(error: Any, pointer: str, document: YamlDocument, file: str) -> Iterator[Problem]:
    known = error.schema.get("properties", {})
    for key in error.instance:
        if key not in known:
            here = child(pointer, key)
            hint = near_miss(key, known) or f"known: {', '.join(sorted(known))}"
            yield _problem(file, document.keys.get(here, document.at(pointer)), here, "unknown key", hint)


def _missing_companions(error: Any, pointer: str, document: YamlDocument, file: str) -> Iterator[Problem]:
    for key, companions in error.validator_value.items():
        for name in companions:
            if key in error.instance and name not in error.instance:
                place = document.keys.get(child(pointer, key), document.at(pointer))
                yield _problem(file, place, child(pointer, name), f"required beside {key}, but missing")


def _choice(error: Any, pointer: str, document: YamlDocument, file: str) -> Iterator[Problem]:
    """Explains by the one branch that takes the kind of value found, and else by what all branches would take."""
    branches: dict[int, list[Any]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [found for found in branches.values() if not any(_is_about_kind(inner, error) for inner in found)]
    if isinstance(error.instance, (dict, list)) and len(fitting) == 1:
        for inner in fitting[0]:
            yield from _explain(inner, document, file)
    else:
        expected = error.schema.get("x-expected", "another value")
        known = [inner.validator_value for inner in error.context if inner.validator == "const"]
        hint = near_miss(error.instance, known) if isinstance(error.instance, str) else None
        yield _problem(file, document.at(pointer), pointer, f"expected {expected}, got {excerpt(error.instance)}", hint)


def _is_about_kind(inner: Any, outer: Any) -> bool:
    same_place = len(inner.absolute_path) == len(outer.absolute_path)
    return same_place and inner.validator in ("type", "const")


def _expected(error: Any) -> tuple[str, str | None]:
    schema: Mapping[str, Any] = error.schema
    got = excerpt(error.instance)
    value = error.validator_value
    hint = None
    match error.validator:
        case "const":
            wanted = visible(str(value)) if isinstance(value, str) else str(value).lower()
            hint = near_miss(error.instance, [wanted]) if isinstance(error.instance, str) else None
        case "enum":
            wanted = f"one of {', '.join(value)}" if len(value) > 1 else value[0]
            hint = near_miss(error.instance, value) if isinstance(error.instance, str) else None
        case "type":
            kinds = [value] if isinstance(value, str) else value
            wanted = schema.get("x-expected") or " or ".join(_KINDS[kind] for kind in kinds)
            if isinstance(error.instance, (bool, int, float)) and "string" in kinds:
                hint = "put it in quotes"
        case "maxLength":
            wanted, got = f"at most {value:,} characters", f"{len(error.instance):,}"
        case "minLength":
            wanted = "text that is not empty"
        case "uniqueItems":
            wanted, got = "different items", "one of them twice"
        case "oneOf":
            wanted = schema["x-expected"]
            names = [key for branch in value for key in branch["required"] if key in error.instance]
            got = ", ".join(names) or "none of them"
        case _:
            wanted = schema.get("x-expected") or _bound(error.validator, value)
    return f"expected {wanted}, got {got}", hint


def _bound(keyword: str, value: Any) -> str:
    words = {
        "minimum": f"a number of at least {value}",
        "maximum": f"a number of at most {value}",
        "exclusiveMinimum": f"a number above {value}",
        "exclusiveMaximum": f"a number below {value}",
        "minItems": f"at least {value} item{'' if value == 1 else 's'}",
        "maxItems": f"at most {value} items",
        "minProperties": "at least one key",
        "maxProperties": f"at most {value} keys",
    }
    return words.get(keyword, "another value")


def _problem(file: str, place: Place, pointer: str, expected: str, hint: str | None = None) -> Problem:
    return Problem(
        file=file, line=place.line, column=place.column, field=visible(pointer), expected=expected, hint=hint
    )


def _pointer(path: Iterable[str | int]) -> str:
    pointer = ""
    for part in path:
        pointer = child(pointer, part)
    return pointer
