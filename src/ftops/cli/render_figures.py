"""What is in a dataset, as tables and plots for people and as JSON.

Owns both forms. Texts of rows are shown by their beginnings, with secrets masked, and never begin a line.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import RenderableType
from rich.text import Text

from ftops.cli.charts import bars, heading, indented, table
from ftops.cli.style import safe
from ftops.datasets.checks import CheckSettings
from ftops.datasets.excerpts import masked_excerpt, masked_words
from ftops.datasets.spreads import PERCENTILES
from ftops.datasets.tokens import ROW_LIMIT
from ftops.domain.pricing import PRICES_AS_OF

if TYPE_CHECKING:
    from ftops.application.data_figures import DataFigures, Survey, Training
    from ftops.datasets.spreads import Spread
    from ftops.datasets.statistics import Statistics, Texts

_FEW: Final = 10


def figure_parts(figures: "DataFigures") -> Iterator[RenderableType]:
    """Gives all that is said of one file."""
    statistics = figures.statistics
    yield heading(safe(figures.survey.path), _described(figures))
    if figures.survey.left_out:
        lines = _many(figures.survey.left_out, "line")
        says = f"{lines} left out for errors: ftops data check {safe(figures.survey.path)}"
        yield indented(Text(says, style="yellow"))
    if not statistics.rows:
        yield from first_finding(figures.survey)
        return
    yield from _spreads(statistics)
    yield from _labels(statistics)
    yield from _shared(statistics)
    yield from _trainings(figures)


def first_finding(survey: "Survey") -> Iterator[RenderableType]:
    """Gives what is wrong first of a file of which nothing could be read, such as a compressed one."""
    for group in survey.findings.groups(CheckSettings())[:1]:
        yield indented(Text(f"{group.check.code}: {safe(group.shown[0].says)}", style="yellow"))


def assumption_lines(trainings: "Sequence[Training]") -> Iterator[RenderableType]:
    """Gives what estimates rest on, or why there are none."""
    is_known = any(one.estimate.tokens is not None for one in trainings)
    for assumed in _assumed(trainings):
        yield indented(Text(f"assumes {safe(assumed)}" if is_known else safe(assumed), style="dim"))


def dollars(usd: float | None) -> str:
    """Gives an amount in cents; what is more than nothing never looks like nothing."""
    if usd is None:
        return "unknown"
    return "<0.01" if 0 < usd < 0.005 else f"{usd:,.2f}"


def figures_to_json(figures: "DataFigures") -> dict[str, Any]:
    """Gives what is in one file as JSON: labels whole, other texts by their beginnings, both with secrets masked."""
    statistics, survey = figures.statistics, figures.survey
    labels = statistics.labels
    return {
        "path": survey.path,
        "sha256": survey.sha256,
        "use": statistics.use.value,
        "roles": [role.value for role in figures.roles],
        "recognised": figures.is_recognised,
        "rows": statistics.rows,
        "lines_left_out": survey.left_out,
        "tokens": {
            "per_row": _spread_to_json(statistics.tokens),
            "billed_per_epoch": statistics.billed if statistics.use.is_training else None,
            "limit_per_row": ROW_LIMIT,
            "cut_rows": statistics.cut_rows,
            "cut_tokens": statistics.cut_tokens,
        },
        "turns": _spread_to_json(statistics.turns),
        "prompt_characters": _spread_to_json(statistics.prompts),
        "answer_characters": _spread_to_json(statistics.answers),
        "labels": [{"label": masked_words(label), "rows": count} for label, count in _ordered(labels.counts)]
        if labels.are_labels
        else None,
        "system_prompts": {
            "different": statistics.systems.different,
            "rows_without": statistics.without_system,
            "most_common": _texts_to_json(statistics.systems),
        },
        "tools": {
            "rows_with_tools": statistics.with_tools,
            "rows_with_calls": statistics.with_calls,
            "offered": _names_to_json(statistics.offered),
            "called": _names_to_json(statistics.called),
        },
        "trainings": [training_to_json(one) for one in figures.trainings],
    }


def training_to_json(training: "Training") -> dict[str, Any]:
    """Gives one estimate as JSON."""
    estimate = training.estimate
    return {
        "fine_tune": training.fine_tune,
        "base_model": training.base_model,
        "rows": training.rows,
        "epochs": training.epochs,
        "tokens": estimate.tokens,
        "usd": estimate.usd,
        "assumes": estimate.assumes,
    }


def _described(figures: "DataFigures") -> str:
    use = figures.statistics.use.value if figures.is_recognised else "rows of no training format"
    roles = f", {' and '.join(figures.roles)} data" if figures.roles else ""
    return f"{use}{roles}, {_many(figures.statistics.rows, 'row')}" if figures.statistics.rows else "no rows"


def _spreads(statistics: "Statistics") -> Iterator[RenderableType]:
    named = {
        "tokens": statistics.tokens,
        "turns": statistics.turns,
        "prompt characters": statistics.prompts,
        "answer characters": statistics.answers,
    }
    spreads = {name: spread for name, spread in named.items() if spread is not None and spread.most}
    yield Text()
    heads = ("a row", "least", *(f"p{percent}" for percent in PERCENTILES), "most", "mean", "total")
    yield indented(table(heads, (_spread_cells(name, spread) for name, spread in spreads.items())))
    for name, spread in spreads.items():
        if len(spread.bins) > 1:
            yield Text()
            yield indented(heading(f"{name} a row"))
            rows = [(_range(one.low, one.high), one.count) for one in spread.bins]
            yield indented(bars(rows, spread.count, is_numeric=True))
        if name == "tokens" and statistics.use.is_training:
            yield indented(Text(_cut(statistics)))


def _spread_cells(name: str, spread: "Spread") -> tuple[str, ...]:
    percentiles = (f"{spread.percentiles[percent]:,}" for percent in PERCENTILES)
    return name, f"{spread.least:,}", *percentiles, f"{spread.most:,}", f"{spread.mean:,.1f}", f"{spread.total:,}"


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _cut(statistics: "Statistics") -> str:
    if not statistics.cut_rows:
        return f"no row has more than {ROW_LIMIT:,} tokens, where training would cut it"
    rows = _many(statistics.cut_rows, "row")
    lost = f"{statistics.cut_tokens:,} tokens"
    return f"{rows} cut at {ROW_LIMIT:,} tokens: {lost} are lost, and not billed"


def _labels(statistics: "Statistics") -> Iterator[RenderableType]:
    if not statistics.labels.are_labels:
        return
    counts = _ordered(statistics.labels.counts)
    total = sum(count for _, count in counts)
    yield Text()
    yield indented(heading("labels", f"{len(counts):,} different in {_many(total, 'row')}"))
    yield indented(bars([(safe(masked_excerpt(label)), count) for label, count in counts[:_FEW]], total))
    if len(counts) > _FEW:
        yield indented(Text(f"and {len(counts) - _FEW:,} more, the rarest in {_many(counts[-1][1], 'row')}"))


def _shared(statistics: "Statistics") -> Iterator[RenderableType]:
    systems = statistics.systems
    if systems.different:
        yield Text()
        beside = f"{systems.different:,} different, {_many(statistics.without_system, 'row')} without one"
        yield indented(heading("system prompts", beside))
        rows = [(safe(masked_excerpt(text)), count) for text, count in systems.most_common(_FEW)]
        yield indented(bars(rows, statistics.rows))
        yield from _more(systems)
    if statistics.with_tools or statistics.with_calls:
        yield Text()
        offered, called = _many(statistics.with_tools, "row"), _many(statistics.with_calls, "row")
        yield indented(heading("tools", f"{offered} offer some, the answers of {called} call some"))
        calls = dict(statistics.called.most_common(statistics.called.different))
        offers = statistics.offered.most_common(_FEW) or tuple((name, 0) for name in calls)[:_FEW]
        cells = ((safe(name), f"{count:,}", f"{calls.get(name, 0):,}") for name, count in offers)
        yield indented(table(("function", "rows that offer it", "rows that call it"), cells))
        yield from _more(statistics.offered)


def _more(texts: "Texts") -> Iterator[RenderableType]:
    if texts.different > _FEW:
        yield indented(Text(f"and {texts.different - _FEW:,} more"))


def _trainings(figures: "DataFigures") -> Iterator[RenderableType]:
    if not figures.trainings:
        if figures.roles:
            yield Text()
            yield indented(Text("No manifest trains on this file: validation data is free."))
        return
    yield Text()
    yield indented(heading("training", "estimated"))
    is_named = any(one.fine_tune for one in figures.trainings)
    if not is_named and all(one.estimate.tokens is None for one in figures.trainings):
        yield from assumption_lines(figures.trainings)
        return
    heads = (*(("fine-tune",) if is_named else ()), "base model", "rows", "epochs", "tokens", "USD")
    rows = (
        (
            *((safe(one.fine_tune or ""),) if is_named else ()),
            safe(one.base_model),
            f"{one.rows:,}",
            f"{one.epochs:,}" if one.estimate.tokens is not None else "unknown",
            "unknown" if one.estimate.tokens is None else f"{one.estimate.tokens:,}",
            dollars(one.estimate.usd),
        )
        for one in figures.trainings
    )
    yield indented(table(heads, rows, texts=2 if is_named else 1))
    yield from assumption_lines(figures.trainings)


def _assumed(trainings: "Sequence[Training]") -> Iterable[str]:
    """Gives what estimates rest on; of many models not every price, which the table has."""
    assumed = dict.fromkeys(one.estimate.assumes for one in trainings)
    if len(assumed) == 1 or any(one.fine_tune for one in trainings):
        return assumed
    bases = dict.fromkeys(one.partition("; ")[0] for one in assumed)
    return [f"{basis}; prices as of {PRICES_AS_OF.isoformat()}" for basis in bases]


def _ordered(counts: Any) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _spread_to_json(spread: "Spread | None") -> dict[str, Any] | None:
    if spread is None:
        return None
    return {
        "rows": spread.count,
        "total": spread.total,
        "mean": spread.mean,
        "least": spread.least,
        **{f"p{percent}": number for percent, number in spread.percentiles.items()},
        "most": spread.most,
        "histogram": [{"from": one.low, "to": one.high, "rows": one.count} for one in spread.bins],
    }


def _texts_to_json(texts: "Texts") -> list[dict[str, Any]]:
    return [{"beginning": masked_excerpt(text), "rows": count} for text, count in texts.most_common(_FEW)]


def _names_to_json(texts: "Texts") -> list[dict[str, Any]]:
    return [{"name": masked_words(name), "rows": count} for name, count in texts.most_common(texts.different)]
