"""Another engine than the one that comes with the server: registered like it, served through the same routes."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from server_in_process import Pause, Server
from toy_engine import ToyEngine

from ftops.server import main
from ftops.server.app import OtherEngine
from ftops.server.engines import DEFAULT_ENGINE, ENGINES, make_engine
from ftops.server.storage.schema import MIGRATIONS
from server_process import wait_for

ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"{n} + 1?"},
            {"role": "assistant", "content": f"It is {n + 1}, of course"},
        ]
    }
    for n in range(10)
]
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("find", "book")]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ToyEngine:
    monkeypatch.setitem(ENGINES, "toy", ToyEngine)
    made = make_engine("toy")
    assert isinstance(made, ToyEngine)
    return made


@pytest.fixture
def toys(tmp_path: Path, engine: ToyEngine) -> Iterator[Server]:
    with serve(tmp_path, engine) as server:
        yield server


def serve(folder: Path, engine: ToyEngine, **settings: Any) -> Server:
    return Server(folder / "data", engine, **settings)  # type: ignore[arg-type] - any engine will do


def post(server: Server, model: str, question: str = "3 + 1?", **body: Any) -> Any:
    given = {"model": model, "messages": [{"role": "user", "content": question}], **body}
    return server.ask("POST", "/v1/chat/completions", json=given)


def choice(server: Server, model: str, question: str = "3 + 1?", **body: Any) -> Any:
    response = post(server, model, question, **body)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def said(server: Server, model: str, question: str = "3 + 1?") -> str:
    return str(choice(server, model, question)["message"]["content"])


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_goes_by_its_name_in_the_list(name: str) -> None:
    assert make_engine(name).name == name
    assert make_engine(name).methods


def test_another_engine_trains_goes_on_after_a_restart_and_answers(tmp_path: Path, engine: ToyEngine) -> None:
    with serve(tmp_path, engine) as server:
        pause = Pause(at=1)

        def before_step(step: int) -> None:
            pause(step)
            if step == 13:  # in the second of three epochs
                server.service.queue.dismiss()

        engine.before_step = before_step
        hyperparameters = {"n_epochs": 3}
        job_id = server.create_job(ROWS, model="toy-large", hyperparameters=hyperparameters, suffix="sums")
        assert pause.reached.wait(30)
        assert 3000 < server.job(job_id)["estimated_finish"] - time.time() <= 3601, "as the engine estimates it"
        pause.let_on()
        wait_for(lambda: any("Step 13/30" in each for each in server.messages(job_id)), seconds=30)

    again = make_engine("toy")
    assert isinstance(again, ToyEngine)
    with serve(tmp_path, again) as server:
        job = server.wait(job_id)
        assert (job["status"], again.resumed_from) == ("succeeded", [10])
        steps = [each for each in server.messages(job_id) if each.startswith("Step ")]
        assert [int(each.split("/")[0].removeprefix("Step ")) for each in steps] == list(range(1, 31))
        tuned = job["fine_tuned_model"]
        assert tuned.startswith("ft:toy-large:")
        assert said(server, tuned) == "It is 4, of course"
        assert said(server, tuned, "Who?") == "toy-large knows nothing of that"
        assert said(server, "toy-small") == "toy-small knows nothing of that"
        assert post(server, tuned).json()["system_fingerprint"] == "fp_ftops_toy"
        checkpoints = server.get(f"/v1/fine_tuning/jobs/{job_id}/checkpoints")["data"]
        assert [each["step_number"] for each in checkpoints] == [30, 20, 10]

        child = server.wait(server.create_job(ROWS, model=tuned))
        assert child["status"] == "succeeded"
        assert said(server, child["fine_tuned_model"], "Who?") == "toy-large knows nothing of that", "its parent's base"


def test_an_engine_is_told_how_far_anybody_reads(toys: Server, engine: ToyEngine) -> None:
    cut = choice(toys, "toy-small", max_completion_tokens=2)
    assert cut["finish_reason"] == "length"
    assert "toy-small knows nothing".startswith(cut["message"]["content"])
    assert engine.words_written == 2
    stopped = choice(toys, "toy-small", stop=["nothing"])
    assert (stopped["finish_reason"], stopped["message"]["content"]) == ("stop", "toy-small knows ")
    assert engine.words_written == 2 + 3
    engine.heeds_stops = False
    both = choice(toys, "toy-small", stop=["knows"], max_completion_tokens=4)
    assert (both["finish_reason"], both["message"]["content"]) == ("stop", "toy-small ")
    assert engine.words_written == 2 + 3 + 4


@pytest.mark.parametrize(
    ("tool_choice", "called"),
    [
        ("auto", "find"),
        ({"type": "function", "function": {"name": "book"}}, "book"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": TOOLS[1:]}}, "book"),
        ("none", None),
    ],
)
def test_an_engine_is_told_what_may_be_called(toys: Server, tool_choice: Any, called: str | None) -> None:
    message = choice(toys, "toy-small", tools=TOOLS, tool_choice=tool_choice)["message"]
    calls = message.get("tool_calls") or [{"function": {"name": None}}]
    assert calls[0]["function"]["name"] == called


def test_a_model_that_the_engine_does_not_stand_for_is_not_found(toys: Server) -> None:
    refused = post(toys, "gpt-4o")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    job = toys.wait(toys.create_job(ROWS, model="gpt-4o"))
    assert (job["status"], job["error"]["code"]) == ("failed", "model_not_available")
    assert "gpt-4o" in job["error"]["message"]


def test_base_models_stay_loaded_like_any_others(tmp_path: Path, engine: ToyEngine) -> None:
    with serve(tmp_path, engine, loaded_models=2) as server:
        for name in ("toy-a", "toy-b", "toy-a", "toy-c", "toy-a", "toy-b"):
            assert said(server, name).startswith(name)
    assert engine.loaded == [(name, False) for name in ("toy-a", "toy-b", "toy-c", "toy-b")]


def test_a_folder_stays_with_its_engine(tmp_path: Path, engine: ToyEngine) -> None:
    serve(tmp_path, engine).service.stop()
    with pytest.raises(OtherEngine, match="`toy`"):
        Server(tmp_path / "data")
    args = ["--port", "0", "--data-dir", str(tmp_path / "data"), "--engine", DEFAULT_ENGINE]
    result = CliRunner().invoke(main.serve, args, env={"FTOPS_SERVE_KEY": None})
    assert result.exit_code == 1
    assert "the engine `toy`'s: serve them with --engine toy, or take another --data-dir" in result.output
    serve(tmp_path, engine).service.stop()


def test_a_folder_from_before_engines_had_names_is_linears(tmp_path: Path, engine: ToyEngine) -> None:
    data = tmp_path / "data"
    data.mkdir()
    old = sqlite3.connect(data / "server.sqlite")
    old.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1; INSERT INTO meta VALUES ('id', 'data-1');")
    old.close()
    with pytest.raises(OtherEngine, match="`linear`"):
        serve(tmp_path, engine)
    Server(data, make_engine("linear")).service.stop()  # type: ignore[arg-type] - any engine will do
