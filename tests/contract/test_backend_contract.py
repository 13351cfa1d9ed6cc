"""What every backend does: one suite for the backend in memory and for the real one talking to the real server."""

import asyncio
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from fakes import FakeBackend
from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId, ModelId
from ftops.domain.scores import Outcome
from ftops.errors import NotFound, Rejected
from ftops.ports import BackendSession, ChatAnswer, ChatRequest, Job
from server_process import start_server, wait_for

BASE_MODEL = "gpt-4.1-mini-2025-04-14"
ROW = b'{"messages": [{"role": "user", "content": "question %d"}, {"role": "assistant", "content": "yes"}]}\n'
METADATA = {"ftops_project": "acme", "ftops_name": "router", "ftops_revision": "3f9a1c2b7d10"}


@dataclass(frozen=True, kw_only=True)
class World:
    """A session, and whether its jobs wait for the test to move them on."""

    session: BackendSession
    fake: FakeBackend | None = None

    def run(self, job: Job) -> Job:
        """Lets a job end."""
        if self.fake is not None:
            self.fake.finish()

        def ended() -> Job | None:
            found = self.session.jobs.retrieve(job.id)
            return found if found.status.is_final else None

        found = wait_for(ended)
        assert found is not None
        return found

    def upload(self, name: str = "acme-0123.jsonl", rows: int = 12) -> str:
        return self.session.files.upload(name, io.BytesIO(b"".join(ROW % i for i in range(rows)))).id

    def create(self, metadata: Mapping[str, str] = METADATA, **fields: Any) -> Job:
        body: dict[str, Any] = {
            "model": BASE_MODEL,
            "suffix": "router",
            "seed": 1,
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
            "integrations": [],
            **fields,
        }
        body.setdefault("training_file", None)
        return self.session.training.create({**body, "training_file": body["training_file"] or self.upload()}, metadata)


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_server(tmp_path_factory.mktemp("contract")) as server:
        yield server.base_url


@pytest.fixture(params=["fake", "server"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeBackend(any_base_model=False)
        yield World(session=fake, fake=fake)
        return
    address = Address(base_url=request.getfixturevalue("server_url"), key=NO_KEY, is_loopback=True)
    session = OpenAIBackend(address)
    yield World(session=session)
    session.close()


def test_past_jobs_say_how_they_were_trained(world: World) -> None:
    validation = world.upload("acme-valid.jsonl")
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}}
    plain = world.create({}, suffix=None, seed=7)
    told = world.create({"team": "support"}, method=method, validation_file=validation)
    ended = world.run(plain)
    past = {one.id: one for one in world.session.jobs.list_past()}
    assert [job for job in past if job in {plain.id, told.id}] == [told.id, plain.id]
    assert (past[plain.id].job, past[plain.id].suffix, past[plain.id].seed) == (ended, "", 7)
    assert past[plain.id].hyperparameters["n_epochs"] == 3
    found = past[told.id]
    assert (found.suffix, found.method, found.validation_file) == ("router", "dpo", validation)
    assert (found.hyperparameters["beta"], found.project, found.job.metadata) == (0.2, None, {"team": "support"})
    assert found.training_file is not None
    assert len(world.session.files.content(found.training_file).splitlines()) == 12


def test_files_are_found_by_name_the_newest_first(world: World) -> None:
    assert world.session.files.find("acme-none.jsonl") is None
    first, second = world.upload("acme-twice.jsonl"), world.upload("acme-twice.jsonl", rows=13)
    assert first != second
    found = world.session.files.find("acme-twice.jsonl")
    assert found is not None
    assert found.id == second
    assert found == world.session.files.retrieve(second)
    assert found.size == sum(len(ROW % i) for i in range(13))


def test_what_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.session.files.retrieve("file-none")
    with pytest.raises(NotFound):
        world.session.jobs.retrieve(JobId("ftjob-none"))
    with pytest.raises(NotFound):
        world.session.training.cancel(JobId("ftjob-none"))
    with pytest.raises(NotFound):
        world.session.jobs.progress(JobId("ftjob-none"))
    with pytest.raises(NotFound):
        world.session.jobs.checkpoints(JobId("ftjob-none"))


def test_a_new_job_shows_what_it_was_created_with(world: World) -> None:
    job = world.create()
    assert job.metadata == METADATA
    assert job.base_model == BASE_MODEL
    assert job.organization
    assert not job.status.is_final
    assert (job.model, job.finished_at, job.error_code) == (None, None, None)
    assert world.session.jobs.retrieve(job.id).id == job.id


def test_a_job_succeeds_with_a_model_that_answers(world: World) -> None:
    job = world.run(world.create())
    assert (job.status, job.error_code, job.error_message) == (JobStatus.SUCCEEDED, None, None)
    assert job.model is not None
    assert job.model.startswith(f"ft:{BASE_MODEL}:")
    assert ":router:" in job.model
    assert job.trained_tokens
    assert job.finished_at is not None
    assert job.finished_at >= job.created_at
    assert job.model in {model.id for model in world.session.models.list_models()}
    answer = ask(world, job.model)
    assert answer.outcome is Outcome.OK
    assert answer.text
    assert answer.input_tokens > 0
    assert answer.output_tokens > 0


