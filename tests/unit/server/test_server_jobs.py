"""A job's life, with an engine that does what each test asks for."""

from pathlib import Path
from typing import Any

import pytest
from job_outcomes import JOBS, blobs_of, csv_of, supervised, weights_of
from server_in_process import PREFERENCE, ROW, Pause, ScriptedEngine, Server, jsonl

from ftops.server.engines.interface import TrainingDiverged


def test_a_job_passes_through_openais_events_in_order(server: Server) -> None:
    training = server.upload(jsonl([ROW] * 10))
    validation = server.upload(jsonl([ROW]))
    job_id = server.create_job(training_file=training, validation_file=validation, **supervised(n_epochs=2))
    job = server.wait(job_id)
    hash_of_earlier = server.messages(job_id)[-3].split(":")[-2]
    base = f"ft:gpt-4o-mini-2024-07-18:{server.service.organization}:"
    assert server.messages(job_id) == [
        f"Created fine-tuning job: {job_id}",
        f"Validating training file: {training} and validation file: {validation}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Step 1/8: training loss=1.00, validation loss=0.25",
        "Step 2/8: training loss=0.50, validation loss=0.25",
        "Step 3/8: training loss=0.33, validation loss=0.25",
        "Step 4/8: training loss=0.25, validation loss=0.25, full validation loss=0.12",
        "Step 5/8: training loss=0.20, validation loss=0.25",
        "Step 6/8: training loss=0.17, validation loss=0.25",
        "Step 7/8: training loss=0.14, validation loss=0.25",
        "Step 8/8: training loss=0.12, validation loss=0.25, full validation loss=0.12",
        f"Checkpoint created at step 4 with Snapshot ID: {base}:{hash_of_earlier}:ckpt-step-4",
        f"New fine-tuned model created: {job['fine_tuned_model']}",
        "The job has successfully completed",
    ]


def test_a_metrics_event_carries_numbers(server: Server) -> None:
    job = server.wait(server.create_job(validation_file=server.upload(jsonl([ROW])), **supervised(n_epochs=1)))
    page = server.get(f"{JOBS}/{job['id']}/events")
    metrics = [event["data"] for event in page["data"] if event["type"] == "metrics"]
    assert metrics[0] == {
        "step": 4,
        "total_steps": 4,
        "train_loss": 0.25,
        "train_mean_token_accuracy": 1.0,
        "valid_loss": 0.25,
        "valid_mean_token_accuracy": 0.5,
        "full_valid_loss": 0.125,
        "full_valid_mean_token_accuracy": 0.75,
    }
    assert {event["level"] for event in page["data"]} == {"info"}


def test_the_result_file_has_a_line_a_step(server: Server) -> None:
    job = server.wait(server.create_job(**supervised(n_epochs=1)))
    assert csv_of(server, job) == [
        ["step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy"],
        ["1", "1.00000", "1.00000", "", ""],
        ["2", "0.50000", "1.00000", "", ""],
        ["3", "0.33333", "1.00000", "", ""],
        ["4", "0.25000", "1.00000", "", ""],
    ]
    file = server.get(f"/v1/files/{job['result_files'][0]}")
    assert (file["purpose"], file["filename"]) == ("fine-tune-results", "step_metrics.csv")
    assert [f["id"] for f in server.get("/v1/files?purpose=fine-tune-results")["data"]] == job["result_files"]


def test_what_was_auto_is_resolved_and_shown(server: Server) -> None:
    job = server.wait(server.create_job(**supervised(n_epochs=2, batch_size="auto")))
    expected = {"n_epochs": 2, "batch_size": 2, "learning_rate_multiplier": 0.5}
    assert job["hyperparameters"] == expected
    assert job["method"] == {"type": "supervised", "supervised": {"hyperparameters": expected}}
    assert job["trained_tokens"] == 200
    assert server.engine.specs[0].hyperparameters == {"n_epochs": 2}


