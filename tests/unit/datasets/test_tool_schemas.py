"""Arguments beside their schemas: nothing is fetched, and nothing takes long, whatever a row's schema says."""

import json
import socket

import pytest

from ftops.datasets.tool_schemas import tool_schema

OBJECT = {"type": "object"}
LEAD = {"$ref": "#/$defs/d0"}


def ladder(count: int, keyword: str = "anyOf", reference: str = "#/$defs/d{}") -> dict:
    """Each step has the next one twice: it unfolds to 2 to the power of ``count``."""
    steps = {f"d{n}": {keyword: [{"$ref": reference.format(n + 1)}] * 2} for n in range(count)}
    return {"$defs": {**steps, f"d{count}": {"type": "integer"}}, "$ref": reference.format(0)}


def faults(schema: object, arguments: dict) -> list[str]:
    read, wrong = tool_schema(schema)
    assert wrong is None
    assert read is not None
    return list(read.faults(arguments))


def nested(depth: int) -> dict:
    value: object = 3
    for _ in range(depth):
        value = {"b": value}
    assert isinstance(value, dict)
    return value


TWICE = {"properties": {"b": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "type": "object"}
ONCE = {"properties": {"b": {"$ref": "#"}}, "type": "object"}
CHAIN = {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(30_000)}, **LEAD}
DEEP = json.loads('{"not":' * 900 + "{}" + "}" * 900)


def test_what_is_wrong_is_said_without_values():
    schema = {**OBJECT, "properties": {"a": {"type": "integer"}, "c": {"enum": ["x"]}}, "required": ["b"]}
    assert sorted(faults(schema, {"a": "secret", "c": "secret"})) == [
        '"b" is a required property',
        '/a: the value is not of type "integer"',
        '/c: the value is not one of "x"',
    ]
    assert faults(schema, {"a": 1, "b": None, "c": "x"}) == []


@pytest.mark.parametrize(
    "schema",
    [
        ladder(40),
        ladder(40, "allOf"),
        ladder(40, reference="#/%24defs/d{}"),
        {"properties": {"default": ladder(40)["$defs"]["d0"]}, "$defs": ladder(40)["$defs"]},
        {"not": {"dependencies": {"a": LEAD}}, "$defs": ladder(40)["$defs"]},
        {"items": [LEAD], "$defs": ladder(40)["$defs"]},
        CHAIN,
    ],
)
def test_a_schema_that_unfolds_without_end_is_not_asked(schema):
    read, wrong = tool_schema(schema)
    assert read is None
    assert wrong is not None
    assert (wrong.code, wrong.hint) == ("D047", "arguments are not compared with these")
    assert wrong.says == "expected parameters of at most 20,000 parts, got more once references are followed"


@pytest.mark.parametrize(
    "schema",
    [
        {"$defs": {"x": {"$anchor": "here", "type": "integer"}}, "properties": {"a": {"$ref": "#here"}}},
        {"properties": {"a": {"$id": "https://example.com/a", "$defs": {"x": {}}, "$ref": "#/$defs/x"}}},
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$dynamicAnchor": "x",
            "not": {"$dynamicRef": "#x"},
        },
    ],
)
def test_references_that_are_no_pointers_are_not_followed(schema):
    read, wrong = tool_schema(schema)
    assert read is None
    assert wrong is not None
    assert (wrong.code, wrong.says.partition(",")[0]) == ("D047", "expected references within parameters as pointers")


def test_a_schema_may_refer_to_itself():
    assert faults(ONCE, nested(300)) == [f"{'/b' * 49}/…"]
    assert faults({"$ref": "#"}, {"a": 1}) == []
    assert faults({"anyOf": [{"$ref": "#"}, {"type": "object"}]}, {"a": 1}) == []
    assert len(faults(TWICE, nested(4))) == 1
    assert faults(TWICE, nested(15)) == ["too many ways to read them to tell why"]
    assert faults(TWICE, nested(500)) == ["they nest too deep to be compared with parameters that refer to themselves"]
    assert faults({**OBJECT, "properties": {"a": {"items": {"$ref": "#"}}}}, {"a": [{"a": [3]}]}) == [
        '/a/0/a/0: the value is not of type "object"'
    ]


def test_pointers_lead_where_they_lead():
    lists = {"allOf": [{"type": "object"}, {"properties": {"a": {"$ref": "#/allOf/0"}}}]}
    assert faults(lists, {"a": 1}) == ['/a: the value is not of type "object"']
    escaped = {"$defs": {"a/b~c": {"type": "object"}}, "properties": {"a": {"$ref": "#/$defs/a~1b~0c"}}}
    assert faults(escaped, {"a": 1}) == ['/a: the value is not of type "object"']


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=(a+)+$)(a|aa)+\\1$", "^(a|a)*b\\1?$"])
def test_a_pattern_that_tries_for_ever_is_cut_short(pattern):
    schema = {"properties": {"a": {"type": "string", "pattern": pattern}}}
    assert len(faults(schema, {"a": "a" * 5_000 + "!"})) == 1


@pytest.mark.parametrize(
    ("schema", "field", "says"),
    [
        ("x", "", "expected a JSON schema, got the string 'x'"),
        ({"type": "objekt"}, "/type", "expected a JSON schema: the value is not valid under any of the schemas"),
        ({"pattern": "("}, "/pattern", 'expected a JSON schema: the value is not a "regex"'),
        ({"$ref": "#/$defs/none"}, "", "expected a JSON schema: Pointer '/$defs/none' does not exist"),
        ({"allOf": [{"$ref": "#/allOf/7"}]}, "", "expected a JSON schema: Pointer '/allOf/7' does not exist"),
        ({"$ref": "#/type/x", "type": "object"}, "", "expected a JSON schema: "),
        (
            {"$ref": "https://example.com/x"},
            "",
            "expected a JSON schema: Resource 'https://example.com/x' is of another place, and not fetched",
        ),
        ({"$ref": "file:///etc/passwd"}, "", "expected a JSON schema: Resource 'file:///etc/passwd'"),
        ({"$schema": "https://example.com/own"}, "", "expected a JSON schema: Unknown meta-schema"),
        (DEEP, "", "expected a JSON schema: Recursion limit reached"),
    ],
)
def test_what_is_no_schema(schema, field, says, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    read, wrong = tool_schema(schema)
    assert read is None
    assert wrong is not None
    assert (wrong.code, wrong.field) == ("D040", field)
    assert wrong.says.startswith(says)


def test_no_parameters_are_no_schema():
    assert tool_schema(None) == (None, None)
