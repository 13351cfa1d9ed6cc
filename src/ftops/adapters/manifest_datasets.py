"""The datasets that one manifest names, and what it does with them, whether or not the rest of it is right.

Owns what a use can still be told from where the manifest is wrong; the rows are read elsewhere.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ftops.adapters.findings import Findings
from ftops.adapters.grader_templates import item_fields, reference_places
from ftops.adapters.plain_values import mapping, member, sequence
from ftops.adapters.yaml_documents import child
from ftops.domain.foreign_text import visible
from ftops.domain.loaded import DatasetUse, Role, Spot, Variable
from ftops.domain.manifest import MethodType, Split

_TRAIN = "/spec/dataset/train"
_VALIDATION = "/spec/dataset/validation"


def dataset_uses(value: Any, paths: Mapping[str, str], findings: Findings) -> Iterator[DatasetUse]:
    """Gives every dataset of a manifest whose path resolved; ``paths`` maps the pointers of those to their files."""
    spec = member(value, "spec")
    method = _method(spec)
    if _TRAIN in paths:
        split = _split(spec, findings)
        yield DatasetUse(
            path=paths[_TRAIN],
            role=Role.TRAIN,
            spot=_spot(_TRAIN, findings),
            method=method,
            split=split,
            split_spot=_spot(_VALIDATION, findings) if split else None,
        )
    if _VALIDATION in paths:
        yield DatasetUse(
            path=paths[_VALIDATION], role=Role.VALIDATION, spot=_spot(_VALIDATION, findings), method=method
        )
    for index, entry in enumerate(sequence(member(spec, "evals"))):
        pointer = child("/spec/evals", index)
        if f"{pointer}/dataset" in paths:
            yield DatasetUse(
                path=paths[f"{pointer}/dataset"],
                role=Role.EVALUATION,
                spot=_spot(f"{pointer}/dataset", findings),
                has_input="input" in entry,
                variables=tuple(_variables(entry, pointer, findings)),
                reference=_reference(entry, pointer, findings),
            )


def _method(spec: Any) -> MethodType | None:
    """Gives the method, None where nobody can know it: then rows are only read, and not held against a format."""
    method = mapping(spec).get("method", {})
    try:
        return MethodType(method.get("type", MethodType.SUPERVISED)) if isinstance(method, Mapping) else None
    except ValueError:
        return None


def _split(spec: Any, findings: Findings) -> Split | None:
    """Gives the split as far as it can be used; what is wrong with it, the schema says."""
    stated = member(member(spec, "dataset"), "validation")
    fraction, seed = member(stated, "fraction"), member(stated, "seed")
    if not _is_number(fraction) or not _is_number(seed) or seed != int(seed) or not findings.is_sound(_VALIDATION):
        return None
    return Split(fraction=fraction, seed=int(seed))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _variables(entry: Mapping[str, Any], pointer: str, findings: Findings) -> Iterator[Variable]:
    for key in ("grader", "input"):
        for place, name in item_fields(entry.get(key), f"{pointer}/{key}"):
            yield Variable(name=name, spot=_spot(place, findings))
    if isinstance(entry.get("cluster_by"), str):
        yield Variable(name=entry["cluster_by"].partition(".")[0], spot=_spot(f"{pointer}/cluster_by", findings))


def _reference(entry: Mapping[str, Any], pointer: str, findings: Findings) -> Spot | None:
    place = next(reference_places(entry.get("grader"), f"{pointer}/grader"), None)
    return None if place is None else _spot(place, findings)


def _spot(pointer: str, findings: Findings) -> Spot:
    place = findings.document.at(pointer)
    return Spot(file=findings.file, line=place.line, column=place.column, field=visible(pointer))
