"""Jobs that learn from preferences and from rewards."""

from typing import Any

from chapters.rows import BASE, COLOURS, jsonl, reached
from openai import OpenAI
from transcript import chapter, refused, say


def live_preferences(client: OpenAI, model: str) -> None:
    chapter("preferences")
    rows = [
        {
            "input": {"messages": [{"role": "user", "content": f"Which colour has {thing} number {number}?"}]},
            "preferred_output": [{"role": "assistant", "content": f"It is {colour}."}],
            "non_preferred_output": [{"role": "assistant", "content": colour}],
        }
        for number in range(4)
        for thing, colour in COLOURS.items()
    ]
    file = client.files.create(file=("pairs.jsonl", jsonl(rows)), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model=model,
        training_file=file.id,
        seed=3,
        method={"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2, "batch_size": "auto"}}},
    )
    say("created", job)
    job = reached(client, job.id)
    say("ended", job)
    tell_and_delete(client, job, file.id)


def live_rewards(client: OpenAI) -> None:
    chapter("rewards")
    grader: Any = {
        "type": "multi",
        "name": "right",
        "graders": {
            "same": {
                "type": "string_check",
                "name": "same",
                "input": "{{sample.output_text}}",
                "reference": "{{item.colour}}",
                "operation": "eq",
            }
        },
        "calculate_output": "same",
    }
    rows = [
        {"messages": [{"role": "user", "content": f"Is {thing} {number} blue, green or white?"}], "colour": colour}
        for number in range(4)
        for thing, colour in COLOURS.items()
    ]
    file = client.files.create(file=("tasks.jsonl", jsonl(rows)), purpose="fine-tune")
    settings: Any = {"n_epochs": 2, "reasoning_effort": "low", "eval_interval": "auto", "compute_multiplier": 1.5}
    method: Any = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": settings}}
    ask: Any = {"model": BASE, "training_file": file.id, "seed": 3, "method": method}
    refused("without validation", lambda: client.fine_tuning.jobs.create(**ask))
    job = client.fine_tuning.jobs.create(**ask, validation_file=file.id)
    say("created", job)
    job = reached(client, job.id)
    say("ended", job)
    tell_and_delete(client, job, file.id)


def tell_and_delete(client: OpenAI, job: Any, file: str) -> None:
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
    say("last metrics", next(event for event in events if event.type == "metrics"))
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job.id, limit=1).data
    say("last checkpoint", checkpoint)
    say("model", client.models.delete(job.fine_tuned_model).deleted)
    for each in (file, *job.result_files):
        client.files.delete(each)
