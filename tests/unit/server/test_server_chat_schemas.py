"""Schemas from clients: what they say of values, and that none of them takes more than its share of work."""

import json
import subprocess
import sys
import threading
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from server_in_process import ScriptedEngine, Server, jsonl, wait_for_batch

from ftops.server.chat.request import read_chat_request
from ftops.server.chat.response_format import JsonFormat
from ftops.server.chat.schema_check import check_schema
from ftops.server.chat.schema_fit import Fit
from ftops.server.chat.schema_instances import NoInstance, shortest_instance
from ftops.server.chat.schema_places import SchemaFault
from ftops.server.chat.work import TooComplex, Work

ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def doubling(form: Any, *, depth: int = 40) -> dict[str, Any]:
    """A chain of definitions, each of which holds the next one twice."""
    definitions = {f"d{place}": form({"$ref": f"#/$defs/d{place + 1}"}) for place in range(depth)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{depth}": {"type": "object"}}}


ALL_OF_TWO = doubling(lambda next_one: {"allOf": [next_one, next_one]})
TREE = doubling(
    lambda next_one: {"type": "object", "properties": {"a": next_one, "b": next_one}, "required": ["a", "b"]}
)
NESTED_LISTS = reduce(lambda items, _: {"type": "array", "minItems": 1000, "items": items}, range(6), {"type": "null"})
# Each alternative is tried, and leads to the same ones.
THREE_WAYS = {
    "$ref": "#/$defs/n",
    "$defs": {
        "n": {"anyOf": [{"required": ["a", "b"], "properties": {"a": {"$ref": "#/$defs/n"}}, "type": "object"}] * 3}
    },
}
HOSTILE = [ALL_OF_TWO, TREE, NESTED_LISTS, THREE_WAYS, {"anyOf": [{"const": ["x" * 100] * 100}] * 20}]


def in_format(schema: object) -> Any:
    return {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0, -2.5])
    | st.sampled_from(["", "a", "ab"])
)
_NAMES = st.sampled_from(["a", "ab", "c"])
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=6
)
_COUNTS = st.integers(0, 3)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    by_name = st.dictionaries(_NAMES, inner, max_size=2)
    keywords = {
        "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
        **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), some),
        **dict.fromkeys(
            ("not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames"), inner
        ),
        **dict.fromkeys(("properties", "dependentSchemas"), by_name),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), st.integers(-2, 2)),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNTS),
        **dict.fromkeys(("minContains", "maxContains"), _COUNTS),
        "multipleOf": st.integers(1, 3),
        "uniqueItems": st.booleans(),
        "required": st.lists(_NAMES, max_size=2, unique=True),
        "dependentRequired": st.dictionaries(_NAMES, st.lists(_NAMES, max_size=2, unique=True), max_size=2),
        "const": _VALUES,
        "enum": st.lists(_VALUES, max_size=3),
    }
    kinds = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
    keywords["type"] = kinds | st.lists(kinds, min_size=1, max_size=3, unique=True)
    chosen = st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=4, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: keywords[name] for name in names}))


_ANY_SCHEMA = st.recursive(st.booleans() | _schemas(st.booleans()), _schemas, max_leaves=5)


@settings(max_examples=300)
@given(_ANY_SCHEMA.filter(lambda schema: isinstance(schema, dict)), st.lists(_VALUES, min_size=1, max_size=5))
def test_a_schema_says_of_values_what_the_reference_says(schema: dict[str, Any], values: list[Any]) -> None:
    schema = {**schema, "$defs": {"one": {"type": ["object", "array"]}, "two": {"not": {"$ref": "#/$defs/one"}}}}
    check_schema(schema, work=Work(), is_strict=False, is_evaluated=True)
    reference = Draft202012Validator(schema)
    for value in values:
        assert Fit(schema, Work()).fits(value) is reference.is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"multipleOf": 0.5}, 1.5, True),
        ({"multipleOf": 0.1}, 0.35, False),
        ({"multipleOf": 3}, 10**300, False),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}], True),
        ({"uniqueItems": True}, [{"a": 1, "b": [2**80]}, {"b": [2**80], "a": 1.0}], False),
        ({"$ref": "#/allOf/0", "allOf": [{"type": "string"}]}, "a", True),
        ({"$ref": "#/$defs/a%20b~1c", "$defs": {"a b/c": {"type": "string"}}}, 1, False),
        ({"properties": {"next": {"$ref": "#"}}, "required": ["v"]}, {"v": 1, "next": {"v": 2}}, True),
        ({"properties": {"next": {"$ref": "#"}}, "required": ["v"]}, {"v": 1, "next": {}}, False),
    ],
)
def test_what_a_schema_says_of_a_value(schema: dict[str, Any], value: object, expected: bool) -> None:
    check_schema(schema, work=Work(), is_strict=False, is_evaluated=True)
    assert Fit(schema, Work()).fits(value) is expected


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "nonsense"}, "'nonsense' is not valid under any of the given schemas."),
        ({"type": []}, "[] is not valid under any of the given schemas."),
        ({"items": [{"type": "string"}]}, "[…] is not of type 'object', 'boolean'."),
        ({"properties": []}, "[] is not of type 'object'."),
        ({"properties": {"a": {"required": True}}}, "True is not an array of unique strings."),
        ({"required": ["a", 1] * 30_000}, "[…] is not an array of unique strings."),
        ({"required": ["a", "a"]}, "[…] is not an array of unique strings."),
        ({"minLength": -1}, "-1 is not an integer of at least 0."),
        ({"maximum": "9"}, "'9' is not of type 'number'."),
        ({"multipleOf": 0}, "0 is not a number above 0."),
        ({"minItems": -(10**400)}, "a huge integer is not an integer of at least 0."),
        ({"allOf": []}, "[] is not an array with an element."),
        ({"enum": {"a": 1}}, "{…} is not of type 'array'."),
        ({"$ref": "#/required", "required": ["a"]}, "a reference in it can't be followed."),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#"}]}}}, "a reference in it can't be followed."),
        ({"enum": ["x" * 300_000]}, "it is longer than 262144 bytes."),
        (ALL_OF_TWO, "it is too complex to evaluate."),
        (
            doubling(lambda next_one: {"dependentSchemas": {"a": next_one, "b": next_one}}),
            "it is too complex to evaluate.",
        ),
        (doubling(lambda next_one: next_one, depth=3000), "it is too complex to evaluate."),
    ],
)
def test_what_is_wrong_with_a_schema(schema: dict[str, Any], fault: str) -> None:
    with pytest.raises(SchemaFault) as caught:
        check_schema(schema, work=Work(), is_strict=False, is_evaluated=True)
    assert str(caught.value) == fault


