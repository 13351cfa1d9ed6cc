"""What is told after a verdict, as people and programs read it: models, classes, items, curves, advice, agreement."""

from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import RenderableType

from ftops.application.item_reports import Against, ItemReport, Place, Told
from ftops.application.judge_agreement import JudgeReport
from ftops.application.model_figures import ModelFigures
from ftops.application.prompt_tokens import PromptSaving
from ftops.application.training_reports import TrainingReport
from ftops.cli import charts
from ftops.cli.charts import drawn, indented, sparkline
from ftops.cli.render_agreement import agreement_parts, agreement_to_json
from ftops.cli.render_evaluation import verdict_row
from ftops.cli.render_items import item_parts, items_to_json
from ftops.cli.render_models import model_parts, models_to_json
from ftops.cli.render_training import training_parts, training_to_json
from ftops.domain.advice import Advice, Symptom
from ftops.domain.curves import StepMetrics
from ftops.domain.manifest import BackendName, JobId, ModelId, Price
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.evaluation.agreement import agreement
from ftops.evaluation.intervals import Interval
from ftops.evaluation.reports import usage_of
from ftops.evaluation.rows import read_row
from ftops.ports import ChatAnswer

LAB = BackendName("lab")
SECRET = "sk-" + "proj-" + "Ab3d" * 12


def text_of(parts: Iterable[RenderableType]) -> str:
    return drawn(parts)


def words(parts: Iterable[RenderableType]) -> list[str]:
    """The lines with single blanks, whatever the columns' widths."""
    return [" ".join(line.split()) for line in text_of(parts).splitlines()]


def scored(row: int, score: float = 1.0, **fields: Any) -> ItemScore:
    return ItemScore(
        row=f"{row:016x}",
        score=score,
        output=f"{row:016x}",
        **{"milliseconds": 100 + row, "input_tokens": 40, "output_tokens": 2, **fields},
    )


def figures(model: str, *items: ItemScore, is_candidate: bool = False, **fields: Any) -> ModelFigures:
    record = EvaluationRecord(
        name="intent",
        digest="0" * 64,
        sent="0" * 64,
        grader="0" * 64,
        model=model,
        backend="lab",
        at="2026-11-21T00:00:00Z",  # type: ignore[arg-type]
        items=items,
        **fields.pop("record", {}),
    )
    return ModelFigures(
        **{
            "is_candidate": is_candidate,
            "model": ModelId(model),
            "backend": LAB,
            "asks": "",
            "record": record,
            "mean": 0.75,
            "interval": Interval(low=0.5, high=0.875),
            "usage": usage_of(items, Price(input=1.0, output=4.0)),
            **fields,
        }
    )


def test_models_stand_in_columns() -> None:
    ours = figures(
        "ft:ours",
        scored(1),
        scored(2, 0.0, outcome=Outcome.LENGTH),
        is_candidate=True,
        record={
            "judge_calls": 2,
            "judge_input_tokens": 1000,
            "judge_output_tokens": 10,
            "left_out": 3,
            "isolation": "none",
        },
        saving=PromptSaving(tokens=120.2, than="with the rows' own prompt"),
        judges_usd=0.0021,
    )
    base = figures(
        "base", scored(1, input_tokens=240), scored(2), asks="8 examples", breaks_even=20_000, mean=None, interval=None
    )
    lines = words(model_parts((ours, base)))
    assert lines == [
        "candidate baseline",
        "mean score 0.750 none",
        "95 % interval 0.500 to 0.875 unknown",
        "input tokens a request 40.0 140.0",
        "output tokens a request 2.0 2.0",
        "latency p50 101 ms 101 ms",
        "latency p95 102 ms 102 ms",
        "USD per 1,000 requests 0.0480 0.1480",
        "training paid after requests 20,000",
        "cut off 1 0",
        "left out, trained on 3 0",
        "baseline: base on lab, with 8 examples",
        "a request has 100 input tokens fewer than one to base",
        "a request has 120 input tokens fewer than with the rows' own prompt",
        "judges took 2 calls and 1,010 tokens, 0.0021 USD",
        "its python grader ran without isolation",
    ]
    told = models_to_json("intent", (ours, base))["models"]
    assert [one["role"] for one in told] == ["candidate", "baseline"]
    assert told[0]["outcomes"] == {"ok": 1, "length": 1}
    assert told[1]["breaks_even_after_requests"] == 20_000
    assert [one["judge_usd"] for one in told] == [0.0021, None]
    unpriced = figures("m", scored(1), record={"judge_calls": 1}, is_candidate=True)
    assert "judges took 1 calls and 0 tokens, no price is known" in words(model_parts((unpriced,)))
    assert list(model_parts(())) == []


