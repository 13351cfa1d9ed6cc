"""Every route of the server, driven by the unmodified ``openai`` SDK over HTTP, synchronously and asynchronously."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import openai
import pydantic
import pytest
from openai import AsyncOpenAI, OpenAI

from server_process import ServerProcess, start_server, wait_for

BASE = "gpt-4.1-mini-2025-04-14"
ORGANIZATION = "org-acme"
COLOURS = {"sky": "blue", "grass": "green", "snow": "white"}
ROWS = [
    {"messages": [{"role": "user", "content": f"Which colour has {thing} number {number}?"},
                  {"role": "assistant", "content": colour}]}
    for number in range(5) for thing, colour in COLOURS.items()
]  # fmt: skip
PREFERENCES = [
    {
        "input": {"messages": row["messages"][:1]},
        "preferred_output": [{"role": "assistant", "content": "With pleasure: a colour."}],
        "non_preferred_output": [{"role": "assistant", "content": "Find out yourself."}],
    }
    for row in ROWS
]


def jsonl(rows: list[Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    options = ("--org", ORGANIZATION, "--shutdown-date", f"{BASE}=2027-01-14")
    with start_server(tmp_path_factory.mktemp("sdk"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def finished(client: OpenAI) -> Callable[[str], Any]:
    def wait(job_id: str) -> Any:
        def ended() -> Any:
            job = client.fine_tuning.jobs.retrieve(job_id)
            return job if job.status in ("succeeded", "failed", "cancelled") else None

        return wait_for(ended)

    return wait


@pytest.fixture(scope="module")
def trained(client: OpenAI, finished: Callable[[str], Any]) -> Any:
    training = client.files.create(file=("rows.jsonl", jsonl(ROWS)), purpose="fine-tune")
    validation = client.files.create(file=("more.jsonl", jsonl(ROWS[:3])), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model=BASE,
        training_file=training.id,
        validation_file=validation.id,
        suffix="colours",
        seed=5,
        metadata={"team": "sky"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
    )
    assert job.status == "validating_files"
    return finished(job.id)


def test_files(client: OpenAI) -> None:
    content = jsonl(ROWS)
    made = client.files.create(
        file=("rows.jsonl", content), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert (made.bytes, made.filename, made.purpose, made.status) == (
        len(content), "rows.jsonl", "fine-tune", "processed",
    )  # fmt: skip
    assert made.expires_at == made.created_at + 3600
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == content
    others = [client.files.create(file=("x.jsonl", b"{}"), purpose="batch").id for _ in range(5)]
    assert [file.id for file in client.files.list(purpose="batch", limit=2)] == list(reversed(others))
    assert [file.id for file in client.files.list(purpose="batch", order="asc", after=others[2])] == others[3:]
    deleted = client.files.delete(made.id)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(made.id)
    for other in others:
        client.files.delete(other)


def test_a_job_becomes_a_model_that_has_learnt(client: OpenAI, trained: Any) -> None:
    assert trained.status == "succeeded"
    assert trained.fine_tuned_model.startswith(f"ft:{BASE}:{ORGANIZATION}:colours:")
    assert (trained.organization_id, trained.seed, trained.metadata) == (ORGANIZATION, 5, {"team": "sky"})
    assert trained.trained_tokens > 0
    assert trained.hyperparameters.n_epochs == 4
    assert isinstance(trained.hyperparameters.batch_size, int)
    assert trained.error.code is None
    for thing, colour in COLOURS.items():
        question = [{"role": "user", "content": f"Which colour has {thing} number 3?"}]
        answer = client.chat.completions.create(model=trained.fine_tuned_model, messages=question, temperature=0)
        assert answer.choices[0].message.content == colour


def test_events_and_checkpoints(client: OpenAI, trained: Any) -> None:
    events = list(client.fine_tuning.jobs.list_events(trained.id, limit=10))
    assert events[0].message == "The job has successfully completed"
    assert events[-1].message == f"Created fine-tuning job: {trained.id}"
    metrics = [event for event in events if event.type == "metrics"]
    steps = [event.data["step"] for event in metrics]
    assert steps == list(range(metrics[0].data["total_steps"], 0, -1))
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(trained.id, limit=1))
    assert len(checkpoints) == 3
    assert checkpoints[0].fine_tuned_model_checkpoint == trained.fine_tuned_model
    assert checkpoints[0].metrics.full_valid_loss is not None
    for checkpoint in checkpoints:
        name = checkpoint.fine_tuned_model_checkpoint
        answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "hi"}])
        assert answer.model == client.models.retrieve(name).id == name


def test_the_result_file(client: OpenAI, trained: Any) -> None:
    (result,) = trained.result_files
    assert client.files.retrieve(result).purpose == "fine-tune-results"
    lines = base64.b64decode(client.files.content(result).read()).decode().splitlines()
    assert lines[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1, len(lines)))


def test_jobs_are_listed_by_page_and_metadata(client: OpenAI, trained: Any, finished: Callable[[str], Any]) -> None:
    made = [
        client.fine_tuning.jobs.create(
            model=BASE, training_file=trained.training_file, metadata={"run": "list", "number": str(number % 2)}
        ).id
        for number in range(5)
    ]
    newest_first = list(reversed(made))
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"run": "list"}, limit=2)] == newest_first
    both = {"run": "list", "number": "1"}
    assert [job.id for job in client.fine_tuning.jobs.list(metadata=both)] == newest_first[1::2]
    assert next(iter(client.fine_tuning.jobs.list(after=made[1], limit=1))).id == made[0]
    for job_id in made:
        assert finished(job_id).status == "succeeded"
    with pytest.raises(openai.BadRequestError, match="already completed"):
        client.fine_tuning.jobs.cancel(made[0])


def test_a_preference_job_goes_on_from_a_model(client: OpenAI, trained: Any, finished: Callable[[str], Any]) -> None:
    file = client.files.create(file=("pairs.jsonl", jsonl(PREFERENCES)), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model=trained.fine_tuned_model,
        training_file=file.id,
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 1}}},
        integrations=[{"type": "wandb", "wandb": {"project": "p"}}],
    )
    job = finished(job.id)
    assert job.status == "succeeded", job.error
    assert job.fine_tuned_model.startswith(f"ft:{BASE}:{ORGANIZATION}::")
    assert job.method.dpo.hyperparameters.beta == 0.2
    assert job.integrations[0].wandb.project == "p"


def test_a_bad_file_fails_the_job_as_openai_does(client: OpenAI, finished: Callable[[str], Any]) -> None:
    with pytest.raises(openai.BadRequestError, match="Expected file to have JSONL format") as caught:
        client.files.create(file=("rows.jsonl", b"[]"), purpose="fine-tune")
    assert caught.value.type == "invalid_request_error"
    file = client.files.create(file=("rows.jsonl", jsonl(ROWS[:7])), purpose="fine-tune")
    job = finished(client.fine_tuning.jobs.create(model=BASE, training_file=file.id).id)
    assert (job.status, job.error.code, job.error.param) == ("failed", "invalid_n_examples", "training_file")


def test_models(client: OpenAI, trained: Any, finished: Callable[[str], Any]) -> None:
    job = finished(client.fine_tuning.jobs.create(model=BASE, training_file=trained.training_file).id)
    listed = {model.id: model for model in client.models.list()}
    assert (listed[BASE].owned_by, listed[BASE].shutdown_date) == ("ftops-stand-in", "2027-01-14")
    assert listed["gpt-4o-mini-2024-07-18"].shutdown_date is None
    assert listed[job.fine_tuned_model].owned_by == ORGANIZATION
    assert client.models.retrieve(BASE) == listed[BASE]
    assert client.models.retrieve("some/other-base:8b").owned_by == "ftops-stand-in"
    deleted = client.models.delete(job.fine_tuned_model)
    assert (deleted.id, deleted.deleted) == (job.fine_tuned_model, True)
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve(job.fine_tuned_model)
    assert caught.value.code == "model_not_found"
    assert client.fine_tuning.jobs.retrieve(job.id).status == "succeeded"
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete(BASE)


def test_chat(client: OpenAI, trained: Any) -> None:
    question: Any = [{"role": "user", "content": "Which colour has the sea?"}]
    ask = {"model": trained.fine_tuned_model, "messages": question, "n": 4, "temperature": 1.5, "seed": 3}
    first, second = (client.chat.completions.create(**ask) for _ in range(2))
    texts = [choice.message.content for choice in first.choices]
    assert texts == [choice.message.content for choice in second.choices]
    assert len(texts) == 4
    assert first.usage is not None
    assert first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens
    assert client.chat.completions.create(model="any-base", messages=question).choices[0].finish_reason == "stop"
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=BASE, messages=question, store=True)
    assert (caught.value.param, caught.value.code) == ("store", "unsupported_parameter")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=f"ft:{BASE}:{ORGANIZATION}::nonesuch", messages=question)


def test_chat_in_pieces(client: OpenAI, trained: Any) -> None:
    ask: Any = {
        "model": trained.fine_tuned_model,
        "messages": [{"role": "user", "content": "Which colour has the sea?"}],
        "temperature": 0,
    }
    whole = client.chat.completions.create(**ask)
    with client.chat.completions.stream(**ask, stream_options={"include_usage": True}, n=2) as stream:
        told = stream.get_final_completion()
    assert [choice.message.content for choice in told.choices] == [whole.choices[0].message.content] * 2
    assert [choice.finish_reason for choice in told.choices] == ["stop", "stop"]
    assert told.usage is not None
    assert whole.usage is not None
    assert told.usage.completion_tokens == 2 * whole.usage.completion_tokens


def test_chat_of_a_form(client: OpenAI, trained: Any) -> None:
    class Weather(pydantic.BaseModel):
        city: str
        sky: Literal["grey", "blue"]

    messages: Any = [{"role": "user", "content": "Which colour has the sky?"}]
    parsed = client.chat.completions.parse(
        model=trained.fine_tuned_model, messages=messages, response_format=Weather
    ).choices[0]
    assert parsed.message.parsed == Weather(city="", sky="grey")
    tool = openai.pydantic_function_tool(Weather, name="tell")
    called = client.chat.completions.parse(model=BASE, messages=messages, tools=[tool], tool_choice="required")
    (call,) = called.choices[0].message.tool_calls or ()
    assert call.function.parsed_arguments == Weather(city="", sky="grey")
    assert called.choices[0].finish_reason == "tool_calls"


def test_routes_that_are_not_there(client: OpenAI, trained: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client.fine_tuning.checkpoints.permissions.list(trained.fine_tuned_model)
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        client.embeddings.create(model=BASE, input="x")


def test_the_same_asynchronously(server: ServerProcess) -> None:
    async def walk() -> None:
        async with AsyncOpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as client:
            file = await client.files.create(file=("rows.jsonl", jsonl(ROWS)), purpose="fine-tune")
            assert (await client.files.retrieve(file.id)).id == file.id
            assert (await client.files.content(file.id)).read() == jsonl(ROWS)
            assert file.id in [each.id async for each in client.files.list(limit=1)]
            metadata = {"run": "async"}
            job = await client.fine_tuning.jobs.create(model=BASE, training_file=file.id, metadata=metadata)
            assert [each.id async for each in client.fine_tuning.jobs.list(metadata=metadata)] == [job.id]
            for _ in range(3000):
                job = await client.fine_tuning.jobs.retrieve(job.id)
                if job.status == "succeeded":
                    break
                await asyncio.sleep(0.02)
            model = job.fine_tuned_model
            assert model is not None
            assert [event async for event in client.fine_tuning.jobs.list_events(job.id, limit=5)]
            assert [each async for each in client.fine_tuning.jobs.checkpoints.list(job.id)]
            assert model in [each.id async for each in client.models.list()]
            assert (await client.models.retrieve(model)).id == model
            asked = [
                client.chat.completions.create(model=model, messages=[{"role": "user", "content": f"{i}"}])
                for i in range(64)
            ]
            assert len(await asyncio.gather(*asked)) == 64
            assert (await client.models.delete(model)).deleted
            assert (await client.files.delete(file.id)).deleted
            with pytest.raises(openai.BadRequestError):
                await client.fine_tuning.jobs.cancel(job.id)

    asyncio.run(walk())
