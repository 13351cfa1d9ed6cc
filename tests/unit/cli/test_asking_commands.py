"""``retry``, ``cancel`` and ``forget`` on real repositories, without a key and without a backend."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from ftops.bootstrap import load_desired, open_catalog
from ftops.bootstrap_place import find_place
from ftops.cli.main import run
from ftops.domain.attempts import JobStatus
from ftops.domain.events import AliasMoved, AnyEvent, BackendSeen, Intended, JobObserved, JobRecorded, Renamed, Started
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.records import DatasetRecord, LedgerState, Target
from ftops.ports import LedgerWriter
from scratch_project import Scratch, make_project

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LAB, ROUTER = BackendName("lab"), FineTuneName("router")


class Project:
    """A scratch project whose ledger holds what a test wrote into it."""

    def __init__(self, folder: Path) -> None:
        self.scratch: Scratch = make_project(folder, "http://127.0.0.1:9/v1")
        self.root = str(self.scratch.root)
        self.record(
            Started(at=AT, project=self.scratch.project_name, ledger_id="L1"),
            BackendSeen(at=AT, backend=LAB, base_url="http://127.0.0.1:9/v1"),
            self.declared(),
        )

    @property
    def ledger(self) -> LedgerWriter:
        catalog = open_catalog(find_place(self.scratch.root), backend=None)
        return catalog.ledgers.of(catalog.project.backends[LAB])

    @property
    def state(self) -> LedgerState:
        return self.ledger.read().state

    def revision(self) -> Revision:
        (declared,) = load_desired(find_place(self.scratch.root), backend=None).fine_tunes
        return declared.revision

    def declared(self) -> Any:
        from ftops.domain.events import RevisionDeclared

        data = DatasetRecord(path="train.jsonl", sha256="a" * 64, rows=60)
        return RevisionDeclared(at=AT, fine_tune=ROUTER, revision=self.revision(), spec={}, train=data)

    def about(self, attempt: int = 1) -> dict[str, Any]:
        return {"at": AT, "fine_tune": ROUTER, "revision": self.revision(), "backend": LAB, "attempt": attempt}

    def record(self, *events: AnyEvent) -> None:
        self.ledger.record(events)

    def job(self, id_: str = "ftjob-1", attempt: int = 1) -> None:
        self.record(JobRecorded(**self.about(attempt), job=id_, status=JobStatus.RUNNING))

    def end(self, status: JobStatus, **more: Any) -> None:
        self.record(JobObserved(**self.about(), job="ftjob-1", status=status, **more))

    def ftops(self, *words: str) -> int:
        return run(["-C", self.root, *words])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_retry_says_what_it_found_and_writes_once(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.job()
    assert project.ftops("retry", "router") == 1
    assert "is running: nothing to retry" in capsys.readouterr().err
    project.end(JobStatus.FAILED, error_message="row 3 is bad\x1b[31m")
    assert project.ftops("retry", "router") == 0
    told = capsys.readouterr()
    assert told.out.startswith("router: job ftjob-1 of revision ")
    assert r"failed: row 3 is bad\x1b[31m; the next apply makes attempt 2" in told.out
    (asked,) = project.state.fine_tunes["router"].requests
    assert (asked.kind.value, asked.revision, asked.attempt) == ("retry", project.revision(), 1)
    tip = project.ledger.read().tip
    assert project.ftops("retry", "router", "--json") == 0
    assert "was asked for on" in json.loads(capsys.readouterr().out)["message"]
    assert project.ledger.read().tip == tip


def test_retry_works_in_a_dirty_work_tree_and_by_a_former_name(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.job()
    project.end(JobStatus.CANCELLED)
    (project.scratch.root / "finetunes/router.yaml").unlink()
    project.scratch.manifest("dispatcher", moved_from="[router]")
    assert project.ftops("retry", "router", "--json") == 0
    told = capsys.readouterr()
    assert "Warning: router is called dispatcher now" in told.err
    assert json.loads(told.out) == {
        "format_version": "1",
        "fine_tune": "dispatcher",
        "recorded": True,
        "revision": project.revision(),
        "backend": "lab",
        "job": None,
        "message": f"job ftjob-1 of revision {project.revision()} cancelled; the next apply makes attempt 2",
    }


def test_retry_of_what_nobody_declares_is_a_mistake(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ftops("retry", "ruoter") == 2
    assert "no manifest declares 'ruoter'" in capsys.readouterr().err
    assert project.ftops("retry", "router", "--backend", "openai") == 2


def test_retry_and_cancel_of_a_suspended_one_warn(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.scratch.manifest(more="  policy: {suspend: true}\n")
    project.job()
    assert project.ftops("cancel", "router") == 0
    assert "router is suspended" in capsys.readouterr().err
    project.end(JobStatus.FAILED)
    assert project.ftops("retry", "router") == 0
    assert "router is suspended" in capsys.readouterr().err


def test_cancel_names_the_job(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert project.ftops("cancel", "router") == 1
    assert "no job of router runs" in capsys.readouterr().err
    project.job()
    project.job("ftjob-2", attempt=2)
    assert project.ftops("cancel", "router") == 2
    assert "name one with --job: ftjob-1 (" in capsys.readouterr().err
    assert project.ftops("cancel", "router", "--job", "ftjob-2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["job"] == "ftjob-2"
    assert project.ftops("cancel", "router", "--job", "ftjob-2") == 0
    assert "is to be cancelled already" in capsys.readouterr().out
    assert project.ftops("cancel", "router", "--job", "ftjob-9") == 2
    assert project.ftops("cancel", "nobody") == 2
    assert "the ledger knows no fine-tune 'nobody'; it knows router" in capsys.readouterr().err


def test_cancel_by_a_former_name_of_what_no_manifest_declares(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.job()
    project.record(Renamed(at=AT, fine_tune=FineTuneName("dispatcher"), former=ROUTER))
    (project.scratch.root / "finetunes/router.yaml").unlink()
    assert project.ftops("cancel", "router") == 0
    told = capsys.readouterr()
    assert "router is called dispatcher in the ledger" in told.err
    assert "no manifest uses backend lab" in told.err
    assert project.state.fine_tunes["dispatcher"].requests[0].job == "ftjob-1"


def test_forget_wants_a_confirmation(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.job()
    assert project.ftops("forget", "router") == 2
    assert "--auto-approve" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "confirm", lambda *_, **__: False)
    assert project.ftops("forget", "router") == 1
    told = capsys.readouterr().err
    assert "job ftjob-1 is running: it goes on" in told
    assert "finetunes/router.yaml declares it" in told
    assert "Nothing was done." in told
    assert "router" in project.state.fine_tunes
    monkeypatch.setattr(click, "confirm", lambda *_, **__: True)
    assert project.ftops("forget", "router") == 0
    assert capsys.readouterr().out == "router: forgotten\n"
    assert project.state.fine_tunes == {}
    assert project.ftops("forget", "router", "--auto-approve") == 2


def test_forget_a_former_name_alone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.record(Renamed(at=AT, fine_tune=FineTuneName("dispatcher"), former=ROUTER))
    assert project.ftops("forget", "router", "--auto-approve") == 0
    assert "router is a former name of dispatcher, which stays" in capsys.readouterr().err
    assert project.state.fine_tunes["dispatcher"].former_names == ()


def test_forget_waits_for_who_is_about_to_create_a_job(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.record(Intended(**project.about(), intent="i1", owner="bob"))
    assert project.ftops("forget", "router", "--auto-approve") == 5
    assert "bob is about to create a job of router" in capsys.readouterr().err
    assert project.ftops("cancel", "router") == 1
    assert "bob is about to create a job of router" in capsys.readouterr().err


def test_resolve_warns_of_a_model_that_is_gone(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    from ftops.domain.events import ModelMissed

    project.job()
    project.end(JobStatus.SUCCEEDED, model="ft:1")
    target = Target(backend="lab", revision=project.revision(), model="ft:1")
    moved = AliasMoved(
        at=AT, fine_tune=ROUTER, alias=AliasName("production"), target=target, was=None, reason="no_gates"
    )
    project.record(moved, ModelMissed(**project.about(), job="ftjob-1", is_gone=True))
    assert project.ftops("resolve", "router") == 0
    told = capsys.readouterr()
    assert told.out == "ft:1\n"
    assert "Warning: model ft:1 of revision" in told.err
    assert "is gone at lab, last seen on 2026-11-20" in told.err


@pytest.mark.parametrize("command", ["plan", "status"])
def test_refresh_and_offline_exclude_each_other(
    command: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.ftops(command, "--offline", "--refresh") == 2
    assert "--refresh asks the backends" in capsys.readouterr().err