def test_classes_stand_in_a_matrix_while_they_fit() -> None:
    pairs = [("a", "a"), ("a", "b"), ("b", "b"), ("b", "(none)")]
    ours = figures("ft:ours", *(scored(n, expected=due, mark=given) for n, (due, given) in enumerate(pairs)))
    lines = words(model_parts((ours,)))
    assert "classes 2 in the references, macro-F1 0.583" in lines
    assert "'a' 1.000 0.500 0.667 2" in lines
    start = lines.index("confusion matrix references down, answers across")
    assert lines[start + 1 : start + 4] == ["1 2 (none)", "1 a 1 1 ·", "2 b · 1 1"]
    told = models_to_json("intent", (ours,))["models"][0]["classes"]
    assert {"expected": "a", "given": "b", "count": 1} in told["confusion"]


def test_many_classes_are_told_by_their_commonest_confusions() -> None:
    items = [scored(n, expected=f"class {n:02}", mark=f"class {n // 2:02}") for n in range(30)]
    lines = words(model_parts((figures("ft:ours", *items),)))
    assert "and 10 more with a higher F1 (--json has all)" in lines
    assert "commonest confusions 29 different" in lines
    assert "'class 01' class 00 1" in lines


def test_no_class_begins_a_line() -> None:
    items = [scored(n, expected=f"::error::{n}", mark=f"::error::{n // 2}") for n in range(12)]
    for some in (items, items[:4]):
        assert not [line for line in words(model_parts((figures("ft:ours", *some),))) if line.startswith("::")]


def test_marks_and_repeats_are_counted() -> None:
    items = [
        scored(n, score, repeat=repeat, mark="abstained" if n else "correct")
        for n in range(2)
        for repeat, score in enumerate((1.0, float(n)))
    ]
    lines = words(model_parts((figures("ft:ours", *items),)))
    assert "abstained 2" in lines
    assert "items that vary by repeat 50.0%" in lines
    assert "mean deviation 0.250" in lines


def told(line: int, answer: str | None, **fields: Any) -> Told:
    messages = [
        {"role": "user", "content": f"\x1b[31mquestion {line} {SECRET}"},
        {"role": "assistant", "content": "yes"},
    ]
    kept = None
    if answer is not None:
        kept = ChatAnswer(text=answer, tool_calls=(), outcome=Outcome.OK, input_tokens=1, output_tokens=1, seconds=0.1)
    return Told(
        **{
            "place": Place(line=line, row=f"{line:016x}"),
            "item": scored(line, 0.0),
            "score": 0.0,
            "is_lost": False,
            "read": read_row({"messages": messages}),
            "answer": kept,
            **fields,
        }
    )


def report(*worst: Told, against: tuple[Against, ...] = (), unscored: tuple[Place, ...] = ()) -> ItemReport:
    return ItemReport(
        name="intent",
        path="data/test.jsonl",
        count=40,
        failed=len(worst),
        unscored=unscored,
        against=against,
        worst=worst,
        commonest=0.1,
        commonest_reference=0.1,
    )


def test_items_are_shown_escaped_masked_and_cut() -> None:
    found = report(
        told(3, "no " * 400, is_lost=True, item=scored(3, 0.0, mark="no", expected="yes")),
        told(9, None, item=scored(9, 0.0, outcome=Outcome.REFUSAL), score=None),
    )
    shown = text_of(item_parts(found))
    assert "data/test.jsonl:3, score 0, read as no where yes was due, a baseline did better" in shown
    assert "data/test.jsonl:9, no score, refusal" in shown
    assert "\\x1b[31mquestion 3" in shown
    assert "\x1b" not in shown
    assert SECRET not in shown
    assert "answer     kept no more in .ftops/outputs" in shown
    assert max(map(len, shown.splitlines())) < 430
    as_json = items_to_json(found)
    assert [one["answer"] is None for one in as_json["worst"]] == [False, True]
    assert SECRET not in str(as_json)


