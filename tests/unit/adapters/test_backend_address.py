"""Who gets which key, and which addresses get anything at all."""

import json
from pathlib import Path

import pytest

from ftops.adapters.backend_address import NO_KEY, OPENAI_URL, Address, is_loopback, resolve_address
from ftops.adapters.trusted_backends import TrustedBackends
from ftops.domain.manifest import Backend, BackendName, BackendType
from ftops.errors import MissingKey, UsageProblem

KEY = {"OPENAI_API_KEY": "sk-openai", "FTOPS_GPU_KEY": "gpu-key"}
FAR = "https://gpu.example.com/v1"


def resolve(
    base_url: str | None = None,
    *,
    api_key_env: str | None = None,
    tmp_path: Path = Path("/nonexistent"),
    **environ: str,
) -> Address:
    backend = Backend(name=BackendName("gpu"), type=BackendType.OPENAI, base_url=base_url, api_key_env=api_key_env)
    trusted = TrustedBackends(environ=environ, path=tmp_path / "trusted.json")
    return resolve_address(backend, environ=environ, trusted=trusted)


def test_openai_itself() -> None:
    address = resolve(**KEY)
    assert (address.base_url, address.key, address.is_default) == (OPENAI_URL, "sk-openai", True)


def test_the_environment_may_send_openais_key_elsewhere() -> None:
    address = resolve(**KEY, OPENAI_BASE_URL=" http://127.0.0.1:8400/v1/ ")
    assert (address.base_url, address.key, address.is_loopback) == ("http://127.0.0.1:8400/v1", "sk-openai", True)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(MissingKey) as caught:
        resolve()
    assert caught.value.remedy == "set the environment variable OPENAI_API_KEY"
    with pytest.raises(MissingKey) as caught:
        resolve("http://localhost:1/v1", api_key_env="FTOPS_GPU_KEY", OPENAI_API_KEY="sk-openai")
    assert caught.value.remedy == "set the environment variable FTOPS_GPU_KEY"


def test_a_key_that_is_none_is_not_shown() -> None:
    with pytest.raises(MissingKey) as caught:
        resolve(OPENAI_API_KEY="sk secret\nHost: evil")
    assert "secret" not in str(caught.value)


def test_an_address_on_this_machine_needs_no_key() -> None:
    address = resolve("http://127.0.0.1:8400/v1", **KEY)
    assert (address.key, address.is_default, address.is_loopback) == (NO_KEY, False, True)
    assert address.without_key("not-needed") == "not-needed"


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "GITHUB_TOKEN", "FTOPS_key", "FTOPS_X_KEY_2", "XFTOPS_A_KEY"])
def test_other_variables_are_nobodys_business(variable: str) -> None:
    with pytest.raises(UsageProblem):
        resolve("http://127.0.0.1:8400/v1", api_key_env=variable, **{variable: "secret"})


@pytest.mark.parametrize(
    "url",
    [
        "http://gpu.example.com/v1",
        "ftp://127.0.0.1/v1",
        "http://user:pass@127.0.0.1/v1",
        "http://127.0.0.1\\@gpu.example.com/v1",
        "http://127.0.0.1/v1?x=1",
        "http://127.0.0.1/v1#x",
        "http://127.0.0.1/v 1",
        "http://127.0.0.1:x/v1",
        "http://127.0.0.1:0/v1",
        "http://[::1/v1",
        "http:///v1",
        "",
        "gpu",
    ],
)
def test_unfit_addresses(url: str) -> None:
    with pytest.raises(UsageProblem):
        resolve(url, api_key_env="FTOPS_GPU_KEY", **KEY, FTOPS_TRUSTED_BACKENDS="gpu.example.com")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:1", True),
        ("http://127.8.0.1", True),
        ("http://[::1]:2", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.example.com", False),
    ],
)
def test_what_is_this_machine(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    "listed", ["gpu.example.com", "other, GPU.example.com ,", "https://GPU.example.com:443/v1/", FAR]
)
def test_trusted_by_the_environment(listed: str) -> None:
    address = resolve(FAR, api_key_env="FTOPS_GPU_KEY", **KEY, FTOPS_TRUSTED_BACKENDS=listed)
    assert (address.key, address.is_loopback) == ("gpu-key", False)


@pytest.mark.parametrize(
    "listed", ["", "example.com", "gpu.example.com:8443", "https://gpu.example.com/v2", "http://gpu.example.com/v1"]
)
def test_not_trusted(listed: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        resolve(FAR, api_key_env="FTOPS_GPU_KEY", **KEY, FTOPS_TRUSTED_BACKENDS=listed)
    assert f"export FTOPS_TRUSTED_BACKENDS={FAR}" in str(caught.value.remedy)


def test_a_hostile_address_is_one_word_of_the_command_that_trusts_it() -> None:
    with pytest.raises(UsageProblem) as caught:
        resolve("https://x.example/$(touch${IFS}pwned);y", api_key_env="FTOPS_GPU_KEY", **KEY)
    assert "FTOPS_TRUSTED_BACKENDS='https://x.example/$(touch${IFS}pwned);y'," in str(caught.value.remedy)


def test_off_this_machine_a_key_is_needed() -> None:
    with pytest.raises(UsageProblem, match="names no key"):
        resolve(FAR, **KEY, FTOPS_TRUSTED_BACKENDS=FAR)


def test_confirmed_once_and_remembered(tmp_path: Path) -> None:
    asked: list[str] = []

    def confirm(base_url: str) -> bool:
        asked.append(base_url)
        return True

    path = tmp_path / "config" / "trusted.json"
    for _ in range(2):
        TrustedBackends(environ={}, confirm=confirm, path=path).require(FAR)
    assert asked == [FAR]
    assert json.loads(path.read_text()) == {"backends": [FAR]}
    assert [each.name for each in path.parent.iterdir()] == ["trusted.json"]


def test_declined(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem):
        TrustedBackends(environ={}, confirm=lambda _: False, path=tmp_path / "t.json").require(FAR)
    assert not (tmp_path / "t.json").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"backends": 3}', '{"backends": [3]}', "{"])
def test_a_broken_list_trusts_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(UsageProblem):
        TrustedBackends(environ={}, path=tmp_path / "t.json").require(FAR)


def test_a_list_that_cannot_be_written_asks_again(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    TrustedBackends(environ={}, confirm=lambda _: True, path=tmp_path / "file" / "t.json").require(FAR)


def test_the_list_is_the_users_not_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.get_app_dir", lambda name: str(tmp_path / name))
    TrustedBackends(environ={}, confirm=lambda _: True).require(FAR)
    assert (tmp_path / "ftops" / "trusted-backends.json").exists()
