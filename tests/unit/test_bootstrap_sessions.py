"""Backends that manifests have left are opened on demand, and never at the price of a question or an error."""

from pathlib import Path

import pytest

from apply_world import TWIN, World
from ftops.bootstrap_sessions import open_sessions
from ftops.domain.manifest import Backend, BackendName, BackendType
from ftops.errors import MissingKey

BOX = Backend(
    name=BackendName("gpu-box"),
    type=BackendType.OPENAI,
    base_url="http://127.0.0.1:9/v1",
    api_key_env="FTOPS_GPU_BOX_KEY",
)
FAR = Backend(
    name=BackendName("far"), type=BackendType.OPENAI, base_url="https://far.invalid/v1", api_key_env="FTOPS_GPU_BOX_KEY"
)


def test_a_backend_that_manifests_have_left_is_opened_with_its_own_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTOPS_GPU_BOX_KEY", "k1")
    with open_sessions(tmp_path, World().desired()) as sessions:
        opened = sessions.open_left(BOX)
        assert not isinstance(opened, str)
        assert opened.base_url == BOX.base_url


def test_without_a_key_or_trust_it_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTOPS_GPU_BOX_KEY", raising=False)
    with open_sessions(tmp_path, World().desired(), may_start=False) as sessions:
        assert sessions.open_left(BOX) == "backend gpu-box needs a key"
        monkeypatch.setenv("FTOPS_GPU_BOX_KEY", "k1")
        said = sessions.open_left(FAR)
        assert isinstance(said, str)
        assert "https://far.invalid/v1" in said
        assert sessions.open_left(TWIN) == "its server does not run"


def test_offline_nothing_is_opened(tmp_path: Path) -> None:
    with open_sessions(tmp_path, World().desired(), is_offline=True) as sessions:
        assert sessions.open_left(BOX) == "asked for with --offline"


def test_what_prunes_goes_on_without_one_of_two_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTOPS_GPU_BOX_KEY", "k1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    world = World()
    both = world.desired(world.declare("one"), world.declare("two", backend=BOX))
    with pytest.raises(MissingKey), open_sessions(tmp_path, both, may_start=True):
        pass
    with open_sessions(tmp_path, both, may_start=True, may_lack_keys=True) as sessions:
        assert (list(sessions.open), list(sessions.offline)) == ([BOX.name], ["openai"])
    alone = world.desired(world.declare("one"))
    with pytest.raises(MissingKey), open_sessions(tmp_path, alone, may_start=True, may_lack_keys=True):
        pass
