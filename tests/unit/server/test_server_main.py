"""The command line of ``ftops serve``: what keeps a server from starting."""

import importlib
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ftops.server import main
from ftops.server.folder import open_folder
from ftops.server.serving import url_of
from ftops.server.storage.database import Database


def serve(*args: str, env: dict[str, str] | None = None) -> Result:
    clean = {"FTOPS_SERVE_KEY": None, **(env or {})}
    return CliRunner().invoke(main.serve, ["--port", "0", *args], env=clean)


def test_an_address_that_others_reach_needs_a_key(tmp_path: Path) -> None:
    result = serve("--host", "0.0.0.0", "--data-dir", str(tmp_path / "data"))
    assert result.exit_code == 2
    assert "FTOPS_SERVE_KEY" in result.output
    assert "--api-key-env" in result.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("--api-key-env", "NO_SUCH_VARIABLE"),
        ("--org", "org with spaces"),
        ("--org", "a:b"),
        ("--shutdown-date", "gpt-4o"),
        ("--shutdown-date", "=2027-01-14"),
        ("--shutdown-date", "gpt-4o=tomorrow"),
        ("--shutdown-date", "gpt-4o=20270114"),
        ("--engine", "gpt"),
        ("--workers", "0"),
        ("--port", "70000"),
        ("--min-step-seconds", "-1"),
        ("--min-step-seconds", "nan"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, args: tuple[str, ...]) -> None:
    result = serve("--data-dir", str(tmp_path / "data"), *args)
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "data").exists()


def test_a_missing_dependency_names_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without_uvicorn(name: str, package: str | None = None) -> Any:
        if name == "uvicorn":
            raise ImportError("No module named 'uvicorn'", name="uvicorn")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without_uvicorn)
    result = serve()
    assert result.exit_code == 1
    assert "uvicorn" in result.output
    assert "pip install uvicorn" in result.output


def test_a_folder_in_use_is_exit_1(tmp_path: Path) -> None:
    folder = open_folder(tmp_path)
    result = serve("--data-dir", str(tmp_path))
    folder.close()
    assert result.exit_code == 1
    assert "another server works on" in result.output


def test_a_port_in_use_is_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = serve("--data-dir", str(tmp_path), "--port", port)
    assert result.exit_code == 1
    assert f"can't listen on 127.0.0.1 port {port}" in result.output


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert serve("--data-dir", str(tmp_path / "file")).exit_code == 2
    result = serve("--data-dir", str(tmp_path / "file" / "below"))
    assert result.exit_code == 1
    assert "as data folder" in result.output


def test_data_of_a_later_version_is_exit_1(tmp_path: Path) -> None:
    Database(tmp_path / "server.sqlite").close()
    with sqlite3.connect(tmp_path / "server.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    result = serve("--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "schema version 99" in result.output


def test_a_broken_database_is_exit_1(tmp_path: Path) -> None:
    (tmp_path / "server.sqlite").write_bytes(b"not a database" * 100)
    result = serve("--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "can't open the database" in result.output
    assert "put a copy of the folder back" in result.output


@pytest.mark.parametrize("key", ["clé-secret", "a\tb", "\udcff\udcfe"])
@pytest.mark.parametrize("option", [(), ("--api-key-env", "FTOPS_SERVE_KEY")])
def test_a_key_that_no_header_carries_is_refused(tmp_path: Path, key: str, option: tuple[str, ...]) -> None:
    result = serve("--data-dir", str(tmp_path / "data"), *option, env={"FTOPS_SERVE_KEY": key})
    assert result.exit_code == 2, result.output
    assert "the key in FTOPS_SERVE_KEY has characters" in result.output
    assert "openssl rand -hex 32" in " ".join(result.output.split())
    assert key not in result.output


@pytest.mark.parametrize("content", [None, b""])
def test_content_without_its_database_is_left_alone(tmp_path: Path, content: bytes | None) -> None:
    blob = tmp_path / "blobs" / "ab" / ("ab" * 32)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"precious")
    if content is not None:
        (tmp_path / "server.sqlite").write_bytes(content)
    for _ in range(2):  # a refusal leaves nothing that would let the next one pass
        result = serve("--data-dir", str(tmp_path))
        assert result.exit_code == 1
        assert "its database server.sqlite is missing or empty: put it back" in result.output
    assert blob.read_bytes() == b"precious"


def test_content_whose_database_lost_its_log_is_left_alone(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "ab" / ("ab" * 32)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"precious")
    connection = sqlite3.connect(tmp_path / "server.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert (tmp_path / "server.sqlite").stat().st_size > 0
    result = serve("--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "put it back" in result.output
    assert blob.exists()


def test_a_folder_that_can_not_be_used_is_not_blamed_on_the_port(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where a folder should be")
    result = serve("--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "as data folder: File exists" in result.output
    assert str(tmp_path / "spool") in result.output
    assert "port" not in result.output


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (("127.0.0.1", 80), "http://127.0.0.1:80"),
        (("0.0.0.0", 80), "http://127.0.0.1:80"),
        (("::1", 80, 0, 0), "http://[::1]:80"),
        (("::", 80, 0, 0), "http://[::1]:80"),
    ],
)
def test_the_url_is_one_that_this_machine_reaches(address: Any, url: str) -> None:
    class Listener:
        def getsockname(self) -> Any:
            return address

    assert url_of(Listener()) == url  # type: ignore[arg-type]
