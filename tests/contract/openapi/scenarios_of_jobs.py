"""What happens to fine-tuning jobs and graders."""

from world import BASE, NOWHERE, PREFERENCES, ROWS, World, supervised


def supervised_job(world: World) -> None:
    """A job that succeeds, with its events, checkpoints and result file."""
    job = world.trained
    assert job.status == "succeeded", job.error
    jobs = world.sdk.fine_tuning.jobs
    assert {event.type for event in jobs.list_events(job.id, limit=3)} == {"message", "metrics"}
    assert len(list(jobs.checkpoints.list(job.id, limit=1))) == 2
    assert world.sdk.files.retrieve(job.result_files[0]).purpose == "fine-tune-results"
    assert world.sdk.files.content(job.result_files[0]).read()
    assert job.id in [each.id for each in jobs.list(metadata={"team": "sky"}, limit=1)]


def preference_job(world: World) -> None:
    """A job by DPO on a model that another job has made, with an integration."""
    job = world.finished(
        world.job(
            PREFERENCES,
            model=world.trained.fine_tuned_model,
            method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 1}}},
            integrations=[{"type": "wandb", "wandb": {"project": "p", "entity": None, "tags": ["a"]}}],
        )
    )
    assert (job.status, job.method.type, job.hyperparameters) == ("succeeded", "dpo", None)


def reinforcement_job(world: World) -> None:
    """A job by a grader's reward."""
    rows = [{"messages": row["messages"][:1], "colour": row["messages"][1]["content"]} for row in ROWS]
    grader = {
        "type": "string_check",
        "name": "colour",
        "input": "{{sample.output_text}}",
        "reference": "{{item.colour}}",
        "operation": "eq",
    }
    method = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"n_epochs": 1}}}
    job = world.finished(
        world.job(rows, model=world.trained.fine_tuned_model, validation_file=world.upload(rows), method=method)
    )
    assert (job.status, job.method.type) == ("succeeded", "reinforcement"), job.error
    assert list(world.sdk.fine_tuning.jobs.list_events(job.id))
    assert list(world.sdk.fine_tuning.jobs.checkpoints.list(job.id))


def jobs_of_every_status(world: World) -> None:
    """One that waits behind another, both cancelled; and ones that fail."""
    jobs = world.sdk.fine_tuning.jobs
    long = world.job(method=supervised(n_epochs=50, batch_size=1))
    assert world.reached(long, "running").status == "running"
    behind = world.job()
    assert world.reached(behind, "queued").status == "queued"
    for each in (behind, long):
        assert jobs.cancel(each).status == "cancelled"
        assert list(jobs.list_events(each))
        assert not list(jobs.checkpoints.list(each))
    assert world.finished(world.job(ROWS[:7])).error.code == "invalid_n_examples"
    broken = world.finished(world.job([*ROWS, {"messages": [{"content": "who?"}]}]))
    assert broken.error.code == "invalid_training_file"
    assert {event.level for event in jobs.list_events(broken.id)} == {"info", "error"}


def paused_job(world: World) -> None:
    """A job that is paused while it runs, goes on and is cancelled; and what can't be paused or resumed."""
    jobs = world.sdk.fine_tuning.jobs
    long = world.job(method=supervised(n_epochs=50, batch_size=1))
    world.reached(long, "running")
    assert jobs.pause(long).status in ("pausing", "paused")
    world.reached(long, "paused")
    world.refused(400, "POST", f"/fine_tuning/jobs/{long}/pause")
    assert jobs.resume(long).status in ("queued", "running")
    world.reached(long, "running")
    assert jobs.cancel(long).status == "cancelled"
    assert list(jobs.list_events(long))
    for action in ("pause", "resume"):
        world.refused(400, "POST", f"/fine_tuning/jobs/{world.trained.id}/{action}")
        world.refused(404, "POST", f"/fine_tuning/jobs/ftjob-none/{action}")


def refused_jobs(world: World) -> None:
    """What creation, lists and the routes of one job refuse."""
    create = {"model": BASE, "training_file": world.trained.training_file}
    for wrong in (
        {"model": None},
        {"model": NOWHERE},
        {"training_file": "file-none"},
        {"validation_file": "file-none"},
        {"suffix": "x" * 65},
        {"seed": -1},
        {"metadata": {str(number): "x" for number in range(17)}},
        {"metadata": {"key": 1}},
        {"integrations": [{"type": "wandb"}]},
        {"method": {"type": "telepathy"}},
        {"method": supervised(n_epochs=51)},
        {"method": supervised(batch_size=0)},
        {"method": supervised(learning_rate_multiplier=0)},
        {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.1}}}},
        {"colour": "red"},
    ):
        response = world.bare.post("/fine_tuning/jobs", json=create | wrong)
        assert response.status_code in (400, 404), response.text
    world.refused(400, "POST", "/fine_tuning/jobs", content=b"{", headers={"content-type": "application/json"})
    world.refused(400, "POST", "/fine_tuning/jobs", data={"model": BASE})
    one = f"/fine_tuning/jobs/{world.trained.id}"
    for path in ("/fine_tuning/jobs", f"{one}/events", f"{one}/checkpoints"):
        for query in ("limit=0", "limit=101", "after=none", "colour=red"):
            world.refused(400, "GET", f"{path}?{query}")
    world.refused(400, "POST", f"{one}/cancel")
    for action in ("", "/events", "/checkpoints"):
        world.refused(404, "GET", f"/fine_tuning/jobs/ftjob-none{action}")
    world.refused(404, "POST", "/fine_tuning/jobs/ftjob-none/cancel")
    world.refused(405, "DELETE", one)


def graders(world: World) -> None:
    """Checked and tried: by rule, by formula, by a model; and what is refused."""
    same = {
        "type": "string_check",
        "name": "same",
        "input": "{{sample.output_text}}",
        "reference": "{{item.colour}}",
        "operation": "eq",
    }
    alike = same | {"type": "text_similarity", "name": "alike", "evaluation_metric": "fuzzy_match"}
    del alike["operation"]
    both = {
        "type": "multi",
        "name": "both",
        "graders": {"same": same, "alike": alike},
        "calculate_output": "0.5 * same + 0.5 * alike",
    }
    judge = {
        "type": "score_model",
        "name": "judge",
        "model": BASE,
        "input": [{"role": "user", "content": "How good is {{sample.output_text}} for {{item.colour}}?"}],
        "range": [0, 1],
    }
    program = {"type": "python", "name": "program", "source": "def grade(sample, item):\n    return 1.0\n"}
    at = "/fine_tuning/alpha/graders"
    for grader in (same, alike, both, judge):
        for item in ({"colour": "blue"}, {}):
            asked = {"grader": grader, "model_sample": "blue", "item": item}
            assert world.bare.post(f"{at}/run", json=asked).status_code == 200
    for grader in (same, alike, both, judge, program):
        assert world.bare.post(f"{at}/validate", json={"grader": grader}).json()["grader"]["name"] == grader["name"]
    for wrong in ({"operation": "alike"}, {"name": None}, {"type": "taste"}, {"colour": "red"}):
        world.refused(400, "POST", f"{at}/validate", json={"grader": same | wrong})
        world.refused(400, "POST", f"{at}/run", json={"grader": same | wrong, "model_sample": "blue"})
    world.refused(400, "POST", f"{at}/run", json={"grader": same})
    world.refused(404, "POST", f"{at}/validate", json={"grader": judge | {"model": NOWHERE}})
    world.refused(404, "POST", f"{at}/run", json={"grader": judge | {"model": NOWHERE}, "model_sample": "blue"})
