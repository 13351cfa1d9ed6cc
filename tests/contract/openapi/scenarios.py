"""The lives that objects have at the server, from creation to their end, with what is refused on the way.

Each function is one scenario, takes a world and asserts only what makes it the scenario that it says it is: whether answers
conform is judged by the world's recorder, all of them. A scenario for a further route goes to the end of ``SCENARIOS``.
"""

import hashlib
from collections.abc import Callable

import pytest
from openai import APIStatusError
from world import BASE, PREFERENCES, QUESTION, ROWS, World, batch_line, jsonl, supervised

NOWHERE = "ft:gpt-4.1-mini-2025-04-14:nobody::00000000"


def files(world: World) -> None:
    """Created, listed, read, expired in an hour, deleted."""
    assert not list(world.sdk.files.list(purpose="vision"))
    for purpose in ("assistants", "batch", "fine-tune", "vision", "user_data", "evals"):
        world.upload([{"custom_id": "a"}], purpose=purpose)
    made = world.sdk.files.create(
        file=("rows.jsonl", jsonl(ROWS)),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert len(list(world.sdk.files.list(limit=2))) >= 7
    assert next(iter(world.sdk.files.list(order="asc", limit=1))).id
    assert world.sdk.files.retrieve(made.id).expires_at
    assert world.sdk.files.content(made.id).read() == jsonl(ROWS)
    assert world.sdk.files.delete(made.id).deleted


def refused_files(world: World) -> None:
    """What upload, list and the routes of one file refuse."""
    form = {"files": {"file": ("rows.jsonl", b"{}\n")}}
    world.refused(400, "POST", "/files")
    world.refused(400, "POST", "/files", json={"purpose": "fine-tune"})
    world.refused(400, "POST", "/files", data={"purpose": "fine-tune"})
    world.refused(400, "POST", "/files", **form)
    world.refused(400, "POST", "/files", data={"purpose": "nonsense"}, **form)
    world.refused(400, "POST", "/files", data={"purpose": "batch", "colour": "red"}, **form)
    world.refused(400, "POST", "/files", data={"purpose": "batch", "expires_after[seconds]": "1"}, **form)
    bad = {"file": ("rows.jsonl", b"[]\n")}
    assert "JSONL" in world.refused(400, "POST", "/files", data={"purpose": "fine-tune"}, files=bad)["message"]
    for query in ("limit=0", "limit=10001", "limit=x", "order=up", "after=file-none", "colour=red", "limit=1&limit=2"):
        world.refused(400, "GET", f"/files?{query}")
    for method, path in (("GET", "/files/file-none"), ("DELETE", "/files/file-none"), ("GET", "/files/x/content")):
        world.refused(404, method, path)
        world.refused(400, method, f"{path}?colour=red")
    world.refused(405, "PUT", "/files")
    world.refused(405, "POST", "/files/file-none")


def supervised_job(world: World) -> None:
    """A job that succeeds, with its events, checkpoints and result file."""
    job = world.trained
    assert job.status == "succeeded", job.error
    jobs = world.sdk.fine_tuning.jobs
    assert {event.type for event in jobs.list_events(job.id, limit=3)} == {"message", "metrics"}
    assert len(list(jobs.checkpoints.list(job.id, limit=1))) == 2
    assert world.sdk.files.retrieve(job.result_files[0]).purpose == "fine-tune-results"
    assert world.sdk.files.content(job.result_files[0]).read()
    assert job.id in [each.id for each in jobs.list(metadata={"team": "sky"}, limit=1)]


def preference_job(world: World) -> None:
    """A job by DPO on a model that another job has made, with an integration."""
    job = world.finished(
        world.job(
            PREFERENCES,
            model=world.trained.fine_tuned_model,
            method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 1}}},
            integrations=[{"type": "wandb", "wandb": {"project": "p", "entity": None, "tags": ["a"]}}],
        )
    )
    assert (job.status, job.method.type, job.hyperparameters) == ("succeeded", "dpo", None)


def jobs_of_every_status(world: World) -> None:
    """One that waits behind another, both cancelled; and ones that fail."""
    jobs = world.sdk.fine_tuning.jobs
    long = world.job(method=supervised(n_epochs=50, batch_size=1))
    assert world.reached(long, "running").status == "running"
    behind = world.job()
    assert world.reached(behind, "queued").status == "queued"
    for each in (behind, long):
        assert jobs.cancel(each).status == "cancelled"
        assert list(jobs.list_events(each))
        assert not list(jobs.checkpoints.list(each))
    assert world.finished(world.job(ROWS[:7])).error.code == "invalid_n_examples"
    broken = world.finished(world.job([*ROWS, {"messages": [{"content": "who?"}]}]))
    assert broken.error.code == "invalid_training_file"
    assert {event.level for event in jobs.list_events(broken.id)} == {"info", "error"}


