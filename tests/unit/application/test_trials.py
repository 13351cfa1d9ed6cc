"""Trials: which model is tried, what is called, what became of items, and what is exported of them."""

import dataclasses
import json
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from apply_world import BASE_MODEL, EVAL_ROWS, GRADER, OPENAI, TWIN, World, answer_well, rows_of
from ftops.application.declare import eval_digest
from ftops.application.failure_exports import FailureExport, export_failures
from ftops.application.item_reports import ItemReport, item_reports
from ftops.application.judge_agreement import JudgeReport, judge_agreement, read_labels
from ftops.application.model_figures import model_figures
from ftops.application.training_reports import TrainingReport, training_report
from ftops.application.trials import (
    FilesWithPrompt,
    Tried,
    choose_evals,
    find_declared,
    is_free_of_charge,
    make_trial,
    quote,
    run_trial,
)
from ftops.application.workspace import Workspace
from ftops.datasets.formats import Use, row_findings
from ftops.domain.advice import Symptom
from ftops.domain.attempts import JobStatus
from ftops.domain.curves import StepMetrics
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.judgement import Verdict
from ftops.domain.manifest import (
    Baseline,
    Condition,
    FewShot,
    Method,
    MethodType,
    ModelId,
    Price,
    PromptFile,
    Test,
)
from ftops.errors import BackendError, Invalid, Rejected, UsageProblem
from ftops.ports import ChatRequest

OTHER_MODEL = "gpt-4.1-2025-04-14"
TODAY = date(2026, 11, 21)
AGAINST_BASE = Condition(baseline=Baseline(base=True), test=Test.SUPERIORITY)


class Answerer:
    """A base model that is right on every other row; what was trained is right on all but the first."""

    def __init__(self) -> None:
        self.requests: list[ChatRequest] = []

    def __call__(self, request: ChatRequest) -> str:
        self.requests.append(request)
        return _answer(request)


def _answer(request: ChatRequest) -> str:
    number = answer_well(request)
    if request.model in {BASE_MODEL, OTHER_MODEL}:
        return number if int(number) % 2 == 0 else f"about {number}"
    return number if number != "0" else "nought"


@pytest.fixture
def answerer() -> Answerer:
    return Answerer()


@pytest.fixture
def world(answerer: Answerer) -> World:
    return World(answer=answerer)


def with_gate(declared: Declared, *gate: Condition, **spec: Any) -> Declared:
    (one,) = declared.evals
    changed = dataclasses.replace(one.spec, gate=gate, **spec)
    digest = eval_digest(changed, one.dataset.sha256)
    return dataclasses.replace(declared, evals=(DeclaredEval(spec=changed, dataset=one.dataset, digest=digest),))


def trained(world: World, declared: Declared) -> Workspace:
    world.apply(declared)
    return world.workspace(declared)


def tried_of(world: World, declared: Declared, **words: Any) -> Tried:
    workspace = world.workspace(declared)
    record = world.state.fine_tunes.get("router")
    trial = make_trial(declared, record, **{"model": None, "today": TODAY, **words})
    return run_trial(workspace.evaluations, trial)


def reports_of(world: World, tried: Tried) -> tuple[ItemReport, ...]:
    trial = tried.trial
    return item_reports(world.workspace(trial.declared).evaluations, tried.record, trial.declared, trial.candidate)


def exported(world: World, tried: Tried) -> FailureExport:
    return export_failures(world.workspace(tried.trial.declared).evaluations, tried)


# Which model.


def test_before_anything_was_trained_the_base_model_is_tried(world: World) -> None:
    declared = world.declare()
    trial = make_trial(declared, None, model=None, today=TODAY)
    assert (trial.candidate.model, trial.candidate.revision) == (BASE_MODEL, None)
    assert trial.why == f"the base model: revision {declared.revision} is not trained on openai"
    tried = run_trial(world.workspace(declared).evaluations, trial)
    assert tried.judgement.verdict is Verdict.PASS
    assert tried.judgement.evals[0].mean == 0.5


