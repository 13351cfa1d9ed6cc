"""What is said of a command's words, where global options may stand, and how text is written to streams of every kind."""

import io
import json
import re
import sys
from pathlib import Path

import click
import pytest

from ftops.cli import style
from ftops.cli.commands import Commands, with_global_options
from ftops.cli.main import cli, run
from ftops.cli.options import print_json
from ftops.cli.style import choose_color, echo, has_color, never_fail_to_encode, paint, typed
from scratch_project import make_project


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pln"], "there is no command 'pln' (did you mean plan?)\n  ftops --help tells how it is used"),
        (["frobnicate"], "there is no command 'frobnicate'\n"),
        (["plan", "--ofline"], "there is no option --ofline (did you mean --offline?)\n  ftops plan --help tells"),
        (["ledger", "verfy"], "there is no command 'verfy' (did you mean verify?)\n  ftops ledger --help tells"),
        (["resolve", "x", "--format", "yml"], "--format: 'yml' is not known; there are env, github, json, text"),
        (["status", "--sort", "helth"], "--sort: 'helth' is not known; did you mean health?"),
        (["show"], "NAME is missing"),
        (["resolve"], "NAME[@ALIAS] is missing"),
        (["promote", "x"], "--to ALIAS is missing"),
        (["apply", "nowhere.json"], "PLAN: file 'nowhere.json' does not exist"),
        (["apply", "--parallelism", "x"], "--parallelism: 'x' is not a valid integer range"),
        (["history", "-n", "9" * 20], "--number: 99999999999999999999 is not in the range"),
        (["apply", "--timeout", "nan"], "--timeout: 'nan' is no number"),
        (["--backend", "embedded", "plan"], "what belongs to a command stands after it: ftops COMMAND --backend"),
        (["plan", "-o", "nowhere/plan.json"], "--out: there is no folder 'nowhere'"),
        (["plan", "\x1b[2J"], "got unexpected extra argument (\\x1b[2J)"),
    ],
)
def test_words_that_are_off(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.startswith("Error: ")


def test_ftops_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    alone = capsys.readouterr().err
    for words in (["--help"], ["-h"], ["help"]):
        assert run(words) == 0
        assert capsys.readouterr().out.strip() == alone.strip()


@pytest.mark.parametrize("words", [["plan"], ["ledger", "verify"], ["data", "check"]])
def test_help_of_a_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", *words]) == 0
    first = capsys.readouterr().out
    assert run([*words, "--help"]) == 0
    assert capsys.readouterr().out == first
    assert first.startswith(f"Usage: ftops {' '.join(words)}")


def every_command() -> list[tuple[str, ...]]:
    assert isinstance(cli, Commands)
    context = click.Context(cli)
    found: list[tuple[str, ...]] = []
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        inner = tuple(command.commands) if isinstance(command, click.Group) else ()
        found += [(name, *path) for path in ((), *((one,) for one in inner))]
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_help_reads_well_at_80_columns(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert [line for line in lines if len(line) > 84] == []  # but for examples that are one line to copy
    assert len(re.findall(r"^  \S", said, re.MULTILINE)) >= 2
    assert re.search(r"^  Examples?\b.*:$", said, re.MULTILINE)
    assert not re.search(r"^  \S.*\.\.\.$", said, re.MULTILINE)  # a command's one line is told as a whole
    assert "INTEGER RANGE" not in said


def test_global_options_stand_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(make_project(tmp_path, None).root)
    outputs = set()
    for words in (
        ["-C", root, "status", "--cached"],
        ["status", "--cached", "-C", root],
        ["-C", "/", "status", "-C", root, "--cached"],
    ):
        assert run(words) == 0
        outputs.add(capsys.readouterr().out)
    assert len(outputs) == 1
    assert run(["ledger", "verify", "-C", root]) == 0
    assert run(["history", "-C", str(tmp_path / "nowhere")]) == 2


def test_options_are_added_once() -> None:
    command = click.Command("x", params=[click.Option(["-v", "--loud"], is_flag=True)])
    count = len(with_global_options(command).params)
    assert len(with_global_options(command).params) == count == 3
    assert command.epilog == "-C DIR and --no-color may stand before or after the command."


@pytest.mark.parametrize(
    ("environment", "option", "in_a_pipe", "at_a_terminal"),
    [
        ({}, None, False, True),
        ({}, False, False, False),
        ({"NO_COLOR": "1"}, None, False, False),
        ({"TERM": "dumb"}, None, False, False),
        ({"FORCE_COLOR": "1"}, None, True, True),
        ({"FORCE_COLOR": "0"}, None, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, None, False, False),
        ({"FORCE_COLOR": "1"}, False, False, False),
    ],
)
def test_when_colours_are_shown(
    environment: dict[str, str],
    option: bool | None,
    in_a_pipe: bool,
    at_a_terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(style, "_forced", None)
    choose_color(is_wanted=option)
    assert (has_color(io.StringIO()), has_color(Terminal())) == (in_a_pipe, at_a_terminal)
    assert not has_color(None)
    assert paint("x", "red").startswith("\x1b") is in_a_pipe


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "✓ a → b … é 日"),
        ("latin-1", "ok a -> b ... é \\u65e5"),
        ("ascii", "ok a -> b ... \\xe9 \\u65e5"),
    ],
)
def test_signs_become_letters_where_the_encoding_lacks_them(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    never_fail_to_encode()
    echo("✓ a → b … é 日")
    print_json({"sign": "✓"})
    stream.flush()
    first, _, rest = raw.getvalue().decode(encoding).partition("\n")
    assert first == shown
    assert json.loads(rest) == {"sign": "✓"}
    assert typed("→", None) == "→"
