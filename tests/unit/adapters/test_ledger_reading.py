"""A ledger of many files is read some at a time, and comes out as if it had been read at once."""

import pytest

from ftops.adapters import ledger_objects
from ftops.errors import LedgerCorrupt
from ledger_kit import World, declared, ledger, started

NAMES = tuple(f"router-{number}" for number in range(7))


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_objects, "_FILES_AT_ONCE", 2)


def test_all_of_them_are_read_in_their_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written = ledger(world.repo).record([started(), *(declared(name) for name in NAMES)]).state
    some_at_a_time = ledger(world.repo).read().state
    assert some_at_a_time == written
    assert tuple(some_at_a_time.fine_tunes) == NAMES
    monkeypatch.setattr(ledger_objects, "_FILES_AT_ONCE", 100)
    assert ledger(world.repo).read().state == some_at_a_time


def test_only_what_changed_is_read_again(world: World) -> None:
    ours, theirs = ledger(world.repo), ledger(world.repo)
    ours.record([started(), *(declared(name) for name in NAMES)])
    before = theirs.read().state
    ours.record([declared("one-more")])
    after = theirs.read().state
    assert set(after.fine_tunes) == {*NAMES, "one-more"}
    assert all(after.fine_tunes[name] is before.fine_tunes[name] for name in NAMES)


def test_one_that_can_not_be_read_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger(world.repo).record([started(), *(declared(name) for name in NAMES)])
    whole = ledger_objects.read_files

    def spoilt(git: object, entries: list[ledger_objects.Entry]) -> dict[str, bytes]:
        contents = whole(git, entries)  # type: ignore[arg-type]
        return {entry.sha: b"{" if entry.path.endswith("router-4.json") else contents[entry.sha] for entry in entries}

    monkeypatch.setattr(ledger_objects, "read_files", spoilt)
    with pytest.raises(LedgerCorrupt, match=r"router-4\.json in the ledger can't be read"):
        ledger(world.repo).read()
