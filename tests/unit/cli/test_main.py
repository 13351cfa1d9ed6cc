"""The one error boundary: what the operating system refuses is told in a sentence, not as a fault of ours."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ftops.cli import main
from ftops.cli.style import has_color
from scratch_project import git


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", ".ftops/x"),
            "No space left on device: .ftops/x\n  free space",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "a.json"), "Permission denied: a.json"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
    ],
)
def test_a_refusal_of_the_system_is_no_fault_of_ours(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(main, "cli", click.Command("ftops", callback=fail))
    monkeypatch.setattr(main.cli, "main", lambda **_: fail())
    assert main.run([]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"Error: {said}")
    assert "fault" not in told


def run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    whole = f"{sys.executable} -m ftops {command}"
    environment = {**os.environ, "HOME": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        whole, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    text = "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\nspec:\n  backend: embedded\n"
    (tmp_path / "ftops.yaml").write_text(text, encoding="utf-8")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "Begin")
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["status", "--help"])
def test_output_that_can_not_be_written_is_told(command: str, project: Path) -> None:
    done = run(f"{command} >/dev/full", project)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: standard output can't be written: No space left on device\n",
    )


@pytest.mark.parametrize("command", ["plan", "status"])
def test_a_closed_standard_output_is_no_fault(command: str, project: Path) -> None:
    done = run(f"{command} >&-", project)
    assert (done.returncode, "unexpected" in done.stderr) == (0, False), done.stderr


def test_a_closed_stream_has_no_color() -> None:
    assert not has_color(None)


def test_a_working_folder_that_is_gone_is_told_by_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main.run(["doctor"]) == 2
    assert capsys.readouterr().err == "Error: the folder that this was started in is gone\n  cd to another one\n"
    assert main.run(["-C", str(tmp_path), "validate"]) == 2
    assert "not in a git repository" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