def test_the_deprecated_hyperparameters_still_work(server: Server) -> None:
    job = server.wait(server.create_job(hyperparameters={"n_epochs": 1}))
    assert job["hyperparameters"]["n_epochs"] == 1
    assert job["method"]["type"] == "supervised"


def test_a_preference_job_shows_its_hyperparameters_in_its_method_only(server: Server) -> None:
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.5}}}
    job = server.wait(server.create_job([PREFERENCE] * 10, method=method), "succeeded")
    assert job["hyperparameters"] is None
    assert job["method"]["dpo"]["hyperparameters"]["beta"] == 0.5
    assert server.engine.specs[0].method == "dpo"


def test_what_was_asked_for_is_echoed(server: Server) -> None:
    integration = {"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}}
    job_id = server.create_job(suffix="a b:c", seed=7, metadata={"k": "v"}, integrations=[integration])
    job = server.wait(job_id)
    assert (job["user_provided_suffix"], job["seed"], job["metadata"]) == ("a b:c", 7, {"k": "v"})
    assert job["integrations"] == [integration]
    assert job["fine_tuned_model"].split(":")[3] == "a-b-c"
    assert job["error"] == {"code": None, "message": None, "param": None}


def test_the_last_three_epochs_stay_as_checkpoints(server: Server) -> None:
    job = server.wait(server.create_job(**supervised(n_epochs=5)))
    page = server.get(f"{JOBS}/{job['id']}/checkpoints")
    assert [checkpoint["step_number"] for checkpoint in page["data"]] == [20, 16, 12]
    names = [checkpoint["fine_tuned_model_checkpoint"] for checkpoint in page["data"]]
    assert names[0] == job["fine_tuned_model"]
    assert [name.rpartition(":")[2] for name in names[1:]] == ["ckpt-step-16", "ckpt-step-12"]
    assert len({name.split(":")[4] for name in names}) == 3
    assert page["first_id"] == page["data"][0]["id"]
    second = server.get(f"{JOBS}/{job['id']}/checkpoints?limit=1&after={page['first_id']}")
    assert [c["step_number"] for c in second["data"]] == [16]
    assert second["has_more"]
    # Training file, result file and three models: the weights of the first epochs are gone.
    assert len(blobs_of(server)) == 5


@pytest.mark.parametrize("path", ["events", "checkpoints"])
def test_a_cursor_must_be_of_the_same_job(server: Server, path: str) -> None:
    job = server.wait(server.create_job(**supervised(n_epochs=1)))
    assert server.ask("GET", f"{JOBS}/{job['id']}/{path}?after=nothing").status_code == 400


def test_events_come_in_pages_newest_first(server: Server) -> None:
    job = server.wait(server.create_job(**supervised(n_epochs=5)))
    messages: list[str] = []
    after = ""
    while True:
        page = server.get(f"{JOBS}/{job['id']}/events?limit=7{after}")
        messages += [event["message"] for event in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['data'][-1]['id']}"
    assert messages == list(reversed(server.messages(job["id"])))


def test_too_few_examples_fail_the_job(server: Server) -> None:
    job = server.wait(server.create_job([ROW] * 7))
    message = "Training file has 7 example(s), but must have at least 10 examples"
    assert job["error"] == {"code": "invalid_n_examples", "message": message, "param": "training_file"}
    assert (job["status"], job["fine_tuned_model"], job["result_files"]) == ("failed", None, [])
    assert job["finished_at"] is not None
    (event,) = server.get(f"{JOBS}/{job['id']}/events?limit=1")["data"]
    assert (event["level"], event["message"]) == ("error", message)


def test_a_malformed_row_fails_the_job_in_openais_words(server: Server) -> None:
    bad = {"messages": [ROW["messages"][0], {"content": "no role"}]}
    job = server.wait(server.create_job([ROW] * 99 + [bad]))
    assert job["error"] == {
        "code": "invalid_training_file",
        "message": "The job failed due to an invalid training file. Invalid file format. "
        "Example 100, message 2 Discriminator 'role' is missing in value",
        "param": "training_file",
    }


def test_a_malformed_validation_file_fails_the_job(server: Server) -> None:
    job = server.wait(server.create_job(validation_file=server.upload(b'{"messages": []}\n')))
    assert (job["error"]["code"], job["error"]["param"]) == ("invalid_validation_file", "validation_file")


@pytest.mark.parametrize("where", ["resolve", "train"])
def test_a_fault_of_the_engine_fails_the_job_without_its_words(
    tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(step: int) -> None:
        raise RuntimeError("quotes a secret row")

    engine = ScriptedEngine()
    if where == "resolve":
        engine.resolve_error = RuntimeError("quotes a secret row")
    else:
        engine.before_step = fail
    with Server(tmp_path / "data", engine) as server:
        job = server.wait(server.create_job())
        expected = {"code": "server_error", "message": "The job failed due to an internal error", "param": None}
        assert job["error"] == expected
    assert "RuntimeError at " in caplog.text
    assert "secret" not in caplog.text


def test_a_running_job_can_be_cancelled(tmp_path: Path) -> None:
    pause = Pause(at=6)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        job_id = server.create_job()
        assert pause.reached.wait(30)
        cancelled = server.ask("POST", f"{JOBS}/{job_id}/cancel").json()
        assert (cancelled["status"], cancelled["estimated_finish"]) == ("cancelled", None)
        pause.let_on()
        next_job = server.wait(server.create_job(), "succeeded")
        assert server.job(job_id)["status"] == "cancelled"
        assert server.messages(job_id)[-1] == "Fine-tuning job cancelled"
        assert server.get(f"{JOBS}/{job_id}/checkpoints")["data"] == []
        again = server.ask("POST", f"{JOBS}/{job_id}/cancel")
        assert again.json()["error"]["message"] == f"Job has already completed: {job_id} is cancelled."
        assert again.status_code == server.ask("POST", f"{JOBS}/{next_job['id']}/cancel").status_code == 400
        assert len(blobs_of(server)) == 5


def test_a_waiting_job_can_be_cancelled_and_never_starts(tmp_path: Path) -> None:
    pause = Pause(at=1)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        first = server.create_job()
        assert pause.reached.wait(30)
        second = server.create_job()
        server.wait(second, "queued")
        server.ask("POST", f"{JOBS}/{second}/cancel")
        pause.let_on()
        server.wait(first, "succeeded")
    assert len(server.engine.specs) == 1


def test_a_bad_file_fails_at_once_though_the_queue_is_long(tmp_path: Path) -> None:
    pause = Pause(at=1)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        waiting = server.create_job()
        assert pause.reached.wait(30)
        assert server.wait(server.create_job([ROW]), "failed")["error"]["code"] == "invalid_n_examples"
        pause.let_on()
        server.wait(waiting, "succeeded")


def test_an_interrupted_job_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    body = {"seed": 1, **supervised(n_epochs=4)}
    with Server(tmp_path / "calm") as calm:
        expected = calm.wait(calm.create_job(**body))
        expected_csv, expected_weights = csv_of(calm, expected), weights_of(calm, expected)
    pause = Pause(at=11)
    engine = ScriptedEngine(before_step=pause)
    first = Server(tmp_path / "data", engine)
    job_id = first.create_job(**body)
    assert pause.reached.wait(30)
    running = first.job(job_id)
    assert (running["status"], running["finished_at"]) == ("running", None)
    assert running["estimated_finish"] is not None
    first.service.queue.dismiss()
    pause.let_on()
    first.service.stop()
    with Server(tmp_path / "data") as second:
        job = second.wait(job_id)
        assert second.engine.resumed_from == [8]
        assert csv_of(second, job) == expected_csv
        assert weights_of(second, job) == expected_weights
        started = [text for text in second.messages(job_id) if text == "Fine-tuning job started"]
        assert len(started) == 1


@pytest.mark.parametrize("status", ["validating_files", "queued", "running"])
def test_a_job_is_taken_up_wherever_the_last_process_left_it(tmp_path: Path, status: str) -> None:
    with Server(tmp_path / "data") as server:
        job_id = server.create_job()
        server.wait(job_id)
        with server.service.database.write() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, finished_at = NULL, fine_tuned_model = NULL, last_step = 0", (status,)
            )
            connection.execute("DELETE FROM checkpoints")
            connection.execute("DELETE FROM models")
            connection.execute("INSERT OR IGNORE INTO blob_uses SELECT training_sha256, id FROM jobs")
    with Server(tmp_path / "data") as server:
        assert server.wait(job_id)["status"] == "succeeded"


def test_a_job_that_was_trained_but_not_published_needs_no_training(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    with Server(tmp_path / "data", engine) as server:
        job_id = server.create_job(**supervised(n_epochs=1))
        job = server.wait(job_id)
        digest = weights_of(server, job)[0]
        with server.service.database.write() as connection:
            connection.execute("UPDATE jobs SET status = 'running', finished_at = NULL, fine_tuned_model = NULL")
            connection.execute("DELETE FROM models")
            connection.execute("UPDATE checkpoints SET model = NULL")
            connection.execute("INSERT OR IGNORE INTO blob_uses SELECT training_sha256, id FROM jobs")
            connection.execute("INSERT INTO blob_uses SELECT sha256, id FROM checkpoints")
    with Server(tmp_path / "data") as server:
        again = server.wait(job_id)
        assert server.engine.specs == []
        assert weights_of(server, again) == [digest]


def test_a_job_keeps_its_data_when_the_files_are_deleted(tmp_path: Path) -> None:
    pause = Pause(at=1)
    with Server(tmp_path / "data", ScriptedEngine(before_step=pause)) as server:
        blocking = server.create_job()
        assert pause.reached.wait(30)
        training = server.upload(jsonl([ROW] * 11))
        job_id = server.create_job(training_file=training)
        assert server.ask("DELETE", f"/v1/files/{training}").json()["deleted"] is True
        pause.let_on()
        server.wait(blocking, "succeeded")
        server.wait(job_id, "succeeded")
        assert len(server.engine.specs[1].train_rows) == 11


def test_a_job_continues_from_a_model(server: Server) -> None:
    parent = server.wait(server.create_job(suffix="first", **supervised(n_epochs=1)))
    child = server.wait(server.create_job(model=parent["fine_tuned_model"], suffix="second"))
    assert child["model"] == parent["fine_tuned_model"]
    assert child["fine_tuned_model"].startswith("ft:gpt-4o-mini-2024-07-18:")
    assert ":second:" in child["fine_tuned_model"]
    assert server.engine.specs[1].parent is not None
    assert server.engine.specs[0].parent is None


def test_metadata_filters_must_all_fit(server: Server) -> None:
    training = server.upload(jsonl([ROW] * 10))
    pairs = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("b", "2")]
    made = [
        server.create_job(training_file=training, metadata={"project": p, "name": n, "odd]key[": ""}) for p, n in pairs
    ]

    def found(query: str) -> list[int]:
        return [made.index(job["id"]) for job in server.get(f"{JOBS}?{query}")["data"]]

    assert found("") == [4, 3, 2, 1, 0]
    assert found("metadata[project]=b") == [4, 3, 2]
    assert found("metadata[project]=b&metadata[name]=2") == [4, 3]
    assert found("metadata%5Bname%5D=1") == [2, 0]
    assert found("metadata[project]=b&metadata[name]=2&metadata[odd]key[]=") == [4, 3]
    assert found("metadata[project]=c") == []
    assert found("metadata[other]=b") == []
    page = server.get(f"{JOBS}?metadata[project]=b&limit=2")
    assert page["has_more"]
    assert found(f"metadata[project]=b&limit=2&after={page['data'][-1]['id']}") == [2]
    assert found(f"after={made[1]}") == [0]
    for job_id in made:
        server.wait(job_id, "succeeded")


def test_jobs_without_metadata_are_found(server: Server) -> None:
    training = server.upload(jsonl([ROW] * 10))
    given: list[Any] = [None, {"a": "b"}, {}, None, {"null": ""}]
    made = [server.create_job(training_file=training, metadata=each) for each in given]

    def found(query: str) -> list[int]:
        return [made.index(job["id"]) for job in server.get(f"{JOBS}?{query}")["data"]]

    assert found("metadata=null") == [3, 2, 0]
    assert found(f"metadata=null&limit=1&after={made[3]}") == [2]
    assert found("metadata[null]=") == [4]
    for job_id in made:
        server.wait(job_id, "succeeded")


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("metadata=b", "metadata", "invalid_value"),
        ("metadata=", "metadata", "invalid_value"),
        ("metadata=null&metadata[a]=b", "metadata", "invalid_value"),
        ("metadata[]=b", "metadata[]", "unknown_parameter"),
        ("metadata[a=b", "metadata[a", "unknown_parameter"),
    ],
)
def test_a_filter_that_is_none_is_refused(shared_server: Server, query: str, param: str, code: str) -> None:
    answer = shared_server.ask("GET", f"{JOBS}?{query}")
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


