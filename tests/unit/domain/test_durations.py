"""How long a plan says that trainings and evaluations take."""

from typing import Any

import pytest

from ftops.domain.manifest import FineTuneName
from ftops.domain.plan import Evaluate, Train
from ftops.domain.planner import build_plan
from plan_cases import MODEL, Case, make_case, sha

MINUTE = 60.0


def job(name: str, minutes: float, **facts: Any) -> dict[str, Any]:
    """A job of 600,000 tokens that took so long."""
    whole, rest = divmod(round(minutes * 60), 60)
    return {
        "id": f"ftjob-{name}",
        "status": "succeeded",
        "seen_at": "2026-11-10T10:00:00Z",
        "created_at": "2026-11-10T08:00:00Z",
        "finished_at": f"2026-11-10T08:{whole:02}:{rest:02}Z",
        "model": f"ft:{name}",
        "trained_tokens": 600_000,
        **facts,
    }


def record(name: str, *jobs: dict[str, Any], backend: str = "openai", **spec: Any) -> dict[str, Any]:
    """A fine-tune of the ledger with one revision for each job."""
    return {
        "format_version": "1",
        "name": name,
        "revisions": {
            f"{number:012x}": {
                "spec": {"base_model": MODEL, **spec},
                "train": {"path": "data/x.jsonl", "sha256": sha("x"), "rows": 100},
                "declared_at": "2026-11-01T08:00:00Z",
                "attempts": {backend: [{"number": 1, "job": one}]},
            }
            for number, one in enumerate(jobs, 0xA00000000000)
        },
    }


def scores(name: str, seconds: float, *, items: int = 10, backend: str = "openai") -> dict[str, Any]:
    digest = sha(name)
    return {
        "name": name,
        "digest": digest,
        "sent": digest,
        "grader": digest,
        "model": "ft:a",
        "backend": backend,
        "at": "2026-11-10T09:00:00Z",
        "items": [[f"{n:016x}", 1.0, None] for n in range(items)],
        "seconds": seconds,
    }


def world(*records: dict[str, Any], **declared: Any) -> Case:
    wanted = {"name": "router", "revision": "bbbbbbbbbbbb", "spec": {"base_model": MODEL}, **declared}
    project = {"format_version": "1", "name": "acme", "ledger_id": "L1"}
    ledger = {"project": project, "fine_tunes": {one["name"]: one for one in records}}
    return make_case({"fine_tunes": [wanted]}, {"ledgers": {"shared": ledger}})


def training(case: Case) -> Train:
    plan = build_plan(case.desired, case.observed, case.policy, case.today)
    return next(action for action in plan.actions if isinstance(action, Train))


def evaluation(case: Case) -> Evaluate:
    plan = build_plan(case.desired, case.observed, case.policy, case.today)
    return next(action for action in plan.actions if isinstance(action, Evaluate))


def test_a_training_takes_its_tokens_at_the_median_pace_of_this_fine_tune() -> None:
    # 200,000 tokens in 3 epochs are as many as each of these had.
    own = record("router", job("a", 10), job("b", 12), job("c", 50))
    estimate = training(world(own, record("other", job("d", 1)))).estimate
    assert estimate.seconds == 12 * MINUTE
    assert estimate.assumes.endswith("duration by 3 trainings of this fine-tune before")


def test_one_that_was_never_trained_takes_as_long_as_others_of_its_base_model_and_method() -> None:
    other = record("other", job("a", 20), method={"type": "supervised"})
    dpo = record("dpo", job("b", 1), method={"type": "dpo"})
    larger = record("larger", job("c", 59), base_model="gpt-4.1-2025-04-14")
    estimate = training(world(other, dpo, larger)).estimate
    assert estimate.seconds == 20 * MINUTE
    assert estimate.assumes.endswith("1 training of this base model before")


def test_after_a_change_of_the_base_model_its_own_old_pace_says_nothing() -> None:
    own = record("router", job("a", 10), base_model="gpt-4o-2024-08-06")
    assert training(world(own)).estimate.seconds is None


