"""What is uploaded is what was planned, to the byte."""

import hashlib
import json
from dataclasses import replace

import pytest

from ftops.adapters import dataset_files
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.kept_scans import KeptScans
from ftops.datasets import reading
from ftops.datasets.formats import Use
from ftops.domain.desired import Dataset, TokenCaveat
from ftops.domain.manifest import Split
from ftops.errors import Stale


def lines(count: int) -> list[bytes]:
    return [
        json.dumps(
            {"messages": [{"role": "user", "content": f"q {i}"}, {"role": "assistant", "content": "a"}]}
        ).encode()
        for i in range(count)
    ]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x.jsonl").write_bytes(b"\r\n".join(lines(40)))
    return tmp_path


def test_the_content_of_a_file(root):
    files = DatasetFiles(root)
    (dataset,) = files.scan("data/x.jsonl", use=Use.SUPERVISED).parts
    with files.content(dataset) as stream:
        content = stream.read()
    assert content == b"\n".join(lines(40))
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (dataset.sha256, dataset.size)


def test_the_content_of_derived_files(root):
    files = DatasetFiles(root)
    parts = files.scan("data/x.jsonl", use=Use.SUPERVISED, split=Split(fraction=0.3, seed=7)).parts
    contents = []
    for part in parts:
        with files.content(part) as stream:
            contents.append(stream.read())
        assert hashlib.sha256(contents[-1]).hexdigest() == part.sha256
        assert contents[-1].count(b"\n") == part.rows
    assert sorted(b"".join(contents).splitlines()) == sorted(lines(40))


@pytest.mark.parametrize("content", [b"{}\n", b"[1]\n", b"\xff\n", b"[" * 100_000, None])
@pytest.mark.parametrize("split", [None, Split(fraction=0.3, seed=7)])
def test_a_file_that_changed(root, content, split):
    files = DatasetFiles(root)
    dataset = files.scan("data/x.jsonl", use=Use.SUPERVISED, split=split).parts[0]
    (root / "data/x.jsonl").unlink()
    if content is not None:
        (root / "data/x.jsonl").write_bytes(content)
    with pytest.raises(Stale, match=r"^data/x\.jsonl.* is not what was read for planning$"):
        files.content(dataset)


@pytest.mark.parametrize("split", [None, Split(fraction=0.3, seed=7)])
def test_tokens_are_counted_once_for_the_same_bytes(root, monkeypatch, split):
    rows = b"".join(line + b"\n" for line in lines(39))
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [call]}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    (root / "data/x.jsonl").write_bytes(rows + json.dumps({"messages": turns, "tools": [tool]}).encode())

    def scanned() -> tuple[KeptScans, tuple[Dataset, ...]]:
        kept = KeptScans(root / ".ftops", seal=b"s" * 32)
        return kept, DatasetFiles(root, kept=kept).scan("data/x.jsonl", use=Use.SUPERVISED, split=split).parts

    kept, parts = scanned()
    wanted = [(part.tokens, part.token_caveats) for part in parts]
    assert {caveat for _, caveats in wanted for caveat in caveats} == {TokenCaveat.TOOLS}
    digests = [part.input_digests for part in parts]
    kept.save()
    _, again = scanned()
    assert [part.input_digests for part in again] == digests
    monkeypatch.setattr(DatasetFiles, "_reopened", lambda *_: pytest.fail("the file was read again"))
    _, again = scanned()
    assert [(part.tokens, part.token_caveats) for part in again] == wanted


def test_tokens_that_nobody_asked_for_are_counted_by_the_first_who_does(root, monkeypatch):
    def part() -> tuple[KeptScans, Dataset]:
        kept = KeptScans(root / ".ftops", seal=b"s" * 32)
        return kept, DatasetFiles(root, kept=kept).scan("data/x.jsonl", use=Use.SUPERVISED).parts[0]

    (root / "data/x.jsonl").write_bytes(b"\n".join(lines(40)))
    wanted = DatasetFiles(root).scan("data/x.jsonl", use=Use.SUPERVISED).parts[0].tokens
    for _ in range(2):
        kept, one = part()
        kept.save()
        assert one.counted is None
    kept, one = part()
    assert one.tokens == wanted
    kept.save()
    monkeypatch.setattr(DatasetFiles, "_reopened", lambda *_: pytest.fail("the file was read again"))
    assert part()[1].tokens == wanted


def test_a_path_from_elsewhere_stays_inside(root):
    files = DatasetFiles(root)
    dataset = files.scan("data/x.jsonl", use=Use.SUPERVISED).parts[0]
    with pytest.raises(Stale):
        files.content(replace(dataset, path="../secret"))


def test_what_cannot_be_read_is_a_problem(root, monkeypatch):
    files = DatasetFiles(root)
    assert [str(p) for p in files.scan("data/y.jsonl", use=Use.FREE).problems] == [
        "data/y.jsonl:1:1: expected a file, there is no 'data/y.jsonl'"
    ]
    monkeypatch.setattr(dataset_files, "scan", failing)
    assert [str(p) for p in files.scan("data/x.jsonl", use=Use.FREE).problems] == [
        "data/x.jsonl:1:1: expected a readable file: Input/output error"
    ]
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 10)
    (problem,) = files.scan("data/x.jsonl", use=Use.FREE).problems
    assert "expected at most 10 bytes, got" in str(problem)
    assert "(D014)" in str(problem)


def failing(*_args, **_options):
    raise OSError(5, "Input/output error")
