"""What a trial came to, as text for people and as JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import heading
from ftops.cli.render_text import render_judgement
from ftops.cli.style import safe
from ftops.domain.plan_json import judgement_to_json

if TYPE_CHECKING:
    from ftops.application.trials import Tried


def report_parts(tried: "Tried") -> Iterator[RenderableType]:
    """Gives all that is said of a trial."""
    trial = tried.trial
    yield heading(trial.declared.name, f"{safe(trial.candidate.model)} on {trial.candidate.backend}")
    yield Text(f"  {safe(trial.why)}", style="dim")
    for line in render_judgement(tried.judgement):
        yield Text.from_ansi(line)


def report_to_json(tried: "Tried") -> dict[str, Any]:
    """Gives a trial as JSON: the judgement, and what was tried."""
    trial = tried.trial
    return {
        "format_version": "1",
        "fine_tune": trial.declared.name,
        "model": trial.candidate.model,
        "backend": trial.candidate.backend,
        "revision": trial.candidate.revision,
        "chosen": trial.why,
        "notices": list(trial.notices),
        "judgement": judgement_to_json(tried.judgement),
    }
