"""Plans and outcomes as text: every action, the last line, and foreign text that can't reach the terminal."""

import dataclasses
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ftops.application.outcome import Outcome, Step
from ftops.cli.plan_words import WHY, target_text
from ftops.cli.render_judgement import in_words, render_judgement
from ftops.cli.render_text import render_outcome, render_plan, summary
from ftops.cli.style import choose_color
from ftops.domain.attempts import JobStatus
from ftops.domain.events import JobObserved
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict
from ftops.domain.manifest import (
    BackendName,
    Baseline,
    Condition,
    FewShot,
    FineTuneName,
    ModelId,
    PromptFile,
    Revision,
    Test,
)
from ftops.domain.plan import (
    Adopt,
    Blocker,
    Cancel,
    Evaluate,
    FieldChange,
    Notice,
    Plan,
    Promote,
    Reason,
    Refusal,
    Train,
    Withheld,
)
from ftops.domain.planner import build_plan
from ftops.domain.pricing import PRICES_AS_OF
from ftops.errors import BackendError, Interrupted
from plan_cases import TODAY, make_case, read_case

CASES = Path(__file__).parents[2] / "plans"
A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
EVIL = "\x1b[31mred\x1b[0m\r\n::set-output\x07\u202e"
SAFE = r"\x1b[31mred\x1b[0m\x0d\x0a::set-output\x07\u202e"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]")


def plan_of(name: str) -> Plan:
    case = read_case(CASES / name)
    return build_plan(case.desired, case.observed, case.policy, case.today)


def planned(*fine_tunes: dict[str, Any], **more: Any) -> Plan:
    case = make_case({"fine_tunes": list(fine_tunes), **more}, {})
    return build_plan(case.desired, case.observed, case.policy, case.today)


def judgement(sentence: str = "mean 0.5 < 0.9", *, shadow: bool = False, error: str | None = None) -> Judgement:
    result = ConditionResult(
        condition=Condition(min=0.9, shadow=shadow),
        verdict=Verdict.FAIL,
        observed=0.5,
        threshold=0.9,
        n=50,
        sentence=sentence,
    )
    judged = EvalJudgement(
        name="intent", digest="d", is_measured=True, conditions=(result,), n=50, left_out=2, mean=0.5, error=error
    )
    return Judgement(
        model=ModelId("ft:1"),
        revision=Revision(A),
        backend=BackendName("openai"),
        evals=(judged, EvalJudgement(name="tone", digest="t", is_measured=False)),
        verdict=Verdict.FAIL,
        has_gate=True,
    )


def test_a_new_fine_tune_as_a_whole() -> None:
    untimed = "duration not known: nothing like it was trained there before"
    train = {"rows": 1000, "tokens": 300_000}
    evals = [{"name": "intent"}]
    wanted = {"name": "router", "revision": A, "train": train, "evals": evals, "aliases": {"staging": "latest"}}
    text = render_plan(planned(wanted))
    price = f"$5 per million tokens as of {PRICES_AS_OF}"
    assert text == "\n".join(
        [
            f"router  revision {A} on openai",
            "  + upload    data/router.jsonl  1,000 rows, 1.0 kB",
            "      why: the backend does not have this dataset yet",
            "  + train     gpt-4.1-mini-2025-04-14  $4.50 (900,000 tokens)",
            "      why: this revision was never trained on this backend",
            f"      assumes 300,000 tokens × 3 epochs (auto, by the published rule); {price}; {untimed}",
            "  + evaluate  intent  at most 50 calls, $0.01 (10,000 tokens)",
            "      why: this model was never scored under this evaluation",
            f"  + promote   staging: nothing → {A}, if its gates pass",
            "      why: `latest` follows the declared revision once its gates pass",
            "",
            "Plan: 1 to train, 1 to evaluate, 1 to promote, 0 to delete. Estimated cost: $4.51.",
        ]
    )


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("move", "  ~ rename    router → dispatcher"),
        ("adopt-live", "  < adopt     job f1"),
        ("superseded-is-cancelled", f"  - cancel    job j1 of revision {A}"),
        ("retry-transient", "  + train     gpt-4.1-mini-2025-04-14, attempt 2  $3.00 (600,000 tokens)"),
        ("alias-removed", f"  - promote   staging: {A} → retired"),
        ("pin-back-to-where-it-was", f"  ~ promote   production: {B} → {A}"),
        ("rehearsal-costs-nothing", "  + train     gpt-4.1-mini-2025-04-14  $0.00 (600,000 tokens)"),
        ("train-data-changed", "      ~ method.hyperparameters.n_epochs: 3 → 4"),
        ("train-data-changed", "      - seed: 1"),
        ("running-is-deferred", f"  … router ({A}): training waits for job j1"),
        ("withheld-fail", f"  ! router: staging does not move to {A}: fail"),
        ("pin-of-a-failed-revision", "To be mended:"),
        ("orphan", "  orphan: no manifest declares gone (1 job in the ledger of openai); nothing is deleted"),
        ("offline", "Caution: backend openai was not asked: --offline"),
    ],
)
def test_lines(case: str, line: str) -> None:
    assert line in render_plan(plan_of(case)).split("\n")


