"""The worst enforced verdict counts."""

import pytest

from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict, worst
from ftops.domain.manifest import BackendName, Condition, ModelId, Revision

ERROR, FAIL, INSUFFICIENT, PASS = Verdict.ERROR, Verdict.FAIL, Verdict.INSUFFICIENT_EVIDENCE, Verdict.PASS


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), PASS),
        ((PASS,), PASS),
        ((PASS, INSUFFICIENT), INSUFFICIENT),
        ((INSUFFICIENT, FAIL, PASS), FAIL),
        ((FAIL, PASS, ERROR, INSUFFICIENT), ERROR),
    ],
)
def test_the_worst_verdict_is_shown(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    assert worst(verdicts) is expected


def result(verdict: Verdict, *, shadow: bool = False) -> ConditionResult:
    return ConditionResult(
        condition=Condition(min=0.9, shadow=shadow), verdict=verdict, observed=0.8, threshold=0.9, n=10, sentence=""
    )


def test_a_shadow_condition_is_measured_and_not_enforced() -> None:
    shadow = result(FAIL, shadow=True)
    assert not shadow.is_enforced
    judged = EvalJudgement(name="intent", digest="0" * 64, is_measured=True, conditions=(result(PASS), shadow))
    assert judged.verdict is PASS


def test_an_evaluation_that_ended_in_error_is_an_error_whatever_its_conditions_say() -> None:
    judged = EvalJudgement(
        name="intent", digest="0" * 64, is_measured=True, conditions=(result(PASS),), error="no answer"
    )
    assert judged.verdict is ERROR


@pytest.mark.parametrize("verdict", [*Verdict, None])
def test_only_pass_lets_an_alias_move(verdict: Verdict | None) -> None:
    judgement = Judgement(
        model=ModelId("ft:m"), revision=Revision("0" * 12), backend=BackendName("gpu"), verdict=verdict, has_gate=True
    )
    assert judgement.is_passed is (verdict is PASS)
