"""The live display: readable at every width, however long names and details are."""

import errno
import io
import re

import pytest
from rich.console import Console

from ftops.cli import live_rows
from ftops.cli.live import LiveProgress, PlainProgress, _progressed, open_progress
from ftops.cli.live_rows import Rows, open_rows

NAMES = tuple(f"a-rather-long-fine-tune-name-number-{n}" for n in range(3))
DETAIL = "a detail that goes on and on and says ever more about what happens"


def shown(rows: Rows) -> list[str]:
    console = rows.console
    with console.capture() as captured:
        console.print(*rows.get_renderables())
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


def display(width: int) -> tuple[LiveProgress, Rows]:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    rows = open_rows(console)
    return LiveProgress(rows), rows


def test_nothing_is_drawn_before_there_is_a_row_so_that_questions_can_be_read() -> None:
    progress, rows = display(80)
    with progress:
        assert not rows.live.is_started
        progress.update("a", "training", done=1, total=4)
        assert rows.live.is_started
    assert not rows.live.is_started
    progress.update("a", "training", done=2, total=4)
    assert not rows.live.is_started


@pytest.mark.parametrize("width", [80, 100, 140])
def test_step_and_time_left_can_be_read_however_long_the_rest_is(width: int) -> None:
    progress, rows = display(width)
    for name in NAMES:
        progress.update(name, "training", done=12_345, total=100_000, detail="loss 0.001")
    progress.update(NAMES[1], "evaluating", done=17, total=12_000, detail=DETAIL)
    lines = shown(rows)
    assert len(lines) == 3
    assert all(len(line) <= width for line in lines)
    assert {line[:23] for line in lines} == {f"a-rather-lo…e-number-{n} " for n in range(3)}
    assert sum(" training " in line and " 12,345/100,000 " in line and " loss 0.001 " in line for line in lines) == 2
    (evaluating,) = (line for line in lines if " evaluating " in line and " 17/12,000 " in line)
    assert "…" in evaluating[23:]
    assert all(re.search(r"(--|\d\d):(--|\d\d)$", line) for line in lines)
    assert ("━" in lines[0]) == (width >= 100)


def test_a_phase_without_a_total_has_no_bar_and_goes_when_nothing_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    progress, rows = display(140)
    progress.update("a", "train")
    progress.update("b", "evaluating", done=4, total=4)
    progress.update("c", "training", done=1, total=4)
    assert [line[0] for line in shown(rows)] == ["a", "b", "c"]
    assert "━" not in shown(rows)[0]
    monkeypatch.setattr(live_rows, "STALE_SECONDS", -1.0)
    assert [line[0] for line in shown(rows)] == ["c"]
    monkeypatch.undo()
    progress.update("a", "train")
    assert [line[0] for line in shown(rows)][:1] == ["a"]


def test_of_more_rows_than_lines_those_heard_of_last_are_shown() -> None:
    console = Console(file=io.StringIO(), width=80, height=5, force_terminal=True, color_system=None)
    rows = open_rows(console)
    progress = LiveProgress(rows)
    for name in "abcdef":
        progress.update(name, "training", done=1, total=4)
    progress.update("b", "training", done=2, total=4)
    assert [line.split()[0] for line in shown(rows)] == ["b", "e", "f", "…"]
    assert shown(rows)[-1] == "… and 3 more"


def test_below_the_rows_time_and_cost_are_told() -> None:
    progress, rows = display(80)
    progress.expect({"a": 1.5, "b": 2.0, "c": 0.0})
    assert shown(rows) == []
    progress.update("a", "training", done=1, total=4)
    assert shown(rows)[-1] == "0:00 elapsed, 2 to begin, about $1.50 of $3.50 begun"
    progress.update("b", "upload")
    assert shown(rows)[-1] == "0:00 elapsed, 1 to begin, about $1.50 of $3.50 begun"
    for name in "bc":
        progress.update(name, "train")
    assert shown(rows)[-1] == "0:00 elapsed, about $3.50 of $3.50 begun"
    progress.expect({"a": None})
    assert shown(rows)[-1] == "0:00 elapsed, cost unknown"


def test_hours_are_told_as_hours() -> None:
    assert _progressed({}, (), (), 3 * 3600 + 62) == "3:01:02 elapsed, about $0.00 of $0.00 begun"


@pytest.mark.parametrize(("encoding", "term"), [("ascii", "xterm"), ("utf-8", "dumb")])
def test_a_terminal_that_can_not_draw_gets_lines(encoding: str, term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    Terminal.encoding = encoding  # type: ignore[misc, assignment]
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", term)
    assert isinstance(open_progress(), PlainProgress)


class Gone(io.StringIO):
    """A terminal that was closed."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", ["rows", "lines"])
def test_a_terminal_that_was_closed_ends_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Gone())
    is_plain = kind == "lines"
    rows = None if is_plain else open_rows(Console(file=Gone(), width=80, force_terminal=True))
    with PlainProgress() if is_plain else LiveProgress(rows) as progress:
        progress.update("a", "training", done=1, total=4)
        progress.update("a", "evaluating")
        progress.say("something happened", fine_tune="a")


def test_without_a_standard_error_lines_are_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    progress = open_progress()
    assert isinstance(progress, PlainProgress)
    progress.update("a", "train")
