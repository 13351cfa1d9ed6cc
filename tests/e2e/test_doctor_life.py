"""``ftops doctor`` after a real apply on a real server that refuses to train, has retired a model, and wants another key."""

import json
from pathlib import Path
from typing import Any

from scratch_project import KEY_VARIABLE, Scratch, git, make_project, opened
from server_process import start_server

KEY = "key-0123456789abcdef0123456789"
FAULTS = """\
faults:
  - {fault: deny-training, from: 2026-01-01}
  - {fault: retire, model: gpt-4.1-mini-2025-04-14, at: 2026-01-01}
  - {fault: status, status: 403, match: {method: DELETE, path: "/v1/files/*"}}
"""


def look(scratch: Scratch, code: int, **env: str) -> dict[str, Any]:
    done = scratch.ftops("doctor", "--json", **env)
    assert done.code == code, done.text
    return {one["check"]: one for one in json.loads(done.out)["checks"]}


def test_what_an_apply_met_is_told(tmp_path: Path) -> None:
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
        found = look(scratch, 9)
        assert found["training"]["state"] == "warning"
        assert "may train no more" in found["training"]["says"]
        assert "'gpt-4.1-mini-2025-04-14'" in found["base-models"]["says"]
        assert "not delete files" in found["writing"]["says"]
        assert found["applied"]["state"] == "well"
        refused = look(scratch, 9, **{KEY_VARIABLE: "another-key-0123456789"})
        assert refused["access"]["exit_code"] == 9
