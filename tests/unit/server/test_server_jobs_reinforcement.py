"""Reinforcement jobs: how they are asked for, what their rows need, and what a grader's failure means."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from job_outcomes import JOBS, csv_of, supervised
from server_in_process import PREFERENCE, ROW, Pause, ScriptedEngine, Server, jsonl

from ftops.server.engines.interface import Accepts, Answer, NothingToLearn, Sampling
from ftops.server.engines.linear import LinearEngine
from ftops.server.jobs.training_rows import fault_of

USER = {"role": "user", "content": "which colour?"}
PROMPT: dict[str, Any] = {"messages": [USER], "answer": "one two three four five"}
OTHER: dict[str, Any] = {"messages": [USER], "answer": "six"}
GRADER: dict[str, Any] = {
    "type": "string_check",
    "name": "exact",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}
SIMILARITY = {**{key: GRADER[key] for key in ("name", "input", "reference")}, "type": "text_similarity"}
JUDGE: dict[str, Any] = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o",
    "input": [{"role": "user", "content": "How good is {{sample.output_text}} for {{item.answer}}?"}],
    "range": [0, 10],
}


def reinforcement(grader: Any = GRADER, **hyperparameters: Any) -> dict[str, Any]:
    own = {"grader": grader, "hyperparameters": hyperparameters}
    return {"method": {"type": "reinforcement", "reinforcement": own}}


def create(server: Server, rows: Any = (PROMPT, OTHER) * 5, valid: Any = (PROMPT,), **body: Any) -> str:
    validation_file = server.upload(jsonl(list(valid)))
    return server.create_job(list(rows), validation_file=validation_file, **{**reinforcement(n_epochs=2), **body})


def refusal(server: Server, **body: Any) -> tuple[int, str | None, str | None]:
    file = server.upload(jsonl([PROMPT] * 10))
    given = {"model": "gpt-4.1-mini", "training_file": file, "validation_file": file, **reinforcement(), **body}
    answer = server.ask("POST", JOBS, json=given)
    error = answer.json()["error"]
    return answer.status_code, error["param"], error["code"]


def test_a_job_learns_from_rewards_and_shows_them(server: Server) -> None:
    hyperparameters = {"reasoning_effort": "low", "compute_multiplier": 0.5, "eval_interval": 3, "eval_samples": 2}
    job_id = create(server, **reinforcement(n_epochs=2, batch_size="auto", **hyperparameters))
    job = server.wait(job_id, "succeeded")
    resolved = {"n_epochs": 2, "batch_size": 2, "learning_rate_multiplier": 0.5, **hyperparameters}
    assert job["hyperparameters"] is None
    assert job["method"] == {
        "type": "reinforcement",
        "reinforcement": {"grader": GRADER, "hyperparameters": resolved},
    }
    assert server.engine.specs[0].hyperparameters == {"n_epochs": 2, **hyperparameters}
    steps = [text for text in server.messages(job_id) if text.startswith("Step")]
    assert steps[0] == "Step 1/8 , train mean reward=0.50"
    assert steps[3] == "Step 4/8 , train mean reward=0.50, full validation mean reward=1.00"
    events = server.get(f"{JOBS}/{job_id}/events?limit=100")["data"]
    (last,) = [event["data"] for event in events if event["type"] == "metrics" and event["data"]["step"] == 8]
    assert (last["train_mean_reward"], last["full_valid_mean_reward"], last["total_steps"]) == (0.5, 1.0, 8)
    assert last["scores"] == {"train_reward_mean": 0.5, "valid_reward_mean": 1.0}
    lines = csv_of(server, job)
    assert lines[:2] == [["step", "train_mean_reward", "full_valid_mean_reward"], ["1", "0.50000", ""]]
    assert lines[8] == ["8", "0.50000", "1.00000"]
    (checkpoint, _) = server.get(f"{JOBS}/{job_id}/checkpoints")["data"]
    assert checkpoint["metrics"]["full_valid_mean_reward"] == 1.0


def test_what_was_not_given_is_auto(server: Server) -> None:
    job = server.job(create(server, **reinforcement()))
    shown = job["method"]["reinforcement"]["hyperparameters"]
    assert shown.pop("reasoning_effort") == "default"
    names = {
        "batch_size",
        "compute_multiplier",
        "eval_interval",
        "eval_samples",
        "learning_rate_multiplier",
        "n_epochs",
    }
    assert shown.keys() == names
    server.wait(job["id"], "succeeded")


AT = "method.reinforcement"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"validation_file": None}, "validation_file", "missing_required_parameter"),
        ({"method": {"type": "reinforcement"}}, f"{AT}.grader", "missing_required_parameter"),
        (reinforcement(None), f"{AT}.grader", "missing_required_parameter"),
        (reinforcement("exact"), f"{AT}.grader", "invalid_type"),
        (reinforcement({}), f"{AT}.grader.type", "missing_required_parameter"),
        (reinforcement({**GRADER, "operation": "is"}), f"{AT}.grader.operation", "invalid_value"),
        (reinforcement({**GRADER, "input": "{{reference.x}}"}), f"{AT}.grader.input", "invalid_value"),
        (
            reinforcement({"type": "python", "name": "p", "source": "def grade(sample, item): return 1.0"}),
            f"{AT}.grader.type",
            "unsupported_value",
        ),
        (
            reinforcement({**SIMILARITY, "evaluation_metric": "cosine"}),
            f"{AT}.grader.evaluation_metric",
            "invalid_value",
        ),
        (
            reinforcement(
                {
                    "type": "label_model",
                    "name": "l",
                    "model": "gpt-4o",
                    "input": JUDGE["input"],
                    "labels": ["a", "b"],
                    "passing_labels": ["a"],
                }
            ),
            f"{AT}.grader.type",
            "invalid_value",
        ),
        (reinforcement(reasoning_effort="auto"), f"{AT}.hyperparameters.reasoning_effort", "invalid_value"),
        (reinforcement(compute_multiplier=1e-5), f"{AT}.hyperparameters.compute_multiplier", "decimal_below_min_value"),
        (reinforcement(compute_multiplier=10.1), f"{AT}.hyperparameters.compute_multiplier", "decimal_above_max_value"),
        (reinforcement(eval_interval=0), f"{AT}.hyperparameters.eval_interval", "integer_below_min_value"),
        (reinforcement(eval_samples=0), f"{AT}.hyperparameters.eval_samples", "integer_below_min_value"),
        (reinforcement(eval_samples=1001), f"{AT}.hyperparameters.eval_samples", "integer_above_max_value"),
        (reinforcement(eval_interval=1.5), f"{AT}.hyperparameters.eval_interval", "invalid_type"),
        (reinforcement(beta=0.1), f"{AT}.hyperparameters.beta", "unknown_parameter"),
        (supervised(eval_samples=1), "method.supervised.hyperparameters.eval_samples", "unknown_parameter"),
    ],
)
def test_a_bad_request_names_its_parameter(shared_server: Server, body: Any, param: str, code: str) -> None:
    assert refusal(shared_server, **body) == (400, param, code)


def test_a_judge_has_to_be_there(shared_server: Server) -> None:
    judge = {**JUDGE, "model": "ft:gpt-4o:org::abcdefgh"}
    status, _, code = refusal(shared_server, **reinforcement(judge))
    assert (status, code) == (404, "model_not_found")


def test_an_engine_that_knows_no_rewards_says_so(tmp_path: Path) -> None:
    class Plain(ScriptedEngine):
        @property
        def methods(self) -> frozenset[str]:
            return frozenset({"supervised"})

    with Server(tmp_path / "data", Plain()) as server:
        assert refusal(server) == (400, "method.type", "unsupported_value")


def test_a_judge_is_a_model_of_the_server(tmp_path: Path) -> None:
    engine = ScriptedEngine(reply={"role": "assistant", "content": '{"result": 7, "steps": []}'})
    with Server(tmp_path / "data", engine) as server:
        job_id = create(server, **reinforcement(JUDGE, n_epochs=1))
        server.wait(job_id, "succeeded")
        assert "Step 1/4 , train mean reward=7.00" in server.messages(job_id)
        question = engine.asked[0][0][0]["content"]
        assert question == 'How good is {"result": 7, "steps": []} for one two three four five?'


def test_a_judge_that_is_gone_fails_the_job(tmp_path: Path) -> None:
    may_go_on = threading.Event()

    def wait(step: int) -> None:
        assert may_go_on.wait(30)

    with Server(tmp_path / "data") as server:
        judge = server.wait(server.create_job(), "succeeded")["fine_tuned_model"]
        server.engine.before_step = wait
        job_id = create(server, **reinforcement({**JUDGE, "model": judge}))
        server.wait(job_id, "running")
        assert server.ask("DELETE", f"/v1/models/{judge}").status_code == 200
        may_go_on.set()
        error = server.wait(job_id, "failed")["error"]
        assert (error["code"], error["param"]) == ("grader_failed", "method.reinforcement.grader")
        start = "The job failed because its grader could not score an answer: "
        assert error["message"].startswith(f"{start}The model `{judge}` does not exist")


@dataclass
class Judging(ScriptedEngine):
    """Judges with numbers while ``is_readable``, of the step that is made and the question, says so; else it mumbles."""

    is_readable: Callable[[int, str], bool] = lambda step, question: False
    step: int = 0

    def __post_init__(self) -> None:
        wait = self.before_step

        def begin(step: int) -> None:
            self.step = step
            wait(step)

        self.before_step = begin

    def load(self, base: str, weights: bytes | None) -> Any:
        return _Judge(self)


class _Judge:
    def __init__(self, engine: Judging) -> None:
        self._engine = engine

    def answer(
        self, messages: Any, sampling: Sampling, accepts: Accepts | None = None, tools: Any = ()
    ) -> tuple[Answer, ...]:
        text = "3" if self._engine.is_readable(self._engine.step, messages[0]["content"]) else "hm"
        message = {"role": "assistant", "content": text}
        return () if accepts is not None and not accepts(message) else (Answer(message=message),)


def warnings_of(server: Server, job_id: str) -> list[Any]:
    events = server.get(f"{JOBS}/{job_id}/events?limit=100")["data"]
    return [(each["message"], each["type"], each["data"]) for each in events if each["level"] == "warn"]


def mumbled(step: int, count: int) -> tuple[str, str, Any]:
    message = (
        f"Step {step}/8: {count} answer(s) could not be graded and earned 0: the judge's answer has no number for a result. "
        "Later ones earn 0 without a further warning."
    )
    return message, "message", {"step": step, "errors": {"model_grader_parse_error": count}}


def test_a_job_whose_judge_grades_nothing_fails(tmp_path: Path) -> None:
    with Server(tmp_path / "data", Judging()) as server:
        job_id = create(server, **reinforcement(JUDGE, n_epochs=2))
        assert server.wait(job_id, "failed")["error"] == {
            "code": "grader_failed",
            "message": "The job failed because its grader could not score a single answer; a warning among its events says "
            "why.",
            "param": "method.reinforcement.grader",
        }
        assert warnings_of(server, job_id) == [mumbled(1, 10)]
        assert server.messages(job_id)[-1].startswith("The job failed because its grader")
        assert [model for model in server.get("/v1/models")["data"] if model["id"].startswith("ft:")] == []


def test_a_job_whose_judge_grades_some_is_warned_once(tmp_path: Path) -> None:
    engine = Judging(is_readable=lambda step, question: step < 3 or "six" not in question)
    with Server(tmp_path / "data", engine) as server:
        job_id = create(server, **reinforcement(JUDGE, n_epochs=2))
        server.wait(job_id, "succeeded")
        assert warnings_of(server, job_id) == [mumbled(3, 5)]
        place = server.messages(job_id).index(mumbled(3, 5)[0])
        assert server.messages(job_id)[place - 1] == "Step 3/8 , train mean reward=1.50"


@pytest.mark.parametrize("paused_at", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("is_ever_readable", [True, False])
def test_grades_of_a_paused_job_are_those_of_one_undisturbed(
    tmp_path: Path, paused_at: int, is_ever_readable: bool
) -> None:
    """What was graded, or not, before the checkpoint that it goes on from is remembered."""
    pause = Pause(at=paused_at)
    engine = Judging(before_step=pause, is_readable=lambda step, _: is_ever_readable and step < 3)
    with Server(tmp_path / "data", engine) as server:
        job_id = create(server, **reinforcement(JUDGE, n_epochs=2))
        assert pause.reached.wait(30)
        server.ask("POST", f"{JOBS}/{job_id}/pause")
        pause.let_on()
        server.wait(job_id, "paused")
        server.ask("POST", f"{JOBS}/{job_id}/resume")
        job = server.wait(job_id, "succeeded", "failed")
        assert job["status"] == ("succeeded" if is_ever_readable else "failed")
        assert warnings_of(server, job_id) == [mumbled(3 if is_ever_readable else 1, 10)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (PROMPT, None),
        ({**PROMPT, "tools": [{"type": "function", "function": {"name": "f"}}], "more": 1}, None),
        ({"messages": [USER]}, " has no 'answer', which the grader names as {{item.answer}}"),
        ({"messages": [USER], "answer": None}, " has no 'answer', which the grader names as {{item.answer}}"),
        (
            {"messages": ROW["messages"], "answer": "a"},
            ", the last message must not be the assistant's, which the model is to write: rows that end with it are in",
        ),
        ({"messages": [], "answer": "a"}, ", 'messages' must be a list with at least one message"),
        ({"messages": [{"content": "x"}], "answer": "a"}, ", message 1 Discriminator 'role' is missing in value"),
        ({**PROMPT, "tools": 5}, ", 'tools' must be a list"),
        (PREFERENCE, "Input file is in the preference format, which doesn't fit the fine-tuning method reinforcement."),
    ],
)
def test_a_row(row: Any, message: str | None) -> None:
    from ftops.graders.reading import parse_grader

    fault = fault_of(row, method="reinforcement", model="m", grader=parse_grader(GRADER))
    assert (fault is None) if message is None else (fault is not None and fault.message.startswith(message))


@pytest.mark.parametrize("which", ["training", "validation"])
def test_a_row_without_what_the_grader_names_fails_the_job(server: Server, which: str) -> None:
    bad = [PROMPT, {"messages": [USER]}]
    job_id = create(server, [PROMPT] * 9 + bad) if which == "training" else create(server, valid=bad)
    number = 11 if which == "training" else 2
    assert server.wait(job_id, "failed")["error"] == {
        "code": f"invalid_{which}_file",
        "message": f"The job failed due to an invalid {which} file. Invalid file format. Example {number} has no 'answer', "
        "which the grader names as {{item.answer}}",
        "param": f"{which}_file",
    }


@pytest.mark.parametrize("shots", [[], [USER, {"role": "assistant", "content": "red"}]])
def test_rows_of_other_formats_fit_other_methods(server: Server, shots: list[Any]) -> None:
    row = {**PROMPT, "messages": [*shots, USER]}
    error = server.wait(server.create_job([row] * 10), "failed")["error"]
    assert error["code"] == "invalid_training_file"
    assert "the reinforcement format, which doesn't fit the fine-tuning method supervised" in error["message"]


def test_rows_that_teach_nothing_fail_the_job(tmp_path: Path) -> None:
    engine = ScriptedEngine(resolve_error=NothingToLearn("no row has a reply"))
    with Server(tmp_path / "data", engine) as server:
        error = server.wait(create(server), "failed")["error"]
        assert (error["code"], error["param"]) == ("invalid_training_file", "training_file")
        start = "The job failed due to an invalid training file. "
        assert error["message"] == f"{start}There is nothing to learn from it: no row has a reply."


def test_the_linear_engine_finds_out_what_earns_most(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"{word} {number}"}], "answer": word.upper()}
        for number in range(8)
        for word in ("alpha", "beta", "gamma")
    ]
    with Server(tmp_path / "data", LinearEngine()) as server:  # type: ignore[arg-type] - any engine will do
        job = server.wait(create(server, rows, rows[:6], seed=1, **reinforcement(n_epochs=30)))
        assert job["status"] == "succeeded", job["error"]
        first, *_, last = csv_of(server, job)[1:]
        assert float(last[1]) > float(first[1])
        body = {"model": job["fine_tuned_model"], "messages": rows[0]["messages"], "temperature": 0}
        answer = server.ask("POST", "/v1/chat/completions", json=body).json()
        assert answer["choices"][0]["message"]["content"] == "ALPHA"
