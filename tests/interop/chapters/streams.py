"""Answers in pieces, with how likely they were, and in a given form."""

from typing import Any

from chapters.rows import WEATHER
from openai import OpenAI
from transcript import chapter, refused, say

QUESTION: Any = [{"role": "user", "content": "Which colour has sky number 3?"}]
COLOUR: Any = {
    "name": "colour",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
        "additionalProperties": False,
    },
}


def live_streams(client: OpenAI, model: str) -> None:
    chapter("streams")
    ask: Any = {"model": model, "messages": QUESTION, "temperature": 0}
    for chunk in client.chat.completions.create(**ask, stream=True):
        say("chunk", chunk)
    for chunk in client.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}):
        say("with usage", {"choices": len(chunk.choices), "usage": chunk.usage and chunk.usage.to_dict()})
    with client.chat.completions.stream(**ask, n=2, seed=1) as stream:
        final = stream.get_final_completion()
    say("put together", [[choice.message.content, choice.finish_reason] for choice in final.choices])
    with client.chat.completions.create(**ask, stream=True) as cut:
        say("left early", next(iter(cut)).choices[0].delta)
    refused("options without", lambda: client.chat.completions.create(**ask, stream_options={"include_usage": True}))
    missing = {**ask, "model": "ft:x:y::nothing"}
    refused("no such model", lambda: client.chat.completions.create(**missing, stream=True))


def live_logprobs(client: OpenAI, model: str) -> None:
    chapter("logprobs")
    ask: Any = {"model": model, "messages": QUESTION, "temperature": 0}
    say("of the answer", client.chat.completions.create(**ask, logprobs=True).choices[0])
    say("of the likeliest", client.chat.completions.create(**ask, logprobs=True, top_logprobs=1).choices[0].logprobs)
    measured: Any = client.chat.completions.create(**ask, logprobs=True, top_logprobs=20).choices[0].logprobs
    say("of all", sorted(other.token for other in measured.content[0].top_logprobs))
    refused("of none", lambda: client.chat.completions.create(**ask, top_logprobs=2))
    refused("too many", lambda: client.chat.completions.create(**ask, logprobs=True, top_logprobs=21))


def live_formats(client: OpenAI, model: str) -> None:
    chapter("formats")
    say_json: Any = [{"role": "user", "content": "Which colour has sky number 3? Answer in JSON."}]
    ask: Any = {"model": model, "messages": say_json, "temperature": 0}
    chat = client.chat.completions
    say("an object", chat.create(**ask, response_format={"type": "json_object"}).choices[0])
    say("a schema", chat.create(**ask, response_format={"type": "json_schema", "json_schema": COLOUR}).choices[0])
    plain = {**ask, "messages": QUESTION}
    refused("without the word", lambda: chat.create(**plain, response_format={"type": "json_object"}))
    refused("unknown", lambda: chat.create(**ask, response_format={"type": "yaml"}))
    refused("without schema", lambda: chat.create(**ask, response_format={"type": "json_schema"}))


def live_tool_stream(client: OpenAI, model: str) -> None:
    question: Any = [{"role": "user", "content": "How is the weather in Oslo 1?"}]
    ask: Any = {"model": model, "messages": question, "tools": [WEATHER], "temperature": 0}
    for chunk in client.chat.completions.create(**ask, stream=True):
        say("chunk", chunk.choices[0])
    with client.chat.completions.stream(**ask) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls or []
    say("put together", [[call.id, call.function.name, call.function.arguments] for call in calls])
