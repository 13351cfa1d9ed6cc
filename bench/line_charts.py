"""Small line charts as SVG: equal data give equal text. Owns the drawing; knows nothing of what is drawn."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#1f5fa8", "#c2571a")
INK, FAINT = "#24292f", "#d0d7de"
LEFT, RIGHT, TOP, BOTTOM = 46, 24, 30, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Means at some places, each with the least and the greatest value that it is the mean of."""

    name: str
    points: Sequence[tuple[float, float, float, float]]
    """x, mean, least, greatest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Lines over one axis. ``level`` is a dashed line to compare with."""

    title: str
    x_label: str
    lines: Sequence[Line]
    y_ticks: Sequence[float]
    x_ticks: Sequence[float]
    is_log: bool = True
    level: tuple[float, str] | None = None


def draw(title: str, notes: Sequence[str], rows: Sequence[Sequence[Chart]], *, width: int, height: int) -> str:
    """Gives a picture of rows of charts, each row sharing ``width``, each ``height`` high."""
    top = 40
    total = top + height * len(rows) + 18 * len(notes) + 14
    size = f'viewBox="0 0 {width} {total}" width="{width}" height="{total}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="system-ui, sans-serif">',
        f'<rect width="{width}" height="{total}" fill="#ffffff"/>',
        _text(14, 25, title, size=15, weight="bold"),
    ]
    for place, charts in enumerate(rows):
        each = width / len(charts)
        for column, chart in enumerate(charts):
            parts += _chart(chart, left=column * each, top=top + place * height, width=each, height=height)
    start = top + height * len(rows) + 14
    parts += [_text(14, start + 18 * line, note, fill="#57606a") for line, note in enumerate(notes)]
    return "\n".join([*parts, "</svg>", ""])


def _chart(chart: Chart, *, left: float, top: float, width: float, height: float) -> list[str]:
    x0, x1 = left + LEFT, left + width - RIGHT
    y0, y1 = top + height - BOTTOM, top + TOP
    low, high = chart.y_ticks[0], chart.y_ticks[-1]
    scale = math.log if chart.is_log else float
    first, last = scale(chart.x_ticks[0]), scale(chart.x_ticks[-1])

    def at(x: float, y: float) -> tuple[float, float]:
        shown = min(high, max(low, y))
        return x0 + (scale(x) - first) / (last - first) * (x1 - x0), y0 + (shown - low) / (high - low) * (y1 - y0)

    parts = [_text((x0 + x1) / 2, top + 18, chart.title, anchor="middle", weight="600")]
    for tick in chart.y_ticks:
        _, y = at(chart.x_ticks[0], tick)
        parts.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="{FAINT}"/>')
        parts.append(_text(x0 - 5, y + 4, f"{tick:g}", anchor="end"))
    for tick in chart.x_ticks:
        x, _ = at(tick, low)
        parts.append(f'<path d="M{x:.1f} {y0:.1f}v4" stroke="{INK}"/>')
        parts.append(_text(x, y0 + 16, f"{tick:,.10g}", anchor="middle"))
    parts.append(f'<path d="M{x0:.1f} {y0:.1f}H{x1:.1f}" stroke="{INK}"/>')
    parts.append(_text((x0 + x1) / 2, y0 + 31, chart.x_label, anchor="middle", fill="#57606a"))
    if chart.level is not None:
        value, name = chart.level
        _, y = at(chart.x_ticks[0], value)
        parts.append(f'<path d="M{x0:.1f} {y:.1f}H{x1:.1f}" stroke="{INK}" stroke-dasharray="5 4"/>')
        parts.append(_text(x1 - 2, y - 5, name, anchor="end"))
    for line, colour in zip(chart.lines, COLOURS, strict=False):
        parts += _line(line, colour, at)
    if len(chart.lines) > 1:
        parts += _legend(chart.lines, x1, y0)
    return parts


def _line(line: Line, colour: str, at: Callable[[float, float], tuple[float, float]]) -> list[str]:
    upper = [at(x, greatest) for x, _, _, greatest in line.points]
    lower = [at(x, least) for x, _, least, _ in reversed(line.points)]
    means = [at(x, mean) for x, mean, _, _ in line.points]
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>' for x, y in means]
    return [
        f'<polygon points="{_points([*upper, *lower])}" fill="{colour}" fill-opacity="0.2"/>',
        f'<polyline points="{_points(means)}" fill="none" stroke="{colour}" stroke-width="1.6"/>',
        *dots,
    ]


def _legend(lines: Sequence[Line], x1: float, y0: float) -> list[str]:
    parts = []
    for place, (line, colour) in enumerate(zip(lines, COLOURS, strict=False)):
        y = y0 - 12 - 16 * (len(lines) - 1 - place)
        parts.append(_text(x1 - 26, y, line.name, anchor="end"))
        parts.append(f'<path d="M{x1 - 20:.1f} {y - 4:.1f}h16" stroke="{colour}" stroke-width="3"/>')
    return parts


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, weight: str = "", fill: str = INK
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    style = f'font-size="{size}" fill="{fill}"' + (f' font-weight="{weight}"' if weight else "")
    return f"<text {place} {style}>{escape(text)}</text>"