def test_a_trial_writes_no_ledger_and_an_apply_asks_nothing_twice(world: World) -> None:
    declared = with_gate(world.declare(), Condition(min=0.4), AGAINST_BASE)
    before = world.state
    tried_of(world, declared)
    assert world.state == before
    assert world.count("chat") == EVAL_ROWS
    trained(world, declared)
    assert world.count("chat") == 2 * EVAL_ROWS


def test_once_it_is_trained_the_declared_revision_is_tried_from_what_the_ledger_knows(world: World) -> None:
    declared = world.declare()
    trained(world, declared)
    asked = world.count("chat")
    tried = tried_of(world, declared)
    assert tried.trial.candidate.revision == declared.revision
    assert tried.trial.why == f"the model of the declared revision {declared.revision}"
    assert world.count("chat") == asked
    again = tried_of(world, declared, model=tried.trial.candidate.model)
    assert again.trial.candidate.revision == declared.revision
    assert again.trial.why == f"asked for; the model of revision {declared.revision}"


def test_a_model_is_not_compared_with_itself(world: World) -> None:
    declared = with_gate(world.declare(), Condition(min=0.4), AGAINST_BASE)
    trial = make_trial(declared, None, model=None, today=TODAY)
    assert [len(one.spec.gate) for one in trial.declared.evals] == [1]
    assert trial.notices == (f"quality: {BASE_MODEL} is its own baseline there: nothing to compare with",)
    other = make_trial(declared, None, model=OTHER_MODEL, today=TODAY)
    assert [len(one.spec.gate) for one in other.declared.evals] == [2]
    assert other.notices == ()


@pytest.mark.parametrize("model", ["", " ", "gpt\udcff"])
def test_names_that_no_model_can_have_are_refused(world: World, model: str) -> None:
    with pytest.raises(UsageProblem, match="no model is called"):
        make_trial(world.declare(), None, model=model, today=TODAY)


def test_a_prompt_makes_another_candidate_of_the_base_model(world: World, answerer: Answerer) -> None:
    declared = with_gate(world.declare(), AGAINST_BASE)
    asks = PromptFile(path="/anywhere/prompt.json")
    trial = make_trial(declared, None, model=None, today=TODAY, asks=asks)
    assert len(trial.declared.evals[0].spec.gate) == 1
    evaluations = world.workspace(declared).evaluations
    files = FilesWithPrompt(
        files=evaluations.files, path=asks.path, prompt='[{"role": "system", "content": "Be exact."}]'
    )
    tried = run_trial(dataclasses.replace(evaluations, files=files), trial)
    assert world.count("chat") == 2 * EVAL_ROWS
    prompted = [request for request in answerer.requests if request.messages[0]["role"] == "system"]
    assert len(prompted) == EVAL_ROWS
    assert tried.judgement.evals[0].conditions[0].observed == 0.0
    figures = model_figures(
        dataclasses.replace(evaluations, files=files), tried.record, trial.declared, trial.candidate, declared.evals[0]
    )
    assert [(one.is_candidate, one.asks, one.mean) for one in figures] == [(True, asks.path, 0.5), (False, "", 0.5)]
    assert figures[0].saving is not None
    assert figures[0].saving.than == "with the rows' own prompt"
    assert -12 < figures[0].saving.tokens < -3


def test_an_intended_prompt_is_told_by_what_it_saves(world: World) -> None:
    declared = with_gate(world.declare(), prompt="intended")
    long = {"role": "system", "content": "Answer with the number at the end of the question, and with nothing else."}
    rows = [{"messages": [long, *row["messages"]]} for row in rows_of("train", 10)]
    declared = dataclasses.replace(declared, train=world.datasets.add("train.jsonl", tuple(rows)))
    tried = tried_of(world, declared)
    evaluations = world.workspace(declared).evaluations
    (first,) = model_figures(evaluations, tried.record, declared, tried.trial.candidate, declared.evals[0])
    assert first.saving is not None
    assert first.saving.than == "with the prompt of the training data"
    assert 12 < first.saving.tokens < 24


