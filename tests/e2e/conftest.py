"""Servers that the tests of one worker share, and projects on them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from scratch_project import Scratch, make_project, opened
from server_process import ServerProcess, start_server


@dataclass
class Counted:
    """What a server was asked since the last look."""

    server: ServerProcess
    _seen: int = 0

    def look(self) -> dict[str, int]:
        lines = self.server.output.splitlines()
        fresh, self._seen = lines[self._seen :], len(lines)
        wanted = {"jobs": "/v1/fine_tuning/jobs", "chats": "/v1/chat/completions", "files": "/v1/files"}
        return {
            what: sum(f'"method":"POST","path":"{path}"' in line for line in fresh) for what, path in wanted.items()
        }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that trains at once and logs every request."""
    with start_server(tmp_path_factory.mktemp("server"), "--access-log") as running:
        yield running


@pytest.fixture(scope="session")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server on which a job takes seconds."""
    folder = tmp_path_factory.mktemp("slow-server")
    with start_server(folder, "--access-log", "--min-step-seconds", "0.05", "--workers", "8") as running:
        yield running


@pytest.fixture
def asked(server: ServerProcess) -> Counted:
    counted = Counted(server)
    counted.look()
    return counted


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Scratch]]:
    with ExitStack() as stack:
        yield lambda base_url, **options: stack.enter_context(opened(make_project(tmp_path, base_url, **options)))


@pytest.fixture
def scratch(server: ServerProcess, make: Callable[..., Scratch]) -> Scratch:
    return make(server.base_url)


@pytest.fixture
def slow(slow_server: ServerProcess, make: Callable[..., Scratch]) -> Scratch:
    return make(slow_server.base_url)
