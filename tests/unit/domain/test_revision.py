"""Every vector that other programs may check themselves against is recomputed here, twice."""

import hashlib
import json
from pathlib import Path
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ftops.domain.manifest import Method, MethodType
from ftops.domain.revision import canonical_json, digest, revision_input, revision_of

VECTORS_FILE = Path(__file__).parents[3] / "schemas" / "revision-vectors.json"
VECTORS = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))["vectors"]


def compute(stated: dict) -> tuple[str, str]:
    """Gives canonical JSON and revision of a vector's input."""
    method = stated.get("method", {})
    arguments = {
        "base_model": stated["base_model"],
        "method": Method(
            type=MethodType(method.get("type", "supervised")),
            hyperparameters=method.get("hyperparameters", {}),
            grader=method.get("grader"),
        ),
        "seed": stated.get("seed"),
        "train_sha256": stated["train"],
        "validation_sha256": stated.get("validation"),
    }
    return canonical_json(revision_input(**arguments)).decode(), revision_of(**arguments)


def test_there_are_twenty_differently_named_vectors():
    assert len(VECTORS) == 20
    assert len({vector["name"] for vector in VECTORS}) == 20


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector):
    canonical, revision = compute(vector["input"])
    assert canonical == vector["canonical"]
    assert revision == vector["revision"]
    assert revision == hashlib.sha256(vector["canonical"].encode()).hexdigest()[:12]


def has_one_form(canonical: str) -> bool:
    """Whether json.dumps and RFC 8785 must agree: ASCII keys, no number with a fraction or an exponent."""
    fractions: list[str] = []
    json.loads(canonical, parse_float=fractions.append)
    return canonical.isascii() and not fractions


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS if has_one_form(one["canonical"])], ids=lambda vector: vector["name"]
)
def test_vector_by_the_standard_library(vector):
    plain = json.dumps(json.loads(vector["canonical"]), sort_keys=True, separators=(",", ":"))
    assert plain == vector["canonical"]


def test_vectors_that_must_agree_do():
    by_name = {vector["name"]: vector["revision"] for vector in VECTORS}
    assert by_name["minimal"] == by_name["method without hyperparameters"] == by_name["auto is left out"]
    assert by_name["minimal"] == by_name["seed null"]
    assert by_name["three epochs"] == by_name["3.0 equals 3"]


def test_vectors_that_must_differ_do():
    assert len({vector["revision"] for vector in VECTORS}) == 20 - 4


def test_a_number_is_written_one_way_only():
    assert digest({"a": 3.0, "b": 1e-7}) == digest({"b": 0.0000001, "a": 3})


def test_any_mapping_and_sequence_will_do():
    assert canonical_json(MappingProxyType({"b": (1, 2), "a": []})) == b'{"a":[],"b":[1,2]}'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53])
def test_what_json_cannot_carry_is_an_error(value):
    with pytest.raises(rfc8785.CanonicalizationError):
        digest({"value": value})


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) - 1, 2**53 + 1)
    | st.floats()
    | st.text()
    | st.text(st.characters(codec="ascii"))
    | st.just("\ud800")
)
KEYS = st.text(max_size=4) | st.sampled_from(["", "a", "A", "\x7f", "\u00e9", "\ue000", "\U0001f600"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=12)


@given(VALUES)
def test_every_value_is_written_as_the_library_writes_it(value):
    try:
        expected = rfc8785.dumps(value)
    except ValueError:
        with pytest.raises(ValueError):
            canonical_json(value)
    else:
        assert canonical_json(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"b": [1, (2, -3), None], "a": {'\x1f\x7f"\\/': True}},
        [2**53 - 1, -(2**53) + 1, "\b\t\n\f\r\x00"],
        {"\U0001f600": 1, "\ue000": 2},
        [1.0, 1e21, -0.0],
        MappingProxyType({"a": MappingProxyType({"c": 1, "b": 2.0})}),
    ],
)
def test_ordinary_and_other_values_have_one_form(value):
    assert canonical_json(value) == rfc8785.dumps(as_plain(value))


def as_plain(value):
    if isinstance(value, MappingProxyType):
        return {key: as_plain(item) for key, item in value.items()}
    return list(map(as_plain, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("value", [2**53, -(2**53), [float("nan")], {"a": float("inf")}])
def test_what_json_can_not_carry_is_refused(value):
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json(value)
