"""Logs on the command line, of a real job on the embedded backend."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ftops.adapters.openai_records import event_of
from ftops.application.job_logs import LoggedJob
from ftops.bootstrap_sessions import open_session
from ftops.cli.logs import _ended, _line, _moment, _print_event
from ftops.cli.main import run
from ftops.domain.attempts import JobRecord, JobStatus
from ftops.domain.manifest import Backend, BackendName, BackendType, Revision
from ftops.errors import MissingKey, UsageProblem
from ftops.ports import JobEvent
from hostile_texts import SHORT, runner_commands, terminal_tricks
from scratch_project import Scratch, make_project, opened

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOGGED = LoggedJob(
    revision=Revision("3f9a1c2b7d10"),
    backend=BackendName("lab"),
    attempt=2,
    attempts=2,
    job=JobRecord(id="ftjob-1", status=JobStatus.RUNNING, seen_at=NOW),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    with opened(make_project(tmp_path_factory.mktemp("logs"), None)) as scratch:
        scratch.apply()
        yield scratch


def test_a_finished_job_is_told_from_its_beginning(trained: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(trained.root), "logs", "router"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert "Created fine-tuning job" in lines[0]
    assert "successfully completed" in lines[-1]
    assert len(lines) > 100  # more than a page of events
    assert len(lines) == len(set(lines))
    assert told.err.startswith("ftjob-")
    assert run(["-C", str(trained.root), "logs", "router", "-f"]) == 0
    followed = capsys.readouterr()
    assert followed.out == told.out
    assert followed.err.endswith(" succeeded\n")


def test_each_event_is_a_line_of_json(trained: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(trained.root), "logs", "router", "--json"]) == 0
    told = capsys.readouterr()
    events = [json.loads(line) for line in told.out.splitlines()]
    assert told.err == ""
    assert {event["backend"] for event in events} == {"embedded"}
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    for since in ("2000-01-01", "999999d"):
        assert run(["-C", str(trained.root), "logs", "router", "--json", "--since", since]) == 0
        assert capsys.readouterr().out == told.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ruoter"], "did you mean router?"),
        (["router", "--revision", "zzz"], "the ledger knows no revision zzz"),
        (["router", "--since", "soon"], "--since takes a span or a date, not 'soon'"),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], said: str, trained: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(trained.root), "logs", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_fine_tune_without_a_job(trained: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    trained.manifest("later")
    assert run(["-C", str(trained.root), "logs", "later"]) == 1
    assert capsys.readouterr().err == "Error: later has no job yet\n  ftops plan tells what an apply would do\n"
    (trained.root / "finetunes/later.yaml").unlink()


def test_ctrl_c_leaves_quietly(
    trained: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> Iterator[JobEvent]:
        yield JobEvent(id="e", at=NOW, level="info", message="Step 1/9")
        raise KeyboardInterrupt

    monkeypatch.setattr("ftops.application.job_logs.follow", interrupted)
    assert run(["-C", str(trained.root), "logs", "router", "-f"]) == 130
    told = capsys.readouterr()
    assert told.out == "2026-03-01 12:00:00  Step 1/9\n"
    assert "interrupted" not in told.err


def test_without_a_key_a_backend_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FTOPS_LAB_KEY", raising=False)
    backend = Backend(
        name=BackendName("lab"), type=BackendType.OPENAI, base_url="http://127.0.0.1:9/v1", api_key_env="FTOPS_LAB_KEY"
    )
    with pytest.raises(MissingKey) as failed:
        open_session(tmp_path, backend)
    assert failed.value.exit_code == 9


@pytest.mark.parametrize("text", SHORT)
def test_a_backend_can_not_write_to_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    event = event_of({"id": "e", "created_at": 0, "level": text, "message": text})
    _print_event(event, LOGGED, as_json=False)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert runner_commands(said) == terminal_tricks(said.rstrip("\n")) == []
    line = _line(event, LOGGED)
    assert runner_commands(line) == terminal_tricks(line) == []
    json.loads(line)


def test_moments() -> None:
    assert _moment(None, NOW) is None
    assert _moment("90s", NOW) == datetime(2026, 3, 1, 11, 58, 30, tzinfo=UTC)
    assert _moment("2d", NOW) == datetime(2026, 2, 27, 12, tzinfo=UTC)
    assert _moment("2026-03-01", NOW) == datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(UsageProblem):
        _moment("2w", NOW)


def test_a_job_that_failed_is_exit_7(capsys: pytest.CaptureFixture[str]) -> None:
    assert (_ended(JobStatus.FAILED, LOGGED), _ended(JobStatus.CANCELLED, LOGGED)) == (7, 0)
    assert capsys.readouterr().err == "ftjob-1 failed\nftjob-1 cancelled\n"
