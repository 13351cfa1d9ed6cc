"""What the gates say of a model, line by line."""

from collections.abc import Iterator
from typing import Final

from ftops.cli.style import paint, safe
from ftops.domain.judgement import EvalJudgement, Judgement, Verdict

VERDICT_COLORS: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
    Verdict.INSUFFICIENT_EVIDENCE: "yellow",
}


def render_judgement(judgement: Judgement, indent: str = "  ") -> Iterator[str]:
    """Gives a line for each condition of each evaluation."""
    for judged in judgement.evals:
        if not judged.is_measured:
            yield f"{indent}{judged.name}: not measured"
            continue
        mean = f"mean {judged.mean:.3f} over " if judged.mean is not None else ""
        yield f"{indent}{judged.name}: {mean}{judged.n} items{left_out(judged)}"
        if judged.error:
            yield f"{indent}  {paint('error', 'red')}  {safe(judged.error)}"
        for result in judged.conditions:
            word = paint(result.verdict.value, VERDICT_COLORS[result.verdict])
            shadow = "" if result.is_enforced else " (shadow)"
            yield f"{indent}  {word}{shadow}  {safe(result.sentence)}"


def left_out(judged: EvalJudgement) -> str:
    """Says which items count for nothing because they were trained on; "" where none did."""
    said = f", {judged.left_out:,} left out (they are in the training set)" if judged.left_out else ""
    if judged.is_training_unknown:
        said += ", perhaps trained on: what a model's training set held is not known any more"
    return said
