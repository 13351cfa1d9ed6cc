"""The demo, as a stranger runs it: from start to end, whatever is set in the environment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

DEMO = Path(__file__).parents[2] / "demo" / "run.py"


@pytest.fixture
def environment(tmp_path):
    """An environment full of what must not matter, with a temporary folder and a home of its own."""
    (tmp_path / "home").mkdir()
    (tmp_path / "temporary").mkdir()
    return {
        **{k: v for k, v in os.environ.items() if k != "KEEP"},
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "FTOPS_BACKEND": "nowhere",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "GIT_DIR": str(tmp_path / "no-such-repository"),
    }


def servers_below(folder):
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]


def test_demo_refuses_mends_promotes_and_leaves_nothing(environment, tmp_path):
    done = subprocess.run(
        [sys.executable, DEMO], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = done.stdout
    for line in (
        "Plan: 2 to train, 2 to evaluate, 2 to promote, 0 to delete. Estimated cost: $0.00.",
        "! production does not move to e3beb882a058: fail",
        "-    train: data/support-triage.train-v1.jsonl",
        "+    train: data/support-triage.train-v2.jsonl",
        "Plan: 1 to train, 1 to evaluate, 1 to promote, 0 to delete. Estimated cost: $0.00.",
        "No changes. What is declared is trained, judged and promoted.",
    ):
        assert line in said
    assert said.index("does not move") < said.index("$ git diff") < said.index("No changes.")
    resolved = said.split("$ ftops resolve support-triage@production\n")[1].splitlines()[0]
    assert resolved.startswith("ft:gpt-4.1-mini-2025-04-14:")
    assert ":support-triage:" in resolved
    assert "\x1b" not in said + done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    assert servers_below(tmp_path) == []


def test_demo_that_is_ended_halfway_cleans_up(environment, tmp_path):
    with subprocess.Popen(
        [sys.executable, DEMO], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as demo:
        for line in demo.stdout:
            if line.startswith("$ ftops apply"):
                break
        time.sleep(0.5)
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
    assert demo.returncode == 143
    assert list((tmp_path / "temporary").iterdir()) == []
    assert servers_below(tmp_path) == []


def test_demo_says_which_step_went_wrong(environment, tmp_path):
    broken = tmp_path / "checkout"
    (broken / "demo").mkdir(parents=True)
    (broken / "demo" / "run.py").write_bytes(DEMO.read_bytes())
    (broken / "finetunes").mkdir()
    (broken / "finetunes" / "support-triage.yaml").write_text("kind: Nonsense\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, broken / "demo" / "run.py"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "demo: `ftops plan` ended with exit code 2, not 0" in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
