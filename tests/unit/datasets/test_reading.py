"""One pass finds digest, size, rows, and everything that keeps a file from being trained on."""

import hashlib
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.datasets import reading
from ftops.datasets.formats import Use
from ftops.datasets.reading import scan
from ftops.datasets.split import part_of
from ftops.datasets.tokens import ROW_LIMIT
from ftops.domain.manifest import Split


def row(text: str = "hi", answer: str = "yes") -> dict:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


def jsonl(*rows) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


def read(data: bytes, use: Use = Use.SUPERVISED, split: Split | None = None):
    return scan(io.BytesIO(data), path="d.jsonl", use=use, split=split)


def problems(data: bytes, use: Use = Use.SUPERVISED) -> list[str]:
    return [str(problem) for problem in read(data, use).problems]


def test_a_good_file():
    data = jsonl(row(), row("hello"))
    found = read(data)
    (dataset,) = found.parts
    assert (dataset.path, dataset.rows, dataset.size) == ("d.jsonl", 2, len(data))
    assert dataset.sha256 == hashlib.sha256(data).hexdigest()
    assert len(dataset.input_digests) == 2
    assert dataset.tokens == 2 * (3 + 3 + 3 + 1 + 1 + 1 + 1)  # an example, two messages, their roles and texts
    assert found.problems == ()


def test_line_ends_of_windows_make_no_difference():
    data = jsonl(row(), row("hello"))
    assert read(data.replace(b"\n", b"\r\n")) == read(data)


def test_a_missing_last_line_feed_is_kept_out():
    assert read(jsonl(row())[:-1]).parts[0].size == len(jsonl(row())) - 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["d.jsonl:1:1: expected rows, the file is empty (D002)"]),
        (
            b"\xef\xbb\xbf" + jsonl(row()),
            ["d.jsonl:1:1: expected JSONL without a byte-order mark (D006) (save it as UTF-8 without BOM)"],
        ),
        (b"\x1f\x8b\x08\x00", ["d.jsonl:1:1: expected JSONL, got a gzip archive (D004) (unpack it)"]),
        (
            "{}\n".encode("utf-16-le"),
            ["d.jsonl:1:1: expected UTF-8, got what looks like UTF-16 or binary data (D005) (save it as UTF-8)"],
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            ["d.jsonl:1:1: expected data, got a git-LFS pointer (D003) (run: git lfs pull --include=d.jsonl)"],
        ),
        (
            b"[1]\n",
            [
                "d.jsonl:1:1: expected a JSON object, got a list (D011) (write each row of the list in a line of its own)"
            ],
        ),
        (b'{"a": 1,}\n', ["d.jsonl:1:9: expected JSON: trailing comma in object (D008)"]),
        (b'{"\xc3\xa9": x}\n', ["d.jsonl:1:7: expected JSON: invalid character (D008)"]),
        (b'{"a":\n', ["d.jsonl:1:6: expected the rest of the row (D009) (one row a line, without line breaks inside)"]),
        (b'{"a": "x', ["d.jsonl:1:9: expected the rest of the row (D009) (the last line is cut off)"]),
        (b'{"a": "\xff"}\n', ["d.jsonl:1:8: expected UTF-8 (D005) (save it as UTF-8)"]),
        (b"[" * 100_000, ["d.jsonl:1:1: expected less nesting (D013)"]),
        (jsonl(row()) + b"\n", ["d.jsonl:2:1: expected a row, got a blank line (D007) (take it out)"]),
    ],
)
def test_a_bad_file(data, expected):
    assert problems(data) == expected


def test_equal_problems_are_counted():
    found = problems(
        jsonl(*[{"messages": [{"role": "usr", "content": "x"}, {"role": "assistant", "content": "a"}]}] * 8)
    )
    wanted = "/messages/0/role: expected one of system, developer, user, assistant, tool"
    assert found == [
        *(f"d.jsonl:{line}:1 {wanted}, got the string 'usr' (D025) (did you mean user?)" for line in range(1, 6)),
        f"d.jsonl:5:1 {wanted}: 3 more like this (D025)",
    ]


def test_the_two_parts_of_a_split():
    rows = [row(f"question {index}") for index in range(200)]
    split = Split(fraction=0.25, seed=7)
    train, validation = read(jsonl(*rows), split=split).parts
    assert (train.path, validation.path) == ("d.jsonl#train[0.25,7]", "d.jsonl#validation[0.25,7]")
    assert train.rows + validation.rows == 200
    assert 30 < validation.rows < 70
    expected = jsonl(*[one for one in rows if part_of(one, split) == "validation"])
    assert validation.sha256 == hashlib.sha256(expected).hexdigest()
    assert read(jsonl(*rows)[:-1], split=split).parts == (train, validation)


def test_a_split_file_with_bad_rows():
    found = read(jsonl(row()) + b"3\n\n", split=Split(fraction=0.5, seed=1))
    assert [problem.line for problem in found.problems] == [2, 3]


def test_long_rows_are_billed_as_far_as_they_are_read():
    assert read(jsonl(row("a " * ROW_LIMIT), row())).parts[0].tokens == ROW_LIMIT + 13


def test_free_rows_are_any_objects():
    (dataset,) = read(jsonl({"q": 1}, {"q": 10**30}), Use.FREE).parts
    assert (dataset.rows, len(dataset.input_digests)) == (2, 2)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=20), st.sampled_from([b'{"messages":', b"[{", b'"role":', b"null", b"}\n", b"\r\n"])
        ),
        max_size=8,
    )
)
@settings(max_examples=100)
def test_no_bytes_give_a_traceback(pieces):
    for use in Use:
        found = read(b"".join(pieces), use, Split(fraction=0.5, seed=1))
        assert all(str(problem).isprintable() for problem in found.problems)


def test_a_line_that_is_too_long_is_counted_and_never_held(monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 150)
    data = jsonl(row()) + b"x" * 700 + b"\r\n" + jsonl(row()).replace(b"\n", b"\r\n") + b"y" * 151
    found = read(data, Use.REINFORCEMENT)
    told = [(one.code, one.line, one.says.rpartition("got ")[2]) for group in found.findings for one in group.shown]
    assert sorted(told) == sorted([
        ("D010", 2, "702"),
        ("D010", 4, "151"),
        *(("D027", line, "expected a last message that the model answers, not one from the assistant") for line in (1, 3)),
    ])  # fmt: skip
    assert found.parts[0].rows == 2
