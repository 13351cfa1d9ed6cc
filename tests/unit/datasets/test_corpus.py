"""Every file of the corpus gives the findings that it is meant for, word for word, and no others."""

import io
import re
import tracemalloc

import pytest

from corpus import broken_bytes, broken_messages, broken_rows, broken_tools, sound_files
from corpus.files import ITEM_PATHS, MODEL, ROWS, File
from ftops.datasets.checks import CHECKS, CheckSettings, Level
from ftops.datasets.decoding import decode_rows
from ftops.datasets.findings import FindingGroup, FindingList
from ftops.datasets.formats import Demands, Use
from ftops.datasets.lines import chunks
from ftops.datasets.reading import scan

BROKEN = (*broken_bytes.FILES, *broken_messages.FILES, *broken_tools.FILES, *broken_rows.FILES)
_CODE = re.compile(r" \((D[0-9]{3})\)")


def examined(file: File, size: int) -> tuple[int, tuple[FindingGroup, ...]]:
    """Gives the number of sound rows, and what is found; the file is read in pieces of so many bytes."""
    findings = FindingList(file=file.name)
    demands = Demands(base_model=file.model, item_paths=ITEM_PATHS)
    rows = 0
    for chunk in chunks(io.BytesIO(file.data), findings, size=size):
        rows += len(decode_rows(chunk.data, chunk.first_line, file.use, findings, demands).rows)
    return rows, findings.groups(CheckSettings())


@pytest.mark.parametrize("file", BROKEN, ids=str)
@pytest.mark.parametrize("size", [300, 4_000_000])
def test_a_broken_file(file, size):
    rows, groups = examined(file, size)
    found = [f"{g.check.code} {one.line}:{one.column} {one.field}: {one.says}" for g in groups for one in g.shown]
    assert found == list(file.found)
    if groups[0].check.code >= "D012":  # else there may be more rows, or none
        assert rows == (ROWS - 1 if groups[0].check.is_format else ROWS)


@pytest.mark.parametrize("file", BROKEN, ids=str)
def test_a_plan_finds_the_same_errors(file):
    if file.model != MODEL or file.found[0].startswith("D034"):
        pytest.skip("the base model and the grader aren't known to a scan")
    found = scan(io.BytesIO(file.data), path="rows.jsonl", use=file.use)
    codes = [group.check.code for group in found.findings]
    assert codes == [one[:4] for one in file.found]
    is_error = CHECKS[codes[0]].level is Level.ERROR
    assert [_CODE.search(str(problem)).group(1) for problem in found.problems] == codes * is_error


@pytest.mark.parametrize("file", sound_files.FILES, ids=str)
def test_a_sound_file(file):
    rows, groups = examined(file, 4_000_000)
    found = [f"{g.check.code} {one.line}:{one.column} {one.field}: {one.says}" for g in groups for one in g.shown]
    assert (rows, found) == (ROWS, list(file.found))
    assert not any(group.check.is_format for group in groups)
    assert scan(io.BytesIO(file.data), path="rows.jsonl", use=file.use).problems == ()


def test_the_corpus_has_each_defect():
    assert len(BROKEN) >= 150
    assert len({file.name for file in (*BROKEN, *sound_files.FILES)}) == len(BROKEN) + len(sound_files.FILES)
    codes = {one[:4] for file in BROKEN for one in file.found}
    of_rows = {code for code in CHECKS if "D002" <= code <= "D051"}
    # A line that is too long and a file that is too large aren't kept here; a further key is only advised against.
    assert of_rows - codes == {"D010", "D014", "D023"}


class _OneLine(io.RawIOBase):
    """A row, then a line of so many bytes, then a row."""

    def __init__(self, length: int) -> None:
        row = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
        self._pieces = iter((row, *[b"x" * 1_000_000] * (length // 1_000_000), b"\n" + row))

    def read(self, _size: int = -1) -> bytes:
        return next(self._pieces, b"")


def test_a_line_of_ten_gigabytes_is_left_out_in_little_memory():
    findings = FindingList(file="long.jsonl")
    tracemalloc.start()
    seen = list(chunks(_OneLine(10_000_000_000), findings))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80_000_000
    assert [(chunk.first_line, chunk.data.count(b"\n")) for chunk in seen] == [(1, 1), (3, 1)]
    (group,) = findings.groups(CheckSettings())
    assert [(one.code, one.line, one.says) for one in group.shown] == [
        ("D010", 2, "expected at most 64,000,000 bytes a line, got 10,000,000,001")
    ]


@pytest.mark.parametrize("size", [64, 100, 1_000])
def test_lines_are_the_same_however_they_are_read(size):
    data = b"a" * 150 + b"\n" + b"b\r\n" + b"c" * 70 + b"\n\n" + b"d" * 300
    findings = FindingList(file="d.jsonl")
    seen = list(chunks(io.BytesIO(data), findings, size=size, longest=200))
    assert b"".join(chunk.data for chunk in seen) == data[:-300].replace(b"\r\n", b"\n")
    line = 1
    for chunk in seen:
        assert chunk.first_line == line
        line += chunk.data.count(b"\n")
    assert [(one.code, one.line) for group in findings.groups(CheckSettings()) for one in group.shown] == [("D010", 5)]


def test_a_carriage_return_that_a_piece_ends_with_is_one_line_end_with_the_next():
    data = b"a" * 63 + b"\r\n" + b"b\r\n"
    seen = list(chunks(io.BytesIO(data), FindingList(file="d.jsonl"), size=64))
    assert b"".join(chunk.data for chunk in seen) == b"a" * 63 + b"\nb\n"


def test_images_are_for_the_base_model_to_take():
    assert Demands().takes_images
    assert Demands(base_model=MODEL).takes_images
    assert Demands(base_model=f"ft:{MODEL}:org::1").takes_images
    assert not Demands(base_model="gpt-4.1-mini-2025-04-14").takes_images
    assert not Demands(base_model="ft:gpt-4.1-mini-2025-04-14:org::1").takes_images
    assert Demands(base_model="another-makers-model").takes_images
    assert {use for use in Use if use.has_fixed_keys} == {Use.SUPERVISED, Use.DPO}