def test_work_ends_and_stays_ended() -> None:
    work = Work(3)
    work.spend(3)
    for _ in range(2):
        with pytest.raises(TooComplex):
            work.spend()


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"anyOf": [{"type": "integer"}] * 60}, "x"),
        ({"enum": list(range(60))}, "x"),
        ({"const": [0] * 6000}, [0] * 6000),
        ({"items": {"multipleOf": 0.5}}, [0.5] * 60),
        ({"uniqueItems": True}, [[number] for number in range(60)]),
        ({"required": [str(number) for number in range(60)]}, {}),
        ({"additionalProperties": True}, {str(number): 0 for number in range(6000)}),
    ],
)
def test_what_evaluations_cost_is_counted(schema: dict[str, Any], value: object) -> None:
    work = Work(50)
    assert not Fit(schema, work).fits(value)
    with pytest.raises(TooComplex):
        work.spend()


def test_all_replies_of_a_request_share_its_work() -> None:
    form = JsonFormat(work=Work(100), schema={"type": "object", "properties": {"a": {"type": "string"}}})
    verdicts = [form.fits('{"a": "b"}') for _ in range(60)]
    assert verdicts[0]
    assert not verdicts[-1]
    assert verdicts == sorted(verdicts, reverse=True)


@pytest.mark.parametrize("schema", HOSTILE)
def test_a_shortest_value_is_short_or_not_found(schema: dict[str, Any]) -> None:
    # In a process of its own: what is tested is that it comes to an end at all.
    program = (
        "import json, sys\n"
        "from ftops.server.chat.schema_instances import NoInstance, shortest_instance\n"
        "try:\n"
        "    print(len(json.dumps(shortest_instance(json.loads(sys.stdin.read())))))\n"
        "except NoInstance:\n"
        "    print(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(schema),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert int(done.stdout) <= 100_000


def test_a_value_too_long_is_none() -> None:
    with pytest.raises(NoInstance):
        shortest_instance({"type": "array", "minItems": 900, "items": {"const": "x" * 1000}})
    assert len(shortest_instance({"type": "array", "minItems": 900, "items": {"const": "x"}})) == 900


def test_hostile_schemas_are_answered(shared_server: Server) -> None:
    shared_server.engine.reply = {"role": "assistant", "content": "{}"}
    for schema in HOSTILE:
        tool = {"type": "function", "function": {"name": "it", "parameters": schema}}
        for body in ({"response_format": in_format(schema)}, {"tools": [tool], "tool_choice": "required"}):
            answer = shared_server.ask("POST", "/v1/chat/completions", json={**ASK, **body})
            assert answer.status_code in (200, 400)
    answer = shared_server.ask("POST", "/v1/chat/completions", json={**ASK, "response_format": in_format(ALL_OF_TWO)})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, "response_format")
    assert error["message"] == "Invalid schema for response_format 'it': it is too complex to evaluate."
    answer = shared_server.ask("POST", "/v1/chat/completions", json={**ASK, "response_format": in_format(TREE)})
    assert answer.json()["choices"][0]["message"]["refusal"]


def test_schemas_are_read_and_compared_in_a_thread(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[threading.Thread] = []

    def read(arguments: Any) -> Any:
        readers.append(threading.current_thread())
        return read_chat_request(arguments)

    monkeypatch.setattr("ftops.server.routes.chat.read_chat_request", read)
    tool = {"type": "function", "function": {"name": "it"}}
    for body in ({}, {"response_format": in_format({})}, {"tools": [tool]}):
        assert shared_server.ask("POST", "/v1/chat/completions", json={**ASK, **body}).status_code == 200
    assert [each is threading.current_thread() for each in readers] == [True, False, False]


def test_a_hostile_line_stops_no_batch(server: Server) -> None:
    engine: ScriptedEngine = server.engine
    engine.reply = {"role": "assistant", "content": "{}"}

    def batch(*bodies: dict[str, Any]) -> Any:
        lines = [
            {"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": {**ASK, **body}}
            for number, body in enumerate(bodies)
        ]
        asked = {
            "input_file_id": server.upload(jsonl(lines), purpose="batch"),
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }
        created = server.ask("POST", "/v1/batches", json=asked)
        assert created.status_code == 200, created.text
        return wait_for_batch(server, created.json()["id"])

    ended = batch(*({"response_format": in_format(schema)} for schema in HOSTILE), {})
    assert ended["status"] == "completed"
    assert ended["request_counts"]["total"] == len(HOSTILE) + 1
    assert ended["request_counts"]["failed"] == 1
    errors = server.ask("GET", f"/v1/files/{ended['error_file_id']}/content").text
    assert "too complex to evaluate" in errors
    assert batch({})["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
