"""Graders: checked and tried before a job is rewarded by them."""

from typing import Any

from chapters.rows import BASE
from openai import OpenAI
from transcript import chapter, refused, say

SAME: Any = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.colour}}",
    "operation": "eq",
}
ALIKE: Any = {
    "type": "text_similarity",
    "name": "alike",
    "input": "{{sample.output_text}}",
    "reference": "{{item.colour}}",
    "evaluation_metric": "fuzzy_match",
}
BOTH: Any = {
    "type": "multi",
    "name": "both",
    "graders": {"same": SAME, "alike": ALIKE},
    "calculate_output": "0.5 * same + 0.5 * alike",
}
PARSED: Any = {**SAME, "name": "parsed", "input": "{{sample.output_json.colour}}"}


def live_graders(client: OpenAI, model: str) -> None:
    chapter("graders")
    graders = client.fine_tuning.alpha.graders
    item = {"colour": "blue"}
    for grader in (SAME, ALIKE, BOTH):
        say("valid", graders.validate(grader=grader))
    say("same of blue", graders.run(grader=SAME, model_sample="blue", item=item))
    tried = [
        (SAME, "red"),
        (ALIKE, "blueish"),
        (BOTH, "blue"),
        (BOTH, "bluish"),
        (PARSED, '{"colour": "blue"}'),
        (PARSED, "blue"),
    ]
    for grader, sample in tried:
        say(f"{grader['name']} of {sample}", short(graders.run(grader=grader, model_sample=sample, item=item)))
    say("no such field", short(graders.run(grader=SAME, model_sample="blue", item={})))
    judge: Any = {
        "type": "score_model",
        "name": "judge",
        "model": model,
        "input": [{"role": "user", "content": "How good is {{sample.output_text}} for {{item.colour}}?"}],
        "range": [0, 1],
    }
    say("judged", graders.run(grader=judge, model_sample="blue", item=item))
    program: Any = {"type": "python", "name": "program", "source": "def grade(sample, item):\n    return 1.0\n"}
    say("valid program", graders.validate(grader=program))
    refused("program", lambda: graders.run(grader=program, model_sample="blue", item=item))
    refused("unknown operation", lambda: graders.validate(grader={**SAME, "operation": "alike"}))
    refused("no name", lambda: graders.validate(grader={key: SAME[key] for key in SAME if key != "name"}))  # type: ignore[arg-type]
    refused("unknown type", lambda: graders.validate(grader={"type": "taste", "name": BASE}))  # type: ignore[arg-type]
    refused("bad formula", lambda: graders.validate(grader={**BOTH, "calculate_output": "same +"}))
    refused("no sample", lambda: graders.run(grader=SAME, model_sample=None))  # type: ignore[arg-type]


def short(run: Any) -> Any:
    """What differs from run to run: without the names of all that did not go wrong."""
    errors = [name for name, value in run.metadata.errors.to_dict().items() if value is True]
    return {"reward": run.reward, "parts": run.sub_rewards, "errors": sorted(errors)}
