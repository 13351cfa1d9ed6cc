"""Digests of files that are not read again: when they are trusted, and when not."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from ftops.adapters.kept_digests import KeptDigests

LONG_AGO_NS = time.time_ns() - 3_600_000_000_000


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "clone").mkdir()
    return tmp_path / "clone/.ftops"


def digest(cache: Path, file: Path, monkeypatch: pytest.MonkeyPatch, *, later: float = 60.0) -> str:
    """Digests ``file`` as a command would that runs some seconds after everything was written."""
    now = time.time_ns
    monkeypatch.setattr("ftops.adapters.kept_digests.time.time_ns", lambda: now() + int(later * 1e9))
    kept = KeptDigests(cache, seal=b"k" * 32)
    with file.open("rb") as stream:
        found = kept.digest("data.jsonl", stream)
        assert stream.tell() == 0
    kept.save()
    monkeypatch.undo()
    return found


def test_a_file_that_was_not_written_since_is_not_read(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(b"one")
    first = digest(cache, file, monkeypatch)
    monkeypatch.setattr("ftops.adapters.kept_digests._sha256", lambda _: pytest.fail("it was read"))
    kept = KeptDigests(cache, seal=b"k" * 32)
    with file.open("rb") as stream:
        assert kept.digest("data.jsonl", stream) == first == hashlib.sha256(b"one").hexdigest()


def test_a_file_of_another_size_or_time_or_inode_is_read(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "data.jsonl"
    for content in (b"one", b"other", b"OTHER"):
        file.write_bytes(content)
        os.utime(file, ns=(LONG_AGO_NS, LONG_AGO_NS))
        assert digest(cache, file, monkeypatch) == hashlib.sha256(content).hexdigest()
    replacement = tmp_path / "new"
    replacement.write_bytes(b"after")
    os.utime(replacement, ns=(LONG_AGO_NS, LONG_AGO_NS))
    replacement.replace(file)
    assert digest(cache, file, monkeypatch) == hashlib.sha256(b"after").hexdigest()


def test_a_digest_of_a_file_just_written_is_not_kept(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second write in the same tick of the time stamp would go unnoticed."""
    file = tmp_path / "data.jsonl"
    file.write_bytes(b"one")
    digest(cache, file, monkeypatch, later=0)
    assert not (cache / "cache/digests").exists()
    digest(cache, file, monkeypatch, later=3)
    assert (cache / "cache/digests").exists()


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "data.jsonl"
    file.write_bytes(b"one")
    kept = KeptDigests(None, seal=None)
    with file.open("rb") as stream:
        assert kept.digest("data.jsonl", stream) == hashlib.sha256(b"one").hexdigest()
    kept.save()
    assert [path.name for path in tmp_path.iterdir()] == ["data.jsonl"]
