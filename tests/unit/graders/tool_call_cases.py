"""The table of ``test_tool_calls``: what is answered, what was expected, and the mark that it earns.

The functions are like those of the leaderboard's own examples.
"""

import json
from collections.abc import Sequence
from typing import Any

from ftops.graders.marks import CallMark


def call(name: str, arguments: Any = None, /, **given: Any) -> dict[str, Any]:
    """A tool call as a model answers with it."""
    written = arguments if isinstance(arguments, str) else json.dumps(given if arguments is None else arguments)
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": written}}


def tool(name: str, properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


AREA = tool(
    "area",
    {
        "base": {"type": "integer"},
        "height": {"type": "integer"},
        "unit": {"type": "string"},
        "exact": {"type": "number"},
    },
    ["base", "height"],
)
BOOK = tool(
    "book",
    {
        "guests": {"type": "array", "items": {"type": "string"}},
        "room": {"type": "object"},
        "nights": {"type": "array", "items": {"type": "integer"}},
        "late": {"type": "boolean"},
        "note": {"type": ["string", "null"]},
    },
)
OPEN = {
    "type": "function",
    "function": {"name": "open", "parameters": {"properties": {}, "additionalProperties": True}},
}
BERKELEY = {"area": {"base": [10], "height": [5], "unit": ["units", "square units", ""]}}
ROOM = {"book": {"room": [{"beds": [1, 2], "view": ["sea", "park", ""]}]}}
LISTS = {"book": {"guests": [["Ada", "Bob"], ["Ada"]]}}
OBJECTS = {"book": {"stays": [[{"city": ["Rome"], "nights": [2]}, {"city": ["Pisa", "Lucca"], "nights": [1]}]]}}
TWO = [{"area": {"base": [1], "height": [2]}}, {"area": {"base": [3], "height": [4]}}]
LOOSE_AND_STRICT = [{"area": {"base": [1, 3], "height": [2]}}, {"area": {"base": [1], "height": [2]}}]

M = CallMark
A, B = [AREA], [BOOK]
# What a case is about, the reference, the answer's calls, the tools that the row declares, the mark.
CASES: list[tuple[str, Any, list[Any], list[Any], CallMark]] = [
    # How many
    ("one of one", [call("area", base=10, height=5)], [call("area", base=10, height=5)], A, M.MATCH),
    ("none of one", [call("area", base=10, height=5)], [], A, M.MISSING_CALL),
    ("one of none", [], [call("area", base=10, height=5)], A, M.UNEXPECTED_CALL),
    ("none of none", [], [], A, M.MATCH),
    ("two of one", BERKELEY, [call("area", base=10, height=5)] * 2, A, M.WRONG_COUNT),
    ("one of two", TWO, [call("area", base=1, height=2)], A, M.WRONG_COUNT),
    # Several, in any order
    ("two in order", TWO, [call("area", base=1, height=2), call("area", base=3, height=4)], A, M.MATCH),
    ("two the other way", TWO, [call("area", base=3, height=4), call("area", base=1, height=2)], A, M.MATCH),
    ("one twice", TWO, [call("area", base=1, height=2)] * 2, A, M.WRONG_VALUE),
    ("two of other names", TWO, [call("area", base=1, height=2), call("sum", base=3, height=4)], A, M.WRONG_NAME),
    (
        "the first that fits is not the best",
        LOOSE_AND_STRICT,
        [call("area", base=1, height=2), call("area", base=3, height=2)],
        A,
        M.MATCH,
    ),
    (
        "the nearest of what is left is told",
        TWO,
        [call("area", base=1, height=2), call("area", base="3", height=4)],
        A,
        M.WRONG_TYPE,
    ),
    # Names
    ("another name", BERKELEY, [call("volume", base=10, height=5)], A, M.WRONG_NAME),
    ("a name in capitals", BERKELEY, [call("Area", base=10, height=5)], A, M.WRONG_NAME),
    ("dots are underscores", {"math.area": {"base": [1]}}, [call("math_area", base=1)], [], M.MATCH),
    ("dots are dots too", {"math.area": {"base": [1]}}, [call("math.area", base=1)], [], M.MATCH),
    # Arguments that can't be read
    ("no JSON", BERKELEY, [call("area", "{base: 10}")], A, M.UNPARSABLE),
    ("cut off", BERKELEY, [call("area", '{"base": 10, "hei')], A, M.UNPARSABLE),
    ("nothing", BERKELEY, [call("area", "")], A, M.UNPARSABLE),
    ("a list of arguments", BERKELEY, [call("area", "[10, 5]")], A, M.UNPARSABLE),
    ("NaN", BERKELEY, [call("area", '{"base": NaN, "height": 5}')], A, M.UNPARSABLE),
    ("half a character", BERKELEY, [call("area", '{"base": "\\ud800"}')], A, M.UNPARSABLE),
    ("too deep", BERKELEY, [call("area", '{"base":' + "[" * 100_000)], A, M.UNPARSABLE),
    ("a huge number", BERKELEY, [call("area", '{"base": 1' + "0" * 5_000 + "}")], A, M.UNPARSABLE),
    (
        "no function",
        BERKELEY, [{"id": "c", "type": "custom", "custom": {"name": "area", "input": "x"}}],
        A,
        M.UNPARSABLE,
    ),
    ("unparsable counts before how many", BERKELEY, [call("area", "x"), call("area", "y")], A, M.UNPARSABLE),
    # Which parameters
    ("no arguments", [call("now")], [call("now")], [], M.MATCH),
    ("one missing", BERKELEY, [call("area", base=10)], A, M.MISSING_PARAMETER),
    ("all missing", BERKELEY, [call("area")], A, M.MISSING_PARAMETER),
    ("may be left out", BERKELEY, [call("area", base=10, height=5)], A, M.MATCH),
    ("may be there", BERKELEY, [call("area", base=10, height=5, unit="units")], A, M.MATCH),
    ("another allowed value", BERKELEY, [call("area", base=10, height=5, unit="square units")], A, M.MATCH),
    (
        "required although left out",
        {"area": {"base": ["", 1], "height": [2]}}, [call("area", height=2)],
        A,
        M.MISSING_PARAMETER,
    ),
    ("not required", {"area": {"base": ["", 1], "height": [2]}}, [call("area", height=2)], [], M.MATCH),
    (
        "optional in the tool, stated in the reference",
        [call("area", base=1, height=2, unit="m")], [call("area", base=1, height=2)],
        A,
        M.MISSING_PARAMETER,
    ),
    ("unexpected", BERKELEY, [call("area", base=10, height=5, depth=1)], A, M.UNEXPECTED_PARAMETER),
    (
        "declared, but not in the reference",
        BERKELEY, [call("area", base=10, height=5, exact=1)],
        A,
        M.UNEXPECTED_PARAMETER,
    ),
    (
        "in the reference, but not declared",
        [call("area", base=1, height=1, deep=2)],
        [call("area", base=1, height=1, deep=2)],
        A,
        M.UNEXPECTED_PARAMETER,
    ),
    ("not declared where a tool takes others", [call("open", deep=2)], [call("open", deep=2)], [OPEN], M.MATCH),
    ("missing counts before unexpected", BERKELEY, [call("area", depth=1)], A, M.MISSING_PARAMETER),
    # Types
    ("text for an integer", BERKELEY, [call("area", base="10", height=5)], A, M.WRONG_TYPE),
    ("a point for an integer", BERKELEY, [call("area", base=10.0, height=5)], A, M.WRONG_TYPE),
    ("an integer for a number", {"area": {"exact": [2.0]}}, [call("area", exact=2)], [], M.MATCH),
    (
        "an integer for a declared number",
        {"area": {"exact": [2]}}, [call("area", exact=2.0)],
        [tool("area", {"exact": {"type": "number"}})],
        M.MATCH,
    ),
    (
        "Berkeley's float",
        {"area": {"exact": [2]}}, [call("area", exact=2.0)],
        [tool("area", {"exact": {"type": "float"}})],
        M.MATCH,
    ),
    ("true for an integer", {"area": {"base": [1]}}, [call("area", base=True)], [], M.WRONG_TYPE),
    ("an integer for true", {"book": {"late": [True]}}, [call("book", late=1)], B, M.WRONG_TYPE),
    ("true for true", {"book": {"late": [True]}}, [call("book", late=True)], B, M.MATCH),
    ("false for true", {"book": {"late": [True]}}, [call("book", late=False)], B, M.WRONG_VALUE),
    ("null for text", {"book": {"late": ["x"]}}, [call("book", late=None)], [], M.WRONG_TYPE),
    ("null for null", [call("book", note=None)], [call("book", note=None)], B, M.MATCH),
    ("null where it is declared", {"book": {"note": ["x"]}}, [call("book", note=None)], B, M.WRONG_VALUE),
    (
        "a variable's name, as the reference has it",
        {"area": {"base": ["width"]}}, [call("area", base="width")],
        A,
        M.MATCH,
    ),
    ("types count before values", BERKELEY, [call("area", base="x", height=6)], A, M.WRONG_TYPE),
    # Values
    ("another number", BERKELEY, [call("area", base=10, height=6)], A, M.WRONG_VALUE),
    ("another text", BERKELEY, [call("area", base=10, height=5, unit="cm")], A, M.WRONG_VALUE),
    ("capitals", [call("f", a="San Francisco")], [call("f", a="SAN FRANCISCO")], [], M.MATCH),
    ("blanks and signs", [call("f", a="San Francisco, CA.")], [call("f", a="san-francisco/c_a*^")], [], M.MATCH),
    ("quotes", [call("f", a="it's")], [call("f", a='it"s')], [], M.MATCH),
    ("other signs count", [call("f", a="a:b")], [call("f", a="ab")], [], M.WRONG_VALUE),
    ("an empty text where it may be left out", {"f": {"a": ["x", ""]}}, [call("f", a="")], [], M.MATCH),
    ("an empty text elsewhere", {"f": {"a": ["x"]}}, [call("f", a="")], [], M.WRONG_VALUE),
    # Lists
    ("a list", LISTS, [call("book", guests=["Ada", "Bob"])], B, M.MATCH),
    ("another allowed list", LISTS, [call("book", guests=["ada"])], B, M.MATCH),
    ("a list in another order", LISTS, [call("book", guests=["Bob", "Ada"])], B, M.WRONG_VALUE),
    ("a list too long", LISTS, [call("book", guests=["Ada", "Bob", "Cy"])], B, M.WRONG_VALUE),
    ("an empty list", LISTS, [call("book", guests=[])], B, M.WRONG_VALUE),
    ("text for a list", LISTS, [call("book", guests="Ada")], B, M.WRONG_TYPE),
    ("a number within a list of texts", LISTS, [call("book", guests=["Ada", 2])], B, M.WRONG_TYPE),
    (
        "text within a list of integers",
        {"book": {"nights": [[1, 2]]}}, [call("book", nights=[1, "2"])],
        B,
        M.WRONG_TYPE,
    ),
    ("a list within a list", [call("f", a=[[1, 2], [3]])], [call("f", a=[[1, 2], [3]])], [], M.MATCH),
    ("another list within a list", [call("f", a=[[1, 2], [3]])], [call("f", a=[[1], [2, 3]])], [], M.WRONG_VALUE),
    # Objects
    ("an object", ROOM, [call("book", room={"beds": 2, "view": "Sea"})], B, M.MATCH),
    ("an object's field left out", ROOM, [call("book", room={"beds": 1})], B, M.MATCH),
    ("an object's field missing", ROOM, [call("book", room={"view": "sea"})], B, M.WRONG_VALUE),
    ("an object's field unexpected", ROOM, [call("book", room={"beds": 1, "bath": True})], B, M.WRONG_VALUE),
    ("an object's field wrong", ROOM, [call("book", room={"beds": 3})], B, M.WRONG_VALUE),
    ("a list for an object", ROOM, [call("book", room=[1])], B, M.WRONG_TYPE),
    (
        "objects in a list",
        OBJECTS, [call("book", stays=[{"city": "rome", "nights": 2}, {"city": "Lucca", "nights": 1}])],
        [],
        M.MATCH,
    ),
    (
        "objects in another order",
        OBJECTS, [call("book", stays=[{"city": "Pisa", "nights": 1}, {"city": "Rome", "nights": 2}])],
        [],
        M.WRONG_VALUE,
    ),
    ("one object of two", OBJECTS, [call("book", stays=[{"city": "Rome", "nights": 2}])], [], M.WRONG_VALUE),
    ("an object within an object", [call("f", a={"b": {"c": [1]}})], [call("f", a={"b": {"c": [1]}})], [], M.MATCH),
    (
        "another object within an object",
        [call("f", a={"b": {"c": [1]}})], [call("f", a={"b": {"c": [2]}})],
        [],
        M.WRONG_VALUE,
    ),
    (
        "Berkeley's lists within an object within an object",
        {"f": {"a": [{"b": [{"c": [1, 2]}]}]}}, [call("f", a={"b": {"c": 2}})],
        [],
        M.MATCH,
    ),
    # Forms
    ("arguments that are an object already", [{"name": "f", "arguments": {"a": 1}}], [call("f", a=1)], [], M.MATCH),
    ("the form without type", [{"function": {"name": "f", "arguments": '{"a": 1}'}}], [call("f", a=1)], [], M.MATCH),
    ("a function named function", {"function": {"name": ["x"]}}, [call("function", name="x")], [], M.MATCH),
]  # fmt: skip
