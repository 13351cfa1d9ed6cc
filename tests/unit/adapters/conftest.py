import shutil
from pathlib import Path

import pytest

from ledger_kit import World, clone, make_remote


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare remote, the repository that filled it, and a clone: made once, copied for every test."""
    folder = tmp_path_factory.mktemp("template")
    clone(make_remote(folder), folder / "repo")
    return folder


@pytest.fixture
def world(tmp_path: Path, template: Path) -> World:
    for name in ("remote.git", "seed", "repo"):
        shutil.copytree(template / name, tmp_path / name)
        config = tmp_path / name / ("config" if name == "remote.git" else ".git/config")
        config.write_text(config.read_text().replace(str(template), str(tmp_path)))
    return World(remote=tmp_path / "remote.git", repo=tmp_path / "repo")
