"""Annotations for code review: what GitHub's runner reads back is what was meant, whatever a file holds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.cli.annotations import Annotations, chosen_annotations, github_lines, gitlab_report
from ftops.datasets.checks import CHECKS, Level
from ftops.datasets.findings import FindingGroup, Found

ANYTHING = st.text(max_size=60) | st.sampled_from(
    [
        "::set-output name=a::b",
        "x\n::error::y",
        "a,b:c%0A\r\n",
        "##[add-mask]x",
        "\x1b]0;t\x07",
        "\u2028::warning::",
        "\ud800",
    ]
)


def group(file: str = "a.jsonl", *, says: str = "it is twice", level: Level = Level.WARNING, **more) -> FindingGroup:
    shown = more.pop("shown", None) or (Found(code="D101", line=3, column=7, field="/messages", says=says, **more),)
    return FindingGroup(file=file, check=CHECKS["D101"], level=level, kind="k", count=9, shown=shown)


def as_github_reads(line: str) -> tuple[str, dict[str, str], str]:
    """Parses a command as the runner does: its name, its properties and its message."""
    found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line, re.DOTALL)
    assert found is not None
    command, stated, message = found.groups()
    properties = dict(one.split("=", 1) for one in stated.split(","))
    for code, sign in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        properties = {key: value.replace(code, sign) for key, value in properties.items()}
        message = message if sign in ":," else message.replace(code, sign)
    return command, properties, message


def test_one_command_for_each_kind() -> None:
    (line,) = github_lines([group(hint="leave one")], path_of=lambda file: f"sub/{file}")
    assert line == (
        "::warning file=sub/a.jsonl,line=3,col=7,title=D101 duplicate-example::"
        "/messages: it is twice (9 rows: lines 3, …) – leave one"
    )


def test_one_row_with_several_of_a_kind() -> None:
    shown = tuple(Found(code="D025", line=3, field=f"/messages/{place}/role", says="no role") for place in range(2))
    roles = FindingGroup(file="a.jsonl", check=CHECKS["D025"], level=Level.ERROR, kind="no role", count=2, shown=shown)
    (line,) = github_lines([roles], path_of=str)
    assert line.endswith("::/messages/0/role: no role (2 times: line 3)")


@pytest.mark.parametrize(
    ("level", "word"), [(Level.ERROR, "error"), (Level.WARNING, "warning"), (Level.ADVICE, "notice")]
)
def test_levels(level: Level, word: str) -> None:
    (line,) = github_lines([group(level=level)], path_of=str)
    assert as_github_reads(line)[0] == word


def test_a_finding_of_the_whole_file() -> None:
    whole = FindingGroup(
        file="a",
        check=CHECKS["D002"],
        level=Level.ERROR,
        kind="",
        count=1,
        shown=(Found(code="D002", says="it is empty"),),
    )
    assert list(github_lines([whole], path_of=str)) == [
        "::error file=a,line=1,col=1,title=D002 empty-file::it is empty"
    ]


@given(file=ANYTHING, says=ANYTHING, field=ANYTHING)
def test_nothing_foreign_gets_out_of_its_place(file: str, says: str, field: str) -> None:
    found = Found(code="D101", line=1, field=field, says=says)
    (line,) = github_lines([group(file, shown=(found,))], path_of=str)
    assert len(line.splitlines()) == 1
    assert "##[" not in line
    line.encode()  # a lone surrogate can't be written
    command, properties, message = as_github_reads(line)
    assert command == "warning"
    assert list(properties) == ["file", "line", "col", "title"]
    assert properties["title"] == "D101 duplicate-example"
    if file.isalnum() and says.isalnum() and file.isascii() and says.isascii():
        assert properties["file"] == file
        assert says in message


def test_gitlab_takes_a_list_with_stable_fingerprints() -> None:
    one, other = gitlab_report([group(), group("b.jsonl", level=Level.ERROR)], path_of=str)
    assert one == {
        "description": "/messages: it is twice (9 rows: lines 3, …)",
        "check_name": "D101 duplicate-example",
        "fingerprint": one["fingerprint"],
        "severity": "minor",
        "location": {"path": "a.jsonl", "lines": {"begin": 3}},
    }
    assert other["severity"] == "critical"
    assert other["fingerprint"] != one["fingerprint"]
    moved = group(shown=(Found(code="D101", line=44, field="/messages", says="it is twice"),))
    (again,) = gitlab_report([moved], path_of=str)
    assert again["fingerprint"] == one["fingerprint"]


@pytest.mark.parametrize(
    ("wanted", "value", "chosen"),
    [
        (Annotations.AUTO, "true", Annotations.GITHUB),
        (Annotations.AUTO, None, Annotations.NONE),
        (Annotations.AUTO, "false", Annotations.NONE),
        (Annotations.NONE, "true", Annotations.NONE),
        (Annotations.GITLAB, "true", Annotations.GITLAB),
    ],
)
def test_what_is_printed_by_itself(wanted: Annotations, value: str | None, chosen: Annotations) -> None:
    assert chosen_annotations(wanted, {"GITHUB_ACTIONS": value}.get) is chosen
