"""Files of pairs: what is written comes back, broken lines are told, and the key stays private."""

import json
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters.pair_files import json_lines, pair_lines, pairs_key, read_choices
from ftops.errors import Invalid, LocalStorageFailed
from ftops.evaluation.choices import Choice
from ftops.ports.pairs import BlindPair

PAIR = BlindPair(id="0" * 16, prompt="Wer läuft?\u2028\x1b[2J", a='"quoted"\n', b="\ud83d alone")


def put(folder: Path, name: str, *lines: dict[str, Any] | str) -> Path:
    file = folder / name
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return file


def line(**changes: Any) -> dict[str, Any]:
    return {"id": "0" * 16, "choice": "a", "prompt": "p", "a": "x", "b": "y", **changes}


def test_what_is_written_comes_back_once_it_is_chosen(tmp_path: Path) -> None:
    text = pair_lines([PAIR, PAIR])
    assert "läuft" in text, "people read it"
    assert "\\u001b" in text
    assert "\\ud83d alone" in text
    assert text.splitlines()[0].startswith('{"id": "0000000000000000", "choice": null, ')
    file = tmp_path / "pairs.jsonl"
    file.write_text(text, encoding="utf-8")
    assert read_choices([file]) == ()
    file.write_text(text.replace("null", '" A "', 1).replace("\\ud83d ", ""), encoding="utf-8")
    (made,) = read_choices([file])
    assert (made.choice, made.line) == (Choice.A, 1)
    assert (made.pair.prompt, made.pair.a) == (PAIR.prompt, PAIR.a)


def test_each_file_is_an_annotator_unless_lines_name_one(tmp_path: Path) -> None:
    first = put(tmp_path, "1.jsonl", line(), "", line(annotator="ada"), line(annotator="file 1"))
    second = put(tmp_path, "2.jsonl", line(annotator="ada"), line())
    who = [made.annotator for made in read_choices([first, second])]
    assert len(set(who)) == 4
    assert who[1] == who[3], "the same name in two files is the same person"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (line(choice="c"), '/choice: expected "a", "b", "tie" or null'),
        (line(choice=1), "expected a line of exported pairs"),
        (line(note="better"), "note"),
        ({"id": "x"}, "expected a line of exported pairs"),
        ("{", "expected a line of exported pairs"),
        ("\x1b[2J", "expected a line of exported pairs"),
        (line(annotator="a" * 201), "annotator"),
    ],
)
def test_a_broken_line_is_told_with_its_place(tmp_path: Path, broken: dict[str, Any] | str, told: str) -> None:
    file = put(tmp_path, "p.jsonl", line(), broken)
    with pytest.raises(Invalid) as caught:
        read_choices([file])
    (problem,) = caught.value.problems
    assert f"{file}:2:1" in str(problem)
    assert told in str(problem)
    assert "\x1b" not in str(problem)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="1 problem"):
        read_choices([tmp_path])
    bytes_of_no_text = tmp_path / "b.jsonl"
    bytes_of_no_text.write_bytes(b'{"id": "\xff"}\n' * 300)
    with pytest.raises(Invalid) as caught:
        read_choices([bytes_of_no_text])
    assert len(caught.value.problems) == 100


def test_rows_are_json_lines() -> None:
    assert [json.loads(row) for row in json_lines([{"a": "ä\n"}, {"b": 1}]).splitlines()] == [{"a": "ä\n"}, {"b": 1}]


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / ".ftops"
    assert pairs_key(folder, may_make=False) is None
    key = pairs_key(folder, may_make=True)
    assert key is not None
    assert len(key) == 32
    assert pairs_key(folder, may_make=True) == pairs_key(folder, may_make=False) == key
    assert (folder / "pairs.key").stat().st_mode & 0o77 == 0
    assert (folder / ".gitignore").read_text() == "*\n"
    assert pairs_key(tmp_path / "other", may_make=True) != key


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "pairs.key").write_bytes(b"short")
    with pytest.raises(LocalStorageFailed, match="holds no key"):
        pairs_key(tmp_path, may_make=True)
