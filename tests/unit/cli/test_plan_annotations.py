"""Remarks at the lines of manifests: which line, how many, and that GitHub's runner reads what was meant."""

from collections import Counter
from pathlib import Path

import pytest

from ftops.adapters.manifest_lines import manifest_lines
from ftops.cli.annotations import MOST_OF_A_LEVEL, Remark, remark_lines
from ftops.cli.plan_annotations import outcome_remarks, plan_remarks, remarks_of
from hostile_plans import hostile_outcome, hostile_plan
from hostile_texts import HOSTILE, runner_commands
from scratch_project import git

MANIFEST = """\
# router
apiVersion: ftops/v1
kind: FineTune
metadata:
  name: router
spec:
  base_model: gpt-4.1-mini-2025-04-14
  aliases:
    staging: latest
    production: latest
  budget: {training_usd: 2}
---
metadata: {name: tone}
spec: {base_model: m}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    root = tmp_path / "models"
    (root / "finetunes").mkdir(parents=True)
    (root / "ftops.yaml").write_text("apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\n", encoding="utf-8")
    (root / "finetunes/router.yaml").write_text(MANIFEST, encoding="utf-8")
    (root / "finetunes/broken.yaml").write_text("{", encoding="utf-8")
    (root / "finetunes/again.yaml").write_text("metadata: {name: tone}\n---\n- 1\n", encoding="utf-8")
    return root


def test_a_fine_tune_is_found_with_the_lines_of_its_fields(project: Path) -> None:
    places = manifest_lines(project, project.parent)
    assert sorted(places) == ["router", "tone"]
    router = places["router"]
    assert router.path == "models/finetunes/router.yaml"
    assert router.line("/spec/aliases/production") == 10
    assert router.line("/spec/nothing", "/spec/base_model") == 7
    assert router.line("/spec/nothing") == router.line() == 5
    assert places["tone"].line() == 1  # of again.yaml, which comes first


def test_a_manifest_that_is_no_file_of_ours_is_left_out(project: Path) -> None:
    outside = project.parent / "outside.yaml"
    outside.write_text(MANIFEST.replace("router", "stranger"), encoding="utf-8")
    (project / "finetunes/link.yaml").symlink_to(outside)
    assert "stranger" not in manifest_lines(project, project.parent)


def test_every_remark_stands_where_it_belongs(project: Path) -> None:
    places = manifest_lines(project, project.parent)
    remarks = list(plan_remarks(hostile_plan("production"), places))
    at = [(one.level, one.title, one.line) for one in remarks]
    assert at == [
        ("error", "To be mended", 8),
        ("warning", "Refused", 11),
        ("warning", "Withheld by a gate", 10),
        ("notice", "Notice", 5),
        ("notice", "Notice", None),
        ("notice", "Not all could be looked at", None),
    ]
    assert remarks[2].message.startswith("router: production does not move to 0123456789ab: fail; ")


def test_without_manifests_there_are_remarks_without_a_place() -> None:
    assert [one.path for one in plan_remarks(hostile_plan("x"), {})] == [None] * 6


def test_an_outcome_tells_what_failed_and_what_remains() -> None:
    remarks = list(outcome_remarks(hostile_outcome("x"), {}))
    assert Counter(one.title for one in remarks)["Failed"] == 11
    assert (remarks[0].message, remarks[11].message) == ("router: x; x", "x; x")
    assert [one.title for one in remarks][11:14] == ["The run ended", "To be mended", "Refused"]
    assert list(remarks_of(None, None, {})) == []
    assert list(remarks_of(hostile_plan("x"), None, {})) == list(plan_remarks(hostile_plan("x"), {}))
    assert list(remarks_of(hostile_plan("x"), hostile_outcome("x"), {})) == remarks


def test_no_more_is_said_than_github_shows() -> None:
    remarks = [Remark(level=level, title="t", message=str(n)) for n in range(30) for level in ("error", "notice")]
    lines = list(remark_lines(remarks))
    assert Counter(line.split()[0] for line in lines) == {"::error": MOST_OF_A_LEVEL, "::notice": MOST_OF_A_LEVEL}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_remark_is_one_command_of_ours(text: str) -> None:
    (line,) = remark_lines([Remark(level="warning", title=text, message=text, path=text, line=3)])
    assert runner_commands(line) == [line]
    assert line.isprintable() or "\ufe0f" in line or text.isprintable() is False
    head, _, message = line.removeprefix("::").partition("::")
    assert head.startswith("warning file=")
    assert [one.partition("=")[0] for one in head.removeprefix("warning ").split(",")] == ["file", "line", "title"]
    assert "\n" not in line
    assert "\r" not in line
    assert "##[" not in line
    assert message == "" or len(message) < 30_000


def test_the_command_prints_them_for_a_workflow(project: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    import json

    from ftops.cli.main import run
    from ftops.domain.plan_json import plan_to_json

    data = plan_to_json(hostile_plan("production"))
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    assert run(["-C", str(project), "comment", "--plan", str(file), "--summary-only"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "::error file=models/finetunes/router.yaml,line=8,title=To be mended::router: production"
    assert len(rest) == 5
    assert run(["-C", str(project), "comment", "--plan", str(file), "--summary-only", "--no-annotations"]) == 0
    assert run(["-C", "/", "comment", "--plan", str(file), "--summary-only"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "::error title=To be mended::router: production"
