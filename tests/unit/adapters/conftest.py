from pathlib import Path

import pytest
from ledger_kit import World, clone, make_remote


@pytest.fixture
def world(tmp_path: Path) -> World:
    remote = make_remote(tmp_path)
    return World(remote=remote, repo=clone(remote, tmp_path / "repo"))