def test_a_refusal_names_the_word_that_allows_it() -> None:
    assert render_plan(plan_of("unknown-cost-refused")).count("(--allow unknown-cost)") == 1
    assert "--allow" not in render_plan(plan_of("budget-own"))


def test_a_field_that_is_new() -> None:
    plan = plan_of("train-data-changed")
    train = dataclasses.replace(plan.actions[1], changes=(FieldChange(path="seed", old=None, new="1"),))
    assert "      + seed: 1" in render_plan(dataclasses.replace(plan, actions=(train,)))


class TestLastLine:
    @pytest.mark.parametrize(
        ("case", "line"),
        [
            ("train-new", "Plan: 1 to train, 1 to evaluate, 1 to promote, 0 to delete. Estimated cost: $3.01."),
            (
                "train-two-share-an-upload",
                "Plan: 2 to train, 0 to evaluate, 0 to promote, 0 to delete. Estimated cost: $6.00.",
            ),
            (
                "adopt-by-former-name",
                "Plan: 0 to train, 0 to evaluate, 0 to promote, 1 to adopt, 1 to rename, 0 to delete. Estimated cost: $0.00.",
            ),
            (
                "duplicate-is-cancelled",
                "Plan: 0 to train, 0 to evaluate, 0 to promote, 1 to cancel, 0 to delete. Estimated cost: $0.00.",
            ),
            (
                "unknown-cost-allowed",
                "Plan: 1 to train, 0 to evaluate, 0 to promote, 0 to delete. Estimated cost: unknown.",
            ),
            ("nothing-to-do", "No changes. What is declared is trained, judged and promoted."),
            ("withheld-fail", "No changes: nothing can be done until the manifests or the limits change."),
            ("budget-own", "No changes: nothing can be done until the manifests or the limits change."),
            ("failed-is-reported", "No changes; see the notices."),
        ],
    )
    def test_says_how_much(self, case: str, line: str) -> None:
        plan = plan_of(case)
        assert summary(plan) == line
        assert render_plan(plan).split("\n")[-1] == line

    def test_is_the_only_one_when_there_is_nothing_to_say(self) -> None:
        assert render_plan(plan_of("nothing-to-do")).count("\n") == 0

    def test_thousands_are_set_apart(self) -> None:
        wanted = {"name": "a", "revision": A, "train": {"tokens": 500_000_000}}
        assert summary(planned(wanted)).endswith("Estimated cost: $7,500.00.")


