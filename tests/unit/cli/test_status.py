"""The fleet on a terminal: what fits, what comes first, what is said of it, and that names are never cut."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ftops.application.fleet import AliasRow, FleetRow, Spending
from ftops.cli import widths
from ftops.cli.main import run
from ftops.cli.render_fleet import age, fleet_lines, fleet_to_json, in_order
from ftops.domain.health import Health
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.plan import Notice, Plan
from ftops.domain.records import Target
from scratch_project import git, make_project

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPENT = Spending(year=2026, month=3, usd=12.5, budget_usd=200.0)
PLAN = Plan(project="acme", today=NOW.date(), commit=None)
TARGET = Target(backend="openai", revision="3f9a1c2b7d10", model="ft:m")


def row(name: str, health: Health = Health.OK, why: str = "", **fields: Any) -> FleetRow:
    alias = AliasRow(alias=AliasName("production"), wants="latest", target=TARGET, since=NOW)
    plain = FleetRow(
        name=FineTuneName(name),
        backend=BackendName("openai"),
        revision=Revision("3f9a1c2b7d10"),
        health=health,
        why=why,
        state="pass",
        job=None,
        judgement=None,
        aliases=(alias,),
        made_at=NOW - timedelta(days=3),
        spent_usd=5.0,
        revisions=1,
        shutdown_in_days=None,
        drift=(),
    )
    return replace(plain, **fields)


def lines(monkeypatch: pytest.MonkeyPatch, width: int, *rows: FleetRow, plan: Plan = PLAN) -> list[str]:
    monkeypatch.setattr("ftops.cli.render_fleet.margin", lambda: width)
    return list(fleet_lines(rows, SPENT, plan, now=NOW))


def test_a_pipe_gets_every_column(monkeypatch: pytest.MonkeyPatch) -> None:
    said = lines(monkeypatch, 10_000, row("router", shutdown_in_days=1200))
    assert [line.split() for line in said[:2]] == [
        ["HEALTH", "NAME", "STATE", "ALIASES", "AGE", "SPENT", "SHUTDOWN", "BACKEND", "REVISION"],
        [
            "ok",
            "router",
            "pass",
            "production:",
            "3f9a1c2b7d10",
            "3",
            "d",
            "$5.00",
            "1,200",
            "d",
            "openai",
            "3f9a1c2b7d10",
        ],
    ]
    assert said[2:] == ["", "1 ok. Spent in 2026-03: $12.50 of $200.00."]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_columns_give_way_and_names_do_not(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a-name-of-forty-characters-as-long-as-al"
    said = lines(monkeypatch, width, row(name, Health.ATTENTION, "its job failed: " + "x y " * 30))
    assert all(name in line for line in said[1:2])
    assert all(len(line) <= max(width, 51) for line in said[:2])
    heads = {
        40: "HEALTH NAME",
        60: "HEALTH NAME STATE",
        80: "HEALTH NAME STATE AGE SPENT SHUTDOWN",
        100: "HEALTH NAME STATE ALIASES AGE SPENT",
        140: "HEALTH NAME STATE ALIASES AGE SPENT SHUTDOWN BACKEND REVISION",
    }
    assert said[0].split() == heads[width].split()


def test_on_a_narrow_terminal_each_alias_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    first = row("b").aliases[0]
    both = (first, replace(first, alias=AliasName("staging")))
    assert lines(monkeypatch, 60, row("b", aliases=both))[1:3] == [
        "ok      b     pass   production: 3f9a1c2b7d10  3 d  $5.00",
        "                     staging: 3f9a1c2b7d10",
    ]


def test_what_is_worst_comes_first_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row("a"), row("c", Health.ATTENTION, "look"), row("b", Health.BROKEN, "gone\x1b[2J")]
    said = lines(monkeypatch, 10_000, *in_order(rows, "health"))
    assert [line.split()[:2] for line in said[1:4]] == [["broken", "b"], ["attention", "c"], ["ok", "a"]]
    assert said[5:7] == ["b: gone\\x1b[2J", "c: look"]
    assert said[-1] == "1 broken, 1 attention, 1 ok. Spent in 2026-03: $12.50 of $200.00."


def test_other_orders() -> None:
    rows = [row("a", spent_usd=1.0, made_at=None), row("b", made_at=NOW), row("c", made_at=NOW - timedelta(days=900))]
    assert [one.name for one in in_order(rows[::-1], "name")] == ["a", "b", "c"]
    assert [one.name for one in in_order(rows, "age")] == ["c", "b", "a"]
    assert [one.name for one in in_order(rows, "spent")] == ["b", "c", "a"]


def test_a_reason_is_not_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    name = FineTuneName("b")
    notices = (
        Notice(fine_tune=name, message="look"),
        Notice(fine_tune=None, message="orphan"),
        Notice(fine_tune=name, message="x"),
        Notice(fine_tune=FineTuneName("a"), message="x"),
    )
    said = lines(monkeypatch, 10_000, row("b", Health.ATTENTION, "look"), plan=replace(PLAN, notices=notices))
    assert said[2:-2] == ["", "b: look", "", "orphan", "a, b: x"]


def test_one_reason_of_many_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(f"f-{number:02}", Health.PENDING, "an apply is due") for number in range(12)]
    said = lines(monkeypatch, 10_000, *rows, row("x", Health.ATTENTION, "an apply is due"))
    assert said[14:-2] == [
        "",
        "f-00, f-01, f-02, f-03, f-04, f-05, f-06, f-07 and 4 more: an apply is due",
        "x: an apply is due",
    ]


def test_aliases_that_lag_behind_or_point_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(wants: str | None, target: Target | None) -> str:
        alias = AliasRow(alias=AliasName("live"), wants=wants, target=target, since=None)
        return lines(monkeypatch, 10_000, row("b", aliases=(alias,), revision=Revision("0" * 12)))[1]

    assert "live: 3f9a1c2b7d10 (behind)" in shown("latest", TARGET)
    assert "live: 3f9a1c2b7d10 " in shown("3f9a1c2b7d10", TARGET).replace("(behind)", "!")
    assert "live: nothing" in shown("latest", None)
    assert "live: retired" in shown(None, None)
    assert " none " in lines(monkeypatch, 10_000, row("b", aliases=()))[1]


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (59, "59 min"), (60, "1 h"), (47 * 60, "47 h"), (48 * 60, "2 d"), (-5, "0 min")]
)
def test_ages_have_one_unit(minutes: int, said: str) -> None:
    assert age(NOW - timedelta(minutes=minutes), NOW) == said
    assert age(None, NOW) == "-"


def test_without_manifests_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(monkeypatch, 80) == ["No manifests: ftops init writes a first one."]


def test_the_json_has_a_version_and_what_the_table_has() -> None:
    data = fleet_to_json([row("b")], SPENT, PLAN, now=NOW, fetched=NOW)
    assert (data["format_version"], data["ledger_fetched_at"]) == ("1", NOW.isoformat())
    assert data["spending"] == {"month": "2026-03", "usd": 12.5, "budget_usd": 200.0}
    (one,) = data["fine_tunes"]
    assert (one["name"], one["health"], one["why"], one["drift"]) == ("b", "ok", None, [])
    json.dumps(data)


def test_wide_characters_take_two_columns() -> None:
    assert (widths.cells("abc"), widths.cells("日本"), widths.cells("e\u0301")) == (3, 4, 1)
    assert widths.padded("日本", 6) == "日本  "
    assert widths.padded("ab", 4, is_right=True) == "  ab"
    assert list(widths.wrapped("aa 日本 bb", 5, indent=1)) == ["aa", " 日本", " bb"]
    assert widths.cells("\x1b[31mred\x1b[0m") == 3


def test_lines_are_broken_between_words_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "short\n  ! a line that takes more than the forty columns which there are\n" + "x" * 50
    assert widths.folded(text, sys.stdout) == text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    assert widths.folded(text, sys.stdout).split("\n") == [
        "short",
        "  ! a line that takes more than the",
        "      forty columns which there are",
        "x" * 50,
    ]
    assert widths.columns(None) is None
    assert list(widths.wrapped("Estimated cost: $0.00.", 17)) == ["Estimated", "cost: $0.00."]


def test_a_column_is_as_wide_as_the_terminal_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert widths.margin() == 10_000
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "72")
    assert widths.margin() == 72
    monkeypatch.setenv("COLUMNS", "7")
    assert widths.margin() == 40


def test_the_copy_of_the_ledger_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scratch = make_project(tmp_path, "http://127.0.0.1:9/v1")
    remote = scratch.add_remote(tmp_path)
    words = ["-C", str(scratch.root), "status"]
    assert run([*words, "--cached"]) == 0
    assert capsys.readouterr().err == "Warning: no copy of the ledger is here; without --cached it is fetched\n"
    assert run([*words, "--offline"]) == 0
    capsys.readouterr()
    remote.rename(tmp_path / "gone.git")
    assert run([*words, "--cached"]) == 0
    told = capsys.readouterr()
    assert told.err.startswith("Warning: the ledger was fetched last at 20")
    assert "pending" in told.out
    assert run([*words, "--cached", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ledger_fetched_at"].startswith("20")
    assert run([*words, "--cached", "--refresh"]) == 2


LIGHT = ("openai", "deepdiff", "scipy", "numpy", "git", "jsonschema", "httpx", "pydantic", "rich", "server")


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], LIGHT),
        (["plan", "--help"], LIGHT),
        (["status", "--cached"], LIGHT[:-4]),
        (["resolve", "router", "--cached"], LIGHT[:-4]),
    ],
)
def test_what_must_be_instant_imports_nothing_heavy(words: list[str], heavy: tuple[str, ...], tmp_path: Path) -> None:
    scratch = make_project(tmp_path, None)
    git(scratch.root, "gc", "--quiet")
    program = (
        "import sys\nfrom ftops.cli.main import run\n"
        f"run({words!r})\n"
        f"print('heavy:', [name for name in {heavy!r} if sys.modules.get(name) is not None])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=scratch.root, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "heavy: []", done.stderr
