"""ftops as a step: which exit codes pass, what is annotated, and that nothing foreign is a command meanwhile."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ftops.cli import ci_step
from ftops.errors import Problem


def play(monkeypatch: pytest.MonkeyPatch, code: object, says: str = "") -> list[Sequence[str]]:
    """Has ftops say a line and end with a code; gives what it is called with."""
    calls: list[Sequence[str]] = []

    def main(words: Sequence[str]) -> None:
        calls.append(words)
        sys.stdout.write(f"{says}\n")
        raise SystemExit(code)

    monkeypatch.setattr(ci_step, "main", main)
    return calls


@pytest.mark.parametrize(
    ("code", "ends", "annotation"),
    [
        (0, 0, None),
        (1, 1, "::error title=ftops apply::exit 1: failed"),
        (4, 0, "::warning title=ftops apply::exit 4: a gate did not pass, so an alias stays where it is"),
        (6, 6, "::error title=ftops apply::exit 6: not begun: "),
        (8, 0, "::notice title=ftops apply::exit 8: jobs still run; the next run goes on with them"),
        (130, 130, "::error title=ftops apply::exit 130: interrupted"),
        (77, 77, "::error title=ftops apply::exit 77: failed"),
    ],
)
def test_which_codes_pass(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: int,
    ends: int,
    annotation: str | None,
) -> None:
    calls = play(monkeypatch, code)
    outputs = tmp_path / "outputs"
    outputs.write_text("before=1\n", encoding="utf-8")
    words = ["apply", "--auto-approve"]
    assert ci_step.step(words, {"FTOPS_SUCCESS_CODES": "4 8", "GITHUB_OUTPUT": str(outputs)}) == ends
    assert calls == [words]
    assert outputs.read_text(encoding="utf-8") == f"before=1\nexit-code={code}\n"
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::") and " title=" in line]
    assert len(said) == (annotation is not None)
    assert said[:1] == [] or said[0].startswith(str(annotation))


def test_no_code_but_0_passes_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in range(1, 10):
        play(monkeypatch, code)
        assert ci_step.step(["apply"], {}) == code
    play(monkeypatch, "words")
    assert ci_step.step(["apply"], {"FTOPS_SUCCESS_CODES": "4 8"}) == 1
    monkeypatch.setattr(ci_step, "main", lambda _words: None)
    assert ci_step.step(["apply"], {}) == 0


def test_what_ftops_says_is_no_command_to_the_runner(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, 0, says="::add-mask::a")
    ci_step.step(["plan"], {})
    _, first, foreign, last = capsys.readouterr().out.splitlines()
    token = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", first)
    assert token is not None
    assert (foreign, last) == ("::add-mask::a", f"::{token[1]}::")
    ci_step.step(["plan"], {})
    assert capsys.readouterr().out.splitlines()[1] != first


def test_what_annotates_may(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    play(monkeypatch, 2, says="::error file=a.yaml::x")
    ci_step.step(["comment"], {})
    assert capsys.readouterr().out.splitlines()[1] == "::error file=a.yaml::x"


def test_errors_in_files_are_found_by_a_pattern(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    play(monkeypatch, 0)
    ci_step.step(["validate"], {})
    _, _, file = capsys.readouterr().out.splitlines()[0].partition("::add-matcher::")
    errors, warnings = json.loads(Path(file).read_text(encoding="utf-8"))["problemMatcher"]
    (pattern,) = errors["pattern"]
    problem = Problem(
        file="finetunes/a b.yaml", line=3, column=18, field="/metadata/name", expected="a label: got 'X: 1:2 y'"
    )
    found = re.match(pattern["regexp"], str(problem))
    assert found is not None
    fields = {name: found[pattern[name]] for name in ("file", "line", "column", "message")}
    assert fields == {
        "file": "finetunes/a b.yaml",
        "line": "3",
        "column": "18",
        "message": "/metadata/name: a label: got 'X: 1:2 y'",
    }
    finding = "Warning: finetunes/data/test.jsonl:4:1: D102 near-duplicate-example, 9 rows: nearly the prompt of line 1"
    assert re.match(warnings["pattern"][0]["regexp"], finding)
    assert not re.match(pattern["regexp"], finding)
    for line in (
        "Warning: finetunes/a.yaml:1: router: no gate",
        "  ! data/a.jsonl:1: D105 leak",
        "Plan: 1 to train",
        "",
    ):
        assert not re.match(pattern["regexp"], line)


@pytest.mark.parametrize("word", ["::set-env", "a\nb", "x y", "--json", "ü"])
def test_words_do_not_get_into_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    play(monkeypatch, 1)
    ci_step.step([word], {})
    assert capsys.readouterr().out.splitlines()[-1] == "::error title=ftops ::exit 1: failed"
