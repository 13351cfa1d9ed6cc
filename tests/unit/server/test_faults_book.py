"""Which rules are in force, what is counted, and what a changed file keeps."""

import logging
import os
import threading
from pathlib import Path

import pytest

from ftops.server.faults import book
from ftops.server.faults.book import FaultBook
from ftops.server.faults.reading import FaultsInvalid
from ftops.server.faults.tally import Exchange, Tally

FIRST = "  - {name: first, match: {path: /a}, fault: drop-before}\n"
SECOND = "  - {match: {path: /b}, fault: drop-after, count: 5}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(book, "_LOOK_SECONDS", 0.0)
    return written(tmp_path / "faults.yaml", FIRST, SECOND)


def written(file: Path, *rules: str) -> Path:
    file.write_text("faults:\n" + "".join(rules) if rules else "faults: []\n", encoding="utf-8")
    return file


def struck(tally: Tally, request_id: str = "req_1") -> bool:
    return tally.strike(Exchange(request_id=request_id))


def names(of: FaultBook) -> list[str]:
    return [each.name for each in of.tallies()]


def test_a_changed_file_is_read_again_and_unchanged_rules_go_on_counting(file: Path) -> None:
    faults = FaultBook(file)
    first, second = faults.tallies()
    assert struck(first)
    assert struck(second)
    written(file, "  - {match: {path: /b}, fault: drop-after, count: 4}\n", FIRST)
    changed, kept = faults.tallies()
    assert kept is first
    assert (changed.fired, changed.name) == (0, "drop-after 1")
    report = faults.report()
    assert [each["fired"] for each in report["faults"]] == [0, 1]
    assert [(each["name"], each["fired"]) for each in report["removed"]] == [("drop-after 1", 1)]


def test_rules_that_say_the_same_keep_a_count_each(file: Path) -> None:
    faults = FaultBook(written(file, SECOND, SECOND))
    first, second = faults.tallies()
    assert struck(first)
    assert names(faults) == ["drop-after 1", "drop-after 2"]
    written(file, SECOND, FIRST, SECOND, SECOND)
    found = faults.tallies()
    assert (found[0], found[2]) == (first, second)
    assert [each.fired for each in found] == [1, 0, 0, 0]


def test_every_name_stands_once(file: Path) -> None:
    one = "  - {match: {path: /a}, fault: delay, seconds: 1}\n"
    given = one.replace("{match", "{name: delay 2, match")
    faults = FaultBook(written(file, given, one, one, SECOND, one))
    assert names(faults) == ["delay 2", "delay 3", "delay 4", "drop-after 1", "delay 5"]
    written(file, one, one, given)
    assert names(faults) == ["delay 1", "delay 3", "delay 2"]


def test_a_change_and_its_reverse_between_two_looks_change_nothing(file: Path) -> None:
    faults = FaultBook(file)
    first, _ = faults.tallies()
    assert struck(first)
    written(file)
    written(file, FIRST, SECOND)
    assert faults.tallies()[0] is first
    written(file)
    assert faults.tallies() == ()
    written(file, FIRST, SECOND)
    assert [each.fired for each in faults.tallies()] == [0, 0]


def test_a_turn_that_comes_to_nothing_is_given_back(file: Path) -> None:
    (tally,) = FaultBook(written(file, "  - {match: {path: /a}, fault: drop-before, count: 1}\n")).tallies()
    turn = tally.take_turn(None)
    assert turn is not None
    assert not struck(tally)
    with turn:
        pass
    assert struck(tally)
    turn.strike()
    assert (tally.report()["matched"], tally.fired) == (3, 1)
    assert not struck(tally)


def test_rules_that_never_struck_leave_nothing_behind(file: Path) -> None:
    faults = FaultBook(file)
    written(file)
    assert faults.tallies() == ()
    assert faults.report()["removed"] == []