def test_models_stand_side_by_side_with_what_their_answers_took(world: World) -> None:
    declared = with_gate(world.declare(), AGAINST_BASE, Condition(min=0.5))
    trained(world, declared)
    tried = tried_of(world, declared)
    evaluations = world.workspace(declared).evaluations
    one = declared.evals[0]
    ours, base = model_figures(evaluations, tried.record, declared, tried.trial.candidate, one)
    assert (ours.mean, base.mean) == (7 / 8, 0.5)
    assert ours.interval is not None
    assert (ours.interval.low, ours.interval.high) == pytest.approx((0.529, 0.978), abs=1e-3)
    assert ours.usage.usd_per_1k == pytest.approx(2 * (base.usage.usd_per_1k or 0), rel=0.2)
    assert base.breaks_even is None, "a tuned model's tokens cost more"
    nobody = dataclasses.replace(tried.trial.candidate, model=ModelId("ft:none"))
    assert model_figures(evaluations, tried.record, declared, nobody, one) == ()


@pytest.mark.parametrize(
    ("models", "usd"),
    [
        (("gpt-4.1-2025-04-14",), (1000 * 2.0 + 500 * 8.0) / 1e6),
        (("gpt-4.1", "gpt-4.1-2025-04-14"), (1000 * 2.0 + 500 * 8.0) / 1e6),
        (("gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14"), None),
        (("a-model-of-ours",), None),
        ((), None),
    ],
)
def test_what_judges_took_is_told_in_usd_where_one_price_holds(
    world: World, models: tuple[str, ...], usd: float | None
) -> None:
    grader = {"type": "score_model", "input": [{"role": "user", "content": "{{sample.output_text}}"}]}
    parts = {f"part_{number}": {**grader, "model": model} for number, model in enumerate(models)}
    plain = {"type": "string_check", "operation": "eq", "input": "a", "reference": "a"}
    parts = {**parts, "plain": plain}
    declared = with_gate(world.declare())
    tried = tried_of(world, declared)
    evaluations = world.workspace(declared).evaluations
    one = declared.evals[0]
    took = {"judge_calls": 3, "judge_input_tokens": 1000, "judge_output_tokens": 500}
    (known,) = tried.record.evaluations
    record = msgspec.structs.replace(tried.record, evaluations=(msgspec.structs.replace(known, **took),))
    spec = dataclasses.replace(one.spec, grader={"type": "multi", "graders": parts, "calculate_output": "plain"})
    judged = dataclasses.replace(one, spec=spec)
    (first,) = model_figures(evaluations, record, declared, tried.trial.candidate, judged)
    assert first.judges_usd == usd


def test_a_name_without_a_date_is_told_of(world: World) -> None:
    trial = make_trial(world.declare(), None, model="gpt-next", today=TODAY)
    assert trial.notices == ("gpt-next has no date in its name: its answers count for today only",)


def test_what_an_undated_model_answers_counts_for_a_day(world: World) -> None:
    declared = world.declare()
    evaluations = world.workspace(declared).evaluations

    def kept_for(model: str, day: date) -> str | None:
        trial = make_trial(declared, None, model=model, today=day)
        return evaluations.subject(trial.record, declared, trial.candidate).measurements(declared.evals[0])[0].for_model

    tomorrow = TODAY + timedelta(days=1)
    assert kept_for("gpt-next", TODAY) == "gpt-next:2026-11-21"
    assert kept_for("gpt-next", tomorrow) == "gpt-next:2026-11-22"
    assert kept_for(BASE_MODEL, tomorrow) is None


