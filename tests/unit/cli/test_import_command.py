"""``ftops import``: what the words may be, and how a report reads."""

import json
from pathlib import Path

import pytest

from ftops.application.import_jobs import Imported, Report
from ftops.cli import main
from ftops.cli.render_import import print_report, report_to_json
from ftops.domain.adoption import LeftOut
from scratch_project import git

PROJECT = "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\nspec:\n  backend: openai\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("FTOPS_BACKEND", raising=False)
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "ftops.yaml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give the ids of jobs, or --all"),
        (["--all", "ftjob-a"], "give the ids of jobs, or --all"),
        (["ftjob-a", "--filter", "suffix=x"], "--filter goes with --all"),
        (["--all", "--filter", "name=x"], "--filter takes suffix=GLOB, not 'name=x'"),
        (["--all", "--filter", "suffix"], "--filter takes suffix=GLOB"),
        (["--all", "--alias", "Prod"], "--alias takes a DNS label"),
        (["--all", "--backend", "nowhere"], "no backend is named nowhere; there are embedded, openai"),
    ],
)
def test_words_that_are_off(project: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main.run(["-C", str(project), "import", *words]) == 2
    assert said in capsys.readouterr().err


def test_without_a_key(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["-C", str(project), "import", "--all"]) == 9
    assert "OPENAI_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "apiVersion: ftops/v1\nkind: Project\nspec: {backend: openai}\n"])
def test_a_project_without_a_name(project: Path, capsys: pytest.CaptureFixture[str], text: str | None) -> None:
    (project / "ftops.yaml").unlink()
    if text is not None:
        (project / "ftops.yaml").write_text(text, encoding="utf-8")
    assert main.run(["-C", str(project), "import", "--all", "--backend", "openai"]) == 2
    told = capsys.readouterr().err
    assert "the project has no name" in told
    assert "metadata: {name: my-project}" in told


def test_manifests_that_are_wrong_are_told_of_first(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "finetunes").mkdir()
    (project / "finetunes/x.yaml").write_text("kind: FineTune\n", encoding="utf-8")
    assert main.run(["-C", str(project), "import", "--all"]) == 2
    assert "finetunes/x.yaml:1:1" in capsys.readouterr().err


ROUTER = Imported(
    name="router",
    label="Router\x1b[31m",
    base_model="gpt-4o",
    jobs=("ftjob-a", "ftjob-b"),
    revision="3f9a1c2b7d10",
    path="finetunes/router.yaml",
    data=("finetunes/data/router.train.jsonl",),
    notes=("no validation data: file file-v is gone",),
)
HISTORY = Imported(
    name="old", label="", base_model="gpt-4o", jobs=("ftjob-c",), revision=None, path=None, data=(), notes=()
)
GONE = Imported(
    name="gone", label="gone", base_model="g", jobs=("ftjob-d",), revision="0" * 12, path="g.yaml", data=(), notes=()
)
LEFT = (
    LeftOut(job="ftjob-x", why="its model is gone"),
    LeftOut(job="ftjob-y", why="its model is gone"),
    LeftOut(job="ftjob-z", why="it made no model (failed)"),
    LeftOut(job="ftjob-k", why="the ledger has it already, as router", is_known=True),
)


def test_a_report_reads_as_a_table_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(imported=(GONE, HISTORY, ROUTER), left_out=LEFT, is_recovery=True)
    print_report(report, backend="openai", is_dry_run=False, is_all=True, alias=None)
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "OLD             NEW     BASE MODEL  JOBS  REVISION      DATA",
        "gone            gone    g           1     000000000000  gone",
        "(no suffix)     old     gpt-4o      1                   (manifest is there)",
        "Router\\x1b[31m  router  gpt-4o      2     3f9a1c2b7d10  finetunes/data/router.train.jsonl",
        "",
        "Not recovered:",
        "  router: no validation data: file file-v is gone",
        "",
        "Not imported:",
        "  2 jobs (such as ftjob-x): its model is gone",
        "  ftjob-z: it made no model (failed)",
        "",
        "Imported 3 fine-tunes of 4 jobs at openai.",
    ]
    assert "Evaluations, the aliases' history and the protection" in told.err
    assert "Aliases point nowhere until" in told.err
    assert "2 manifests written." in told.err


def test_named_jobs_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(Report(imported=(), left_out=LEFT), backend="openai", is_dry_run=False, is_all=False, alias=None)
    told = capsys.readouterr()
    assert [line.split(":")[0] for line in told.out.splitlines()] == [
        "",
        "Not imported",
        "  ftjob-x",
        "  ftjob-y",
        "  ftjob-z",
        "  ftjob-k",
        "",
    ]
    assert told.err == "Nothing was imported.\n"


def test_a_dry_run_says_that_nothing_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(imported=(ROUTER,), left_out=())
    print_report(report, backend="openai", is_dry_run=True, is_all=True, alias="production")
    assert capsys.readouterr().err == "Would import 1 fine-tune of 2 jobs at openai. Nothing was written.\n"


def test_history_alone_writes_no_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(imported=(HISTORY,), left_out=(), is_recovery=True)
    print_report(report, backend="openai", is_dry_run=False, is_all=True, alias="production")
    told = capsys.readouterr().err
    assert "written" not in told
    assert "point nowhere" not in told


def test_the_report_as_json() -> None:
    data = report_to_json(Report(imported=(ROUTER,), left_out=LEFT[:1]), is_dry_run=True)
    assert json.loads(json.dumps(data)) == {
        "format_version": "1",
        "dry_run": True,
        "recovered_a_lost_ledger": False,
        "imported": [
            {
                "old": "Router\x1b[31m",
                "name": "router",
                "base_model": "gpt-4o",
                "jobs": ["ftjob-a", "ftjob-b"],
                "revision": "3f9a1c2b7d10",
                "manifest": "finetunes/router.yaml",
                "data": ["finetunes/data/router.train.jsonl"],
                "not_recovered": ["no validation data: file file-v is gone"],
            }
        ],
        "left_out": [{"job": "ftjob-x", "why": "its model is gone", "known": False}],
    }
