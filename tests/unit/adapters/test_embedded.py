"""The embedded backend with real processes: started when needed, shared, healed, and gone when nobody needs it."""

import asyncio
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ftops.adapters import embedded_server
from ftops.adapters.embedded import EmbeddedBackend
from ftops.adapters.embedded_server import EmbeddedServer
from ftops.domain.manifest import JobId, ModelId
from ftops.errors import BackendError, NotFound
from ftops.ports import ChatRequest

ROW = b'{"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "yes"}]}\n'


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "embedded"
    yield folder
    if EmbeddedServer(folder).running() is not None:
        kill9(announced_pid(folder))


def announced_pid(data_dir: Path) -> int:
    return int(json.loads((data_dir / "server.json").read_text())["pid"])


def kill9(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(30)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run_client(code: str, data_dir: Path) -> "subprocess.Popen[str]":
    program = "import sys; from pathlib import Path\n" + (
        "from ftops.adapters.embedded_server import EmbeddedServer\nserver = EmbeddedServer(Path(sys.argv[1]))\n" + code
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_started_shared_and_gone(data_dir: Path) -> None:
    clients = [run_client("print(server.acquire(), flush=True); sys.stdin.read()", data_dir) for _ in range(2)]
    try:
        urls = {client.stdout.readline().strip() for client in clients if client.stdout}
        assert len(urls) == 1
        assert EmbeddedServer(data_dir).running() in urls
        assert {int(file.name) for file in (data_dir / "clients").iterdir()} == {client.pid for client in clients}
        clients[0].communicate(timeout=30)
        assert EmbeddedServer(data_dir).running() in urls
    finally:
        for client in clients:
            client.communicate(timeout=30)
    assert not list((data_dir / "clients").iterdir())
    wait_for(lambda: EmbeddedServer(data_dir).running() is None)


def test_a_client_that_is_killed_holds_nothing(data_dir: Path) -> None:
    client = run_client("print(server.acquire(), flush=True); sys.stdin.read()", data_dir)
    assert client.stdout is not None
    client.stdout.readline()
    client.kill()
    client.communicate(timeout=30)
    wait_for(lambda: EmbeddedServer(data_dir).running() is None)


def test_looking_starts_and_writes_nothing(data_dir: Path) -> None:
    assert EmbeddedServer(data_dir).running() is None
    assert not data_dir.exists()


def test_the_server_inherits_no_secret(data_dir: Path) -> None:
    server = EmbeddedServer(
        data_dir, environ={**os.environ, "OPENAI_API_KEY": "sk-1", "MY_TOKEN": "t", "FTOPS_A_KEY": "k"}
    )
    server.acquire()
    assert server.pid is not None
    inherited = psutil.Process(server.pid).environ()
    assert not {"OPENAI_API_KEY", "MY_TOKEN", "FTOPS_A_KEY"} & inherited.keys()
    server.release()
    server.release()


def test_two_sessions_of_one_process_count_as_two(data_dir: Path) -> None:
    first, second = EmbeddedServer(data_dir), EmbeddedServer(data_dir)
    assert first.acquire() == second.acquire()
    first.release()
    assert (data_dir / "clients" / str(os.getpid())).exists()
    second.release()
    assert not (data_dir / "clients" / str(os.getpid())).exists()


def test_kill_9_heals(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    backend = EmbeddedBackend(server)
    try:
        stored = backend.files.upload("a.jsonl", io.BytesIO(ROW * 12))
        for call in (
            lambda: backend.files.find("a.jsonl"),
            lambda: backend.files.retrieve(stored.id),
            lambda: backend.files.upload("b.jsonl", io.BytesIO(ROW)),
            lambda: backend.jobs.list_jobs(metadata={}),
            backend.models.list_models,
        ):
            assert server.pid is not None
            kill9(server.pid)
            call()
        job = backend.training.create({"model": "gpt-4.1-mini-2025-04-14", "training_file": stored.id}, {"k": "v"})
        assert backend.jobs.retrieve(job.id).metadata == {"k": "v"}
        kill9(server.pid)
        wait_for(lambda: backend.jobs.retrieve(job.id).status.is_final)
        assert backend.jobs.checkpoints(job.id)
        assert backend.jobs.progress(job.id).step
        assert backend.training.cancel(job.id).model
    finally:
        backend.close()


def test_kill_9_heals_conversations(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    backend = EmbeddedBackend(server)
    model = ModelId("gpt-4.1-mini-2025-04-14")
    request = ChatRequest(model=model, messages=({"role": "user", "content": "hello"},), sampling={}, extra={})

    async def talk() -> None:
        chat = backend.open_chat()
        before = await chat.complete(request)
        assert server.pid is not None
        await asyncio.to_thread(kill9, server.pid)
        after = await asyncio.gather(*(chat.complete(request) for _ in range(8)))
        assert {answer.text for answer in after} == {before.text}
        await chat.close()

    try:
        asyncio.run(talk())
    finally:
        backend.close()


def test_an_error_of_a_server_that_lives_is_no_death(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    backend = EmbeddedBackend(server)
    try:
        url = backend.base_url
        with pytest.raises(NotFound):
            backend.jobs.retrieve(JobId("ftjob-none"))
        error = BackendError("busy")
        with pytest.raises(BackendError) as caught:
            backend.heal(backend.session(), error)
        assert caught.value is error
        assert backend.base_url == url
    finally:
        backend.close()


def test_threads_that_meet_a_dead_server_start_one(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    backend = EmbeddedBackend(server)
    found: list[int] = []
    try:
        assert server.pid is not None
        kill9(server.pid)
        threads = [threading.Thread(target=lambda: found.append(len(backend.models.list_models()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(found) == 4
    finally:
        backend.close()


@pytest.mark.parametrize(
    "announcement",
    [
        "",
        "[]",
        "{}",
        '{"pid": HUGE, "create_time": 1, "url": "http://127.0.0.1:1", "version": "1", "data_dir_id": "x"}',
        '{"pid": OURS, "create_time": 1, "url": "http://127.0.0.1:1", "version": "1", "data_dir_id": "x"}',
    ],
)
def test_a_stale_announcement_is_not_believed(data_dir: Path, announcement: str) -> None:
    data_dir.mkdir()
    text = announcement.replace("HUGE", str(2**70)).replace("OURS", str(os.getpid()))
    (data_dir / "server.json").write_text(text)
    assert EmbeddedServer(data_dir).running() is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://gpu.example.com", "https://127.0.0.1:1", "file:///etc"])
def test_an_announcement_of_a_live_process_is_checked(data_dir: Path, url: str) -> None:
    data_dir.mkdir()
    started = psutil.Process().create_time()
    said = {"pid": os.getpid(), "create_time": started, "url": url, "version": "1", "data_dir_id": "x"}
    (data_dir / "server.json").write_text(json.dumps(said))
    assert EmbeddedServer(data_dir).running() is None


def test_a_server_left_behind_by_kill_9_is_replaced(data_dir: Path) -> None:
    first = EmbeddedServer(data_dir)
    first.acquire()
    assert first.pid is not None
    kill9(first.pid)
    second = EmbeddedServer(data_dir)
    second.acquire()
    assert second.pid != first.pid
    first.release()
    second.release()


def test_a_full_log_is_set_aside(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "server.log").write_bytes(b"x" * 1_000_001)
    server = EmbeddedServer(data_dir)
    server.acquire()
    server.release()
    assert (data_dir / "server.log").stat().st_size < 10_000
    assert (data_dir / "server.log.1").exists()


def test_another_version_that_nobody_uses_is_replaced(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = EmbeddedServer(data_dir)
    old.acquire()
    monkeypatch.setattr(embedded_server, "__version__", "99.0")
    (data_dir / "clients" / "not-a-pid").write_text("junk")
    new = EmbeddedServer(data_dir)
    new.acquire()
    assert new.pid != old.pid
    old.release()
    new.release()


def test_another_version_that_is_in_use_stays(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = run_client("print(server.acquire(), flush=True); sys.stdin.read()", data_dir)
    try:
        assert client.stdout is not None
        client.stdout.readline()
        monkeypatch.setattr(embedded_server, "__version__", "99.0")
        with pytest.raises(BackendError, match=r"and this is 99\.0") as caught:
            EmbeddedServer(data_dir).acquire()
        assert str(announced_pid(data_dir)) in str(caught.value.remedy)
        assert not (data_dir / "clients" / str(os.getpid())).exists()
    finally:
        client.communicate(timeout=30)


def test_an_unusable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackendError, match="can't use") as caught:
        EmbeddedServer(tmp_path / "file" / "embedded").acquire()
    assert caught.value.remedy == "make that folder writable"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BackendError, match="can't use"):
        EmbeddedServer(tmp_path / "embedded").acquire()
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("script", "words", "remedy"),
    [
        (
            "raise SystemExit('the server needs starlette, which this installation lacks: pip install starlette')",
            "needs starlette",
            "pip install",
        ),
        ("import no_such_module", "No module named", "pip install"),
        ("raise SystemExit(3)", "it said nothing", "server.log"),
        ("import time; print('bad\\x07', flush=True); time.sleep(60)", "bad\\\\x07", "server.log"),
    ],
)
def test_a_server_that_does_not_start(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, words: str, remedy: str
) -> None:
    stand_in(monkeypatch, tmp_path, script)
    with pytest.raises(BackendError, match=words) as caught:
        EmbeddedServer(data_dir, start_seconds=1.5).acquire()
    assert remedy in str(caught.value.remedy)
    assert not list((data_dir / "clients").iterdir())


def test_a_server_that_is_just_ending_is_waited_for(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, tmp_path, "open('tries', 'a').write('x'); raise SystemExit('another server works on it: 1')")
    with pytest.raises(BackendError, match="another server works on"):
        EmbeddedServer(data_dir, start_seconds=1.5).acquire()
    assert len((data_dir / "tries").read_text()) > 1


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Puts a script in Python's place, which the arguments of the real server don't disturb."""
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def test_a_lock_that_is_never_given_back(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    monkeypatch.setattr(embedded_server, "_END_SECONDS", 0.0)
    data_dir.mkdir()
    with FileLock(data_dir / "start.lock"), pytest.raises(BackendError, match="too long"):
        EmbeddedServer(data_dir, start_seconds=0.1).acquire()


def test_what_is_left_at_our_end_is_taken_back(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    server.acquire()
    embedded_server._unregister_all()
    assert not (data_dir / "clients" / str(os.getpid())).exists()
    server.release()