def test_unknown_names_are_refused_with_a_near_miss(world: World) -> None:
    declared = world.declare()
    with pytest.raises(UsageProblem, match="no manifest declares 'ruoter'") as caught:
        find_declared([declared], "ruoter")
    assert caught.value.remedy == "did you mean router?"
    assert find_declared([declared], "router") is declared
    renamed = world.declare("dispatcher", moved_from=("router",))
    assert find_declared([renamed], "router") is renamed
    assert find_declared([renamed, declared], "router") is declared
    with pytest.raises(UsageProblem, match="no evaluation 'speed'") as caught:
        choose_evals(declared, ["speed"])
    assert caught.value.remedy == "it has quality"
    assert choose_evals(declared, ["quality"]).evals == declared.evals
    with pytest.raises(UsageProblem, match="router has no evaluations"):
        choose_evals(world.declare(has_eval=False), [])


# What it would take.


def test_a_quote_counts_what_is_not_kept(world: World) -> None:
    declared = with_gate(world.declare(), AGAINST_BASE)
    evaluations = world.workspace(declared).evaluations
    trial = make_trial(declared, None, model=OTHER_MODEL, today=TODAY)
    quoted = quote(evaluations, trial)
    assert (quoted.calls, quoted.tokens) == (2 * EVAL_ROWS, 1800)
    assert quoted.usd == pytest.approx(900 * (2.0 + 0.4) / 1_000_000), "each model has its price"
    run_trial(evaluations, trial)
    quoted = quote(evaluations, trial)
    assert (quoted.calls, quoted.tokens, quoted.usd, quoted.is_nothing) == (0, 0, 0.0, True)
    assert quote(evaluations, make_trial(declared, None, model="its-own", today=TODAY)).usd is None


def test_a_quote_counts_examples_and_prompts(world: World) -> None:
    shots = Condition(baseline=Baseline(base=True, prompt=FewShot(k=2, seed=1)), test=Test.SUPERIORITY)
    declared = world.declare()
    evaluations = world.workspace(declared).evaluations
    alone = quote(evaluations, make_trial(declared, None, model=OTHER_MODEL, today=TODAY)).tokens
    with_shots = make_trial(with_gate(declared, AGAINST_BASE, shots), None, model=OTHER_MODEL, today=TODAY)
    a_row = declared.train.tokens / declared.train.rows
    assert quote(evaluations, with_shots).tokens == pytest.approx(3 * alone + EVAL_ROWS * 2 * a_row, abs=1)
    asks = PromptFile(path="./long.json")
    text = json.dumps([{"role": "system", "content": "Be as exact as you can. " * 20}])
    files = FilesWithPrompt(files=evaluations.files, path=asks.path, prompt=text)
    prompted = make_trial(declared, None, model=OTHER_MODEL, today=TODAY, asks=asks)
    assert quote(dataclasses.replace(evaluations, files=files), prompted).tokens > alone + EVAL_ROWS * 100


def test_only_what_is_known_to_cost_nothing_is_free(world: World) -> None:
    assert is_free_of_charge(TWIN)
    assert not is_free_of_charge(OPENAI)
    assert is_free_of_charge(dataclasses.replace(OPENAI, price=Price(training=1.0, input=0, output=0)))
    assert not is_free_of_charge(dataclasses.replace(OPENAI, price=Price(training=0)))


def test_a_rehearsal_that_compares_with_a_paid_model_is_not_free(world: World) -> None:
    paid = Condition(
        baseline=Baseline(base=False, model=ModelId(OTHER_MODEL), backend=OPENAI.name), test=Test.SUPERIORITY
    )
    declared = world.declare(backend=TWIN)
    evaluations = dataclasses.replace(world.workspace(declared).evaluations, backends={OPENAI.name: OPENAI})
    assert quote(evaluations, make_trial(declared, None, model=None, today=TODAY)).is_free
    quoted = quote(evaluations, make_trial(with_gate(declared, paid), None, model=None, today=TODAY))
    assert (quoted.calls, quoted.is_free) == (2 * EVAL_ROWS, False)
    assert quoted.usd is not None
    assert quoted.usd > 0


