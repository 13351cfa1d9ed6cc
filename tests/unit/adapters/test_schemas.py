"""The schemas are sound, say what they mean, and ship."""

import json

import pytest
from jsonschema import Draft202012Validator

from ftops.adapters.schemas import load_schema

NAMES = ["finetune.v1", "project.v1"]


def objects(schema):
    if isinstance(schema, dict):
        yield schema
        for item in schema.values():
            yield from objects(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from objects(item)


@pytest.mark.parametrize("name", NAMES)
def test_is_a_schema(name):
    Draft202012Validator.check_schema(load_schema(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_object_with_properties_is_closed(name):
    open_ones = [
        schema
        for schema in objects(load_schema(name))
        if isinstance(schema.get("properties"), dict)
        and "type" not in schema["properties"]
        and schema.get("additionalProperties") is not False
    ]
    assert open_ones == []


@pytest.mark.parametrize("name", NAMES)
def test_patterns_and_choices_are_explained(name):
    for schema in objects(load_schema(name)):
        if isinstance(schema.get("pattern"), str) or isinstance(schema.get("anyOf"), list):
            assert "x-expected" in schema, json.dumps(schema)


@pytest.mark.parametrize("name", NAMES)
def test_examples_and_defaults_fit(name):
    whole = load_schema(name)
    for schema in objects(whole):
        if "x-expected" in schema or "description" in schema or "title" in schema:
            inner = Draft202012Validator({**schema, "$defs": whole["$defs"]})
            for value in [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else ())]:
                assert list(inner.iter_errors(value)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_explained_to_editors(name):
    whole = load_schema(name)
    silent = [
        key
        for schema in objects(without_conditions(whole))
        for key, value in (schema.get("properties") or {}).items()
        if isinstance(value, dict) and not description(whole, value)
    ]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_every_choice_is_described_or_none(name):
    described = [schema for schema in objects(load_schema(name)) if "enumDescriptions" in schema]
    assert [schema for schema in described if len(schema["enumDescriptions"]) != len(schema["enum"])] == []


def without_conditions(schema):
    """The schema without what only narrows another one: ``if``, and the first part of an ``allOf`` with a reference."""
    if isinstance(schema, list):
        return [without_conditions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    is_narrowing = [part for part in schema.get("allOf", ()) if "$ref" in part]
    kept = {key: value for key, value in schema.items() if key not in ({"if", "allOf"} if is_narrowing else {"if"})}
    return {key: without_conditions(value) for key, value in kept.items()}


def description(whole, schema):
    target = whole["$defs"].get(schema.get("$ref", "").rpartition("/")[2], {})
    return schema.get("description") or target.get("description")


def test_an_unknown_schema():
    with pytest.raises(FileNotFoundError):
        load_schema("nothing.v1")
