"""Hostile words in the doctor's findings: whoever wrote them, they stay words."""

from pathlib import Path
from typing import Any

import pytest

from ftops.cli.render_doctor import print_findings
from ftops.domain.diagnosis import Check, warning
from hostile_texts import HOSTILE, runner_commands, terminal_tricks


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_words_stay_words(
    text: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    findings = [warning(Check.REMOTE, text, text), warning(Check.PUSH, f"a remote {text}")]
    print_findings(findings, folder=Path("/a") / text.replace("\0", ""), is_verbose=True)
    said = capsys.readouterr().out
    assert said.startswith("! Git")
    assert "  ! remote:" in said
    assert runner_commands(said) == []
    assert terminal_tricks(said) == []