JUDGE = {
    "type": "label_model",
    "model": "gpt-4o-mini-2024-07-18",
    "input": [{"role": "user", "content": "Is {{sample.output_text}} what {{reference}} says?"}],
    "labels": ["yes", "no"],
    "passing_labels": ["yes"],
}


PAIRWISE = {
    **JUDGE,
    "input": [{"role": "user", "content": "{{first.output_text}} or {{second.output_text}}?"}],
    "labels": ["first", "second"],
    "passing_labels": ["first"],
}


def judging(request: ChatRequest) -> str:
    """Answers as ``_answer``; as a judge says yes to every answer but those that begin with "about 1"."""
    if request.model != JUDGE["model"]:
        return _answer(request)
    return "no" if "about 1" in str(request.messages[-1]["content"]) else "yes"


def test_judges_are_told_of_before_they_are_asked() -> None:
    world = World(answer=judging)
    declared = with_gate(world.declare(), AGAINST_BASE, grader=JUDGE)
    evaluations = world.workspace(declared).evaluations
    quoted = quote(evaluations, make_trial(declared, None, model=OTHER_MODEL, today=TODAY))
    assert (quoted.calls, quoted.judged, quoted.judges) == (2 * EVAL_ROWS, 2 * EVAL_ROWS, ("gpt-4o-mini-2024-07-18",))
    tried = tried_of(world, with_gate(world.declare(), grader=JUDGE))
    assert tried.judgement.evals[0].mean == 7 / 8
    assert tried.record.evaluations[0].judge_calls == EVAL_ROWS
    again = dataclasses.replace(tried.trial, record=tried.record)
    assert quote(evaluations, again).is_nothing


def test_a_judge_is_compared_with_people() -> None:
    world = World(answer=judging)
    declared = with_gate(world.declare(), grader=JUDGE)
    lines = [{"row": n, "output": f"about {n}", "label": n != 2} for n in range(1, 9)]
    found = compared(world, declared, "\n".join(map(json.dumps, lines)))
    counts = found.agreement
    assert (counts.true_passes, counts.missed_passes, counts.true_fails, counts.missed_fails) == (6, 1, 0, 1)
    asked = world.count("chat")
    assert compared(world, declared, "\n".join(map(json.dumps, lines))) == found
    assert world.count("chat") == asked, "what a judge said is kept"


def test_a_judge_of_pairs_has_no_verdict_on_single_answers() -> None:
    world = World(answer=judging)
    with pytest.raises(UsageProblem, match="compares pairs of answers"):
        compared(world, with_gate(world.declare(), grader=PAIRWISE), '{"row": 1, "output": "x", "label": true}')
    ((why, _),) = exported(world, tried_of(world, with_gate(world.declare(), grader=PAIRWISE))).left_out
    assert why.startswith("quality compares answers, of which none fails by itself")


def test_signs_that_end_a_line_elsewhere_may_stand_in_a_labelled_answer() -> None:
    world = World(answer=judging)
    declared = with_gate(world.declare(), grader=JUDGE)
    line = json.dumps({"row": 1, "output": "about 1\u2028\x85", "label": False}, ensure_ascii=False)
    assert compared(world, declared, f"{line}\n{line}\r\n").agreement.true_fails == 2


# What became of items.


def test_where_nothing_was_compared_for_want_of_answers_these_are_listed() -> None:
    def answer(request: ChatRequest) -> str:
        if request.model == OTHER_MODEL and answer_well(request) == "3":
            raise Rejected("no", status=400)
        return judging(request)

    world = World(answer=answer)
    wins = Condition(metric="win_rate", baseline=Baseline(base=True), test=Test.SUPERIORITY)
    tried = tried_of(world, with_gate(world.declare(), wins, grader=PAIRWISE), model=OTHER_MODEL)
    (report,) = reports_of(world, tried)
    assert [place.line for place in report.unscored] == [4]


