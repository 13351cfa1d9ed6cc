"""Commit messages of the ledger: what goes in comes out, and what nobody can read is told of."""

from collections.abc import Callable

import pytest

from ftops.adapters import ledger_objects
from ftops.adapters.ledger_messages import Unreadable, decode_message, encode_message, shown
from ftops.domain.events import AnyEvent, JobObserved
from ftops.domain.manifest import FineTuneName
from ledger_kit import (
    AT,
    REF,
    World,
    applied,
    declared,
    evaluated,
    git,
    intended,
    job_recorded,
    ledger,
    preferred,
    started,
)

Put = Callable[[str], str]


@pytest.fixture
def put(world: World) -> Put:
    """Puts a commit with a message of its own onto the ledger's branch; it changes the project's folder."""

    def put(message: str) -> str:
        record = f'{{"format_version":"1","ledger_id":"L{len(message)}","name":"acme"}}'
        blob = git(world.repo, "hash-object", "-w", "--stdin", stdin=record)
        tree = git(world.repo, "mktree", stdin=f"100644 blob {blob}\tproject.json\n")
        for name in ("acme", "projects"):
            tree = git(world.repo, "mktree", stdin=f"040000 tree {tree}\t{name}\n")
        foreign = git(world.repo, "commit-tree", tree, "-p", world.tip(), stdin=message)
        git(world.repo, "push", "-q", "origin", f"{foreign}:{REF}")
        return foreign

    return put


def test_events_come_out_as_they_went_in() -> None:
    job = JobObserved(**{**_about(), "error_message": "line\nof \x1b[31mred"})
    events: tuple[AnyEvent, ...] = (started(), declared(), intended(), job_recorded(), applied("c"), job)
    message = decode_message(encode_message(events, write_id="w1"))
    assert (message.events, message.write_id, message.subject) == (events, "w1", "ftops: acme started (+5)")
    assert decode_message(encode_message([evaluated(3)], write_id="w")).events == (evaluated(0),)
    assert decode_message(encode_message([preferred(3)], write_id="w")).events == (preferred(0),)


def _about() -> dict[str, object]:
    about = ("at", "fine_tune", "revision", "backend", "attempt", "job", "status")
    return {name: getattr(job_recorded(), name) for name in about}


def test_what_is_shown_has_no_control_characters() -> None:
    event = shown(JobObserved(**{**_about(), "error_message": "line\nof \x1b[31mred"}))  # type: ignore[arg-type]
    assert isinstance(event, JobObserved)
    assert (event.error_message, event.status) == (r"line\x0aof \x1b[31mred", job_recorded().status)
    hostile = declared(FineTuneName("a\x00b"), spec={"\x07key": ["\x1b]0;title", {"deep": "\r"}, 1.5, None]})
    text = str(shown(hostile))
    assert not any(ord(character) < 32 for character in text)
    assert shown(evaluated(2)) == evaluated(2)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"event":"unheard of"}', "this ftops cannot read"),
        ("{broken \x1b[31m", r"\x1b[31m"),
        ('{"event":"started"}', "this ftops cannot read"),
        ("{" * 50_000, "this ftops cannot read"),
        ('{"event":"started","at":"2026-11-21T12:00:00","project":"p","ledger_id":"l"}', "cannot read"),
    ],
)
def test_lines_that_are_no_event(line: str, words: str) -> None:
    (unreadable,) = decode_message(f"x\n\n{line}\n".encode()).events
    assert isinstance(unreadable, Unreadable)
    assert words in unreadable.text
    assert len(unreadable.text) < 150


def test_events_of_a_newer_version_say_so() -> None:
    (event,) = decode_message(b'x\n\n{"event":"unheard of"}\n\nFtops-Format: 2\n').events
    assert isinstance(event, Unreadable)
    assert event.text.startswith("an event of a newer ftops")
    (event,) = decode_message(b'x\n\n{"event":"unheard of"}\n\nFtops-Format: x\n').events
    assert isinstance(event, Unreadable)
    assert event.text.startswith("an event of a newer ftops")


def test_log_has_an_entry_for_every_commit(world: World, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    by_hand = put("Mend \x1b[31mit\n\nby hand\n")
    monkeypatch.setattr(ledger_objects, "MESSAGE_LIMIT", 3000)
    long = put("x" * 4000)
    at.read()
    entries = list(at.log())
    assert [(entry.commit, entry.event) for entry in entries[:2]] == [(long, None), (by_hand, None)]
    assert [entry.note for entry in entries[:2]] == [
        "a commit whose message is too long to be read",
        r"a commit without events: Mend \x1b[31mit",
    ]
    assert [entry.event and entry.event.at for entry in entries[2:]] == [AT, AT]


def test_messages_are_read_a_few_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ledger(world.repo)
    at.record([started(), *(declared(f"ft-{n}") for n in range(5))])
    for n in range(5):
        at.record([applied(f"c{n}")])
    whole = list(at.log())
    monkeypatch.setattr(ledger_objects, "MESSAGE_LIMIT", 2000)
    assert list(at.log()) == whole
