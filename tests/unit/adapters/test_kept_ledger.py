"""A ledger read before comes back as it was read, to the letter, for just the commit that it was read at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters import kept_ledger
from ftops.adapters.content_cache import ContentCache
from ftops.adapters.git_process import GitProcess
from ftops.adapters.kept_ledger import KeptLedger
from ftops.adapters.ledger_files import decode_fine_tune, encode_record
from ftops.adapters.ledger_objects import LedgerObjects
from ftops.domain.records import LedgerState
from ftops.errors import LedgerCorrupt
from ledger_kit import World, declared, ledger, started

SEAL = b"s" * 32
TIP, FOLDER = "1" * 40, "projects/acme"
# What an edit by hand may hold: another time zone, parts of seconds, numbers of any size, text of all kinds.
ODD = b"""{
 "format_version": "1",
 "name": "router",
 "revisions": {
  "0123456789ab": {
   "commit": null,
   "declared_at": "2026-03-01T01:02:03.000450+05:30",
   "spec": {"b": 3.0, "a": 3, "c": [1e-7, -0.0, 12345678901234567890123, null, true], "z\\u00fc": "\\ud83d\\ude00\\u0000"},
   "train": {"path": "data/a.jsonl", "rows": 10, "sha256": "%s", "tokens": 0}
  }
 },
 "former_names": ["old"]
}
""" % (b"0" * 64)


def odd_state() -> LedgerState:
    return LedgerState(fine_tunes={"router": decode_fine_tune(ODD, path="router.json", name="router")})


def never() -> LedgerState:
    raise AssertionError("it was read again")


def opened(folder: Path, *, seal: bytes | None = SEAL) -> KeptLedger:
    return KeptLedger(folder / ".ftops", "ledger", seal=seal)


def test_it_comes_back_to_the_letter(tmp_path: Path) -> None:
    opened(tmp_path).state_at(TIP, FOLDER, odd_state)
    kept = opened(tmp_path).state_at(TIP, FOLDER, never)
    assert kept == odd_state()
    assert encode_record(kept.fine_tunes["router"]) == encode_record(odd_state().fine_tunes["router"])
    moment = kept.fine_tunes["router"].revisions["0123456789ab"].declared_at
    assert moment.isoformat() == "2026-03-01T01:02:03.000450+05:30"


@pytest.mark.parametrize(("tip", "folder"), [("2" * 40, FOLDER), (TIP, "projects/other")])
def test_another_commit_or_project_is_read(tmp_path: Path, tip: str, folder: str) -> None:
    opened(tmp_path).state_at(TIP, FOLDER, odd_state)
    assert opened(tmp_path).state_at(tip, folder, LedgerState) == LedgerState()


@pytest.mark.parametrize("seal", [b"t" * 32, None])
def test_what_was_not_sealed_here_is_nothing(tmp_path: Path, seal: bytes | None) -> None:
    opened(tmp_path).state_at(TIP, FOLDER, odd_state)
    assert opened(tmp_path, seal=seal).state_at(TIP, FOLDER, LedgerState) == LedgerState()


def test_what_no_longer_fits_the_records_is_read_anew(tmp_path: Path) -> None:
    cache = ContentCache(tmp_path / ".ftops", "ledger", kind=bytes, version=f"1 {kept_ledger.CURRENT}", seal=SEAL)
    cache.put(f"{FOLDER} {TIP}", b'{"fine_tunes": {"router": {"name": "router", "new": 1}}}')
    cache.save()
    assert opened(tmp_path).state_at(TIP, FOLDER, odd_state) == odd_state()
    assert opened(tmp_path).state_at(TIP, FOLDER, never) == odd_state()


def test_what_can_not_be_read_is_not_kept(tmp_path: Path) -> None:
    def corrupt() -> LedgerState:
        raise LedgerCorrupt("half of it is missing", remedy="git fsck")

    with pytest.raises(LedgerCorrupt):
        opened(tmp_path).state_at(TIP, FOLDER, corrupt)
    assert not (tmp_path / ".ftops/cache").exists()


def test_a_run_asks_and_keeps_once(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.state_at(TIP, FOLDER, odd_state)
    assert kept.state_at("2" * 40, FOLDER, LedgerState) == LedgerState()
    assert kept.state_at(TIP, FOLDER, LedgerState) == LedgerState()
    assert opened(tmp_path).state_at(TIP, FOLDER, never) == odd_state()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commits that git was asked for."""
    asked: list[str] = []
    read: Callable[[LedgerObjects, str], LedgerState] = LedgerObjects.read

    def counting(self: LedgerObjects, tip: str) -> LedgerState:
        asked.append(tip)
        return read(self, tip)

    monkeypatch.setattr(LedgerObjects, "read", counting)
    return asked


def test_git_is_asked_for_each_commit_once(world: World, counted: list[str]) -> None:
    writer = ledger(world.repo)
    first = writer.record([started(), declared("router")])
    counted.clear()
    for _ in range(3):
        assert ledger(world.repo, kept=opened(world.repo)).read() == first
    assert counted == [first.tip]
    second = writer.record([declared("another")])
    counted.clear()
    for _ in range(2):
        assert ledger(world.repo, kept=opened(world.repo)).read() == second
        assert ledger(world.repo, kept=opened(world.repo)).read_cached().state == second.state
    assert counted == [second.tip]


def test_one_that_was_kept_is_written_to_as_any_other(world: World) -> None:
    ledger(world.repo).record([started(), declared("router")])
    ledger(world.repo, kept=opened(world.repo)).read()
    ours, theirs = ledger(world.repo, kept=opened(world.repo)), ledger(world.repo)
    assert set(ours.read().state.fine_tunes) == {"router"}
    theirs.record([declared("theirs")])
    ours.record([declared("ours")])
    assert set(theirs.read().state.fine_tunes) == {"router", "theirs", "ours"}
    assert theirs.read().state == ours.read().state


def test_where_nothing_has_changed_git_is_asked_three_things(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written = ledger(world.repo).record([started(), declared()])
    again = ledger(world.repo, kept=opened(world.repo))
    assert again.read() == written
    asked: list[str] = []
    run = GitProcess.run

    def noting(self: GitProcess, *arguments: str, **options: Any) -> bytes:
        asked.append(arguments[0])
        return run(self, *arguments, **options)

    monkeypatch.setattr(GitProcess, "run", noting)
    assert again.read() == written
    assert asked == ["worktree", "ls-remote", "cat-file"]
    asked.clear()
    ledger(world.clone("other")).record([declared("another")])
    assert len(again.read().state.fine_tunes) == 2
    assert "fetch" in asked
