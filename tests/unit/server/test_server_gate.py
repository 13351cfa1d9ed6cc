"""Who may come in, and what every answer bears."""

import datetime as dt
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from server_in_process import ScriptedEngine, Server

from ftops.server.gate import ACCESS_LOG, is_loopback
from ftops.server.settings import DEFAULT_PROJECT, ProjectKey

KEY = "sk-a-key-of-some-length-1234"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = ProjectKey(project=DEFAULT_PROJECT, organization=None, key=KEY)
    with Server(tmp_path_factory.mktemp("keyed") / "data", keys=(own,)) as running:
        yield running


@pytest.mark.parametrize(
    ("header", "start"),
    [
        (None, "You didn't provide an API key."),
        ("", "You didn't provide an API key."),
        ("Bearer ", "You didn't provide an API key."),
        (f"Basic {KEY}", "You didn't provide an API key."),
        ("Bearer wrong", "Incorrect API key provided: ***."),
        (f"Bearer {KEY}5", "Incorrect API key provided: sk-***45."),
        ("Bearer schlüssel-mit-umlaut-und-länge", "Incorrect API key provided: ***."),
    ],
)
def test_a_key_is_demanded(keyed: Server, header: str | None, start: str) -> None:
    headers = [] if header is None else [(b"authorization", header.encode())]
    response = keyed.ask("GET", "/v1/models", headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (401, "invalid_api_key")
    assert error["message"].startswith(start)
    assert KEY not in response.text
    assert response.headers["x-request-id"]


def test_the_key_opens(keyed: Server) -> None:
    for kind in ("Bearer", "bearer"):
        headers = {"authorization": f"{kind} {KEY}"}
        assert keyed.ask("GET", "/v1/models", headers=headers, host="any.example").status_code == 200


def test_health_needs_no_key(keyed: Server) -> None:
    assert keyed.get("/healthz") == {"status": "ok", "data_dir_id": keyed.service.data_dir_id, "disk": "ok"}


def test_two_keys_open_nothing(keyed: Server) -> None:
    """Whoever stands before the server may have looked at the other one."""
    for second in (KEY, "another"):
        headers = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {second}")]
        assert keyed.ask("GET", "/v1/models", headers=headers).status_code == 401
    named = [("authorization", f"Bearer {KEY}"), ("openai-project", DEFAULT_PROJECT), ("openai-project", "proj_other")]
    assert keyed.ask("GET", "/v1/models", headers=named).status_code == 401


def test_settings_show_no_key(keyed: Server) -> None:
    assert KEY not in repr(keyed.settings)


@pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost", "LOCALHOST:1", "[::1]:8400", "127.8.8.8"])
def test_loopback_names_are_answered(shared_server: Server, host: str) -> None:
    assert shared_server.ask("GET", "/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8400",
        "10.0.0.1",
        "",
        "127.0.0.1.evil.example",
        "[::1",
        "evil.example@127.0.0.1",
        "evil.example:80@127.0.0.1:8400",
        "@localhost",
    ],
)
def test_other_names_are_refused_where_no_key_protects(shared_server: Server, host: str) -> None:
    response = shared_server.ask("GET", "/healthz", headers={"host": host})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden_host")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 200),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[::1", 403),
        ("http://evil.example@localhost", 403),
    ],
)
def test_web_pages_of_elsewhere_are_refused(shared_server: Server, origin: str, status: int) -> None:
    assert shared_server.ask("GET", "/v1/models", headers={"origin": origin}).status_code == status


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.org", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_fault_of_ours_is_a_bare_500(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = ScriptedEngine(reply={"role": "assistant", "content": 5})
    with Server(tmp_path / "data", engine) as server:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "secret"}], "stop": "x"}
        response = server.ask("POST", "/v1/chat/completions", json=body)
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "AttributeError at ftops.server.chat.answers:" in caplog.text
    assert "secret" not in caplog.text


def test_the_access_log_tells_no_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Server(tmp_path / "data", logs_access=True) as server, caplog.at_level(logging.INFO, ACCESS_LOG.name):
        response = server.ask("GET", "/v1/models/none?secret=1", headers={"authorization": "Bearer secret"})
        (record,) = [each for each in caplog.records if each.name == ACCESS_LOG.name]
        line = msgspec.json.decode(record.getMessage())
        assert line.pop("ms") >= 0
        assert dt.datetime.fromisoformat(line.pop("time")).tzinfo is not None
        assert line == {
            "project": DEFAULT_PROJECT,
            "method": "GET",
            "path": "/v1/models/none",
            "status": response.status_code,
            "request_id": response.headers["x-request-id"],
        }
    assert "secret" not in caplog.text
