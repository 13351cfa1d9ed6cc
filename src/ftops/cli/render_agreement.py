"""How far a judge agrees with people, as text and as JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import heading, indented, table
from ftops.cli.style import safe
from ftops.evaluation.agreement import FEW_LABELS

if TYPE_CHECKING:
    from ftops.application.judge_agreement import JudgeReport
    from ftops.evaluation.agreement import Agreement, Rate
    from ftops.evaluation.intervals import Interval

_SHOWN = 10


def agreement_parts(report: "JudgeReport", *, file: str) -> Iterator[RenderableType]:
    """Gives counts, rates and κ, and what to think of them."""
    found = report.agreement
    labels = f"{found.count:,} label{'' if found.count == 1 else 's'}"
    yield heading(f"{report.evaluation}, judge against people", f"{labels} of {safe(file)}")
    cells = [
        ("people: pass", f"{found.true_passes:,}", f"{found.missed_passes:,}"),
        ("people: fail", f"{found.missed_fails:,}", f"{found.true_fails:,}"),
    ]
    yield indented(table(("", "judge: pass", "judge: fail"), cells))
    yield Text()
    confidence = f"{found.confidence:.0%} interval"
    rows = [
        ("passes that it passes (TPR)", *_share(found.true_positive_rate)),
        ("fails that it fails (TNR)", *_share(found.true_negative_rate)),
        ("agreement", *_share(found.observed)),
        ("Cohen's κ", *_kappa(found)),
    ]
    yield indented(table(("", "value", confidence), rows))
    if found.has_few_labels:
        yield indented(
            Text(
                f"fewer than {FEW_LABELS} labels of a kind: the intervals are wide, label more answers", style="yellow"
            )
        )
    for line, why in report.failures[:_SHOWN]:
        yield indented(Text(f"{safe(file)}:{line}: no verdict: {safe(why)}", style="yellow"))
    if len(report.failures) > _SHOWN:
        yield indented(Text(f"and {len(report.failures) - _SHOWN:,} more without a verdict", style="yellow"))


def agreement_to_json(report: "JudgeReport") -> dict[str, Any]:
    """Gives the same as JSON."""
    found = report.agreement
    return {
        "format_version": "1",
        "evaluation": report.evaluation,
        "labels": found.count,
        "confidence": found.confidence,
        "counts": {
            "true_passes": found.true_passes,
            "missed_passes": found.missed_passes,
            "true_fails": found.true_fails,
            "missed_fails": found.missed_fails,
        },
        "tpr": _rate_to_json(found.true_positive_rate),
        "tnr": _rate_to_json(found.true_negative_rate),
        "agreement": _rate_to_json(found.observed),
        "kappa": {"value": found.kappa, **_interval_to_json(found.kappa_interval)},
        "few_labels": found.has_few_labels,
        "without_verdict": [{"line": line, "why": why} for line, why in report.failures],
    }


def _share(rate: "Rate") -> tuple[str, str]:
    if rate.value is None or rate.interval is None:
        return "none", "no such label"
    return f"{rate.value:.1%}", f"{rate.interval.low:.1%} to {rate.interval.high:.1%}"


def _kappa(found: "Agreement") -> tuple[str, str]:
    if found.kappa is None or found.kappa_interval is None:
        return "none", "chance alone agrees on everything" if found.count else "no such label"
    return f"{found.kappa:.2f}", f"{found.kappa_interval.low:.2f} to {found.kappa_interval.high:.2f}"


def _rate_to_json(rate: "Rate") -> dict[str, Any]:
    return {"value": rate.value, "of": rate.of, **_interval_to_json(rate.interval)}


def _interval_to_json(interval: "Interval | None") -> dict[str, Any]:
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}