def test_an_invalid_file_leaves_the_last_good_rules_in_force(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultBook(file)
    before = faults.tallies()
    written(file, FIRST, "  - {fault: nonsense}\n")
    for _ in range(3):
        assert faults.tallies() == before
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert f"{file}: line 3: 'fault': expected one of" in record.getMessage()
    assert record.getMessage().endswith("the last good rules stay in force")
    assert faults.report()["problem"].startswith("line 3: 'fault'")
    written(file, FIRST)
    assert faults.tallies() == before[:1]
    assert faults.report()["problem"] is None


def test_a_file_that_is_gone_for_a_moment_is_no_problem(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultBook(file)
    before = faults.tallies()
    file.unlink()
    assert faults.tallies() == before
    written(file, FIRST, SECOND)
    assert faults.tallies() == before
    assert faults.report()["problem"] is None
    assert not caplog.records


def test_a_file_that_stays_away_is_told_once(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultBook(file)
    before = faults.tallies()
    file.unlink()
    for _ in range(4):
        assert faults.tallies() == before
    (record,) = caplog.records
    assert "No such file" in record.getMessage()
    written(file, FIRST, SECOND)
    assert faults.tallies() == before
    assert faults.report()["problem"] is None


def test_a_change_within_a_tick_of_the_clock_is_seen(file: Path) -> None:
    faults = FaultBook(written(file, FIRST))
    stamp = file.stat()
    written(file, FIRST.replace("first", "other"))
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert file.stat().st_size == stamp.st_size
    assert names(faults) == ["other"]


def test_an_old_file_is_left_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(file, (1_000_000, 1_000_000))
    faults = FaultBook(file)

    def refuse(_: Path) -> bytes:
        raise AssertionError("it was read again")

    monkeypatch.setattr(book, "load", refuse)
    assert names(faults) == ["first", "drop-after 1"]
    monkeypatch.undo()


def test_the_file_is_looked_at_now_and_then_only(tmp_path: Path) -> None:
    faults = FaultBook(written(tmp_path / "faults.yaml", FIRST))
    written(tmp_path / "faults.yaml", SECOND)
    faults._looked_at += 3600
    assert names(faults) == ["first"]
    faults._looked_at -= 7200
    assert names(faults) == ["drop-after 1"]


def test_a_server_needs_a_good_file_to_begin(file: Path) -> None:
    written(file, "  - {}\n")
    with pytest.raises(FaultsInvalid, match="line 2: a fault needs 'fault'"):
        FaultBook(file)


def test_counts_are_exact_in_threads(file: Path) -> None:
    written(file, "  - {match: {path: /a}, fault: drop-before, skip: 100, count: 250}\n")
    (tally,) = FaultBook(file).tallies()
    outcomes: list[bool] = []

    def strike() -> None:
        outcomes.extend(struck(tally) for _ in range(100))

    threads = [threading.Thread(target=strike) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = tally.report()
    assert (outcomes.count(True), report["matched"], report["fired"]) == (250, 800, 250)


def test_a_report_tells_the_last_hundred_requests(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultBook(file)
    first, _ = faults.tallies()
    for number in range(150):
        assert struck(first, f"req_{number}")
    told = faults.report()["faults"][0]
    assert (told["name"], told["fault"], told["match"]) == ("first", "drop-before", {"method": None, "path": "/a"})
    assert (told["matched"], told["fired"]) == (150, 150)
    assert told["request_ids"] == [f"req_{number}" for number in range(50, 150)]
    assert abs(told["last_fired_at"] - faults.report()["loaded_at"]) < 60
    with caplog.at_level(logging.INFO, "ftops.server.faults"):
        faults.log_summary()
    assert [record.getMessage() for record in caplog.records] == [
        "first: matched 150, fired 150",
        "drop-after 1: matched 0, fired 0",
    ]


def test_a_rate_lets_through_what_comes_slowly(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("ftops.server.faults.tally.time.monotonic", lambda: now)
    written(file, "  - {match: {path: /a}, fault: throttle, per_second: 2}\n", SECOND)
    throttle = FaultBook(file).tallies()[0]
    assert [struck(throttle) for _ in range(4)] == [False, False, True, True]
    assert throttle.seconds_to_room() == pytest.approx(0.5)
    now += 0.5
    assert [struck(throttle) for _ in range(2)] == [False, True]
    now += 60
    assert [struck(throttle) for _ in range(3)] == [False, False, True]
