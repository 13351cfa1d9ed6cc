"""``ftops approved``: what is handed on to an apply, and what is said where nobody approved anything."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ftops.bootstrap_approved as approvals
from apply_world import World
from ftops.adapters.github_approvals import KeptPlan
from ftops.cli.main import run
from ftops.cli.plan_file import read_approval
from ftops.domain.plan import Plan, Train
from ftops.domain.plan_json import plan_to_json
from scratch_project import git


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "init", "-q")
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_EVENT_NAME", "GITHUB_TOKEN", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    return save(tmp_path / "plan.json", World().plan())


def save(path: Path, plan: Plan) -> Path:
    path.write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    return path


def found(monkeypatch: pytest.MonkeyPatch, *kept: KeptPlan) -> list[dict[str, Any]]:
    """Has GitHub keep these; gives what is asked for."""
    asked: list[dict[str, Any]] = []

    def find(_place: object, _environ: object, **words: Any) -> tuple[KeptPlan, ...]:
        asked.append(words)
        return kept

    monkeypatch.setattr(approvals, "find_approvals", find)
    return asked


def approved(*more: str) -> int:
    return run(["approved", "--plan", "plan.json", "--out", "approved", "--repository", "acme/models", *more])


def handed_on(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "approved").iterdir())


def test_what_was_approved_is_handed_on(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = fresh.read_bytes()
    asked = found(monkeypatch, KeptPlan(number=9, content=content), KeptPlan(number=7, content=content))
    assert approved() == 0
    assert capsys.readouterr().out == "Approved with #7, #9.\n"
    assert handed_on(tmp_path) == ["pull-7.json", "pull-9.json"]
    assert (asked[0]["repository"], asked[0]["workflow"]) == ("acme/models", "ftops-plan.yml")


def test_where_one_is_missing_the_present_plan_is_handed_on_alone(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found(monkeypatch, KeptPlan(number=9, content=fresh.read_bytes()))
    assert approved() == 0
    found(
        monkeypatch, KeptPlan(number=9, content=fresh.read_bytes()), KeptPlan(why="no pull request was merged as abc")
    )
    assert approved() == 0
    said = capsys.readouterr()
    assert "Nobody approved a plan: no pull request was merged as abc." in said.err
    assert "whoever approves the deployment approves it" in said.out
    assert handed_on(tmp_path) == ["present.json"]
    assert (tmp_path / "approved/present.json").read_bytes() == fresh.read_bytes()


def test_started_by_hand_it_asks_nobody(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = found(monkeypatch, KeptPlan(number=9, content=b"{}"))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "workflow_dispatch")
    assert approved() == 0
    assert (asked, handed_on(tmp_path)) == ([], ["present.json"])


def test_where_nothing_is_to_be_done_nothing_is_approved(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = found(monkeypatch, KeptPlan(number=9, content=fresh.read_bytes()))
    save(fresh, replace(World().plan(), actions=(), deferred=()))
    assert approved() == 0
    assert (asked, handed_on(tmp_path)) == ([], ["present.json"])
    assert "there is nothing to approve" in capsys.readouterr().out
    approval = read_approval([tmp_path / "approved"])
    assert approval is not None
    assert approval.excess(World().plan())


def test_what_goes_beyond_is_told_before_anybody_is_asked(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = World().plan()
    actions = tuple(a for a in plan.actions if not isinstance(a, Train))
    approved_one = save(
        tmp_path / "approved.json", Plan(project=plan.project, today=plan.today, commit=None, actions=actions)
    )
    found(monkeypatch, KeptPlan(number=9, content=approved_one.read_bytes()))
    assert approved("--result", "result.json") == 6
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert (result["exit_code"], "to train: router on openai" in result["stopped_by"]) == (6, True)
    assert "to train: router on openai" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format_version": "1"}'])
def test_what_is_no_plan_approves_nothing(fresh: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    found(monkeypatch, KeptPlan(number=9, content=content))
    assert approved() == 2


def test_other_files_of_the_folder_stay(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "approved").mkdir()
    (tmp_path / "approved/notes.txt").touch()
    (tmp_path / "approved/pull-1.json").touch()
    found(monkeypatch, KeptPlan(number=9, content=fresh.read_bytes()))
    assert approved() == 0
    assert handed_on(tmp_path) == ["notes.txt", "pull-9.json"]


def test_a_repository_has_to_be_known(fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["approved", "--plan", "plan.json", "--out", "approved"]) == 2
    assert "--repository OWNER/NAME" in capsys.readouterr().err


def test_a_token_has_to_be_there(fresh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert approved() == 9
    assert "GITHUB_TOKEN is not set, so GitHub can't be asked for plans" in capsys.readouterr().err
