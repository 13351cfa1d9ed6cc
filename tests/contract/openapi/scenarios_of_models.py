"""What happens to models, and what they are asked."""

import pytest
from openai import APIStatusError
from world import BASE, NOWHERE, QUESTION, World, supervised


def models(world: World) -> None:
    """Listed, retrieved, deleted, gone."""
    job = world.finished(world.job())
    listed = {model.id for model in world.sdk.models.list()}
    assert {BASE, job.fine_tuned_model} <= listed
    assert world.sdk.models.retrieve(BASE).shutdown_date == "2027-01-14"
    assert world.sdk.models.retrieve("maker/base-model:8b").id == "maker/base-model:8b"
    assert world.sdk.models.retrieve(job.fine_tuned_model).owned_by
    assert world.sdk.models.delete(job.fine_tuned_model).deleted
    world.refused(404, "GET", f"/models/{job.fine_tuned_model}")
    world.refused(404, "DELETE", f"/models/{job.fine_tuned_model}")
    world.refused(403, "DELETE", f"/models/{BASE}")
    world.refused(400, "GET", "/models?limit=1")
    world.refused(405, "POST", "/models")


def chat(world: World) -> None:
    """Answers of a base model, a tuned one and a checkpoint, short and long, several, with tools."""
    ask = world.sdk.chat.completions.create
    checkpoints = world.sdk.fine_tuning.jobs.checkpoints.list(world.trained.id)
    for model in (BASE, world.trained.fine_tuned_model, *(each.fine_tuned_model_checkpoint for each in checkpoints)):
        assert ask(model=model, messages=QUESTION, temperature=0).choices[0].message.role == "assistant"
    assert len(ask(model=BASE, messages=QUESTION, n=3, seed=1).choices) == 3
    cut = ask(model=world.trained.fine_tuned_model, messages=QUESTION, max_completion_tokens=1, stop=["zzz"])
    assert cut.choices[0].finish_reason in ("length", "stop")
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    ask(model=BASE, messages=QUESTION, tools=[tool], parallel_tool_calls=False)


def streamed_chat(world: World) -> None:
    """Answers told in pieces, with usage, with probabilities, with several choices."""
    ask = world.sdk.chat.completions.create
    asked = {"messages": QUESTION, "model": world.trained.fine_tuned_model}
    assert [chunk.object for chunk in ask(**asked, stream=True)][-1] == "chat.completion.chunk"
    last = list(ask(**asked, stream=True, stream_options={"include_usage": True}, n=2))[-1]
    assert last.usage is not None
    list(ask(**asked, stream=True, stream_options={"include_obfuscation": False}, max_tokens=1))
    measured = [chunk.choices[0].logprobs for chunk in ask(**asked, stream=True, logprobs=True, top_logprobs=2)]
    assert any(each is not None and each.content for each in measured)
    world.refused(400, "POST", "/chat/completions", json=asked | {"stream_options": {"include_usage": True}})


def formed_chat(world: World) -> None:
    """Answers with probabilities, and answers held to a form."""
    ask = world.sdk.chat.completions.create
    asked = {"messages": QUESTION, "model": world.trained.fine_tuned_model}
    assert ask(**asked, logprobs=True, top_logprobs=3).choices[0].logprobs is not None
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
    named = {"name": "colour", "schema": schema}
    ask(**asked, response_format={"type": "json_schema", "json_schema": named}, temperature=0)
    tool = {"type": "function", "function": {"name": "look", "parameters": schema}}
    called = ask(**asked, tools=[tool], tool_choice="required").choices[0].message
    assert called.tool_calls is not None
    list(ask(**asked, tools=[tool], tool_choice="required", stream=True))
    world.refused(400, "POST", "/chat/completions", json=asked | {"tool_choice": "required"})
    world.refused(400, "POST", "/chat/completions", json=asked | {"top_logprobs": 1})


def learnt_tool_calls(world: World) -> None:
    """A model that has learnt to call a tool calls it."""
    called = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
    rows = [
        {"messages": [{"role": "user", "content": f"Look up {n}"}, {"role": "assistant", "tool_calls": [called]}]}
        for n in range(12)
    ]
    job = world.finished(world.job(rows, method=supervised(n_epochs=3)))
    asked = {"model": job.fine_tuned_model, "messages": [{"role": "user", "content": "Look up 3"}]}
    tool = {"type": "function", "function": {"name": "look"}}
    answer = world.sdk.chat.completions.create(**asked, tools=[tool], temperature=0).choices[0]
    assert answer.finish_reason == "tool_calls", answer


def refused_chats(world: World) -> None:
    """What chat refuses."""
    for wrong in (
        {"model": None},
        {"messages": None},
        {"messages": []},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"temperature": 3},
        {"n": 0},
        {"stop": ["1", "2", "3", "4", "5"]},
        {"max_tokens": 1, "max_completion_tokens": 1},
        {"tools": [{"type": "function"}]},
        {"logit_bias": {"1": 2}},
        {"colour": "red"},
    ):
        world.refused(400, "POST", "/chat/completions", json={"model": BASE, "messages": QUESTION} | wrong)
    with pytest.raises(APIStatusError, match="does not exist"):
        world.sdk.chat.completions.create(model=NOWHERE, messages=QUESTION)
    world.refused(405, "PUT", "/chat/completions")


def nowhere(world: World) -> None:
    """Paths that nobody serves."""
    for path in ("/embeddings", "/files/a/b", "/", "/models/"):
        world.refused(404, "GET", path)
