from collections.abc import Iterator
from pathlib import Path

import pytest
from server_in_process import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For requests that change nothing, or leave no trace that another test would see."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running
