"""``ftops doctor`` after a real apply on a real server that refuses to train, has retired a model, and wants another key."""

import json
from pathlib import Path
from typing import Any

import pytest

from ftops.cli.main import run
from scratch_project import KEY_VARIABLE, git, make_project, opened
from server_process import start_server

KEY = "key-0123456789abcdef0123456789"
FAULTS = """\
faults:
  - {fault: deny-training, from: 2026-01-01}
  - {fault: retire, model: gpt-4.1-mini-2025-04-14, at: 2026-01-01}
  - {fault: status, status: 403, match: {method: DELETE, path: "/v1/files/*"}}
"""


def found_in(out: str) -> dict[str, Any]:
    return {one["check"]: one for one in json.loads(out)["checks"]}


def test_what_an_apply_met_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults: [{fault: deny-training, from: 2026-01-01}]\n")
    server_folder = tmp_path / "server"
    server_folder.mkdir()
    with (
        start_server(server_folder, "--api-key-env", "LAB", "--faults", str(faults), env={"LAB": KEY}) as server,
        opened(make_project(tmp_path, None, name="acme")) as scratch,
    ):
        entry = f"{{type: openai, base_url: '{server.base_url}', api_key_env: {KEY_VARIABLE}}}"
        head = "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\n"
        scratch.write("ftops.yaml", f"{head}spec:\n  backend: lab\n  backends:\n    lab: {entry}\n")
        git(scratch.root, "config", "user.name", "Ada")
        scratch.commit()
        scratch.add_remote(tmp_path)
        scratch.env[KEY_VARIABLE] = KEY
        scratch.apply(code=9)
        faults.write_text(FAULTS)
        done = scratch.ftops("doctor", "--json")
        assert done.code == 9, done.text
        found = found_in(done.out)
        assert found["training"]["state"] == "warning"
        assert "may train no more" in found["training"]["says"]
        assert "'gpt-4.1-mini-2025-04-14'" in found["base-models"]["says"]
        assert "not delete files" in found["writing"]["says"]
        assert found["applied"]["state"] == "well"
        # In this process: a second one would only begin anew.
        monkeypatch.setenv(KEY_VARIABLE, "another-key-0123456789")
        assert run(["-C", str(scratch.root), "doctor", "--json"]) == 9
        refused = found_in(capsys.readouterr().out)
        assert (refused["access"]["state"], refused["access"]["exit_code"]) == ("wrong", 9)