def test_items_are_told_by_who_won_them(world: World) -> None:
    declared = with_gate(world.declare(), AGAINST_BASE)
    trained(world, declared)
    (report,) = reports_of(world, tried_of(world, declared))
    (against,) = report.against
    assert against.model == BASE_MODEL
    assert [place.line for place in against.won] == [2, 4, 6, 8]
    assert [place.line for place in against.lost] == [1]
    assert against.tied == 3
    assert (report.count, report.failed) == (EVAL_ROWS, 1)
    (worst,) = report.worst
    assert worst.place.line == 1
    assert worst.answer is not None
    assert worst.answer.text == "nought"
    assert worst.read is not None
    assert worst.read.context["reference"] == "0"


def test_the_ten_worst_come_first_by_score_then_by_place(world: World) -> None:
    grader = {**GRADER, "type": "text_similarity", "evaluation_metric": "fuzzy_match"}
    grader.pop("operation")
    declared = with_gate(world.declare(), grader=grader)
    (report,) = reports_of(world, tried_of(world, declared))
    assert report.failed is None
    assert [told.place.line for told in report.worst] == [2, 4, 6, 8]
    judged = with_gate(world.declare(), grader={**grader, "pass_threshold": 0.0})
    (report,) = reports_of(world, tried_of(world, judged))
    assert (report.failed, report.worst) == (0, ())


def test_rows_without_a_score_are_listed_and_never_count_as_failed() -> None:
    world = World(answer=lambda request: "perhaps" if (said := judging(request)) == "no" else said)
    declared = with_gate(world.declare(), grader=JUDGE)
    (report,) = reports_of(world, tried_of(world, declared))
    assert [place.line for place in report.unscored] == [2]
    assert (report.count, report.failed, report.worst) == (EVAL_ROWS, 0, ())


def test_rows_are_told_against_each_baseline_by_its_prompt(world: World) -> None:
    shots = Condition(baseline=Baseline(base=True, prompt=FewShot(k=2, seed=1)), test=Test.SUPERIORITY)
    declared = with_gate(world.declare(), AGAINST_BASE, shots)
    (report,) = reports_of(world, tried_of(world, declared, model=OTHER_MODEL))
    assert [against.asks for against in report.against] == ["", "2 examples"]


def test_answers_that_are_kept_no_more_are_told_of(world: World) -> None:
    declared = world.declare()
    tried = tried_of(world, declared)
    world.outputs.answers.clear()
    (report,) = reports_of(world, tried)
    assert [told.answer for told in report.worst] == [None] * 4
    assert all(told.read is not None for told in report.worst)


def test_an_evaluation_that_is_not_recorded_is_not_told_of(world: World) -> None:
    declared = world.declare()
    trial = make_trial(declared, None, model=None, today=TODAY)
    unrun = Tried(trial=trial, record=trial.record, judgement=tried_of(world, declared).judgement)
    assert reports_of(world, unrun) == ()


def test_shares_of_the_commonest_answer_and_reference() -> None:
    world = World(answer=lambda request: "4")
    (report,) = reports_of(world, tried_of(world, world.declare()))
    assert report.commonest == 1.0
    assert report.commonest_reference == 1 / EVAL_ROWS


# Failed items as rows to train on.


def with_method(declared: Declared, method: MethodType) -> Declared:
    fine_tune = dataclasses.replace(declared.fine_tune, method=Method(type=method))
    return dataclasses.replace(declared, fine_tune=fine_tune)


def rows_exported(world: World, declared: Declared) -> list[dict[str, Any]]:
    return [json.loads(line) for line in exported(world, tried_of(world, declared)).lines]


@pytest.mark.parametrize(
    ("method", "use"),
    [
        (MethodType.SUPERVISED, Use.SUPERVISED),
        (MethodType.DPO, Use.DPO),
        (MethodType.REINFORCEMENT, Use.REINFORCEMENT),
    ],
)
def test_failed_items_become_rows_of_the_method(world: World, method: MethodType, use: Use) -> None:
    rows = rows_exported(world, with_method(world.declare(), method))
    asked, wanted = {"role": "user", "content": "test 1"}, {"role": "assistant", "content": "1"}
    expected: dict[MethodType, dict[str, Any]] = {
        MethodType.SUPERVISED: {"messages": [asked, wanted]},
        MethodType.DPO: {
            "input": {"messages": [asked]},
            "preferred_output": [wanted],
            "non_preferred_output": [{"role": "assistant", "content": "about 1"}],
        },
        MethodType.REINFORCEMENT: {"messages": [asked]},
    }
    assert len(rows) == 4
    assert rows[0] == expected[method]
    assert [found for row in rows for found in row_findings(row, use)] == []