def refused_jobs(world: World) -> None:
    """What creation, lists and the routes of one job refuse."""
    create = {"model": BASE, "training_file": world.trained.training_file}
    for wrong in (
        {"model": None},
        {"model": NOWHERE},
        {"training_file": "file-none"},
        {"validation_file": "file-none"},
        {"suffix": "x" * 65},
        {"seed": -1},
        {"metadata": {str(number): "x" for number in range(17)}},
        {"metadata": {"key": 1}},
        {"integrations": [{"type": "wandb"}]},
        {"method": {"type": "telepathy"}},
        {"method": supervised(n_epochs=51)},
        {"method": supervised(batch_size=0)},
        {"method": supervised(learning_rate_multiplier=0)},
        {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.1}}}},
        {"colour": "red"},
    ):
        response = world.bare.post("/fine_tuning/jobs", json=create | wrong)
        assert response.status_code in (400, 404), response.text
    world.refused(400, "POST", "/fine_tuning/jobs", content=b"{", headers={"content-type": "application/json"})
    world.refused(400, "POST", "/fine_tuning/jobs", data={"model": BASE})
    one = f"/fine_tuning/jobs/{world.trained.id}"
    for path in ("/fine_tuning/jobs", f"{one}/events", f"{one}/checkpoints"):
        for query in ("limit=0", "limit=101", "after=none", "colour=red"):
            world.refused(400, "GET", f"{path}?{query}")
    world.refused(400, "POST", f"{one}/cancel")
    for action in ("", "/events", "/checkpoints"):
        world.refused(404, "GET", f"/fine_tuning/jobs/ftjob-none{action}")
    world.refused(404, "POST", "/fine_tuning/jobs/ftjob-none/cancel")
    world.refused(405, "DELETE", one)


def paused_job(world: World) -> None:
    """A job that is paused while it runs, goes on and is cancelled; and what can't be paused or resumed."""
    jobs = world.sdk.fine_tuning.jobs
    long = world.job(method=supervised(n_epochs=50, batch_size=1))
    world.reached(long, "running")
    assert jobs.pause(long).status in ("pausing", "paused")
    world.reached(long, "paused")
    world.refused(400, "POST", f"/fine_tuning/jobs/{long}/pause")
    assert jobs.resume(long).status in ("queued", "running")
    world.reached(long, "running")
    assert jobs.cancel(long).status == "cancelled"
    assert list(jobs.list_events(long))
    for action in ("pause", "resume"):
        world.refused(400, "POST", f"/fine_tuning/jobs/{world.trained.id}/{action}")
        world.refused(404, "POST", f"/fine_tuning/jobs/ftjob-none/{action}")


def reinforcement_job(world: World) -> None:
    """A job by a grader's reward."""
    rows = [{"messages": row["messages"][:1], "colour": row["messages"][1]["content"]} for row in ROWS]
    grader = {
        "type": "string_check",
        "name": "colour",
        "input": "{{sample.output_text}}",
        "reference": "{{item.colour}}",
        "operation": "eq",
    }
    method = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"n_epochs": 1}}}
    job = world.finished(
        world.job(rows, model=world.trained.fine_tuned_model, validation_file=world.upload(rows), method=method)
    )
    assert (job.status, job.method.type) == ("succeeded", "reinforcement"), job.error
    assert list(world.sdk.fine_tuning.jobs.list_events(job.id))
    assert list(world.sdk.fine_tuning.jobs.checkpoints.list(job.id))


def uploads(world: World) -> None:
    """A file in two parts, completed; one cancelled; and what is refused on the way."""
    content = jsonl(ROWS)
    announced = {"filename": "rows.jsonl", "mime_type": "application/jsonl", "purpose": "fine-tune"}
    made = world.sdk.uploads.create(bytes=len(content), **announced)
    parts = [world.sdk.uploads.parts.create(made.id, data=data).id for data in (content[:100], content[100:])]
    world.refused(400, "POST", f"/uploads/{made.id}/complete", json={"part_ids": []})
    world.refused(404, "POST", f"/uploads/{made.id}/complete", json={"part_ids": ["part_none"]})
    world.refused(400, "POST", f"/uploads/{made.id}/parts", data={"data": "x"})
    done = world.sdk.uploads.complete(made.id, part_ids=parts, md5=hashlib.md5(content).hexdigest())
    assert done.file is not None
    assert world.sdk.files.content(done.file.id).read() == content
    other = world.sdk.uploads.create(bytes=1, **announced, expires_after={"anchor": "created_at", "seconds": 3600})
    assert world.sdk.uploads.cancel(other.id).status == "cancelled"
    world.refused(400, "POST", f"/uploads/{other.id}/cancel")
    for wrong in ({"bytes": 0}, {"purpose": "nonsense"}, {"mime_type": None}, {"colour": "red"}):
        world.refused(400, "POST", "/uploads", json={"bytes": 1} | announced | wrong)
    world.refused(404, "POST", "/uploads/upload_none/cancel")
    world.refused(404, "POST", "/uploads/upload_none/complete", json={"part_ids": []})
    world.refused(404, "POST", "/uploads/upload_none/parts", files={"data": b"x"})


