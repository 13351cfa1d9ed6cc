"""``ftops init`` and ``ftops schema`` as commands."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters.schemas import load_schema
from ftops.cli.main import run


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def data(tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["-C", str(tmp_path), "init", "--json", *words]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
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
    assert out.endswith("\n\nftops.yaml tells how to move to OpenAI: by one word, and a key.\n")
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


def test_what_was_there_is_not_staged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / ".github").mkdir()
    steps = data(tmp_path, capsys, "--ci", "github")["next"]
    assert isinstance(steps, list)
    assert steps[-2] == (
        "git add .github/actions .github/workflows .gitignore finetunes ftops.yaml"
        " schemas/finetune.v1.json schemas/project.v1.json"
    )


def test_for_openai_a_rehearsal_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "init", "--backend", "openai", "--ci", "none"]) == 0
    out = capsys.readouterr().out
    steps = out.partition("\nNext:\n")[2].splitlines()
    assert steps[0].startswith("  ftops apply --backend embedded   rehearse ")
    assert steps[-2].startswith("  export OPENAI_API_KEY=…          the key of backend openai")
    assert steps[-1].startswith("  ftops plan                       what ")
    assert max(map(len, out.splitlines())) <= 80
    assert "move to OpenAI" not in out


@pytest.mark.parametrize(
    ("backend", "key"),
    [
        (
            "{type: openai, base_url: 'http://127.0.0.1:8400/v1', api_key_env: FTOPS_BOX_KEY}",
            ["export FTOPS_BOX_KEY=…"],
        ),
        ("{type: openai, base_url: 'http://127.0.0.1:8400/v1'}", []),
    ],
)
def test_a_backend_of_ones_own_needs_its_own_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], backend: str, key: list[str]
) -> None:
    (tmp_path / "ftops.yaml").write_text(
        f"apiVersion: ftops/v1\nkind: Project\nmetadata: {{name: x}}\nspec: {{backend: box, backends: {{box: {backend}}}}}"
    )
    answer = data(tmp_path, capsys, "--ci", "none")
    assert (answer["backend"], answer["next"][3:]) == ("box", [*key, "ftops plan"])


def test_manifests_of_ones_own_are_planned_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "finetunes").mkdir()
    (tmp_path / "finetunes/own.yaml").write_text("spec: {backend: openai}")  # training it is no matter of this machine
    assert data(tmp_path, capsys, "--ci", "none")["next"][:2] == ["ftops plan", "ftops apply"]


def test_a_file_in_place_of_the_manifests_folder_is_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "finetunes").touch()
    assert run(["-C", str(tmp_path), "init"]) == 2
    assert "'finetunes' should be a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["finetunes"]


def test_a_folder_that_looks_like_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data(tmp_path, capsys, "--ci", "none", "--", "-x")["next"][0] == "cd ./-x"


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
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / ".project.v1.json.new").symlink_to(tmp_path / "elsewhere")  # a draft's name is nobody's to guess
    assert run(["-C", str(tmp_path), "schema", "project", "--out", "s"]) == 0
    (folder / "plan.v1.json").symlink_to(tmp_path / "elsewhere")
    assert run(["-C", str(tmp_path), "schema", "plan", "--out", "s"]) == 2
    assert "no plain file" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        ".project.v1.json.new",
        "plan.v1.json",
        "project.v1.json",
    ]


def test_a_file_in_place_of_the_schemas_folder_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/out").touch()
    monkeypatch.chdir(tmp_path / "here")
    assert run(["-C", "..", "schema", "plan", "--out", "out"]) == 0  # another out: that of -C
    assert run(["-C", ".", "schema", "plan", "--out", "out"]) == 2
    assert "out is a file" in capsys.readouterr().err