def test_checkpoints_are_ordered_and_the_last_is_the_model(world: World) -> None:
    job = world.run(world.create())
    checkpoints = world.session.jobs.checkpoints(job.id)
    assert [each.step for each in checkpoints] == sorted(each.step for each in checkpoints)
    assert checkpoints[-1].model == job.model
    assert all(f":ckpt-step-{each.step}" in each.model for each in checkpoints[:-1])
    assert len(checkpoints) == 3


def test_progress_of_a_job_that_ended(world: World) -> None:
    job = world.run(world.create())
    progress = world.session.jobs.progress(job.id)
    assert progress.step == progress.total_steps
    assert progress.train_loss is not None
    assert progress.message == "The job has successfully completed"


def test_a_job_that_ended_tells_what_it_measured_step_by_step(world: World) -> None:
    # Only where there is more than one answer is there anything to learn.
    rows = b"".join(ROW.replace(b"yes", (b"yes", b"no")[i % 2]) % i for i in range(12))
    learnt = world.session.files.upload("acme-4567.jsonl", io.BytesIO(rows)).id
    job = world.run(world.create(training_file=learnt))
    measured = world.session.jobs.metrics(job.id)
    assert [one.step for one in measured] == [*range(1, len(measured) + 1)]
    losses = [one.train_loss for one in measured if one.train_loss is not None]
    assert len(losses) == len(measured) >= 3
    assert losses[-1] < losses[0]
    with pytest.raises(NotFound):
        world.session.jobs.metrics(JobId("ftjob-none"))


def test_jobs_are_listed_newest_first_by_all_of_their_metadata(world: World) -> None:
    ours = {**METADATA, "ftops_project": "listed"}
    training_file = world.upload()
    jobs = [world.create({**ours, "ftops_attempt": str(n)}, training_file=training_file) for n in range(4)]
    world.create({**ours, "ftops_project": "other"}, training_file=training_file)
    listed = world.session.jobs.list_jobs(metadata={"ftops_project": "listed"})
    assert [each.id for each in listed] == [each.id for each in reversed(jobs)]
    both = world.session.jobs.list_jobs(metadata={"ftops_project": "listed", "ftops_attempt": "2"})
    assert [each.id for each in both] == [jobs[2].id]
    newest = world.session.jobs.list_jobs(metadata={"ftops_project": "listed"}, newest=2)
    assert [each.id for each in newest] == [jobs[3].id, jobs[2].id]
    assert world.session.jobs.list_jobs(metadata={"ftops_project": "nobody's"}) == ()
    assert len(world.session.jobs.list_jobs(metadata={})) >= 5


def test_cancelling_ends_a_job_and_leaves_an_ended_one_alone(world: World) -> None:
    job = world.create(method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 50}}})
    cancelled = world.session.training.cancel(job.id)
    assert cancelled.status in {JobStatus.CANCELLED, JobStatus.SUCCEEDED}
    again = world.session.training.cancel(job.id)
    assert (again.status, again.finished_at) == (cancelled.status, cancelled.finished_at)
    succeeded = world.run(world.create())
    assert world.session.training.cancel(succeeded.id) == succeeded


def test_too_few_examples_fail_the_job_not_the_call(world: World) -> None:
    job = world.run(world.create(training_file=world.upload("acme-few.jsonl", rows=7)))
    assert (job.status, job.error_code, job.model) == (JobStatus.FAILED, "invalid_n_examples", None)
    assert job.error_message == "Training file has 7 example(s), but must have at least 10 examples"
    assert world.session.jobs.checkpoints(job.id) == ()


def test_an_unknown_file_is_rejected(world: World) -> None:
    before = world.session.jobs.list_jobs(metadata={})
    with pytest.raises(Rejected) as caught:
        world.create(training_file="file-none")
    assert caught.value.status in {400, 404}
    with pytest.raises(Rejected):
        world.create(validation_file="file-none")
    assert world.session.jobs.list_jobs(metadata={}) == before


def test_a_model_that_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        ask(world, ModelId("ft:gpt-4.1-mini-2025-04-14:acme:gone:00000000"))
    assert caught.value.code == "model_not_found"


def test_base_models_are_listed(world: World) -> None:
    assert BASE_MODEL in {model.id for model in world.session.models.list_models()}


def test_a_model_is_known_by_itself_until_it_is_deleted(world: World) -> None:
    model = world.run(world.create()).model
    assert model is not None
    assert world.session.models.retrieve(model).id == model
    for _ in range(2):
        world.session.models.delete(model)
        with pytest.raises(NotFound):
            world.session.models.retrieve(model)
    assert model not in {listed.id for listed in world.session.models.list_models()}
    assert world.session.models.retrieve(ModelId(BASE_MODEL)).id == BASE_MODEL


def ask(world: World, model: ModelId) -> ChatAnswer:
    request = ChatRequest(
        model=model,
        messages=({"role": "user", "content": "question 3"},),
        sampling={"temperature": 0},
        extra={},
    )

    async def talk() -> ChatAnswer:
        chat = world.session.open_chat()
        try:
            return await chat.complete(request)
        finally:
            await chat.close()

    return asyncio.run(talk())
