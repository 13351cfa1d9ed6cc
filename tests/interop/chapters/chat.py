"""Models and what they answer."""

from typing import Any

from chapters.rows import BASE, WEATHER, jsonl, reached, tool_row
from chapters.streams import live_tool_stream
from openai import OpenAI
from transcript import chapter, refused, say


def live_models(client: OpenAI, model: str) -> None:
    chapter("models")
    for each in client.models.list():
        say("listed", each)
    say("retrieved", client.models.retrieve(model))
    say("base", client.models.retrieve(BASE))
    refused("a base model is not deleted", lambda: client.models.delete(BASE))
    refused("nor one that isn't there", lambda: client.models.delete(f"ft:{BASE}:org-acme::nothing"))


def live_chat(client: OpenAI, model: str) -> None:
    chapter("chat")
    question: Any = [{"role": "user", "content": "Which colour has sky number 3?"}]
    say("plain", client.chat.completions.create(model=model, messages=question, temperature=0))
    talk: Any = [
        {"role": "system", "content": "You know colours."},
        {"role": "user", "content": [{"type": "text", "text": "Which colour "}, {"type": "text", "text": "has snow?"}]},
        {"role": "assistant", "content": "white"},
        {"role": "user", "content": "Which colour has grass number 2?", "name": "ann"},
    ]
    answer = client.chat.completions.create(model=model, messages=talk, n=2, seed=7, temperature=0.3, user="ann")
    say("of two", answer)
    cut = client.chat.completions.create(model=model, messages=question, temperature=0, max_completion_tokens=1)
    say("cut", {"reason": cut.choices[0].finish_reason, "tokens": cut.usage and cut.usage.completion_tokens})
    stopped = client.chat.completions.create(model=model, messages=question, temperature=0, stop=["lu", "x"])
    say("stopped", stopped.choices[0].to_dict())
    raw = client.chat.completions.with_raw_response.create(model=model, messages=question, temperature=0)
    names = ("content-type", "openai-organization", "openai-version", "x-ratelimit-limit-requests")
    say("headers", {name: raw.headers.get(name) for name in names})
    names = ("x-request-id", "openai-processing-ms", "x-ratelimit-remaining-requests", "x-ratelimit-reset-tokens")
    say("and", {name: raw.headers.get(name) is not None for name in names})


def live_tools(client: OpenAI) -> None:
    chapter("tools")
    places = ("Rome", "Oslo", "Lima")
    rows = [tool_row(f"{place} {number}") for number in range(4) for place in places]
    file = client.files.create(file=("tools.jsonl", jsonl(rows)), purpose="fine-tune")
    job = reached(client, client.fine_tuning.jobs.create(model=BASE, training_file=file.id, seed=1).id)
    say("ended", {"status": job.status, "tokens": job.trained_tokens})
    question: Any = [{"role": "user", "content": "How is the weather in Oslo 1?"}]
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=question, tools=[WEATHER], temperature=0
    )
    say("call", answer)
    call = answer.choices[0].message.tool_calls[0]
    talk: Any = [
        *question,
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=talk, tools=[WEATHER], temperature=0, parallel_tool_calls=False
    )
    say("afterwards", answer.choices[0].finish_reason)
    say("tokens of the prompt", answer.usage and answer.usage.prompt_tokens)
    live_tool_stream(client, job.fine_tuned_model)
    client.models.delete(job.fine_tuned_model)
    client.files.delete(file.id)
