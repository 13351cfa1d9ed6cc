"""Baselines as files: written so that a diff can be read, and read with a clear word about what is broken."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.adapters.baseline_files import BaselineFiles, read_baseline, write_baseline
from ftops.datasets.findings import Baseline
from ftops.errors import Invalid, UsageProblem

TEXT = st.text(max_size=20)
REMEDY = "(ftops data check --baseline FILE --write-baseline writes one where there is none)"


def test_one_finding_on_a_line_sorted(tmp_path) -> None:
    file = tmp_path / "known.json"
    write_baseline(file, Baseline(known={("b", "D101", "k"): 2, ("a\u2028", "D130", "ü"): 1}), shown="known.json")
    assert file.read_text() == (
        '{\n  "version": 1,\n  "known": [\n'
        '    {"file": "a\\u2028", "code": "D130", "kind": "\\u00fc", "count": 1},\n'
        '    {"file": "b", "code": "D101", "kind": "k", "count": 2}\n'
        "  ]\n}\n"
    )
    assert file.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["known.json"]


@given(known=st.dictionaries(st.tuples(TEXT, TEXT, TEXT), st.integers(1, 10**9), max_size=5))
def test_what_is_written_is_read(tmp_path_factory, known: dict[tuple[str, str, str], int]) -> None:
    file = tmp_path_factory.mktemp("b") / "known.json"
    write_baseline(file, Baseline(known=known), shown="known.json")
    assert read_baseline(file, shown="known.json").known == known


def test_what_stands_there_twice_is_added_up(tmp_path) -> None:
    one = {"file": "a", "code": "D101", "kind": "k", "count": 2}
    (tmp_path / "known.json").write_text(json.dumps({"version": 1, "known": [one, one]}))
    files = BaselineFiles(tmp_path)
    assert files.read("known.json").known == {("a", "D101", "k"): 4}
    (tmp_path / "known.json").unlink()
    assert files.read("known.json").known  # read once


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "known.json:1:1: expected a file, there is no 'known.json'"),
        (b"{\n  <<<<<<< HEAD\n", "known.json:2:3: expected JSON: Expecting property name enclosed in double quotes"),
        (b"\xff", "known.json:1:1: expected JSON in UTF-8"),
        (b"[" * 100_000, "known.json:1:1: expected JSON in UTF-8"),
        (b"[]", "known.json:1:1: expected a baseline of findings of version 1, got null"),
        (b'{"version": 2}', "known.json:1:1: expected a baseline of findings of version 1, got the integer 2"),
        (b'{"version": true}', "known.json:1:1: expected a baseline of findings of version 1, got the boolean true"),
        (b'{"version": 1}', "known.json:1:1: expected a baseline of findings: Object missing required field `known`"),
        (
            b'{"version": 1, "known": [{"file": "a", "code": "D101", "kind": "", "count": 0}]}',
            "known.json:1:1: expected a baseline of findings: Expected `int` >= 1 - at `$.known[0].count`",
        ),
        (
            b'{"version": 1, "known": [{"file": "a", "code": "D101", "kind": "", "count": 1, "why": ""}]}',
            "known.json:1:1: expected a baseline of findings: Object contains unknown field `why` - at `$.known[0]`",
        ),
    ],
)
def test_what_is_no_baseline(tmp_path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "known.json").write_bytes(content)
    with pytest.raises(Invalid) as caught:
        BaselineFiles(tmp_path).read("known.json")
    assert [str(problem) for problem in caught.value.problems] == [f"{said} {REMEDY}"]


def test_one_that_is_too_large(tmp_path) -> None:
    with (tmp_path / "known.json").open("wb") as stream:
        stream.truncate((16 << 20) + 1)
    with pytest.raises(Invalid, match="1 problem") as caught:
        read_baseline(tmp_path / "known.json", shown="known.json")
    assert "at most 16,777,216 bytes" in str(caught.value.problems[0])


def test_a_write_that_fails_leaves_what_was_there(tmp_path) -> None:
    (tmp_path / "known.json").mkdir()
    with pytest.raises(UsageProblem, match=r"^sub/known\.json can't be written: Is a directory"):
        write_baseline(tmp_path / "known.json", Baseline(), shown="sub/known.json")
    assert [one.name for one in tmp_path.iterdir()] == ["known.json"]


def test_a_folder_that_is_not_there(tmp_path) -> None:
    with pytest.raises(UsageProblem, match=r"^no/known\.json can't be written: No such file or directory"):
        write_baseline(tmp_path / "no/known.json", Baseline(), shown="no/known.json")


def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "known.json")
    with pytest.raises(Invalid) as caught:
        read_baseline(tmp_path / "known.json", shown="known.json")
    assert "expected a regular file, 'known.json' is something else" in str(caught.value.problems[0])