def test_preferences_need_the_answer_and_supervised_rows_do_not(world: World) -> None:
    for method, count in ((MethodType.DPO, 0), (MethodType.SUPERVISED, 4)):
        tried = tried_of(world, with_method(world.declare(), method))
        world.outputs.answers.clear()
        found = exported(world, tried)
        assert len(found.lines) == count
        assert found.sources == (("test.jsonl",) if count else ())
    assert found.left_out == ()


def test_graded_scores_without_a_threshold_export_nothing_and_say_so(world: World) -> None:
    grader = {**GRADER, "type": "text_similarity", "evaluation_metric": "fuzzy_match"}
    grader.pop("operation")
    found = exported(world, tried_of(world, with_gate(world.declare(), grader=grader)))
    assert found.lines == ()
    assert found.left_out == (("quality has graded scores, and no pass_threshold says which of them fail", 1),)


# Curves and advice.


def report_of_training(world: World, declared: Declared, workspace: Workspace | None = None) -> TrainingReport | None:
    tried = tried_of(world, declared)
    workspace = workspace or world.workspace(declared)
    items = reports_of(world, tried)
    return training_report(workspace, declared, tried.record, tried.judgement, items)


def test_curves_of_a_finished_job_are_read_once(world: World) -> None:
    declared = world.declare()
    assert report_of_training(world, declared) is None
    workspace = trained(world, declared)
    first = report_of_training(world, declared, workspace)
    again = report_of_training(world, declared, workspace)
    assert first is not None
    assert first == again
    assert len(first.metrics) == 30
    assert world.count("metrics") == 1


def test_curves_that_cannot_be_read_are_told_of(world: World) -> None:
    declared = world.declare()
    trained(world, declared)
    offline = report_of_training(world, declared, world.workspace(declared, sessions={}))
    assert offline is not None
    assert offline.why_not == "not read yet, and openai can't be asked now: it can't be called here"
    late = world.workspace(declared, sessions={}, start=lambda backend: world.backend)
    started = report_of_training(world, declared, late)
    assert started is not None
    assert len(started.metrics) == 30
    world.backend.inject("metrics", BackendError("busy"))
    broken = report_of_training(world, declared)
    assert broken is not None
    assert broken.why_not == "they can't be read: busy"
    assert broken.advice == ()


def test_a_withheld_model_whose_loss_still_fell_gets_advice(world: World) -> None:
    declared = world.declare(least=0.99)
    workspace = trained(world, declared)
    falling = tuple(StepMetrics(step=step, train_loss=0.9**step) for step in range(1, 40))
    known = world.record().revisions[declared.revision].trained_job(OPENAI.name)
    assert known is not None
    assert known.status is JobStatus.SUCCEEDED
    workspace.curves[f"openai {known.id}"] = falling
    found = report_of_training(world, declared, workspace)
    assert found is not None
    assert [one.symptom for one in found.advice] == [Symptom.DOES_NOT_FOLLOW]


# A judge beside people.


def labels_of(world: World, text: str) -> Any:
    return read_labels(text, file="labels.jsonl", rows=world.datasets.rows_at["test.jsonl"])


def compared(world: World, declared: Declared, text: str) -> JudgeReport:
    evaluations = world.workspace(declared).evaluations
    return judge_agreement(evaluations, declared.evals[0], labels_of(world, text), backend=OPENAI.name)


