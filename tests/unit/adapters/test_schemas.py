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


def test_an_unknown_schema():
    with pytest.raises(FileNotFoundError):
        load_schema("nothing.v1")
