"""Chat rows with one thing wrong in their tools, calls or results."""

# ruff: noqa: E501  (a case is one line)

from typing import Any

from corpus.files import answer, chat, file_of, message, user

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
    "required": ["city"],
    "additionalProperties": False,
}


def tool(name: Any = "weather", parameters: Any = SCHEMA, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


def call(
    arguments: Any = '{"city": "Rome"}', name: Any = "weather", call_id: Any = "c1", **more: Any
) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calling(*calls: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": list(calls)}


def result(call_id: Any = "c1", **more: Any) -> dict[str, Any]:
    return message("tool", "sunny", tool_call_id=call_id, **more)


def tooled(*messages: Any, tools: Any = None) -> dict[str, Any]:
    return chat(user(), *messages, tools=[tool()] if tools is None else tools)


def _called(arguments: Any, **more: Any) -> dict[str, Any]:
    return tooled(calling(call(arguments, **more)))


_WITHOUT_ID = {key: value for key, value in call().items() if key != "id"}

FILES = (
    file_of("tools-text", chat(tools="weather"), "D040 /tools: expected a list of tools, got the string 'weather'"),
    file_of("tools-mapping", chat(tools={"weather": tool()}), "D040 /tools: expected a list of tools, got a mapping"),
    file_of("tools-false", chat(tools=False), "D040 /tools: expected a list of tools, got the boolean false"),
    file_of("tools-too-many", chat(tools=[tool(f"f{n}") for n in range(129)]), "D040 /tools: expected at most 128 tools, got 129"),
    file_of("tool-text", chat(tools=["weather"]), "D040 /tools/0: expected a tool, got the string 'weather'"),
    file_of("tool-without-type", chat(tools=[{"function": {"name": "f"}}]), "D040 /tools/0/type: expected type function, got none"),
    file_of("tool-of-unknown-type", chat(tools=[{"type": "retrieval", "function": {"name": "f"}}]), "D040 /tools/0/type: expected type function, got the string 'retrieval'"),
    file_of("tool-without-function", chat(tools=[{"type": "function"}]), "D040 /tools/0: expected a function with a name"),
    file_of("tool-of-the-responses-api", chat(tools=[{"type": "function", "name": "f", "parameters": {}}]), "D040 /tools/0: expected a function with a name"),
    file_of("tool-without-name", chat(tools=[{"type": "function", "function": {}}]), "D040 /tools/0: expected a function with a name"),
    file_of("tool-name-number", chat(tools=[tool(3)]), "D040 /tools/0: expected a function with a name"),
    file_of("tool-name-empty", chat(tools=[tool("")]), "D040 /tools/0/function/name: expected up to 64 letters, digits, _ and -, got the string ''"),
    file_of("tool-name-with-blank", chat(tools=[tool("get weather")]), "D040 /tools/0/function/name: expected up to 64 letters, digits, _ and -, got the string 'get weather'"),
    file_of("tool-name-with-point", chat(tools=[tool("math.sin")]), "D040 /tools/0/function/name: expected up to 64 letters, digits, _ and -, got the string 'math.sin'"),
    file_of("tool-name-too-long", chat(tools=[tool("f" * 65)]), "D040 /tools/0/function/name: expected up to 64 letters, digits, _ and -, got the string 'fffffffffffffffffffffffffffffffffffffff…'"),
    file_of("parameters-text", chat(tools=[tool(parameters="city")]), "D040 /tools/0/function/parameters: expected a JSON schema, got the string 'city'"),
    file_of("parameters-list", chat(tools=[tool(parameters=["city"])]), "D040 /tools/0/function/parameters: expected a JSON schema, got a list"),
    file_of("schema-of-unknown-type", chat(tools=[tool(parameters={"type": "dict"})]), "D040 /tools/0/function/parameters/type: expected a JSON schema: the value is not valid under any of the schemas listed in the 'anyOf' keyword"),
    file_of("schema-with-type-in-properties", chat(tools=[tool(parameters={"type": "object", "properties": {"city": "string"}})]), 'D040 /tools/0/function/parameters/properties/city: expected a JSON schema: the value is not of types "boolean", "object"'),
    file_of("schema-with-required-true", chat(tools=[tool(parameters={"type": "object", "required": True})]), 'D040 /tools/0/function/parameters/required: expected a JSON schema: the value is not of type "array"'),
    file_of("schema-with-wrong-pattern", chat(tools=[tool(parameters={"type": "object", "properties": {"a": {"pattern": "("}}})]), 'D040 /tools/0/function/parameters/properties/a/pattern: expected a JSON schema: the value is not a "regex"'),
    file_of("schema-elsewhere", chat(tools=[tool(parameters={"$ref": "https://example.com/schema.json"})]), "D040 /tools/0/function/parameters: expected a JSON schema: Resource 'https://example.com/schema.json' is of another place, and not fetched"),
    file_of("schema-nowhere", chat(tools=[tool(parameters={"$ref": "#/$defs/none"})]), "D040 /tools/0/function/parameters: expected a JSON schema: Pointer '/$defs/none' does not exist"),
    file_of("schema-of-unknown-dialect", chat(tools=[tool(parameters={"$schema": "urn:x", "type": "object"})]), "D040 /tools/0/function/parameters: expected a JSON schema: Unknown meta-schema: 'urn:x'. Custom meta-schemas must be registered in the registry before use"),
    file_of("tool-twice", chat(tools=[tool(), tool()]), "D041 /tools/1/function/name: expected each tool once, got 'weather' again"),
    file_of("functions-of-old", chat(functions=[{"name": "f"}]), "D021 /functions: expected tools, got the legacy functions"),
    file_of("function-call-of-old", chat(user(), answer(None, function_call={"name": "f", "arguments": "{}"})), "D021 /messages/1/function_call: expected tool_calls, got the legacy function_call"),
    file_of("parallel-text", chat(parallel_tool_calls="yes"), "D024 /parallel_tool_calls: expected true or false, got the string 'yes'"),
    file_of("parallel-number", chat(parallel_tool_calls=1), "D024 /parallel_tool_calls: expected true or false, got the integer 1"),
    file_of("calls-of-user", chat(user(tool_calls=[call()]), answer()), "D032 /messages/0/tool_calls: expected tool calls in assistant messages only"),
    file_of("calls-empty", chat(user(), answer(tool_calls=[])), "D042 /messages/1/tool_calls: expected a list of tool calls that is not empty, got an empty list"),
    file_of("calls-mapping", chat(user(), answer(tool_calls=call())), "D042 /messages/1/tool_calls: expected a list of tool calls that is not empty, got a mapping"),
    file_of("call-text", tooled(calling("weather")), "D042 /messages/1/tool_calls/0: expected a tool call, got the string 'weather'"),
    file_of("call-without-id", tooled(calling(_WITHOUT_ID)), "D042 /messages/1/tool_calls/0/id: expected the id of the call, got none"),
    file_of("call-id-number", tooled(calling(call(call_id=1))), "D042 /messages/1/tool_calls/0/id: expected the id of the call, got the integer 1"),
    file_of("call-id-null", tooled(calling(call(call_id=None))), "D042 /messages/1/tool_calls/0/id: expected the id of the call, got null"),
    file_of("call-without-type", tooled(calling({"id": "c", "function": call()["function"]})), "D042 /messages/1/tool_calls/0/type: expected type function, got none"),
    file_of("call-of-unknown-type", tooled(calling({**call(), "type": "tool"})), "D042 /messages/1/tool_calls/0/type: expected type function, got the string 'tool'"),
    file_of("call-without-function", tooled(calling({"id": "c", "type": "function"})), "D042 /messages/1/tool_calls/0/function: expected a function with name and arguments, got none"),
    file_of("call-without-name", tooled(calling({**call(), "function": {"arguments": "{}"}})), "D042 /messages/1/tool_calls/0/function/name: expected the name of a function, got none"),
    file_of("call-name-number", tooled(calling(call(name=3))), "D042 /messages/1/tool_calls/0/function/name: expected the name of a function, got the integer 3"),
    file_of("call-with-an-index", tooled(calling(call(index=0))), "D022 /messages/1/tool_calls/0: expected no other keys here than id, type, function, got the string 'index'"),
    file_of("call-with-parsed-arguments", tooled(calling({**call(), "function": {**call()["function"], "parsed": {}}})), "D022 /messages/1/tool_calls/0/function: expected no other keys here than name, arguments, got the string 'parsed'"),
    file_of("arguments-missing", tooled(calling({**call(), "function": {"name": "f"}})), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got none"),
    file_of("arguments-null", _called(None), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got null"),
    file_of("arguments-mapping", _called({"city": "Rome"}), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got a mapping"),
    file_of("arguments-list", _called(["Rome"]), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got a list"),
    file_of("arguments-empty", _called(""), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got what is no JSON"),
    file_of("arguments-python", _called("{'city': 'Rome'}"), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got what is no JSON"),
    file_of("arguments-cut-off", _called('{"city": "Ro'), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got what is no JSON"),
    file_of("arguments-words", _called("Rome"), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got what is no JSON"),
    file_of("arguments-nested-too-deep", _called("[" * 5_000), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got what is no JSON"),
    file_of("arguments-not-a-number", _called('{"city": NaN}'), "D043 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got what is no JSON"),
    file_of("arguments-encoded-twice", _called('"{\\"city\\": \\"Rome\\"}"'), "D044 /messages/1/tool_calls/0/function/arguments: expected a JSON object as text, got one that was made text twice"),
    file_of("arguments-json-list", _called('["Rome"]'), "D045 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got a list written as text"),
    file_of("arguments-json-text", _called('"Rome"'), "D045 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got the string 'Rome' written as text"),
    file_of("arguments-json-null", _called("null"), "D045 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got null written as text"),
    file_of("arguments-json-number", _called("3"), "D045 /messages/1/tool_calls/0/function/arguments: expected a JSON object written as text, got the integer 3 written as text"),
    file_of("tool-undeclared", _called("{}", name="wether"), "D046 /messages/1/tool_calls/0/function/name: expected one of the row's tools, got the string 'wether'"),
    file_of("tool-quite-undeclared", _called("{}", name="send_money"), "D046 /messages/1/tool_calls/0/function/name: expected one of the row's tools, got the string 'send_money'"),
    file_of("result-first", chat(result(), user(), answer()), "D048 /messages/0/tool_call_id: expected the id of a call before it that has no result yet, got 'c1'"),
    file_of("result-of-another-call", tooled(calling(call()), result(), result("c2"), answer()), "D048 /messages/3/tool_call_id: expected the id of a call before it that has no result yet, got 'c2'"),
    file_of("result-twice", tooled(calling(call()), result(), result(), answer()), "D048 /messages/3/tool_call_id: expected the id of a call before it that has no result yet, got 'c1'"),
    file_of("result-before-its-call", tooled(result(), calling(call())), "D048 /messages/1/tool_call_id: expected the id of a call before it that has no result yet, got 'c1'"),
    file_of("result-without-id", tooled({"role": "tool", "content": "sunny"}, answer()), "D042 /messages/1/tool_call_id: expected the id of the tool call that is answered, got none"),
    file_of("result-id-number", tooled(result(1), answer()), "D042 /messages/1/tool_call_id: expected the id of the tool call that is answered, got the integer 1"),
    file_of("result-without-content", tooled(calling(call()), {"role": "tool", "tool_call_id": "c1"}, answer()), "D030 /messages/2/content: expected text"),
    file_of("result-mapping", tooled(calling(call()), {**result(), "content": {"sky": "blue"}}, answer()), "D030 /messages/2/content: expected text or a list of parts, got a mapping"),
    file_of("id-twice", tooled(calling(call(), call())), "D050 /messages/1/tool_calls/1/id: expected an id of its own, got 'c1' again"),
    # These are only warned of: nobody refuses them.
    file_of("argument-missing", _called("{}"), "D047 /messages/1/tool_calls/0/function/arguments: expected arguments that fit the tool's parameters, got others: \"city\" is a required property"),
    file_of("argument-of-another-type", _called('{"city": 3}'), "D047 /messages/1/tool_calls/0/function/arguments: expected arguments that fit the tool's parameters, got others: /city: the value is not of type \"string\""),
    file_of("argument-not-among-the-values", _called('{"city": "Rome", "unit": "K"}'), "D047 /messages/1/tool_calls/0/function/arguments: expected arguments that fit the tool's parameters, got others: /unit: the value is not one of \"C\" or \"F\""),
    file_of("argument-undeclared", _called('{"city": "Rome", "day": "today"}'), "D047 /messages/1/tool_calls/0/function/arguments: expected arguments that fit the tool's parameters, got others: Additional properties are not allowed ('day' was unexpected)"),
    file_of("call-unanswered", tooled(calling(call()), user(), answer()), "D049 /messages/1/tool_calls/0: expected a tool message with the result of this call"),
    file_of("call-without-tools", chat(user(), calling(call(name="anything.at all"))), "D051 /messages/1/tool_calls/0: expected a tool that the row offers, it offers none"),
    file_of("call-with-words-without-tools", chat(user(), {**calling(call()), "content": "Let me see."}), "D051 /messages/1/tool_calls/0: expected a tool that the row offers, it offers none"),
    file_of("call-with-an-empty-list-of-tools", chat(user(), calling(call()), tools=[]), "D051 /messages/1/tool_calls/0: expected a tool that the row offers, it offers none"),
    file_of("one-of-two-calls-unanswered", tooled(calling(call(), call(call_id="c2")), result(), answer()), "D049 /messages/1/tool_calls/1: expected a tool message with the result of this call"),
)  # fmt: skip
