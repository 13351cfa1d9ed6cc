"""How a training went, as sparklines for people and as JSON, and what is advised."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import heading, indented, sparkline, terminal_width
from ftops.cli.style import safe
from ftops.domain.curves import risen_from

if TYPE_CHECKING:
    from ftops.application.training_reports import TrainingReport
    from ftops.domain.curves import StepMetrics

_CURVES: Final = {
    "train_loss": "training loss",
    "valid_loss": "validation loss",
    "full_valid_loss": "full validation loss",
    "train_reward": "training reward",
    "valid_reward": "validation reward",
}
_NAME: Final = max(map(len, _CURVES.values()))
_WIDEST: Final = 60
_AROUND: Final = _NAME + 32  # columns that are not the curve's


def training_parts(report: "TrainingReport") -> Iterator[RenderableType]:
    """Gives the curves of a job, or why there are none, and the advice."""
    yield heading("Training", f"job {report.job}")
    if report.why_not:
        yield indented(Text(safe(report.why_not)))
    for name, says in _CURVES.items():
        points = _points(report.metrics, name)
        if points:
            yield indented(_curve(says, points))
    if (least := risen_from(report.metrics)) is not None:
        yield indented(Text(f"least validation loss {least.loss:.3g} at step {least.step:,}", style="dim"))
    if report.advice:
        yield Text()
        yield heading("Advice")
    for advice in report.advice:
        yield indented(Text(f"{advice.seen}"))
        yield indented(Text(f"→ {advice.change}"), 4)


def training_to_json(report: "TrainingReport | None") -> dict[str, Any] | None:
    """Gives the same as JSON, every step of it."""
    if report is None:
        return None
    return {
        "job": report.job,
        "why_not": report.why_not or None,
        "steps": [
            {"step": one.step, **{n: value for n in _CURVES if (value := getattr(one, n)) is not None}}
            for one in report.metrics
        ],
        "advice": [{"symptom": one.symptom.value, "seen": one.seen, "change": one.change} for one in report.advice],
    }


def _points(metrics: "tuple[StepMetrics, ...]", name: str) -> list[tuple[int, float]]:
    return [(one.step, value) for one in metrics if (value := getattr(one, name)) is not None]


def _curve(says: str, points: list[tuple[int, float]]) -> Text:
    width = min(_WIDEST, max(8, terminal_width() - _AROUND))
    values = [value for _, value in points]
    first, last = f"{values[0]:.3g}", f"{values[-1]:.3g}"
    steps = f"step {points[-1][0]:,}"
    return Text.assemble(f"{says:<{_NAME}}  {first:>6} ", sparkline(values, width), f" {last:<6}  {steps}")