def test_a_deleted_model_is_gone_though_its_job_succeeded(server: Server) -> None:
    job = server.wait(server.create_job(**supervised(n_epochs=2)))
    name = job["fine_tuned_model"]
    body = {"model": name, "messages": [{"role": "user", "content": "hi"}]}
    assert server.ask("POST", "/v1/chat/completions", json=body).status_code == 200
    assert server.get(f"/v1/models/{name}")["owned_by"] == server.service.organization
    before = blobs_of(server)
    assert server.ask("DELETE", f"/v1/models/{name}").json() == {"id": name, "object": "model", "deleted": True}
    assert server.ask("GET", f"/v1/models/{name}").status_code == 404
    assert server.ask("POST", "/v1/chat/completions", json=body).status_code == 404
    assert server.ask("DELETE", f"/v1/models/{name}").status_code == 404
    assert server.job(job["id"])["status"] == "succeeded"
    assert len(before - blobs_of(server)) == 1
    checkpoint = server.get(f"{JOBS}/{job['id']}/checkpoints")["data"][1]["fine_tuned_model_checkpoint"]
    assert server.get(f"/v1/models/{checkpoint}")["id"] == checkpoint


def test_a_slow_job_is_cancelled_within_a_step(tmp_path: Path) -> None:
    with Server(tmp_path / "data", min_step_seconds=3600.0) as server:
        job_id = server.create_job()
        server.wait(job_id, "running")
        server.ask("POST", f"{JOBS}/{job_id}/cancel")
        assert server.job(job_id)["status"] == "cancelled"


