"""What the gates say of a model, line by line."""

from collections.abc import Iterator
from typing import Final

from ftops.cli.style import paint, safe
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict

VERDICT_COLORS: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
    Verdict.INSUFFICIENT_EVIDENCE: "yellow",
}


def render_judgement(judgement: Judgement, indent: str = "  ") -> Iterator[str]:
    """Gives a line for each condition of each evaluation."""
    for judged in judgement.evals:
        yield f"{indent}{in_short(judged)}"
        if judged.error:
            yield f"{indent}  {paint('error', 'red')}  {safe(judged.error)}"
        for result in judged.conditions:
            word = paint(result.verdict.value, VERDICT_COLORS[result.verdict])
            shadow = "" if result.is_enforced else " (shadow)"
            yield f"{indent}  {word}{shadow}  {in_words(result)}"


def in_short(judged: EvalJudgement) -> str:
    """Gives an evaluation's name, mean and items."""
    return f"{judged.name}: {measured_words(judged)}"


def measured_words(judged: EvalJudgement) -> str:
    """Gives an evaluation's mean and items."""
    if not judged.is_measured:
        return "not measured"
    mean = f"mean {judged.mean:.3f} over " if judged.mean is not None else ""
    return f"{mean}{judged.n:,} item{'' if judged.n == 1 else 's'}{left_out(judged)}"


def in_words(result: ConditionResult) -> str:
    """Gives what a condition came to, which model it was compared with, and what is to be known of that."""
    said = safe(result.sentence)
    if result.baseline_model is not None:
        asks = result.condition.baseline.prompt if result.condition.baseline is not None else None
        said += f"; the baseline is {safe(result.baseline_model)}{f' with {safe(asks.in_words)}' if asks else ''}"
    return f"{said} ({safe(result.note)})" if result.note else said


def left_out(judged: EvalJudgement) -> str:
    """Says which items count for nothing because they were trained on; "" where none did."""
    said = f", {judged.left_out:,} left out (they are in the training set)" if judged.left_out else ""
    if judged.is_training_unknown:
        said += ", perhaps trained on: what a model's training set held is not known any more"
    return said
