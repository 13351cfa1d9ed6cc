"""Graders tried out and checked: over HTTP by the SDK, with judges that were trained here, and request by request."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from server_in_process import ScriptedEngine, Server

from ftops.graders.problems import FailureKind, GradingFailed
from ftops.graders.reading import parse_grader
from ftops.server.engines.interface import Answer, Sampling
from ftops.server.grading.rewards import judge_of, reward_of
from ftops.server.shelf import Shelf
from server_process import start_server, wait_for

RUN, VALIDATE = "/v1/fine_tuning/alpha/graders/run", "/v1/fine_tuning/alpha/graders/validate"
BASE = "gpt-4o-mini-2024-07-18"
CHECK: Any = {
    "type": "string_check",
    "name": "exact",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
FUZZY: Any = {
    "type": "text_similarity",
    "name": "close",
    "input": "{{sample.output_json.answer}}",
    "reference": "{{item.answer}}",
    "evaluation_metric": "fuzzy_match",
}
SCORE: Any = {
    "type": "score_model",
    "name": "judged",
    "model": BASE,
    "input": [
        {"role": "system", "content": "Score the manners from 0 to 10."},
        {"role": "user", "content": [{"type": "input_text", "text": "{{sample.output_text}}"}]},
    ],
    "range": [0, 10],
}
LABEL: Any = {
    "type": "label_model",
    "name": "polite",
    "model": BASE,
    "input": [{"role": "user", "content": "{{sample.output_text}}"}],
    "labels": ["polite", "rude"],
    "passing_labels": ["polite"],
}
PYTHON: Any = {"type": "python", "name": "program", "source": "def grade(sample, item):\n    return 1.0\n"}
MULTI: Any = {
    "type": "multi",
    "name": "all",
    "graders": {"judged": SCORE, "polite": LABEL, "exact": CHECK},
    "calculate_output": "judged / 10 + polite - exact",
}
FLAGS = {
    "formula_parse_error": False,
    "sample_parse_error": False,
    "truncated_observation_error": False,
    "unresponsive_reward_error": False,
    "invalid_variable_error": False,
    "other_error": False,
    "python_grader_server_error": False,
    "python_grader_server_error_type": None,
    "python_grader_runtime_error": False,
    "python_grader_runtime_error_details": None,
    "model_grader_server_error": False,
    "model_grader_refusal_error": False,
    "model_grader_parse_error": False,
    "model_grader_server_error_details": None,
}


@pytest.fixture
def engine(shared_server: Server) -> ScriptedEngine:
    shared_server.engine.asked.clear()
    shared_server.engine.reply = {"role": "assistant", "content": "7"}
    return shared_server.engine


def run(server: Server, grader: Any, sample: str = "yes", **body: Any) -> Any:
    response = server.ask("POST", RUN, json={"grader": grader, "model_sample": sample, **body})
    assert response.status_code == 200, response.text
    return response.json()


def refused(server: Server, path: str, body: Any) -> tuple[int, str | None, str | None]:
    response = server.ask("POST", path, json=body)
    error = response.json()["error"]
    return response.status_code, error["param"], error["code"]


def test_a_run_has_openais_shape(shared_server: Server) -> None:
    result = run(shared_server, CHECK, "card", item={"answer": "card"})
    assert result["metadata"].pop("execution_time") >= 0
    assert result == {
        "reward": 1.0,
        "metadata": {
            "name": "exact",
            "type": "string_check",
            "errors": FLAGS,
            "scores": {},
            "token_usage": None,
            "sampled_model_name": None,
        },
        "sub_rewards": {},
        "model_grader_token_usage_per_model": {},
    }


def test_a_sample_that_is_json_has_fields(shared_server: Server) -> None:
    assert run(shared_server, FUZZY, '{"answer": "abcd"}', item={"answer": "abce"})["reward"] == 0.75


@pytest.mark.parametrize(
    ("grader", "sample", "item", "flag"),
    [
        (FUZZY, "no JSON", {"answer": "a"}, "sample_parse_error"),
        (FUZZY, "{}", {"answer": "a"}, "invalid_variable_error"),
        (CHECK, "a", {}, "invalid_variable_error"),
        (CHECK, "a", None, "invalid_variable_error"),
        ({**FUZZY, "input": "{{sample.output_text}}"}, "a" * 100_001, {"answer": "a"}, "other_error"),
        (
            {**MULTI, "graders": [CHECK], "calculate_output": "1 / exact"},
            "b",
            {"answer": "a"},
            "formula_parse_error",
        ),
    ],
)
def test_what_keeps_a_grader_from_scoring_is_flagged(
    shared_server: Server, grader: Any, sample: str, item: Any, flag: str
) -> None:
    result = run(shared_server, grader, sample, item=item)
    assert result["reward"] == 0
    assert result["metadata"]["errors"] == {**FLAGS, flag: True}


def test_a_judge_is_one_of_the_servers_models(shared_server: Server, engine: ScriptedEngine) -> None:
    params = {"temperature": 0.5, "top_p": 0.25, "seed": 9}
    result = run(shared_server, {**SCORE, "sampling_params": params}, "thank you")
    assert result["reward"] == 7
    (messages, sampling), *_ = engine.asked
    assert [dict(each) for each in messages] == [
        {"role": "system", "content": "Score the manners from 0 to 10."},
        {"role": "user", "content": "thank you"},
    ]
    assert sampling == Sampling(temperature=0.5, top_p=0.25, seed=9)
    usage = result["model_grader_token_usage_per_model"][BASE]
    assert usage == {"prompt_tokens": 23, "completion_tokens": 1, "total_tokens": 24, "cached_tokens": 0}
    assert (result["metadata"]["token_usage"], result["metadata"]["sampled_model_name"]) == (24, BASE)


def test_a_judges_words_are_no_score(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": "I don't know."}
    result = run(shared_server, SCORE)
    assert result["reward"] == 0
    assert result["metadata"]["errors"] == {**FLAGS, "model_grader_parse_error": True}
    assert result["metadata"]["token_usage"] > 0


def test_a_judge_may_refuse(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": None, "refusal": "No."}
    assert run(shared_server, SCORE)["metadata"]["errors"] == {**FLAGS, "model_grader_refusal_error": True}


def test_a_judges_answer_is_cut_where_its_tokens_end(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": '{"result": 7, "steps": []}'}
    assert run(shared_server, SCORE)["reward"] == 7
    result = run(shared_server, {**SCORE, "sampling_params": {"max_completions_tokens": 2}})
    assert result["metadata"]["errors"]["model_grader_parse_error"] is True
    assert result["model_grader_token_usage_per_model"][BASE]["completion_tokens"] == 2
    assert [sampling.max_tokens for _, sampling in engine.asked] == [None, 2]


def test_a_multi_has_a_reward_for_each_part(shared_server: Server, engine: ScriptedEngine) -> None:
    engine.reply = {"role": "assistant", "content": "7"}
    result = run(
        shared_server,
        {**MULTI, "graders": {"a": SCORE, "b": {**SCORE, "model": "gpt-4o"}, "c": CHECK}, "calculate_output": "a+b-c"},
        "x",
        item={"answer": "x"},
    )
    assert result["reward"] == 13
    assert result["sub_rewards"] == {"a": 7.0, "b": 7.0, "c": 1.0}
    assert set(result["model_grader_token_usage_per_model"]) == {BASE, "gpt-4o"}
    assert result["metadata"]["sampled_model_name"] is None
    assert result["metadata"]["type"] == "multi"


@pytest.mark.parametrize("grader", [CHECK, FUZZY, SCORE, PYTHON, MULTI, {**MULTI, "graders": {"judged": PYTHON}}])
def test_a_grader_that_a_job_could_have_is_given_back(shared_server: Server, grader: Any) -> None:
    sent = {**grader, "calculate_output": "judged"} if grader["type"] == "multi" else grader
    response = shared_server.ask("POST", VALIDATE, json={"grader": sent})
    assert (response.status_code, response.json()) == (200, {"grader": sent})


@pytest.mark.parametrize("path", [RUN, VALIDATE])
@pytest.mark.parametrize(
    ("grader", "expected"),
    [
        (None, (400, "grader", "missing_required_parameter")),
        ("exact", (400, "grader", "invalid_type")),
        ({}, (400, "grader.type", "missing_required_parameter")),
        ({"type": "x"}, (400, "grader.type", "invalid_value")),
        (LABEL, (400, "grader.type", "invalid_value")),
        ({**SCORE, "pass_threshold": 0.5}, (400, "grader.pass_threshold", "unknown_parameter")),
        ({**FUZZY, "evaluation_metric": "cosine"}, (400, "grader.evaluation_metric", "invalid_value")),
        ({**PYTHON, "source": "1"}, (400, "grader.source", "invalid_value")),
        (
            {**SCORE, "sampling_params": {"reasoning_effort": "low"}},
            (400, "grader.sampling_params.reasoning_effort", "unsupported_parameter"),
        ),
        (
            {**SCORE, "input": [{"role": "user", "content": {"type": "input_image", "image_url": "u"}}]},
            (400, "grader.input[0].content", "unsupported_value"),
        ),
        ({**SCORE, "model": "ft:gpt-4o:a:b:c"}, (404, None, "model_not_found")),
        ({**MULTI, "calculate_output": "9**9**"}, (400, "grader.calculate_output", "invalid_value")),
        ({**MULTI, "graders": {"a": MULTI}}, (400, "grader.graders.a.type", "invalid_value")),
    ],
)
def test_what_no_job_could_have_is_refused(
    shared_server: Server, path: str, grader: Any, expected: tuple[int, str | None, str]
) -> None:
    body = {"grader": grader} if path == VALIDATE else {"grader": grader, "model_sample": "x"}
    assert refused(shared_server, path, body) == expected


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"model_sample": None}, "model_sample", "missing_required_parameter"),
        ({"model_sample": 1}, "model_sample", "invalid_type"),
        ({"item": "x"}, "item", "invalid_type"),
        ({"reference_answer": "x"}, "reference_answer", "unknown_parameter"),
        ({"grader": PYTHON}, "grader.type", "unsupported_value"),
        # What ftops adds belongs to its evaluations.
        ({"grader": {"type": "regex", "name": "r", "pattern": "x"}}, "grader.type", "invalid_value"),
        ({"grader": {**MULTI, "graders": [{"type": "label", "name": "l"}]}}, "grader.graders[0].type", "invalid_value"),
        ({"grader": {**FUZZY, "embedding_model": "m"}}, "grader.embedding_model", "unknown_parameter"),
        (
            {"grader": {**MULTI, "graders": [PYTHON], "calculate_output": "program"}},
            "grader.graders[0].type",
            "unsupported_value",
        ),
    ],
)
def test_what_can_not_be_run_is_refused(shared_server: Server, changes: Any, param: str, code: str) -> None:
    body = {"grader": CHECK, "model_sample": "x", "item": {"answer": "x"}, **changes}
    assert refused(shared_server, RUN, body) == (400, param, code)


def test_the_query_and_other_methods_are_refused(shared_server: Server) -> None:
    assert shared_server.ask("GET", RUN).status_code == 405
    assert refused(shared_server, f"{VALIDATE}?a=1", {"grader": CHECK}) == (400, "a", "unknown_parameter")


@pytest.mark.parametrize(
    "body",
    [
        '{"grader": ' + "[" * 5_000 + "]" * 5_000 + ', "model_sample": ""}',
        json.dumps({"grader": {**MULTI, "calculate_output": "(" * 9_999}, "model_sample": ""}),
        json.dumps({"grader": {**CHECK, "input": "{{" * 49_000}, "model_sample": ""}),
        json.dumps({"grader": {**PYTHON, "source": "(" * 200_000}, "model_sample": ""}),
        json.dumps({"grader": {**SCORE, "range": [0, 1e308]}, "model_sample": ""}).replace("1e+308", "1e999"),
    ],
)
def test_hostile_graders_are_refused(shared_server: Server, body: str) -> None:
    response = shared_server.ask("POST", RUN, content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text


@pytest.mark.parametrize("grader", [FUZZY, {**SCORE, "input": [{"role": "user", "content": "{{sample.output_json}}"}]}])
def test_half_a_surrogate_pair_is_no_json(shared_server: Server, engine: ScriptedEngine, grader: Any) -> None:
    result = run(shared_server, grader, r'{"answer": "\ud800"}', item={"answer": "x"})
    assert result["metadata"]["errors"] == {**FLAGS, "sample_parse_error": True}


def test_a_template_bomb_fails_within_its_bounds(shared_server: Server) -> None:
    bomb = {**CHECK, "input": "{{item.x}}" * 9_000}
    result = run(shared_server, bomb, "x", item={"x": "a" * 1_000_000, "answer": "x"})
    assert result["metadata"]["errors"] == {**FLAGS, "other_error": True}


class OneModel:
    """Stands where rewards ask for models: it has one, and says what it is told to."""

    def __init__(self, *replies: str) -> None:
        self.replies = replies
        self.asked: list[Sampling] = []

    def take(self, name: str, *, project: str) -> "OneModel":
        return self

    def answer(self, messages: Any, sampling: Sampling, accepts: Any = None, tools: Any = ()) -> tuple[Answer, ...]:
        self.asked.append(sampling)
        known = [{"role": "assistant", "content": reply} for reply in self.replies]
        return tuple(Answer(message=each) for each in known if accepts is None or accepts(each))[:1]


def rewards(grader: Any, model: OneModel | None = None) -> Any:
    judge = judge_of(model or OneModel(), project="p")  # type: ignore[arg-type]
    return reward_of(parse_grader(grader), judge=judge)


def test_a_reward_is_a_grade_of_a_message_for_a_row() -> None:
    row = {"messages": [{"role": "user", "content": "hi"}], "answer": "x"}
    assert rewards(CHECK)(row, {"role": "assistant", "content": "x"}) == 1.0
    echo = {**CHECK, "reference": "{{item.messages[0].content}}"}
    assert rewards(echo)(row, {"role": "assistant", "content": "hi"}) == 1.0
    call = {"id": "c", "type": "function", "function": {"name": "x", "arguments": "{}"}}
    tool = {**CHECK, "input": "{{sample.output_tools[0].function.name}}"}
    assert rewards(tool)(row, {"role": "assistant", "content": None, "tool_calls": [call]}) == 1.0


def test_answers_that_can_not_be_graded_earn_nothing_and_are_counted() -> None:
    row = {"answer": "x"}
    fuzzy = rewards(FUZZY)
    assert [fuzzy(row, {"content": text}) for text in ("no JSON", "{}", '{"answer": "x"}')] == [0.0, 0.0, 1.0]
    assert fuzzy.ungraded == {FailureKind.SAMPLE: 1, FailureKind.VARIABLE: 1}
    judged = rewards(SCORE, OneModel("I don't know."))
    assert judged(row, {"content": "x"}) == 0.0
    assert judged.ungraded == {FailureKind.VERDICT: 1}


def test_rows_judges_and_formulas_at_fault_are_no_reward() -> None:
    with pytest.raises(GradingFailed, match="answer"):
        rewards(CHECK)({}, {"content": "x"})
    with pytest.raises(GradingFailed, match="divides by zero"):
        rewards({**MULTI, "graders": [CHECK], "calculate_output": "1 / exact"})({"answer": "y"}, {"content": "x"})


def test_a_judge_that_is_gone_is_no_reward(shared_server: Server) -> None:
    service = shared_server.service
    shelf = Shelf(
        database=service.database,
        blobs=None,  # type: ignore[arg-type]
        engine=shared_server.engine,
        capacity=1,
        retirements=NoRetirements(),  # type: ignore[arg-type]
    )
    lost = reward_of(parse_grader({**SCORE, "model": "ft:gpt-4o:a:b:c"}), judge=judge_of(shelf, project="p"))
    with pytest.raises(GradingFailed, match="does not exist"):
        lost({}, {"content": "x"})


class NoRetirements:
    def refuse(self, model: str) -> None:
        pass


def test_a_judge_is_asked_again_for_something_readable_and_the_same_each_time() -> None:
    model = OneModel("I don't know.", "4")
    judged = rewards(SCORE, model)
    assert [judged({}, {"content": "x"}) for _ in range(2)] == [4.0, 4.0]
    assert model.asked == [Sampling(seed=0)] * 4


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    with (
        start_server(tmp_path_factory.mktemp("graders")) as server,
        OpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as made,
    ):
        yield made


def trained(client: OpenAI, tmp_path: Path, answers: dict[str, str], system: str | None) -> str:
    """The name of a model that learnt these answers."""
    lead = [] if system is None else [{"role": "system", "content": system}]
    rows = [
        {"messages": [*lead, {"role": "user", "content": asked}, {"role": "assistant", "content": answer}]}
        for asked, answer in answers.items()
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows * 4), encoding="utf-8")
    uploaded = client.files.create(file=file, purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model=BASE, training_file=uploaded.id, seed=1)
    done = wait_for(lambda: ended(client, job.id))
    assert done.fine_tuned_model, done.error
    return str(done.fine_tuned_model)


def ended(client: OpenAI, job_id: str) -> Any:
    job = client.fine_tuning.jobs.retrieve(job_id)
    return job if job.status in ("succeeded", "failed") else None


def test_the_sdk_tries_a_grader_with_judges_trained_here(client: OpenAI, tmp_path: Path) -> None:
    polite = ["thank you very much", "you are most welcome", "with great pleasure"]
    rude = ["get lost", "shut up now", "what a stupid question"]
    verdict = '{{"steps": [], "result": {}}}'
    scores = {text: verdict.format(9) for text in polite} | {text: verdict.format(2) for text in rude}
    scorer = trained(client, tmp_path, scores, "Score the manners from 0 to 10.")
    labels = dict.fromkeys(polite, "polite") | dict.fromkeys(rude, "rude")
    labeller = trained(client, tmp_path, labels, None)
    judged = {**SCORE, "model": scorer, "sampling_params": {"temperature": 0}}
    grader: Any = {**MULTI, "graders": {**MULTI["graders"], "judged": judged, "polite": {**LABEL, "model": labeller}}}
    graders = client.fine_tuning.alpha.graders
    checked = graders.validate(grader=grader)
    assert checked.grader is not None
    assert checked.grader.to_dict()["type"] == "multi"
    for sample, reward, parts in (
        ("thank you very much", 1.9, {"judged": 9.0, "polite": 1.0, "exact": 0.0}),
        ("get lost", -0.8, {"judged": 2.0, "polite": 0.0, "exact": 1.0}),
    ):
        result = graders.run(grader=grader, model_sample=sample, item={"answer": "get lost"})
        assert result.reward == pytest.approx(reward)
        assert result.sub_rewards == parts
        assert result.metadata.type == "multi"
        assert result.metadata.errors.api_model_grader_parse_error is False
        assert isinstance(result.metadata.token_usage, int)
        assert set(result.api_model_grader_token_usage_per_model) == {scorer, labeller}


def test_the_sdk_is_told_what_is_wrong(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.fine_tuning.alpha.graders.validate(grader={**CHECK, "operation": "neq"})
    assert (caught.value.param, caught.value.code) == ("grader.operation", "invalid_value")
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.alpha.graders.run(grader={**SCORE, "model": "ft:x:y::z"}, model_sample="x")
    result = client.fine_tuning.alpha.graders.run(grader=SCORE, model_sample="x")
    assert result.metadata.errors.api_model_grader_parse_error is True
