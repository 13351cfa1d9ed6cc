"""Candidate and baselines side by side, as a table for people and as JSON: scores, tokens, times, cost, classes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.text import Text

from ftops.application.model_figures import prompt_savings
from ftops.cli.charts import indented, table
from ftops.cli.render_classes import class_parts, classes_to_json
from ftops.cli.style import safe
from ftops.domain.scores import Outcome
from ftops.evaluation.reports import classes_in, marks_in, outcomes_in, spread_of

if TYPE_CHECKING:
    from ftops.application.model_figures import ModelFigures

_ENDED: Final = {
    Outcome.REFUSAL: "refused",
    Outcome.LENGTH: "cut off",
    Outcome.CONTENT_FILTER: "filtered",
    Outcome.EMPTY: "empty",
    Outcome.ERROR: "without a score",
}


def model_parts(figures: "Sequence[ModelFigures]") -> Iterator[RenderableType]:
    """Gives the table of one evaluation, then what only the candidate has: classes, and what its judges took."""
    if not figures:
        return
    heads = ("", *(_head(number) for number in range(len(figures))))
    yield indented(table(heads, list(_rows(figures))))
    for number, one in enumerate(figures[1:], 1):
        asks = f", with {safe(one.asks)}" if one.asks else ""
        yield indented(Text(f"{_head(number)}: {safe(one.model)} on {one.backend}{asks}", style="dim"))
    for other, saved in prompt_savings(tuple(figures)):
        less = "fewer" if saved > 0 else "more"
        yield indented(Text(f"a request has {abs(saved):,.0f} input tokens {less} than one to {safe(other.model)}"))
    if (saving := figures[0].saving) is not None:
        less = "fewer" if saving.tokens >= 0 else "more"
        yield indented(Text(f"a request has {abs(saving.tokens):,.0f} input tokens {less} than {saving.than}"))
    yield from _judges(figures[0])
    if (classes := classes_in(figures[0].record.items)) is not None:
        yield from class_parts(classes)


def models_to_json(name: str, figures: "Sequence[ModelFigures]") -> dict[str, Any]:
    """Gives the same as JSON."""
    return {"name": name, "models": [_model_to_json(one) for one in figures]}


def _head(number: int) -> str:
    return "candidate" if number == 0 else "baseline" if number == 1 else f"baseline {number}"


def _rows(figures: "Sequence[ModelFigures]") -> Iterator[tuple[str, ...]]:
    """Gives a row for each figure that any of the models has."""

    def row(name: str, of: "Callable[[ModelFigures], str]") -> Iterator[tuple[str, ...]]:
        cells = [of(one) for one in figures]
        if any(cells):
            yield (name, *(cell or "unknown" for cell in cells))

    yield from row("mean score", lambda one: "none" if one.mean is None else f"{one.mean:.3f}")
    yield from row("  95 % interval", _interval)
    yield from row("input tokens a request", lambda one: _number(one.usage.input_tokens))
    yield from row("output tokens a request", lambda one: _number(one.usage.output_tokens))
    yield from row("latency p50", lambda one: _milliseconds(one.usage.p50_ms))
    yield from row("latency p95", lambda one: _milliseconds(one.usage.p95_ms))
    yield from row("USD per 1,000 requests", lambda one: _usd(one.usage.usd_per_1k))
    if any(one.breaks_even is not None for one in figures):
        yield ("training paid after requests", "", *(_never(one.breaks_even) for one in figures[1:]))
    yield from _counts(figures)


def _counts(figures: "Sequence[ModelFigures]") -> Iterator[tuple[str, ...]]:
    ended = [outcomes_in(one.record.items) for one in figures]
    for outcome, says in _ENDED.items():
        if any(outcome in counts for counts in ended):
            yield (says, *(f"{counts.get(outcome, 0):,}" for counts in ended))
    marks = [marks_in(one.record.items) for one in figures]
    for mark in dict.fromkeys(mark for counts in marks for mark in counts):
        yield (safe(mark), *(f"{counts.get(mark, 0):,}" for counts in marks))
    spreads = [spread_of(one.record.items) for one in figures]
    if any(spreads):
        yield ("items that vary by repeat", *("none" if one is None else f"{one.varying:.1%}" for one in spreads))
        yield ("  mean deviation", *("none" if one is None else f"{one.deviation:.3f}" for one in spreads))
    if any(one.record.left_out for one in figures):
        yield ("left out, trained on", *(f"{one.record.left_out:,}" for one in figures))


def _judges(candidate: "ModelFigures") -> Iterator[RenderableType]:
    record = candidate.record
    if record.judge_calls:
        tokens = record.judge_input_tokens + record.judge_output_tokens
        usd = "no price is known" if candidate.judges_usd is None else f"{_usd(candidate.judges_usd)} USD"
        yield indented(Text(f"judges took {record.judge_calls:,} calls and {tokens:,} tokens, {usd}", style="dim"))
    if record.isolation == "none":
        yield indented(Text("its python grader ran without isolation", style="yellow"))


def _interval(one: "ModelFigures") -> str:
    return "" if one.interval is None else f"{one.interval.low:.3f} to {one.interval.high:.3f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _milliseconds(value: int | None) -> str:
    return "" if value is None else f"{value:,} ms"


def _usd(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.4f}"


def _never(requests: int | None) -> str:
    return "never" if requests is None else f"{requests:,}"


def _model_to_json(one: "ModelFigures") -> dict[str, Any]:
    record, usage, spread = one.record, one.usage, spread_of(one.record.items)
    classes = classes_in(record.items)
    return {
        "role": "candidate" if one.is_candidate else "baseline",
        "model": one.model,
        "backend": one.backend,
        "prompt": one.asks or None,
        "mean": one.mean,
        "low": one.interval.low if one.interval else None,
        "high": one.interval.high if one.interval else None,
        "requests": usage.requests,
        "input_tokens_per_request": usage.input_tokens,
        "output_tokens_per_request": usage.output_tokens,
        "latency_p50_ms": usage.p50_ms,
        "latency_p95_ms": usage.p95_ms,
        "usd_per_1k": usage.usd_per_1k,
        "input_tokens_saved_by_prompt": one.saving.tokens if one.saving is not None else None,
        "breaks_even_after_requests": one.breaks_even,
        "outcomes": {outcome.value: count for outcome, count in outcomes_in(record.items).items()},
        "marks": dict(marks_in(record.items)),
        "classes": classes_to_json(classes) if classes is not None else None,
        "repeats": {"varying": spread.varying, "deviation": spread.deviation} if spread is not None else None,
        "left_out": record.left_out,
        "judge_calls": record.judge_calls,
        "judge_tokens": record.judge_input_tokens + record.judge_output_tokens,
        "judge_usd": one.judges_usd,
        "isolation": record.isolation,
        "error": record.error,
    }
