"""``ftops init`` and ``ftops schema`` as commands."""

import json
import os
from pathlib import Path

import pytest

from ftops.adapters.schemas import load_schema
from ftops.cli.main import run


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def data(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert run(["-C", str(tmp_path), "init", "--json", *words]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def test_a_second_init_has_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = data(tmp_path, capsys, "--name", "acme")
    assert (first["name"], first["kept"], first["has_started_repository"]) == ("acme", [], True)
    second = data(tmp_path, capsys)
    assert (second["written"], second["kept"]) == ([], first["written"])
    assert run(["-C", str(tmp_path), "init"]) == 0
    assert "Nothing to write: project acme" in capsys.readouterr().out


def test_what_is_missing_is_written_again_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data(tmp_path, capsys)
    (tmp_path / "finetunes/data/ticket-router.test.jsonl").unlink()
    (tmp_path / ".gitignore").write_text("mine")
    assert data(tmp_path, capsys)["written"] == ["finetunes/data/ticket-router.test.jsonl"]
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_what_init_wrote_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data(tmp_path, capsys, "--backend", "openai")
    assert run(["-C", str(tmp_path), "validate"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "1 fine-tune valid: ticket-router\n"
    assert captured.err == ""  # not even a piece of advice about its data


def test_its_words_lead_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "init", "a b", "--ci", "none"]) == 0
    out = capsys.readouterr().out
    assert "Project a-b in a b, trained on backend embedded. Written:\n  + .gitignore\n  + ftops.yaml\n" in out
    assert "\n  cd 'a b'\n  ftops apply " in out
    assert "\n  git add .gitignore finetunes ftops.yaml schemas\n  git commit -m" in out
    assert run(["-C", str(tmp_path / "a b"), "init", "--backend", "openai", "--ci", "gitlab"]) == 0
    captured = capsys.readouterr()
    assert "--name and --backend change nothing" in captured.err
    assert "There already, and left as it was:\n    .gitignore\n" in captured.out


def test_workflows_above_the_project_are_to_be_committed_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data(tmp_path, capsys, "--ci", "none")
    (tmp_path / "ftops.yaml").unlink()
    steps = data(tmp_path, capsys, "below")["next"]
    assert isinstance(steps, list)
    assert steps[-2:] == [
        "git add .gitignore finetunes ftops.yaml schemas :/.github",
        "git commit -m 'Start with ftops'",
    ]


def test_for_openai_a_rehearsal_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = data(tmp_path, capsys, "--backend", "openai", "--ci", "none")["next"]
    assert isinstance(steps, list)
    assert steps[0] == "ftops apply --backend embedded"
    assert steps[-1] == "ftops plan"


def test_no_name_is_exit_2_and_nothing_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "init", "___"]) == 2
    assert "ftops init --name my-project" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_schemas_are_printed_listed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "project"]) == 0
    assert json.loads(capsys.readouterr().out) == load_schema("project.v1")
    assert run(["schema"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "finetune",
        "project",
        "plan",
        "outcome",
        "ledger",
    ]
    assert run(["-C", str(tmp_path), "schema", "--out", "s"]) == 0
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        f"{name}.v1.json" for name in ("finetune", "ledger", "outcome", "plan", "project")
    ]
    assert run(["-C", str(tmp_path), "schema", "plan", "--out", "one"]) == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["plan.v1.json"]


def test_a_link_in_place_of_a_schema_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.v1.json").symlink_to(tmp_path / "elsewhere")
    assert run(["-C", str(tmp_path), "schema", "plan", "--out", "."]) == 2
    assert "no plain file" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()