class TestHostileText:
    def test_of_a_plan(self) -> None:
        plan = plan_of("train-data-changed")
        upload, train = plan.actions
        plan = dataclasses.replace(
            plan,
            actions=(
                dataclasses.replace(upload, path=EVIL),
                dataclasses.replace(
                    train,
                    base_model=EVIL,
                    changes=tuple(
                        FieldChange(path=EVIL, old=old, new=new)
                        for old, new in ((EVIL, EVIL), (None, EVIL), (EVIL, None))
                    ),
                    estimate=dataclasses.replace(train.estimate, usd=None, assumes=EVIL),
                ),
            ),
            withheld=(
                Withheld(
                    fine_tune=FineTuneName("router"),
                    backend=BackendName("openai"),
                    revision=Revision(A),
                    alias="staging",
                    judgement=judgement(EVIL, error=EVIL),
                ),
            ),
            refusals=(Refusal(fine_tune=FineTuneName("router"), guard="budget", message=EVIL),),
            blockers=(Blocker(fine_tune=FineTuneName("router"), message=EVIL),),
            notices=(Notice(fine_tune=None, message=EVIL), Notice(fine_tune=FineTuneName("router"), message=EVIL)),
            caveats=(EVIL,),
        )
        text = render_plan(plan)
        assert not CONTROL.search(text)
        assert text.count(SAFE) == 17
        assert not [line for line in text.split("\n") if line.startswith("::")]

    def test_of_an_outcome(self) -> None:
        steps = outcome_steps()
        steps[0] = dataclasses.replace(steps[0], said=EVIL)
        steps[1] = dataclasses.replace(steps[1], said="", error=BackendError(EVIL, remedy=EVIL))
        text = render_outcome(Outcome(steps=steps))
        assert not CONTROL.search(text)
        assert text.count(SAFE) == 3


def outcome_steps() -> list[Step]:
    common: dict[str, Any] = {
        "fine_tune": FineTuneName("router"),
        "backend": BackendName("openai"),
        "revision": Revision(A),
    }
    return [
        Step(action=Adopt(id="1", reason=Reason.FOUND_AT_BACKEND, job="f1", attempt=1, **common), said="job f1"),
        Step(action=Cancel(id="2", reason=Reason.SUPERSEDED, job="j1", attempt=1, **common), said="job j1"),
        Step(
            action=Evaluate(
                id="3", reason=Reason.NOT_EVALUATED, evaluation="intent", digest="d", model=None, calls=1, **common
            ),
            said="fail: mean 0.5",
        ),
        Step(
            action=Promote(id="4", reason=Reason.PINNED, alias="s", was=None, target=None, **common),
            said="s → x",
        ),
    ]


class TestOutcome:
    def test_each_fine_tune_with_what_was_done_and_what_waits(self) -> None:
        ended = JobObserved(
            at=datetime(2026, 11, 21, tzinfo=UTC),
            fine_tune=FineTuneName("router"),
            revision=Revision(A),
            backend=BackendName("openai"),
            attempt=1,
            job="j1",
            status=JobStatus.SUCCEEDED,
            model="ft:1",
        )
        failed = Step(action=outcome_steps()[0].action, error=BackendError("no answer", remedy="ask again"))
        outcome = Outcome(steps=[*outcome_steps(), failed], ended_jobs=[ended], plan=plan_of("running-is-deferred"))
        lines = render_outcome(outcome).split("\n")
        assert lines[0] == "router"
        assert lines[-2:] == ["  … training waits for job j1", "  … promotion of staging waits for job j1"]
        assert "  ✓ adopt: job f1" in lines
        assert lines[lines.index("  ✗ adopt: no answer") + 1] == "    ask again"
        assert "  ✓ job j1 succeeded" in lines
        assert "  ! evaluate: fail: mean 0.5" in lines
        assert "  ✗ adopt: no answer" in lines

    def test_what_a_stopped_run_left_is_said_for_each_fine_tune(self) -> None:
        plan = plan_of("train-new")
        lines = render_outcome(Outcome(plan=plan, stopped_by=Interrupted("interrupted"))).split("\n")
        assert lines[1].startswith("  … not finished: upload")
        assert {a.fine_tune for a in plan.actions} == {line for line in lines if not line.startswith(" ")}

    def test_what_may_be_trained_now_is_said(self) -> None:
        (train,) = (a for a in plan_of("train-new").actions if isinstance(a, Train))
        assert render_outcome(Outcome(due=(train,))).split("\n") == [
            train.fine_tune,
            f"  … revision {train.revision} can be trained now: an apply is due",
        ]

    def test_what_was_refused_or_withheld_is_said(self) -> None:
        assert "  ! refused: this training would cost" in render_outcome(Outcome(plan=plan_of("budget-own")))
        assert "staging does not move" in render_outcome(Outcome(plan=plan_of("withheld-fail")))

    def test_a_run_without_anything_has_no_table(self) -> None:
        assert render_outcome(Outcome(plan=Plan(project="acme", today=TODAY, commit=None))) == ""
        assert render_outcome(Outcome()) == ""