@pytest.mark.parametrize(
    "facts",
    [
        {"status": "failed", "model": None},
        {"trained_tokens": None},
        {"trained_tokens": 0},
        {"created_at": None},
        {"finished_at": None},
    ],
)
def test_a_job_that_tells_no_time_counts_nothing(facts: dict[str, Any]) -> None:
    estimate = training(world(record("router", job("a", 10, **facts)))).estimate
    assert estimate.seconds is None
    assert "duration not known" in estimate.assumes


def test_an_attempt_without_a_job_counts_nothing() -> None:
    own = record("router", job("a", 10))
    own["revisions"]["a00000000000"]["attempts"]["openai"].append({"number": 2})
    assert training(world(own)).estimate.seconds == 10 * MINUTE


def test_other_backends_have_other_paces() -> None:
    assert training(world(record("router", job("a", 10), backend="gpu-box"))).estimate.seconds is None


def test_a_job_that_ended_in_its_first_second_took_one() -> None:
    assert training(world(record("router", job("a", 0)))).estimate.seconds == 1.0


def test_a_spec_that_somebody_else_wrote_is_not_relied_upon() -> None:
    assert training(world(record("router", job("a", 10), method="whatever"))).estimate.seconds == 10 * MINUTE


def test_where_tokens_are_unknown_so_is_the_time() -> None:
    case = world(record("router", job("a", 10)), method={"type": "reinforcement", "grader": {}})
    assert training(case).estimate.seconds is None


def test_a_rename_takes_its_pace_along() -> None:
    case = world(record("old", job("a", 10)), moved_from=[FineTuneName("old")])
    assert training(case).estimate.assumes.endswith("1 training of this fine-tune before")


def test_an_evaluation_takes_turns_of_32_requests_as_long_as_answers_took() -> None:
    own = record("router", job("a", 10))
    own["evaluations"] = [scores("intent", 30.0), scores("intent", 50.0), scores("other", 9000.0)]
    estimate = evaluation(world(own, evals=[{"name": "intent"}])).estimate
    assert estimate.seconds == 2 * 4.0  # 50 rows are two turns
    assert estimate.assumes.endswith("duration by 2 evaluations of this fine-tune before, 32 requests at a time")


def test_the_time_of_judges_is_not_in_it_and_that_is_said() -> None:
    own = record("router", job("a", 10))
    own["evaluations"] = [scores("intent", 30.0)]
    judge = {"type": "score_model", "model": "judge"}
    assert evaluation(world(own, evals=[{"name": "intent", "grader": judge}])).estimate.assumes.endswith("judges apart")


def test_a_new_evaluation_is_as_fast_as_others_of_this_fine_tune_then_of_the_project() -> None:
    own, other = record("router", job("a", 10)), record("other")
    own["evaluations"] = [scores("tone", 30.0), scores("intent", 1.0, backend="gpu-box")]
    other["evaluations"] = [scores("intent", 70.0), scores("intent", 0.0), scores("intent", 5.0, items=0)]
    assert evaluation(world(own, other, evals=[{"name": "intent"}])).estimate.seconds == 6.0
    assert evaluation(world(other, evals=[{"name": "intent"}])).estimate.seconds == 14.0
    assert evaluation(world(evals=[{"name": "intent"}])).estimate.seconds is None


def test_an_evaluation_that_calls_nothing_takes_no_time() -> None:
    own = record("router", job("a", 10))
    own["revisions"]["bbbbbbbbbbbb"] = own["revisions"].pop("a00000000000")
    case = world(own, evals=[{"name": "intent"}])
    state = case.observed
    judged = {"fine_tune": "router", "revision": "bbbbbbbbbbbb", "model": "ft:a", "missing": {"intent": "eval_changed"}}
    made = make_case({"fine_tunes": []}, {"judgements": [judged]}).observed.judgements
    key = next(iter(made))
    object.__setattr__(state, "judgements", made)
    object.__setattr__(state, "calls", {key: {"intent": 0}})
    assert evaluation(case).estimate.seconds == 0.0


def test_what_is_rounded_does_not_depend_on_the_order_of_records() -> None:
    one, two = record("a", job("a", 10)), record("b", job("b", 14))
    assert training(world(one, two)).estimate == training(world(two, one)).estimate
