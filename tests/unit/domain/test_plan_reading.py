"""Plans come back from JSON as they were, as far as JSON has them."""

from pathlib import Path

import pytest

from ftops.domain.guard import refuse_run
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict
from ftops.domain.manifest import Condition
from ftops.domain.plan import Plan
from ftops.domain.plan_json import judgement_to_json, plan_to_json
from ftops.domain.plan_reading import judgement_from_json, plan_from_json
from ftops.domain.planner import build_plan
from ftops.domain.scores import Outcome
from plan_cases import read_case

CASES = Path(__file__).parents[2] / "plans"
NAMES = sorted(path.name for path in CASES.iterdir() if (path / "desired.yaml").exists())


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_comes_back_as_it_was(name: str) -> None:
    case = read_case(CASES / name)
    if refuse_run(case.desired, case.observed) is not None:
        return
    plan = build_plan(case.desired, case.observed, case.policy, case.today)
    data = plan_to_json(plan)
    back = plan_from_json(data)
    assert isinstance(back, Plan)
    assert plan_to_json(back) == {**data, "withheld": [_without_missing(entry) for entry in data["withheld"]]}
    assert (back.actions, back.notices, back.today) == (plan.actions, plan.notices, plan.today)


def test_a_judgement_of_a_model_that_nobody_measured_comes_back() -> None:
    judged = Judgement(
        model="m", revision=None, backend="b", verdict=None, has_gate=True,
        evals=(EvalJudgement(name="intent", digest="", is_measured=False),),
    )  # fmt: skip
    assert judgement_from_json(judgement_to_json(judged)) == judged


def test_a_condition_comes_back_as_it_is_told() -> None:
    result = ConditionResult(
        condition=Condition(metric="accuracy", shadow=True), verdict=Verdict.FAIL, observed=0.4, low=0.3, high=0.5,
        threshold=0.9, n=60, baseline_model="ft:a:b:c:d", note="n", sentence="accuracy 0.400 is below 0.9",
    )  # fmt: skip
    evals = (
        EvalJudgement(
            name="intent",
            digest="",
            is_measured=True,
            conditions=(result,),
            n=60,
            mean=0.4,
            outcomes={Outcome.LENGTH: 2},
        ),
    )
    judged = Judgement(model="m", revision="0" * 12, backend="b", verdict=Verdict.FAIL, has_gate=True, evals=evals)
    assert judgement_from_json(judgement_to_json(judged)) == judged


def _without_missing(entry):
    return {**entry, "judgement": {**entry["judgement"], "missing": []}}