@pytest.mark.parametrize(("usd", "says"), [(0.5, ", at a cost not counted"), (0.0, ""), (None, "")])
def test_answers_that_models_judge_are_told_of(usd: float | None, says: str) -> None:
    plan = plan_of("train-new")
    (one,) = (action for action in plan.actions if isinstance(action, Evaluate))
    judged = dataclasses.replace(one, judged=50, estimate=dataclasses.replace(one.estimate, usd=usd))
    shown = render_plan(dataclasses.replace(plan, actions=(judged,)))
    assert re.search(rf"; up to 50 answers judged{says}$", shown, re.MULTILINE)


def test_a_judgement_line_by_line() -> None:
    assert list(render_judgement(judgement(shadow=True, error="no key"))) == [
        "  intent: mean 0.500 over 50 items, 2 left out (they are in the training set)",
        "    error  no key",
        "    fail (shadow)  mean 0.5 < 0.9",
        "  tone: not measured",
    ]


@pytest.mark.parametrize(
    ("prompt", "asks"),
    [(None, ""), (FewShot(k=1, seed=3), " with 1 example"), (PromptFile(path="p.json"), " with p.json")],
)
def test_a_condition_tells_which_model_it_compared_with(prompt: FewShot | PromptFile | None, asks: str) -> None:
    condition = Condition(baseline=Baseline(base=True, prompt=prompt), test=Test.SUPERIORITY)
    (one,) = judgement("worse").evals[0].conditions
    compared = dataclasses.replace(
        one, condition=condition, baseline_model=ModelId("base"), note="alias staging has no model yet"
    )
    assert in_words(compared) == f"worse; the baseline is base{asks} (alias staging has no model yet)"


def test_a_judgement_without_a_mean() -> None:
    one = judgement()
    bare = dataclasses.replace(one, evals=(dataclasses.replace(one.evals[0], mean=None, left_out=0, conditions=()),))
    assert list(render_judgement(bare)) == ["  intent: 50 items"]


def test_every_reason_has_its_words() -> None:
    assert set(WHY) == set(Reason)


def test_what_an_alias_points_to() -> None:
    assert target_text(None) == "nothing"


class Terminal:
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


class TestColour:
    def test_none_when_piped(self) -> None:
        assert "\x1b" not in render_plan(plan_of("train-new"))

    def test_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", Terminal())
        choose_color(is_wanted=None)
        assert "\x1b[32m+\x1b[0m" in render_plan(plan_of("train-new"))

    @pytest.mark.parametrize("is_wanted", [False, None])
    def test_none_where_it_is_forbidden(self, monkeypatch: pytest.MonkeyPatch, is_wanted: bool | None) -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", Terminal())
        monkeypatch.setenv("NO_COLOR", "1" if is_wanted is None else "")
        try:
            choose_color(is_wanted=is_wanted)
            assert "\x1b" not in render_plan(plan_of("train-new"))
        finally:
            monkeypatch.delenv("NO_COLOR")
            choose_color(is_wanted=None)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0.0, ""),
        (1.0, ", under a minute"),
        (59.9, ", under a minute"),
        (60.0, ", about 1 min"),
        (720.0, ", about 12 min"),
        (9000.0, ", about 2.5 h"),
    ],
)
def test_how_long_it_takes_is_told_roughly(seconds: float | None, said: str) -> None:
    plan = plan_of("train-new")
    timed = [dataclasses.replace(a, estimate=dataclasses.replace(a.estimate, seconds=seconds)) for a in plan.actions]
    lines = render_plan(dataclasses.replace(plan, actions=tuple(timed))).splitlines()
    training = next(line for line in lines if "+ train" in line)
    assert training.endswith(f"tokens){said}")
