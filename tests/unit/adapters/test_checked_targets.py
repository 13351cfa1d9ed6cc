"""What a clone remembers of checked alias targets: a cache that nothing depends on."""

from pathlib import Path

from ftops.adapters import checked_targets
from ftops.adapters.checked_targets import CheckedTargets

ONE, TWO = "1" * 64, "2" * 64


def test_what_was_added_is_there_for_the_next_run_and_for_one_beside_it(tmp_path: Path) -> None:
    first, beside = CheckedTargets(tmp_path / "cache"), CheckedTargets(tmp_path / "cache")
    assert ONE not in first
    assert TWO not in beside
    first.add(ONE)
    beside.add(TWO)
    first.add(ONE)
    again = CheckedTargets(tmp_path / "cache")
    assert ONE in again
    assert TWO in again
    assert (tmp_path / "cache/targets").read_text().count("\n") == 2
    assert (tmp_path / "cache/.gitignore").read_text() == "*\n"


def test_what_makes_no_sense_is_ignored(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "targets").write_bytes(b"\xff\xfe\n../../etc\n" + ONE.encode() + b"\n" + b"3" * 63 + b"\n" + TWO.encode())
    known = CheckedTargets(cache)
    assert ONE in known
    assert TWO in known
    assert "3" * 63 not in known
    known.add("not a digest")
    assert "not a digest" not in known


def test_a_file_that_cannot_be_read_or_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    known = CheckedTargets(tmp_path / "cache")
    known.add(ONE)
    assert ONE in known
    assert ONE not in CheckedTargets(tmp_path / "cache")


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    limit = checked_targets._MOST_BYTES
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "targets").write_bytes(b"x" * (limit + 1))
    CheckedTargets(cache).add(ONE)
    assert (cache / "targets").read_text() == f"{ONE}\n"
