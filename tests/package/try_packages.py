"""Builds wheel and sdist and tries them as a stranger would: ``make package``. Asks the package index for what ftops needs.

- The same source gives the same bytes, and the sdist the same wheel.
- Into a clean environment: ``pip install WHEEL``, then from an empty folder to a promoted model in two commands;
  ``python -m ftops``, and a program that uses the Python API, which mypy checks.
- The same with the oldest versions that ``pyproject.toml`` admits of what ftops depends on.
- ``pipx run --spec WHEEL ftops``.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 600
CLIENT: Final = """\
from ftops import FtopsError, Plan, Project, Resolved, load_project, plan, resolve

found: Resolved = resolve("ticket-router@production", cached=True)
project: Project = load_project()
nothing: Plan = plan()
assert found.model.startswith("ft:gpt-4.1-mini"), found
assert project.fine_tune("ticket-router").revision == found.revision
assert not nothing.has_changes
try:
    resolve("nobody")
except FtopsError as error:
    print(f"{found.name}@{found.alias} {found.revision}; nobody: {error}")
"""


def main() -> int:
    """Goes through all of it in a temporary folder; raises where something is not as it should be."""
    with tempfile.TemporaryDirectory(prefix="ftops-package-") as place:
        folder = Path(place)
        wheel, sdist = build(ROOT, folder / "first"), folder / "first"
        again = build(ROOT, folder / "second")
        say(f"built {wheel.name}, {wheel.stat().st_size:,} bytes")
        assert wheel.read_bytes() == again.read_bytes(), "the wheel's bytes differ from build to build"
        source = unpacked(sdist, folder / "source")
        assert wheel.read_bytes() == build(source, folder / "third").read_bytes(), "the sdist builds another wheel"
        say("the same bytes again, and from the sdist")
        python = installed(folder / "clean", str(wheel))
        first_model(python, folder / "home")
        say("and with the oldest versions:")
        first_model(installed(folder / "oldest", str(wheel), *oldest_versions()), folder / "oldest-home")
        with_pipx(folder, wheel)
    return 0


def build(source: Path, into: Path) -> Path:
    """Builds both and gives the wheel."""
    when = {"SOURCE_DATE_EPOCH": "1760000000"}
    run([sys.executable, "-m", "hatchling", "build", "-d", str(into)], source, when)
    return next(into.glob("*.whl"))


def unpacked(folder: Path, into: Path) -> Path:
    """Unpacks the sdist in a folder."""
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(into, filter="data")
    return next(into.iterdir())


def installed(folder: Path, *what: str) -> Path:
    """Makes a clean environment with these packages and gives its interpreter."""
    run([sys.executable, "-m", "venv", str(folder)], ROOT)
    python = folder / "bin/python"
    run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what], ROOT)
    return python


def oldest_versions() -> list[str]:
    """Gives what ftops depends on, each held to the oldest version that it admits."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [needed.replace(">=", "==", 1) for needed in project["dependencies"]]


def first_model(python: Path, home: Path) -> None:
    """Goes from an empty folder to a promoted model, and asks for it from Python."""
    project = home / "Acme Support"
    project.mkdir(parents=True)
    ftops, env = str(python.parent / "ftops"), {"HOME": str(home)}
    say(run([ftops, "--version"], project, env).strip())
    assert run([str(python), "-m", "ftops", "--version"], project, env) == run([ftops, "--version"], project, env)
    try:
        run([ftops, "init"], project, env)
        say(run([ftops, "apply", "--auto-approve"], project, env).strip().splitlines()[-1].strip())
        (home / "client.py").write_text(CLIENT, encoding="utf-8")
        run(
            [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(python), str(home / "client.py")],
            home,
        )
        say(run([str(python), "-W", "error", str(home / "client.py")], project, env).strip())
    finally:
        end_server(project)


def with_pipx(folder: Path, wheel: Path) -> None:
    """Runs ftops once by pipx, in folders of its own."""
    python = installed(folder / "pipx", "pipx")
    env = {"PIPX_HOME": str(folder / "pipx-home"), "PIPX_BIN_DIR": str(folder / "pipx-bin"), "HOME": str(folder)}
    say(
        "pipx: "
        + run([str(python), "-m", "pipx", "run", "--spec", str(wheel), "ftops", "--version"], folder, env).strip()
    )


def run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Runs a command and gives what it printed; tells all of it where it fails."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FTOPS_", "OPENAI_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, cwd=folder, env={**kept, **(env or {})}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def end_server(project: Path) -> None:
    """Ends the embedded server of a project at once; by itself it would a little later."""
    announced = project / ".ftops/embedded/server.json"
    if not announced.exists():
        return
    known = json.loads(announced.read_text(encoding="utf-8"))
    try:
        process = psutil.Process(known["pid"])
        if abs(process.create_time() - known["create_time"]) < 1:
            process.terminate()
            process.wait(20)
    except psutil.NoSuchProcess:
        return


def say(text: str) -> None:
    """Tells how far it is."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    assert shutil.which("git"), "there is no git"
    sys.exit(main())
