"""The option ``--faults``, of the server and of ``ftops serve``."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ftops.cli.main import cli
from ftops.server import main


def test_both_commands_explain_the_option() -> None:
    for command, words in ((main.serve, ["--help"]), (cli, ["serve", "--help"])):
        result = CliRunner().invoke(command, words)
        assert result.exit_code == 0
        assert "--faults FILE" in result.output


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n  - fault: drop\n  - fault: lag\n    seconds: -1\n", encoding="utf-8")
    result = CliRunner().invoke(main.serve, ["--data-dir", str(tmp_path / "data"), "--faults", str(file)])
    assert result.exit_code == 2
    lines = result.output.partition("Error: ")[2].splitlines()
    assert lines[0] == f"--faults {file}:"
    assert [line.split(":")[0] for line in lines[1:]] == ["  line 2", "  line 3", "  line 4"]
    assert not (tmp_path / "data").exists()


def test_a_file_that_turned_bad_at_the_last_moment_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "_check_faults", lambda file: None)
    result = CliRunner().invoke(
        main.serve, ["--port", "0", "--data-dir", str(tmp_path / "data"), "--faults", str(tmp_path / "none")]
    )
    assert (result.exit_code, result.output) == (1, "Error: --faults: No such file or directory\n")
