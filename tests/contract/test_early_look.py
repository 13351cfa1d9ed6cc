"""An early look finds what the SDK finds, at the real server; and where it fails, the SDK is asked."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.early_look import EarlyBackend, EarlyLook, Question, early_question
from ftops.adapters.early_process import EarlyProcess
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.bootstrap_early import beginning_early, look_early
from ftops.domain.manifest import Backend, BackendName, BackendType, JobId, Project
from ftops.errors import BackendError, NotFound, Unauthorized
from server_process import ServerProcess, start_server

ROW = b'{"messages": [{"role": "user", "content": "question %d"}, {"role": "assistant", "content": "yes"}]}\n'
WANTED = {"ftops_project": "acme"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with start_server(tmp_path_factory.mktemp("early"), "--access-log") as running:
        with closing(OpenAIBackend(address_of(running))) as session:
            file = session.files.upload("acme-0123.jsonl", io.BytesIO(b"".join(ROW % i for i in range(12))))
            for project in ("acme", "other"):
                body = {"model": "gpt-4.1-mini-2025-04-14", "suffix": "router", "training_file": file.id}
                session.training.create(body, {"ftops_project": project})
        yield running


def address_of(server: ServerProcess) -> Address:
    return Address(base_url=server.base_url, key=NO_KEY, is_loopback=True)


def begun(address: Address) -> EarlyLook:
    return EarlyLook(Question(address=address, metadata=WANTED, newest=100), EarlyProcess())


def test_it_finds_what_the_sdk_finds_and_only_once(server: ServerProcess) -> None:
    address = address_of(server)
    with (
        closing(OpenAIBackend(address)) as session,
        closing(EarlyBackend(address, begun(address))) as early,
    ):
        models = early.models.list_models()
        found = early.jobs.list_jobs(metadata=WANTED, newest=100)
        assert [job.metadata for job in found] == [WANTED]
        assert [job.id for job in found] == [job.id for job in session.jobs.list_jobs(metadata=WANTED, newest=100)]
        assert early._session is None, "the SDK was opened"
        assert models == session.models.list_models()
        # A second look is a new one.
        assert [job.id for job in early.jobs.list_jobs(metadata=WANTED, newest=100)] == [job.id for job in found]
        assert early._session is not None
        assert early.models.list_models() == models


def test_whatever_else_is_asked_is_asked_of_the_backend(server: ServerProcess) -> None:
    address = address_of(server)
    with closing(EarlyBackend(address, begun(address))) as early:
        (job,) = early.jobs.list_jobs(metadata={"ftops_project": "other"}, newest=100)
        assert job.metadata == {"ftops_project": "other"}
        assert early.jobs.retrieve(job.id).id == job.id
        assert early._session is not None
        assert early.models.retrieve(early.models.list_models()[0].id).id
        assert early.files.find("acme-0123.jsonl") is not None
        assert early.training is not None
        assert early.open_chat() is not None


def test_single_jobs_are_found_without_the_sdk_here(server: ServerProcess) -> None:
    address = address_of(server)
    with closing(EarlyBackend(address, begun(address))) as early:
        (listed,) = early.jobs.list_jobs(metadata=WANTED, newest=100)
        assert [early.jobs.retrieve(listed.id).id for _ in range(3)] == [listed.id] * 3
        assert early._session is None
        with pytest.raises(NotFound):
            early.jobs.retrieve(JobId("ftjob-unheard-of"))
        assert early._session is not None
        assert early.jobs.retrieve(listed.id).id == listed.id


def test_a_failure_is_told_by_the_sdk_as_ever() -> None:
    # Port 9 is discard's, where nothing listens.
    address = Address(base_url="http://127.0.0.1:9/v1", key=NO_KEY, is_loopback=True)
    look = begun(address)
    assert look.take() is None
    with closing(EarlyBackend(address, look)) as early, pytest.raises(BackendError):
        early.models.list_models()


def test_a_refused_key_is_told_by_the_sdk_as_ever(tmp_path: Path) -> None:
    with start_server(tmp_path, "--api-key-env", "RIGHT", env={"RIGHT": "sk-right"}) as server:
        address = Address(base_url=server.base_url, key="sk-wrong", is_loopback=True)
        with closing(EarlyBackend(address, begun(address))) as early, pytest.raises(Unauthorized):
            early.jobs.list_jobs(metadata=WANTED, newest=100)


def test_the_key_stands_on_no_command_line_and_a_closed_look_leaves_no_process(server: ServerProcess) -> None:
    address = Address(base_url=server.base_url, key="sk-secret", is_loopback=True)
    look = begun(address)
    process = psutil.Process(look._process.pid)
    assert not any("sk-secret" in word for word in process.cmdline())
    look.close()
    assert not process.is_running()
    assert look._process.pid is None
    assert look.take() is None
    look.close()


def test_what_can_not_be_started_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftops.adapters.early_process.sys.executable", "/nowhere/python")
    address = Address(base_url="http://127.0.0.1:9/v1", key=NO_KEY, is_loopback=True)
    assert begun(address).take() is None


def test_nonsense_from_the_process_is_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "early_answers.py").write_text("print('hello')")
    monkeypatch.setattr("ftops.adapters.early_process.__file__", str(tmp_path / "early_process.py"))
    address = Address(base_url="http://127.0.0.1:9/v1", key=NO_KEY, is_loopback=True)
    assert begun(address).take() is None


def lab(**fields: object) -> Project:
    backend = Backend(name=BackendName("lab"), type=BackendType.OPENAI, **fields)  # type: ignore[arg-type]
    rehearsal = Backend(name=BackendName("embedded"), type=BackendType.EMBEDDED)
    backends = {backend.name: backend, rehearsal.name: rehearsal}
    return Project(name="acme", backend=backend.name, backends=backends)


@pytest.mark.parametrize(
    ("project", "backend"),
    [
        (lab(base_url="http://127.0.0.1:9/v1", api_key_env="FTOPS_NO_SUCH_KEY"), None),  # no key
        (lab(base_url="https://stranger.example/v1", api_key_env="FTOPS_LAB_KEY"), None),  # not trusted
        (lab(base_url="http://127.0.0.1:9/v1"), "embedded"),
        (lab(base_url="http://127.0.0.1:9/v1"), "unheard-of"),
    ],
)
def test_where_nobody_may_or_need_be_asked_nothing_begins(project: Project, backend: str | None) -> None:
    assert early_question(project, backend, newest=100, environ={"FTOPS_LAB_KEY": "sk"}) is None


def test_it_asks_for_the_projects_jobs_at_its_address() -> None:
    project = lab(base_url="http://127.0.0.1:9/v1", api_key_env="FTOPS_LAB_KEY")
    question = early_question(project, None, newest=100, environ={"FTOPS_LAB_KEY": "sk"})
    assert question is not None
    assert (question.address.base_url, question.address.key) == ("http://127.0.0.1:9/v1", "sk")
    assert (question.metadata, question.newest) == (WANTED, 100)


@pytest.mark.parametrize(("count", "is_offline"), [(1, False), (2, True)])
def test_without_a_second_processor_or_offline_nothing_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int, *, is_offline: bool
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: count)
    with beginning_early(is_offline=is_offline) as process:
        assert process is None
        assert look_early(process, tmp_path, backend=None) is None


@pytest.mark.parametrize("backend", ["embedded", "lab", "unheard-of", "broken"])
def test_a_process_with_nobody_to_ask_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, backend: str) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setenv("FTOPS_LAB_KEY", "sk")
    lines = "lab: {type: openai, base_url: 'http://127.0.0.1:9/v1', api_key_env: FTOPS_LAB_KEY}"
    lines += ", other: {}" if backend == "broken" else ""
    header = "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\n"
    (tmp_path / "ftops.yaml").write_text(f"{header}spec: {{backend: lab, backends: {{{lines}}}}}\n")
    with beginning_early(is_offline=False) as process:
        assert process is not None
        running = psutil.Process(process.pid)
        look = look_early(process, tmp_path, backend="lab" if backend == "broken" else backend)
        assert (look is not None) is (backend == "lab")
        assert running.is_running() is (backend == "lab")
    assert not running.is_running()