def batches(world: World) -> None:
    """Answered, with errors among them; failed; cancelled; and what is refused."""
    good = batch_line("a")
    done = world.batch([good, batch_line("b", temperature=9)])
    assert world.ended_batch(done).status == "completed"
    ended = world.sdk.batches.retrieve(done)
    for file in (ended.output_file_id, ended.error_file_id):
        assert file is not None
        assert world.sdk.files.retrieve(file).purpose == "batch_output"
        assert world.sdk.files.content(file).read()
    assert world.ended_batch(world.batch([good, good])).status == "failed"
    long = world.batch([batch_line(str(number), n=128) for number in range(500)])
    assert world.sdk.batches.cancel(long).status in ("cancelling", "cancelled")
    assert world.ended_batch(long).status == "cancelled"
    assert len(list(world.sdk.batches.list(limit=1))) == 3
    world.refused(409, "POST", f"/batches/{done}/cancel")
    asked = {"input_file_id": ended.input_file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    for wrong in (
        {"input_file_id": "file-none"},
        {"input_file_id": world.trained.training_file},
        {"endpoint": "/v1/nothing"},
        {"completion_window": "7d"},
        {"metadata": {"key": 1}},
        {"colour": "red"},
    ):
        world.refused(400, "POST", "/batches", json=asked | wrong)
    for query in ("limit=0", "after=batch_none", "colour=red"):
        world.refused(400, "GET", f"/batches?{query}")
    world.refused(404, "GET", "/batches/batch_none")
    world.refused(404, "POST", "/batches/batch_none/cancel")


def no_batches(world: World) -> None:
    """A list without anything in it."""
    assert not list(world.sdk.batches.list())


def graders(world: World) -> None:
    """Checked and tried: by rule, by formula, by a model; and what is refused."""
    same = {
        "type": "string_check",
        "name": "same",
        "input": "{{sample.output_text}}",
        "reference": "{{item.colour}}",
        "operation": "eq",
    }
    alike = same | {"type": "text_similarity", "name": "alike", "evaluation_metric": "fuzzy_match"}
    del alike["operation"]
    both = {
        "type": "multi",
        "name": "both",
        "graders": {"same": same, "alike": alike},
        "calculate_output": "0.5 * same + 0.5 * alike",
    }
    judge = {
        "type": "score_model",
        "name": "judge",
        "model": BASE,
        "input": [{"role": "user", "content": "How good is {{sample.output_text}} for {{item.colour}}?"}],
        "range": [0, 1],
    }
    program = {"type": "python", "name": "program", "source": "def grade(sample, item):\n    return 1.0\n"}
    at = "/fine_tuning/alpha/graders"
    for grader in (same, alike, both, judge):
        for item in ({"colour": "blue"}, {}):
            asked = {"grader": grader, "model_sample": "blue", "item": item}
            assert world.bare.post(f"{at}/run", json=asked).status_code == 200
    for grader in (same, alike, both, judge, program):
        assert world.bare.post(f"{at}/validate", json={"grader": grader}).json()["grader"]["name"] == grader["name"]
    for wrong in ({"operation": "alike"}, {"name": None}, {"type": "taste"}, {"colour": "red"}):
        world.refused(400, "POST", f"{at}/validate", json={"grader": same | wrong})
        world.refused(400, "POST", f"{at}/run", json={"grader": same | wrong, "model_sample": "blue"})
    world.refused(400, "POST", f"{at}/run", json={"grader": same})
    world.refused(404, "POST", f"{at}/run", json={"grader": judge | {"model": NOWHERE}, "model_sample": "blue"})


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
    assert len(ask(model=BASE, messages=QUESTION, n=3, seed=1, metadata={"run": "1"}).choices) == 3
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
    assert measured
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


SCENARIOS: tuple[Callable[[World], None], ...] = (
    files,
    refused_files,
    supervised_job,
    preference_job,
    jobs_of_every_status,
    paused_job,
    reinforcement_job,
    refused_jobs,
    uploads,
    no_batches,
    batches,
    graders,
    models,
    chat,
    streamed_chat,
    formed_chat,
    learnt_tool_calls,
    refused_chats,
    nowhere,
)
