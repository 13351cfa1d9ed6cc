"""What a trial came to, as text for people and as JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import beside, heading, indented
from ftops.cli.eval_files import failures_to_json
from ftops.cli.render_items import item_parts, items_to_json
from ftops.cli.render_judgement import VERDICT_COLORS, in_short, in_words, left_out
from ftops.cli.render_models import model_parts, models_to_json
from ftops.cli.render_training import training_parts, training_to_json
from ftops.cli.style import safe
from ftops.domain.manifest import PromptFile
from ftops.domain.plan_json import judgement_to_json

if TYPE_CHECKING:
    from ftops.application.model_figures import ModelFigures
    from ftops.cli.trying import Result
    from ftops.domain.judgement import EvalJudgement, Judgement


def report_parts(result: "Result") -> Iterator[RenderableType]:
    """Gives all that is said of a trial: each evaluation's figures and verdicts, then single items and the training."""
    trial = result.tried.trial
    yield heading(trial.declared.name, f"{safe(trial.candidate.model)} on {trial.candidate.backend}")
    prompt = f", with {safe(trial.candidate.asks.path)}" if isinstance(trial.candidate.asks, PromptFile) else ""
    yield indented(Text(f"{safe(trial.why)}{prompt}", style="dim"))
    for judged in result.tried.judgement.evals:
        yield Text()
        yield from _evaluation_parts(judged, result.figures.get(judged.name, ()))
    for one in result.items:
        yield Text()
        yield from item_parts(one)
    if result.training is not None:
        yield Text()
        yield from training_parts(result.training)


def _evaluation_parts(judged: "EvalJudgement", figures: "Sequence[ModelFigures]") -> Iterator[RenderableType]:
    yield heading(judged.name, f"{judged.n:,} items{left_out(judged)}" if judged.is_measured else "not measured")
    yield from model_parts(figures)
    if figures:
        yield Text()
    yield from _verdicts(judged)
    if not judged.conditions and judged.is_measured and judged.error is None:
        yield indented(Text("no gate judges this evaluation here", style="dim"))


def judgement_parts(judgement: "Judgement") -> Iterator[RenderableType]:
    """Gives what the gates say of a model, each condition with its sentence beside its verdict."""
    for judged in judgement.evals:
        yield indented(Text(in_short(judged)))
        for row in _verdicts(judged):
            yield indented(row)


def _verdicts(judged: "EvalJudgement") -> Iterator[RenderableType]:
    if judged.error is not None and not judged.conditions:  # else each condition says so
        yield indented(verdict_row("error", "red", safe(judged.error)))
    for result in judged.conditions:
        word = result.verdict.value if result.is_enforced else f"{result.verdict.value} (shadow)"
        yield indented(verdict_row(word, VERDICT_COLORS[result.verdict], in_words(result)))


def verdict_row(word: str, color: str, sentence: str) -> RenderableType:
    """Gives a verdict with its sentence beside it."""
    return beside(Text(word, style=color), sentence)


def report_to_json(result: "Result", file: Path | None) -> dict[str, Any]:
    """Gives a trial as JSON: what was tried, the judgement, single items; ``file`` is where failed ones go."""
    tried = result.tried
    trial = tried.trial
    exported = failures_to_json(file, result.export) if file is not None and result.export is not None else None
    return {
        "format_version": "1",
        "fine_tune": trial.declared.name,
        "model": trial.candidate.model,
        "backend": trial.candidate.backend,
        "revision": trial.candidate.revision,
        "chosen": trial.why,
        "notices": list(trial.notices),
        "judgement": judgement_to_json(tried.judgement),
        "figures": [models_to_json(name, figures) for name, figures in result.figures.items()],
        "items": [items_to_json(one) for one in result.items],
        "training": training_to_json(result.training),
        "exported": exported,
    }
