"""What became of an apply, as a file: it comes back as it was, and nothing is believed that is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ftops.application.outcome import ExitCode, Outcome, Step
from ftops.cli.apply_report import report, save
from ftops.cli.outcome_file import SavedJob, outcome_data, read_outcome_file
from ftops.domain.attempts import JobStatus
from ftops.domain.events import JobObserved
from ftops.domain.plan import Promote
from ftops.domain.plan_json import judgement_to_json
from ftops.errors import BackendError, UsageProblem
from hostile_plans import REVISION, hostile_judgement, hostile_plan
from ledger_kit import AT

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/outcome.v1.json").read_text(encoding="utf-8"))


def an_outcome() -> Outcome:
    plan = hostile_plan("m")
    failed = Step(action=plan.actions[4], error=BackendError("no", remedy="wait"))
    ended = JobObserved(
        at=AT, fine_tune="router", revision=REVISION, backend="openai", attempt=1, job="ftjob-1",
        status=JobStatus.SUCCEEDED, model="ft:m",
    )  # fmt: skip
    return Outcome(
        steps=[Step(action=action, said="done") for action in plan.actions] + [failed],
        ended_jobs=[ended],
        plan=plan,
        due=(plan.actions[4],),
        left_waiting=True,
        judgements={("router", REVISION, "openai"): hostile_judgement("m")},
    )


def test_an_outcome_comes_back_as_it_was(tmp_path: Path) -> None:
    outcome, file = an_outcome(), tmp_path / "result.json"
    save(outcome, "acme", file)
    back = read_outcome_file(file)
    assert (back.project, back.code, back.is_waiting, back.stopped_by) == ("acme", outcome.code, True, None)
    assert [step.action for step in back.steps] == [step.action for step in outcome.steps]
    assert (back.steps[0].said, back.steps[-1].error, back.steps[-1].remedy) == ("done", "no", "wait")
    assert back.ended_jobs == (SavedJob(fine_tune="router", job="ftjob-1", status="succeeded", model="ft:m"),)
    assert back.due == outcome.due
    assert back.remaining is not None
    assert back.remaining.withheld[0].judgement == back.judgements[0][1]
    assert judgement_to_json(back.judgements[0][1]) == judgement_to_json(hostile_judgement("m"))


def test_it_fits_its_schema() -> None:
    for outcome in (an_outcome(), Outcome()):
        data = outcome_data(outcome, "acme")
        assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(data)] == []


def test_an_apply_that_came_to_no_plan_is_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    assert report(Outcome(stopped_by=BackendError("gone", remedy="look")), project="acme", as_json=False, out=file) == 1
    back = read_outcome_file(file)
    assert (back.remaining, back.stopped_by, back.remedy, back.code) == (None, "gone", "look", ExitCode.FAILED)
    assert "gone" in capsys.readouterr().err


def test_what_gates_said_is_told_of_what_was_scored_or_promoted() -> None:
    outcome = an_outcome()
    outcome.plan = None
    outcome.steps = [step for step in outcome.steps if isinstance(step.action, Promote)]
    assert [name for name, _ in outcome.judged()] == ["router"]
    outcome.steps = []
    assert outcome.judged() == []


def _change(data: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    at: Any = data
    for part in parents:
        at = at[int(part)] if part.isdigit() else at[part]
    at[int(last) if last.isdigit() else last] = value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("exit_code", 77),
        ("format_version", "2"),
        ("steps.0.kind", "steal"),
        ("steps.0.fine_tune", "Router"),
        ("steps.0.revision", "x"),
        ("steps.0.error", 1),
        ("due.0.attempt", 0),
        ("ended_jobs.0.model", "a b"),
        ("judgements.0.judgement.evals.0.outcomes", {"nonsense": 1}),
        ("judgements.0.judgement.verdict", "good"),
        ("judgements.0.fine_tune", "<b>"),
        ("remaining.project", 1),
        ("remaining.actions", {}),
        ("remaining.today", "2026-99-99"),
        ("remaining", []),
        ("remedy", 1),
        ("judgements.0.judgement.evals.0.mean", 10**400),
        ("judgements.0.judgement.evals.0.mean", float("nan")),
        ("more", 1),
    ],
)
def test_what_is_no_outcome_is_refused(tmp_path: Path, path: str, value: object) -> None:
    data = outcome_data(an_outcome(), "acme")
    _change(data, path, value)
    file = tmp_path / "result.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UsageProblem, match="nothing that became of an apply"):
        read_outcome_file(file)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 200_000])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(content)
    with pytest.raises(UsageProblem, match=r"ftops apply --out FILE|nothing that became"):
        read_outcome_file(file)


def test_half_a_surrogate_pair_does_not_cost_the_file(tmp_path: Path) -> None:
    outcome, file = Outcome(stopped_by=BackendError("a\ud800b")), tmp_path / "result.json"
    save(outcome, "acme", file)
    assert read_outcome_file(file).stopped_by == "a\ud800b"