def test_words_beyond_the_margin_are_broken_and_stay_beside_their_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "margin", lambda: 60)
    parts = [*item_parts(report(told(1, "x" * 150))), indented(verdict_row("error", "red", "y" * 130))]
    lines = text_of(parts).splitlines()
    assert max(map(len, lines)) == 60
    assert all(line.startswith(" ") for line in lines[1:])
    assert [len(line.strip("y ")) for line in lines[-3:]] == [5, 0, 0]


def test_rows_won_and_lost_are_listed_up_to_twenty() -> None:
    places = tuple(Place(line=n, row=f"{n:016x}") for n in range(1, 33))
    against = Against(
        model=ModelId("base"), backend=LAB, asks="8 examples", won=places[:25], lost=places[25:28], tied=12
    )
    lines = words(item_parts(report(against=(against,), unscored=places[30:32])))
    assert lines[:3] == [
        "Items of intent 40 rows of data/test.jsonl, 0 failed",
        "without a score: lines 31, 32",
        "against base on lab, with 8 examples: 25 won, 3 lost, 12 alike",
    ]
    assert lines[3].endswith("19, 20 and 5 more (--json has all)")
    assert lines[4] == "lost lines 26, 27, 28"
    assert list(item_parts(report())) == []


def test_curves_are_drawn_with_their_ends_and_advice_follows() -> None:
    metrics = tuple(
        StepMetrics(step=n, train_loss=2.0 / n, full_valid_loss={3: 0.5, 6: 0.4, 9: 0.8}.get(n)) for n in range(1, 10)
    )
    advice = (Advice(symptom=Symptom.VALIDATION_RISING, seen="it rose", change="fewer epochs"),)
    found = TrainingReport(job=JobId("ftjob-1"), metrics=metrics, advice=advice)
    lines = words(training_parts(found))
    assert lines[0] == "Training job ftjob-1"
    assert lines[1].startswith("training loss 2 █")
    assert lines[1].endswith("0.222 step 9")
    assert "least validation loss 0.4 at step 6" in lines
    assert lines[-2:] == ["it rose", "→ fewer epochs"]
    as_json = training_to_json(found)
    assert as_json is not None
    assert as_json["steps"][2] == {"step": 3, "train_loss": pytest.approx(2 / 3), "full_valid_loss": 0.5}
    assert training_to_json(None) is None
    without = TrainingReport(job=JobId("ftjob-1"), metrics=(), advice=(), why_not="no server")
    assert words(training_parts(without)) == ["Training job ftjob-1", "no server"]


def test_a_sparkline_has_its_least_value_lowest() -> None:
    assert sparkline([], 10).plain == ""
    assert sparkline([3.0, 3.0], 10).plain == "▁▁"
    assert sparkline([0.0, 1.0, 2.0, 7.0], 10).plain == "▁▂▃█"
    assert len(sparkline(list(map(float, range(1000))), 48).plain) == 48


def test_agreement_is_told_in_counts_rates_and_kappa() -> None:
    pairs = [(True, True)] * 40 + [(True, False)] * 10 + [(False, False)] * 35 + [(False, True)] * 5
    found = JudgeReport(evaluation="intent", agreement=agreement(pairs), failures=((7, "no\x07number"),))
    lines = words(agreement_parts(found, file="labels.jsonl"))
    assert lines[:4] == [
        "intent, judge against people 90 labels of labels.jsonl",
        "judge: pass judge: fail",
        "people: pass 40 10",
        "people: fail 5 35",
    ]
    assert "passes that it passes (TPR) 80.0% 67.0% to 88.8%" in lines
    assert any(line.startswith("Cohen's κ 0.67 0.4") for line in lines)
    assert lines[-1] == "labels.jsonl:7: no verdict: no\\x07number"
    assert agreement_to_json(found)["counts"]["missed_fails"] == 5


def test_labels_of_one_kind_have_no_other_rate() -> None:
    lines = words(
        agreement_parts(JudgeReport(evaluation="x", agreement=agreement([(True, True)]), failures=()), file="l")
    )
    assert "fails that it fails (TNR) none no such label" in lines
    assert "Cohen's κ none chance alone agrees on everything" in lines
    nothing = words(agreement_parts(JudgeReport(evaluation="x", agreement=agreement([]), failures=()), file="l"))
    assert "Cohen's κ none no such label" in nothing
