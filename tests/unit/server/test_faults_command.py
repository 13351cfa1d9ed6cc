"""The option ``--faults``, of the server and of ``ftops serve``."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ftops.cli.main import cli, run
from ftops.server import main


def test_both_commands_explain_the_option() -> None:
    for command, words in ((main.serve, ["--help"]), (cli, ["serve", "--help"])):
        result = CliRunner().invoke(command, words)
        assert result.exit_code == 0
        assert "--faults FILE" in result.output


def test_every_problem_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n  - fault: drop\n  - fault: lag\n    seconds: -1\n", encoding="utf-8")
    assert run(["serve", "--data-dir", str(tmp_path / "data"), "--faults", str(file)]) == 2
    *lines, error, _ = capsys.readouterr().err.splitlines()
    assert [line.split(":")[:2] for line in lines] == [[str(file), f" line {number}"] for number in (2, 3, 4)]
    assert error == f"Error: --faults {file}: 3 problems found"
    assert not (tmp_path / "data").exists()


def test_a_file_that_turned_bad_at_the_last_moment_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "_check_faults", lambda file: None)
    result = CliRunner().invoke(
        main.serve, ["--port", "0", "--data-dir", str(tmp_path / "data"), "--faults", str(tmp_path / "none")]
    )
    assert (result.exit_code, result.output) == (1, "Error: --faults: No such file or directory\n")
