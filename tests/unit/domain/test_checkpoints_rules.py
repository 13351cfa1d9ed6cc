"""Which checkpoint stands for a revision: the rules alone, on records."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ftops.domain.attempts import Attempt, CheckpointRecord, Choice, JobRecord, JobStatus
from ftops.domain.checkpoints import (
    checkpoints_of,
    choose_by_loss,
    choose_by_scores,
    chosen_model,
    compared_on,
    has_to_choose,
    selecting,
    without_rivals,
)
from ftops.domain.desired import Declared
from ftops.domain.invariants import broken_invariants
from ftops.domain.manifest import BackendName, ModelId, Revision
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    DatasetRecord,
    FineTuneRecord,
    LedgerState,
    ProjectRecord,
    RevisionRecord,
    Target,
)
from plan_cases import make_declared

AT = datetime(2026, 11, 21, tzinfo=UTC)
REV, OPENAI = Revision("a" * 12), BackendName("openai")
STEPS = (
    CheckpointRecord(step=20, model="ft:c20", valid_loss=0.2),
    CheckpointRecord(step=10, model="ft:c10", valid_loss=0.2),
    CheckpointRecord(step=30, model="ft:1", valid_loss=0.5),
)


def job(*checkpoints: CheckpointRecord, **values: Any) -> JobRecord:
    return JobRecord(
        **{"id": "j1", "status": JobStatus.SUCCEEDED, "seen_at": AT, "model": "ft:1"} | values, checkpoints=checkpoints
    )


def record(*jobs: JobRecord, points_to: str | None = None) -> FineTuneRecord:
    attempts = tuple(Attempt(number=n, job=one) for n, one in enumerate(jobs, 1))
    target = Target(backend="openai", revision=REV, model=points_to) if points_to else None
    alias = AliasRecord(history=(AliasMove(at=AT, target=target, reason="pinned"),))
    known = RevisionRecord(
        spec={},
        train=DatasetRecord(path="x", sha256="a" * 64, rows=1),
        declared_at=AT,
        attempts={"openai": attempts} if attempts else {},
    )
    return FineTuneRecord(format_version="1", name="router", revisions={REV: known}, aliases={"production": alias})


def declared(policy: str, *, select: bool = True) -> Declared:
    evals = [{"name": "intent", "select": select}, {"name": "tone"}]
    return make_declared({"name": "router", "revision": REV, "evals": evals, "policy": {"checkpoints": policy}})


def choice(policy: str = "evaluate", model: str = "ft:c10", evaluation: str | None = None, **values: Any) -> Choice:
    facts = {"step": 10, "among": 3, "why": "it did", **values}
    return Choice(policy=policy, model=model, evaluation=evaluation, **facts)  # type: ignore[arg-type]


def test_checkpoints_come_by_step_and_the_jobs_own_model_is_one() -> None:
    assert [c.model for c in checkpoints_of(job(*STEPS))] == ["ft:c10", "ft:c20", "ft:1"]
    assert [(c.step, c.model) for c in checkpoints_of(job(*STEPS[:2]))][-1] == (20, "ft:1")
    assert [(c.step, c.model) for c in checkpoints_of(job())] == [(0, "ft:1")]
    assert checkpoints_of(job(model=None)) == ()


def test_of_equal_losses_the_later() -> None:
    chosen = choose_by_loss(job(*STEPS), "best_validation_loss")
    assert (chosen.model, chosen.step, chosen.among) == ("ft:c20", 20, 3)


def test_without_any_loss_the_last() -> None:
    chosen = choose_by_loss(job(CheckpointRecord(step=10, model="ft:c10")), "evaluate")
    assert (chosen.policy, chosen.model) == ("evaluate", "ft:1")
    assert chosen.why == "none of 2 checkpoints has a validation loss: the last one is taken"


def test_one_loss_is_the_lowest() -> None:
    chosen = choose_by_loss(job(STEPS[1]), "best_validation_loss")
    assert chosen.why == "step 10 has the lowest validation loss (0.2) of 1 checkpoint"


def test_the_best_mean_and_of_equal_ones_the_later() -> None:
    one = declared("evaluate").evals[0]
    best = choose_by_scores(job(*STEPS), {"ft:c10": 0.5, "ft:c20": 0.7, "ft:1": 0.6}, one)
    assert (best.model, best.evaluation, best.dataset) == ("ft:c20", one.digest, one.dataset.sha256)
    assert choose_by_scores(job(*STEPS), dict.fromkeys(("ft:c10", "ft:c20", "ft:1"), 1.0), one).model == "ft:1"


def test_a_single_checkpoint_has_no_rivals() -> None:
    one = declared("evaluate").evals[0]
    only = without_rivals(job(), one)
    assert only is not None
    assert (only.model, only.among) == ("ft:1", 1)
    assert without_rivals(job(*STEPS), one) is None


def test_what_selects() -> None:
    assert selecting(declared("last")) is None
    assert selecting(declared("best_validation_loss")) is None
    assert selecting(declared("evaluate", select=False)) is None
    found = selecting(declared("evaluate"))
    assert found is not None
    assert found.spec.name == "intent"


def test_the_model_of_a_revision() -> None:
    known = record(job(*STEPS, choices=(choice(),)))
    assert chosen_model(known, REV, OPENAI, "evaluate") == "ft:c10"
    assert chosen_model(known, REV, OPENAI, "last") == "ft:1"
    assert chosen_model(record(), REV, OPENAI, "last") is None
    assert chosen_model(known, Revision("b" * 12), OPENAI, "last") is None


DIGEST = declared("evaluate").evals[0].digest


@pytest.mark.parametrize(
    ("policy", "known", "points_to", "wanted"),
    [
        ("last", None, None, None),
        ("best_validation_loss", None, None, "best_validation_loss"),
        ("best_validation_loss", choice("best_validation_loss"), None, None),
        ("evaluate", choice("best_validation_loss"), None, "evaluate"),
        ("evaluate", choice(evaluation=DIGEST), None, None),
        ("evaluate", choice(evaluation="e" * 64), None, "evaluate"),
        ("evaluate", choice(), None, "evaluate"),
        ("evaluate", choice(evaluation="e" * 64), "ft:c10", None),
        ("evaluate", choice(evaluation="e" * 64), "ft:c20", "evaluate"),
        ("evaluate", choice(evaluation="e" * 64), "ft:other", "evaluate"),
        ("evaluate", None, "ft:c20", "evaluate"),
    ],
)
def test_when_to_choose(policy: str, known: Choice | None, points_to: str | None, wanted: str | None) -> None:
    one = job(*STEPS, choices=(known,) if known else ())
    assert has_to_choose(record(one, points_to=points_to), OPENAI, one, declared(policy)) == wanted


def test_without_a_marked_evaluation_a_choice_by_loss_stands() -> None:
    one = job(*STEPS, choices=(choice(),))
    assert has_to_choose(record(one), OPENAI, one, declared("evaluate", select=False)) is None


def test_among_how_many_it_was_chosen_by_the_same_items() -> None:
    wish = declared("evaluate")
    intent, tone = wish.evals
    chose = job(*STEPS, choices=(choice(evaluation=intent.digest, dataset=intent.dataset.sha256),))
    assert compared_on(record(chose), chose, ModelId("ft:c10"), wish, intent) == 3
    assert compared_on(record(chose), chose, ModelId("ft:c10"), wish, tone) == 1, "other items"
    assert compared_on(record(chose), chose, ModelId("ft:c10"), wish, replace(tone, dataset=intent.dataset)) == 3, (
        "its rows"
    )
    assert compared_on(record(chose), chose, ModelId("ft:1"), wish, intent) == 1, "another model"
    assert compared_on(record(chose), chose, ModelId("ft:c10"), declared("last"), intent) == 1, "nothing was chosen"
    by_loss = job(*STEPS, choices=(choice(),))
    assert compared_on(record(by_loss), by_loss, ModelId("ft:c10"), wish, intent) == 1


def test_a_ledger_that_chose_what_no_job_made() -> None:
    project = ProjectRecord(format_version="1", name="acme", ledger_id="L1")
    state = LedgerState(project=project, fine_tunes={"router": record(job(*STEPS, choices=(choice(model="ft:9"),)))})
    says = [finding.says for finding in broken_invariants(state, project="acme", now=AT)]
    assert any("has a chosen checkpoint that it did not make" in one for one in says)
