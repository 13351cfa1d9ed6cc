"""Strangers' clients against the real server: the same life in OpenAI's SDKs for Python and Node; litellm, DSPy, LangChain.

``make interop`` installs what is no part of the project, and runs this; without it the Python SDK's life alone is tested, the
rest skipped, or failed where ``FTOPS_INTEROP`` demands it. ``life.txt`` is what a life prints, but for what the engine
measures. After an intended change: ``FTOPS_REGENERATE_LIFE=1 pytest tests/interop``, then read the diff.
"""

import base64
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest
from letterbox import open_letterbox

from server_process import start_server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIFE = HERE / "life.txt"
CLIENTS_PYTHON = ROOT / ".venv-clients/bin/python"
KEY = "sk-interop"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OPTIONS = ("--org", "org-acme", "--shutdown-date", "gpt-4.1-mini-2025-04-14=2027-01-14")
# Steps are so slow that a job can be met while it runs.
LIFE_OPTIONS = (*OPTIONS, "--faults", str(HERE / "faults.yaml"), "--min-step-seconds", "0.005")
LIFE_SECONDS = 240.0
# Numbers that may differ in their last digits from machine to machine.
_MEASURED = re.compile(r'("\w*(?:accuracy|logprob|loss|reward)\w*": )-?\d[\d.]*|-?\d+\.\d{2,}')


def test_the_python_sdk_lives_its_life(tmp_path: Path) -> None:
    printed = _MEASURED.sub(r"\1<number>", live(tmp_path, sys.executable, HERE / "life.py"))
    if os.environ.get("FTOPS_REGENERATE_LIFE") and not os.environ.get("CI"):
        LIFE.write_text(printed, encoding="utf-8")
    assert_same(LIFE.read_text(encoding="utf-8"), printed)


def test_the_node_sdk_lives_the_same_life(tmp_path: Path) -> None:
    node = shutil.which("node") or missing("there is no node")
    pinned = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["openai"]
    installed = HERE / "node_modules/openai/package.json"
    if not installed.exists() or json.loads(installed.read_text(encoding="utf-8"))["version"] != pinned:
        missing(f"the Node SDK {pinned} is not installed")
    lives = ([sys.executable, HERE / "life.py"], [node, HERE / "life.mjs"])
    folders = [tmp_path / name for name in ("python", "node")]
    with ThreadPoolExecutor() as pool:
        python, node_js = pool.map(lambda folder, life: live(folder, *life), folders, lives)
    assert_same(python, node_js)


def test_litellm_fine_tunes_and_asks(tmp_path: Path) -> None:
    told = tell_of(tmp_path, "litellm_path.py")
    model = told["ended"].pop("model")
    assert re.fullmatch(r"ft:gpt-4o-mini-2024-07-18:org-acme:litellm:\w{8}", model)
    assert told == {
        "file": {"purpose": "fine-tune", "status": "processed", "kept": True},
        "job": {"status": "validating_files", "model": "gpt-4o-mini-2024-07-18", "seed": 3, "epochs": 3},
        "ended": {"status": "succeeded", "results": 1},
        "list": {"found": True},
        "cancelled": {"status": "cancelled"},
        "results": {"are_some": True},
        "chat": {"answer": "green", "reason": "stop", "has_usage": True},
        "stream": {"answer": "green", "has_usage": True},
        "form": {"keys": ["colour"]},
        "batch": {"status": "completed", "answer": "green"},
        "no model": {"status": 404},
        "deleted": {"deleted": True},
    }


def test_dspy_fine_tunes_and_asks(tmp_path: Path) -> None:
    told = tell_of(tmp_path, "dspy_path.py", DSPY_CACHEDIR=str(tmp_path / "cache"))
    assert re.fullmatch(r"ft:gpt-4o-mini-2024-07-18:org-acme::\w{8}", told["model"]["name"])
    assert told["chat"] == {"answers": ["green"]}


def test_langchain_asks_a_fine_tune(tmp_path: Path) -> None:
    assert tell_of(tmp_path, "langchain_path.py") == {
        "chat": {"answer": "green", "reason": "stop"},
        "many": {"answers": ["green"] * 3},
        "stream": {"answer": "green", "has_usage": True},
        "tools": {"names": ["_paint"], "arguments": [["colour"]]},
        "json_schema": {"keys": ["colour"]},
        "function_calling": {"keys": ["colour"]},
        "logprobs": {"tokens": ["green"]},
        "usage": {"adds_up": True},
    }


def tell_of(folder: Path, script: str, **environment: str) -> dict[str, Any]:
    """What one of the other clients tells of its life."""
    if not CLIENTS_PYTHON.exists():
        missing("litellm, DSPy and LangChain are not installed")
    # litellm asks the network for prices when it is imported, unless it is told not to.
    printed = run(
        folder, OPTIONS, CLIENTS_PYTHON, HERE / "clients" / script, LITELLM_LOCAL_MODEL_COST_MAP="True", **environment
    )
    lines = [line.removeprefix("told: ") for line in printed.splitlines() if line.startswith("told: ")]
    return {line.pop("what"): line for line in map(json.loads, lines)}


def missing(why: str) -> NoReturn:
    """Skips the test, or fails it where everything was to be installed."""
    if os.environ.get("FTOPS_INTEROP"):
        pytest.fail(why)
    pytest.skip(f"{why}: make interop installs it")


def live(folder: Path, *command: str | Path) -> str:
    """What is printed of a life, with a server and a letterbox of its own."""
    folder.mkdir(exist_ok=True)
    config = folder / "config.yaml"
    with open_letterbox() as letterbox:
        config.write_text(f"webhooks: [{{url: {letterbox!r}, secret_env: LIFE_SECRET}}]\n", encoding="utf-8")
        environment = {"OPENAI_WEBHOOK_SECRET": SECRET, "LIFE_LETTERBOX": letterbox}
        return run(folder, (*LIFE_OPTIONS, "--config", str(config)), *command, **environment)


def run(folder: Path, options: Sequence[str], *command: str | Path, **environment: str) -> str:
    """What a client prints about its life with a server of its own."""
    folder.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FTOPS_", "COV"))}
    with start_server(folder, *options, env={"FTOPS_SERVE_KEY": KEY, "LIFE_SECRET": SECRET}) as server:
        done = subprocess.run(
            [str(part) for part in command],
            env={**inherited, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIFE_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout.decode()[-2000:] + done.stderr.decode() + server.output
    return done.stdout.decode()


def assert_same(expected: str, printed: str) -> None:
    difference: Sequence[str] = [
        *difflib.unified_diff(expected.splitlines(), printed.splitlines(), "expected", "printed", lineterm="", n=0)
    ]
    assert expected == printed, "\n".join(difference)
