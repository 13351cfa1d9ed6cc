"""Two teams on one server: what each sees, and how the projects are declared."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from server_in_process import ROW, Server, jsonl

from ftops.server.config_file import ConfigInvalid, read_config
from ftops.server.settings import ProjectKey
from ftops.server.storage.schema import MIGRATIONS

SEARCH = ProjectKey(project="proj_search", organization="org-search", key="key-of-search")
SHOP = ProjectKey(project="proj_shop", organization=None, key="key-of-shop")
JOBS = "/v1/fine_tuning/jobs"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", keys=(SEARCH, SHOP), organization="org-house") as running:
        yield running


def ask(server: Server, team: ProjectKey, method: str, path: str, **options: Any) -> Any:
    headers = {"authorization": f"Bearer {team.key}", **options.pop("headers", {})}
    return server.ask(method, path, headers=headers, **options)


def trained(server: Server, team: ProjectKey) -> Any:
    given = {"files": {"file": ("rows.jsonl", jsonl((ROW,) * 10))}, "data": {"purpose": "fine-tune"}}
    file = ask(server, team, "POST", "/v1/files", **given).json()
    body = {"model": "gpt-4o-mini-2024-07-18", "training_file": file["id"], "metadata": {"a": "b"}}
    job = ask(server, team, "POST", JOBS, json=body).json()
    while (job := ask(server, team, "GET", f"{JOBS}/{job['id']}").json())["status"] != "succeeded":
        assert job["status"] in ("validating_files", "queued", "running")
    return job


def test_a_project_sees_its_own_alone(server: Server) -> None:
    job = trained(server, SEARCH)
    assert job["organization_id"] == "org-search"
    assert job["fine_tuned_model"].startswith("ft:gpt-4o-mini-2024-07-18:org-search:")
    file, model = job["training_file"], job["fine_tuned_model"]
    chat = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    assert ask(server, SEARCH, "POST", "/v1/chat/completions", json=chat).status_code == 200
    requests: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/files/{file}", None),
        ("GET", f"/v1/files/{file}/content", None),
        ("DELETE", f"/v1/files/{file}", None),
        ("GET", f"{JOBS}/{job['id']}", None),
        ("POST", f"{JOBS}/{job['id']}/cancel", None),
        ("GET", f"{JOBS}/{job['id']}/events", None),
        ("GET", f"{JOBS}/{job['id']}/checkpoints", None),
        ("GET", f"/v1/models/{model}", None),
        ("DELETE", f"/v1/models/{model}", None),
        ("POST", "/v1/chat/completions", chat),
        ("POST", JOBS, {"model": model, "training_file": file}),
        ("GET", f"{JOBS}?after={job['id']}", None),
        ("GET", f"/v1/files?after={file}", None),
    ]
    for method, path, body in requests:
        answer = ask(server, SHOP, method, path, **({} if body is None else {"json": body}))
        assert answer.status_code in (400, 404), (method, path, answer.text)
    for path in (JOBS, f"{JOBS}?metadata[a]=b", "/v1/files"):
        assert ask(server, SHOP, "GET", path).json()["data"] == []
        assert ask(server, SEARCH, "GET", path).json()["data"] != []
    assert model not in {each["id"] for each in ask(server, SHOP, "GET", "/v1/models").json()["data"]}
    assert ask(server, SEARCH, "POST", "/v1/chat/completions", json=chat).status_code == 200


def test_an_answer_names_the_organisation_of_the_key(server: Server) -> None:
    assert ask(server, SEARCH, "GET", "/v1/models").headers["openai-organization"] == "org-search"
    assert ask(server, SHOP, "GET", "/v1/models").headers["openai-organization"] == "org-house"


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("OpenAI-Organization", "org-house", "mismatched_organization"),
        ("OpenAI-Project", "proj_shop", "mismatched_project"),
        ("OpenAI-Organization", "org-search", None),
        ("OpenAI-Project", "proj_search", None),
    ],
)
def test_what_a_client_names_has_to_be_its_keys_own(server: Server, header: str, value: str, code: str | None) -> None:
    answer = ask(server, SEARCH, "GET", "/v1/models", headers={header: value})
    if code is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


def test_a_configuration_file_gives_projects(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(
        "projects:\n- {id: proj_a, organization: org-a, key_env: KEY_A}\n- {id: proj_a, organization: org-a, key_env: KEY_2}\n"
        "- {id: proj_b, key_env: KEY_B}\n",
        encoding="utf-8",
    )
    config = read_config(file, {"KEY_A": "one", "KEY_2": " two ", "KEY_B": "three"})
    assert config.keys == (
        ProjectKey(project="proj_a", organization="org-a", key="one"),
        ProjectKey(project="proj_a", organization="org-a", key="two"),
        ProjectKey(project="proj_b", organization=None, key="three"),
    )
    assert "three" not in repr(config)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("projects: [", "not YAML"),
        ("- a", "Expected `object`"),
        ("projekte: []", "unknown field `projekte`"),
        ("projects: [{id: a}]", "missing required field `key_env`"),
        ("projects: [{id: a, key: secret}]", "unknown field `key`"),
        ("projects: [{id: '-', key_env: A}]", "$.projects[0].id"),
        ("projects: [{id: a, key_env: NOT_SET}]", "NOT_SET is not set"),
        ("projects: [{id: a, key_env: UMLAUT}]", "no HTTP header"),
        ("projects: [{id: a, key_env: A}, {id: b, key_env: A}]", "another project"),
        ("projects: [{id: a, key_env: A}, {id: a, organization: o, key_env: B}]", "two organisations"),
    ],
)
def test_a_wrong_configuration_file_is_explained(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        read_config(file, {"A": "one", "B": "two", "UMLAUT": "schlüssel"})
    assert why in str(caught.value)


def test_data_of_the_first_version_goes_to_the_default_project(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    old = sqlite3.connect(data / "server.sqlite")
    old.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
    columns = (
        "id, status, created_at, organization_id, model, base, model_hash, training_file, training_sha256, seed, method, "
        "given, metadata, integrations"
    )
    values = ("ftjob-old", "succeeded", 5, "org-old", "m", "m", "h", "file-old", "0" * 64, 1, "supervised", "{}")
    old.execute(
        f"INSERT INTO jobs ({columns}) VALUES ({', '.join('?' * 14)})", (*values, '{"team": "a", "x": "y"}', "[]")
    )
    old.execute("INSERT INTO job_metadata VALUES ('team', 'a', 1)")
    old.execute("INSERT INTO files VALUES (1, 'file-old', 5, NULL, 'a.jsonl', 'fine-tune', 3, ?)", ("0" * 64,))
    old.execute("INSERT INTO models VALUES (1, 'ft:m:org-old::h', 5, 'm', 'org-old', 'ftjob-old', ?)", ("1" * 64,))
    old.commit()
    old.close()
    with Server(data) as server:
        (job,) = server.get(f"{JOBS}?metadata[team]=a&metadata[x]=y")["data"]
        assert job["id"] == "ftjob-old"
        assert server.get("/v1/files/file-old")["filename"] == "a.jsonl"
        assert server.get("/v1/models/ft:m:org-old::h")["owned_by"] == "org-old"
