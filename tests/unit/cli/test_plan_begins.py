"""What stands before the process that asks a backend is started, and before it is asked: as little as it takes."""

import os
import subprocess
import sys
from pathlib import Path

from ledger_kit import git

PROGRAM = """
import os, sys
from ftops.adapters.early_process import EarlyProcess
from ftops.cli.main import run

class Asked(BaseException):
    pass

def begin(process):
    print(",".join(sorted(sys.modules)))

def say(process, content):
    raise Asked(",".join(sorted(sys.modules)))

os.cpu_count = lambda: 2
EarlyProcess.__init__, EarlyProcess.say, EarlyProcess.close = begin, say, lambda process: None
try:
    run(["plan"])
except Asked as asked:
    print(asked)
"""
NOT_TO_ASK = {"git", "openai", "numpy", "scipy", "jsonschema", "ftops.bootstrap", "ftops.application.observe"}
NOT_TO_BEGIN = NOT_TO_ASK | {"yaml", "jsonschema_rs", "ftops.bootstrap_place", "ftops.ports"}


def test_a_plan_asks_before_it_imports_the_rest(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "ftops.yaml").write_text(
        "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\nspec: {backend: openai}\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "OPENAI_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**environment, "OPENAI_API_KEY": "sk-none"},
        capture_output=True,
        text=True,
        check=True,
    )
    begun, asked = (set(line.split(",")) for line in done.stdout.splitlines())
    assert "ftops.bootstrap_early" in begun, done.stderr
    assert begun.isdisjoint(NOT_TO_BEGIN), begun & NOT_TO_BEGIN
    assert "ftops.bootstrap_place" in asked
    assert asked.isdisjoint(NOT_TO_ASK), asked & NOT_TO_ASK
