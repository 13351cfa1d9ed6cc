"""Words after Tab: commands, options and names, for each shell; and never an error in somebody's prompt."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftops.cli.completion_words import VARIABLE, items
from ftops.cli.main import run
from scratch_ledger import LAB, record, trained, write_ledger
from scratch_project import make_project


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scratch = make_project(tmp_path_factory.mktemp("completion"), None)
    scratch.manifest("mood", aliases="{staging: latest, production: latest}")
    text = (scratch.root / "finetunes/mood.yaml").read_text(encoding="utf-8")
    labelled = text.replace("moved_from: []", "labels: {team: support, tier: 'a $(b)'}")
    scratch.write("finetunes/mood.yaml", labelled)
    scratch.write("finetunes/broken.yaml", "apiVersion: ftops/v1\nkind: [\n")
    return scratch.root


def asked(
    line: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    word: str | None = None,
) -> list[str]:
    monkeypatch.chdir(folder)
    monkeypatch.setenv(VARIABLE, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_WORD", line.rpartition(" ")[2] if word is None else word)
    assert run([]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return told.out.splitlines()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ftops va", ["validate"]),
        ("ftops plan --det", ["--detailed-exitcode"]),
        ("ftops --no", ["--no-color"]),
        ("ftops show ", ["mood", "router"]),
        ("ftops show m", ["mood"]),
        ("ftops resolve mood@p", ["mood@production"]),
        ("ftops resolve ro", ["router", "router@production"]),
        ("ftops plan --backend e", ["embedded"]),
        ("ftops eval mood --eval ", ["intent"]),
        ("ftops plan --label t", ["team=support"]),  # and none that a shell would have to be told about
        ("ftops apply --allow d", ["dirty", "diverged"]),
        ("ftops prune --allow ", ["dirty", "diverged", "mass-delete", "no-retrain"]),
        ("ftops resolve router --format ", ["text", "json", "env", "github"]),
        ("ftops data st", ["stats"]),
        ("ftops ledger verify --acc", ["--accept"]),
        ("ftops rollback router --alias ", ["production"]),
        ("ftops promote mood --to ", ["production", "staging"]),
        ("ftops forget xyz", []),
        ("ftops history m", ["mood"]),
        ("ftops 'unclosed", []),
        ("ftops -C nowhere/at/all show m", ["mood"]),
    ],
)
def test_what_may_stand_there(
    line: str, words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(line, folder, monkeypatch, capsys) == [f"plain,{word}" for word in words]


def test_revisions_are_those_of_the_fine_tune_that_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scratch, known = make_project(tmp_path, LAB), ("123456789012", "3f9a1c2b7d10")
    write_ledger(scratch, record({one: trained(one, 1) for one in known}))
    line = "ftops promote router --to production --revision "
    assert asked(line, scratch.root, monkeypatch, capsys) == [f"plain,{one}" for one in known]
    assert asked(f"{line}3f", scratch.root, monkeypatch, capsys) == [f"plain,{known[1]}"]


@pytest.mark.parametrize(
    ("line", "word", "words"),
    [
        ("ftops resolve mood@p", "@p", ["@production"]),
        ("ftops plan --backend=o", "o", ["openai"]),
        ("ftops plan --label team=s", "s", ["support"]),
        ("ftops plan --label team=", "", ["support"]),
    ],
)
def test_bash_is_given_what_takes_the_place_of_the_part_that_it_completes(
    line: str,
    word: str,
    words: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert asked(line, folder, monkeypatch, capsys, word=word) == [f"plain,{one}" for one in words]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_given_whole_words(
    shell: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv(VARIABLE, f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", "ftops plan --backend=em")
    monkeypatch.setenv("COMP_CWORD", "2" if shell == "zsh" else "--backend=em")
    assert run([]) == 0
    assert "--backend=embedded" in capsys.readouterr().out


def test_another_folder_is_looked_into(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in (f"ftops -C {folder} show m", f"ftops show -C {folder} m"):
        assert asked(line, tmp_path, monkeypatch, capsys) == ["plain,mood"]


def test_outside_of_a_project_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "ftops show ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run([]) == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("instruction", ["bash_source", "tcsh_complete", "1"])
def test_another_question_has_no_answer(
    instruction: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, instruction)
    assert run([]) == 1
    assert capsys.readouterr() == ("", "")


def test_words_that_a_shell_could_misread_are_left_out() -> None:
    words = ["a b", "a\nplain,rm", "a;b", "a$(x)", "", "ä", "a-b", "a@b"]
    assert [item.value for item in items(words, "a")] == ["a-b", "a@b"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_ftops(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert f"{VARIABLE}={shell}_complete" in said
    assert "_ftops_completion" in said


def test_the_shell_is_known_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run(["completion"]) == 0
    assert "fish_complete" in capsys.readouterr().out
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert run(["completion"]) == 2
    assert capsys.readouterr().err == "Error: which shell?\n  ftops completion bash|zsh|fish\n"


def test_bash_itself_completes_a_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "bash"]) == 0
    (tmp_path / "ftops.bash").write_text(capsys.readouterr().out, encoding="utf-8")
    (tmp_path / "ftops").write_text('#!/bin/sh\nexec python -m ftops "$@"\n', encoding="utf-8")
    (tmp_path / "ftops").chmod(0o755)
    line = "ftops resolve mood@pr"
    script = f"""
source ftops.bash
cd '{folder}'
COMP_LINE='{line}' COMP_POINT={len(line)}
_ftops_completion ftops @pr
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    python = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{python}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("@production\n", "")
