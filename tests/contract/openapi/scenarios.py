"""The lives that objects have at the server, from creation to their end, with what is refused on the way.

Each function is one scenario, takes a world and asserts only what makes it the scenario that it says it is: whether answers
conform is judged by the world's recorder, all of them. A scenario for a further route goes to the end of ``SCENARIOS``.
"""

from collections.abc import Callable

import pytest
from openai import APIStatusError
from world import BASE, PREFERENCES, QUESTION, ROWS, World, jsonl, supervised

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


def learnt_tool_calls(world: World) -> None:
    """A model that has learnt to call a tool calls it."""
    called = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
    rows = [
        {"messages": [{"role": "user", "content": f"Look up {n}"}, {"role": "assistant", "tool_calls": [called]}]}
        for n in range(12)
    ]
    job = world.finished(world.job(rows, method=supervised(n_epochs=3)))
    asked = [{"role": "user", "content": "Look up 3"}]
    answer = world.sdk.chat.completions.create(model=job.fine_tuned_model, messages=asked, temperature=0).choices[0]
    assert (answer.finish_reason, answer.message.content) == ("tool_calls", None)


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
    refused_jobs,
    models,
    chat,
    learnt_tool_calls,
    refused_chats,
    nowhere,
)
