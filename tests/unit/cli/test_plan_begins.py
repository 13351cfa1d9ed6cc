"""What stands before the first question to a backend: as little as it takes to know whom to ask."""

import os
import subprocess
import sys
from pathlib import Path

from ledger_kit import git

PROGRAM = """
import os, sys
from ftops.adapters.early_look import EarlyLook
from ftops.cli.main import run

class Begun(BaseException):
    pass

def begin(look):
    raise Begun(",".join(sorted(sys.modules)))

os.cpu_count, EarlyLook.begin = lambda: 2, begin
try:
    run(["plan"])
except Begun as begun:
    print(begun)
"""
NOT_YET = {"git", "openai", "numpy", "scipy", "jsonschema", "ftops.bootstrap", "ftops.application.observe"}


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
    loaded = set(done.stdout.strip().split(","))
    assert "ftops.bootstrap_place" in loaded, done.stderr
    assert loaded.isdisjoint(NOT_YET), loaded & NOT_YET