def test_labels_are_compared_with_the_graders_verdicts(world: World) -> None:
    declared = world.declare()
    lines = [
        {"row": 1, "output": "0", "label": True},
        {"row": 2, "output": "one", "label": True},
        {"row": 3, "output": "2", "label": False},
        {"row": world.datasets.rows_at["test.jsonl"][3], "output": "three", "label": False},
    ]
    found = compared(world, declared, "\n".join(map(json.dumps, lines)) + "\n\n")
    assert found.failures == ()
    counts = found.agreement
    assert (counts.true_passes, counts.missed_passes, counts.true_fails, counts.missed_fails) == (1, 1, 1, 1)


def test_a_row_is_found_by_its_digest(world: World) -> None:
    from ftops.evaluation.identity import row_digest

    world.declare()
    rows = world.datasets.rows_at["test.jsonl"]
    (label,) = labels_of(world, json.dumps({"row": row_digest(rows[4])[:10], "output": "", "label": False}))
    assert label.row == rows[4]


def test_every_bad_line_is_told_of_at_once(world: World) -> None:
    world.declare()
    lines = [
        "{",
        "3",
        '{"row": 1, "output": "x", "label": true, "lable": 1}',
        '{"row": 99, "output": "x", "label": true}',
        '{"row": true, "output": "x", "label": true}',
        '{"row": "00000000", "output": "x", "label": true}',
        '{"row": {"messages": []}, "output": "x", "label": true}',
        '{"row": 1, "label": true}',
        '{"row": 1, "output": "x", "label": "yes"}',
        '{"row": 1, "output": "x", "label": true, "tool_calls": [1]}',
        '{"row": 1, "output": "\\ud800", "label": true}',
        '{"row": 1, "output": "x", "label": true}',
    ]
    with pytest.raises(Invalid) as caught:
        labels_of(world, "\n".join(lines))
    assert [str(problem) for problem in caught.value.problems] == [
        "labels.jsonl:1:1: expected a JSON object in one line",
        "labels.jsonl:2:1: expected a JSON object, got the integer 3",
        "labels.jsonl:3:1: expected row, output and label, got 'lable' too (did you mean label?)",
        "labels.jsonl:4:1 /row: expected a line of the evaluation's dataset, 1 to 8, got the integer 99",
        "labels.jsonl:5:1 /row: expected a row's line, digest (8 digits or more) or the row itself, got the boolean true",
        "labels.jsonl:6:1 /row: expected the digest of one row, 0 begin with '00000000'",
        "labels.jsonl:7:1 /row: expected a row of the evaluation's dataset, it has no such row",
        "labels.jsonl:8:1 /output: expected the text of an answer, got null",
        "labels.jsonl:9:1 /label: expected true for a pass or false, got the string 'yes'",
        "labels.jsonl:10:1 /tool_calls: expected a list of tool calls, got a list",
        "labels.jsonl:11:1: expected text, got half of a surrogate pair",
    ]


def test_a_file_without_labels_is_refused(world: World) -> None:
    world.declare()
    with pytest.raises(UsageProblem, match="has no labels"):
        labels_of(world, "\n\n")


def test_verdicts_that_are_no_verdicts_are_refused(world: World) -> None:
    grader = {**GRADER, "type": "text_similarity", "evaluation_metric": "fuzzy_match"}
    grader.pop("operation")
    line = json.dumps({"row": 1, "output": "01", "label": True})
    with pytest.raises(UsageProblem, match="nothing says which of them pass"):
        compared(world, with_gate(world.declare(), grader=grader), line)
    declared = with_gate(world.declare(), grader={**grader, "pass_threshold": 0.5})
    assert compared(world, declared, line).agreement.true_passes == 1


def test_an_answer_without_a_verdict_is_told_of(world: World) -> None:
    grader = {**GRADER, "reference": "{{item.missing}}"}
    found = compared(world, with_gate(world.declare(), grader=grader), '{"row": 2, "output": "1", "label": true}')
    assert found.agreement.count == 0
    ((line, why),) = found.failures
    assert line == 1
    assert "item.missing" in why
