"""What a trial came to, as text for people and as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import heading
from ftops.cli.eval_files import failures_to_json
from ftops.cli.render_items import item_parts, items_to_json
from ftops.cli.render_text import render_judgement
from ftops.cli.render_training import training_parts, training_to_json
from ftops.cli.style import safe
from ftops.domain.plan_json import judgement_to_json

if TYPE_CHECKING:
    from ftops.cli.trying import Result
    from ftops.domain.judgement import Judgement


def report_parts(result: "Result") -> Iterator[RenderableType]:
    """Gives all that is said of a trial."""
    tried = result.tried
    trial = tried.trial
    yield heading(trial.declared.name, f"{safe(trial.candidate.model)} on {trial.candidate.backend}")
    yield Text(f"  {safe(trial.why)}", style="dim")
    yield Text()
    yield from verdict_parts(tried.judgement)
    for one in result.items:
        yield from item_parts(one)
    if result.training is not None:
        yield from training_parts(result.training)


def verdict_parts(judgement: "Judgement") -> Iterator[RenderableType]:
    """Gives each evaluation with the verdict of each condition."""
    for line in render_judgement(judgement):
        yield Text.from_ansi(line)


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
        "items": [items_to_json(one) for one in result.items],
        "training": training_to_json(result.training),
        "exported": exported,
    }