def test_a_disk_that_fails_leaves_the_job_for_the_next_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Server(tmp_path / "data") as server:
        server.service.queue.submit(_a_job_that_is_not_stored(server))
        server.wait(server.create_job(), "succeeded")
    assert "stays unfinished until the next start: LookupError at ftops.server.jobs.run:" in caplog.text


def _a_job_that_is_not_stored(server: Server) -> Any:
    from dataclasses import replace

    from ftops.server.storage import jobs
    from ftops.server.storage.jobs import JobStatus

    job_id = server.create_job()
    server.wait(job_id)
    with server.service.database.read() as connection:
        job = jobs.find(connection, job_id)
    assert job is not None
    return replace(job, id="ftjob-gone", status=JobStatus.QUEUED)


def test_a_job_that_diverges_fails_and_says_what_to_do(tmp_path: Path) -> None:
    def diverge(step: int) -> None:
        raise TrainingDiverged

    with Server(tmp_path / "data", ScriptedEngine(before_step=diverge)) as server:
        job = server.wait(server.create_job())
        assert (job["status"], job["fine_tuned_model"]) == ("failed", None)
        assert (job["error"]["code"], job["error"]["param"]) == ("training_diverged", "learning_rate_multiplier")
        assert job["error"]["message"].startswith("The job failed because training diverged: ")
        assert job["error"]["message"].endswith("Please lower learning_rate_multiplier.")
