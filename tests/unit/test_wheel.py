"""The wheel: what is in it, and that ftops runs from it and from nothing else. ``make package`` tries more of it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, ftops
assert ftops.__file__.startswith(sys.argv[1]), ftops.__file__
from ftops.adapters.templates import load_templates
from ftops.cli.main import run
assert "project/ftops.yaml" in load_templates()
sys.exit(run(["init", sys.argv[2]]) or run(["-C", sys.argv[2], "validate"]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


def test_it_holds_the_package_its_schemas_and_templates_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    source = ROOT / "src/ftops"
    shipped = {
        f"ftops/{path.relative_to(source).as_posix()}"
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    schemas = {f"ftops/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    assert shipped | schemas == {name for name in names if name.startswith("ftops/")}
    assert "ftops/py.typed" in names
    assert "ftops/templates/project/finetunes/data/ticket-router.train.jsonl" in names
    rest = {name.split("/", 1)[1] for name in names if not name.startswith("ftops/")}
    assert rest == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_ftops_starts_a_project_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*install, "--target", str(place), str(wheel)], check=True, timeout=120)
    # -P: not from the folder it is run in. What ftops needs comes from the environment of the tests.
    env = {**os.environ, "PYTHONPATH": str(place), "GIT_CONFIG_GLOBAL": os.devnull}
    command = [sys.executable, "-P", "-c", PROGRAM, str(place), str(tmp_path / "acme")]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 fine-tune valid: ticket-router" in done.stdout
    version = [str(place / "bin/ftops"), "--version"]
    assert subprocess.run(version, env=env, capture_output=True, text=True, timeout=60, check=True).stdout.startswith(
        "ftops, version "
    )
