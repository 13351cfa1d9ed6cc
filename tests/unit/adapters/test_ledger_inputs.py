"""The digests of training sets' inputs beside the ledger's records: written with them, read on demand, and looked after."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters.ledger_files import decode_inputs
from ftops.adapters.ledger_inspection import LedgerInspection
from ftops.adapters.ledger_objects import LedgerObjects
from ftops.domain.events import EventRefused, Forgot, InputsKept
from ftops.domain.findings import Invariant
from ftops.domain.manifest import FineTuneName
from ftops.domain.records import DatasetRecord
from ftops.domain.trained_inputs import file_digest, parsed, written
from ftops.errors import LedgerCorrupt
from ledger_kit import AT, BRANCH, NAME, REF, QuickClock, World, declared, git, ledger, started

TRAIN = "a" * 64
OTHER = "b" * 64
SET = frozenset(("0123456789abcdef", "fedcba9876543210"))
PATH = f"projects/acme/inputs/{TRAIN}"
remote_or_not = pytest.mark.parametrize("remote", ["origin", None])


def kept(train: str = TRAIN, digests: frozenset[str] = SET, **changes: Any) -> InputsKept:
    content = written(digests)
    return InputsKept(**{"at": AT, "train": train, "digest": file_digest(content), "content": content} | changes)


def on(train: str) -> DatasetRecord:
    return DatasetRecord(path="train.jsonl", sha256=train, rows=3)


def findings(world: World, remote: str | None = "origin") -> list[tuple[Invariant, str]]:
    looked = LedgerInspection(world.repo, project="acme", branch=BRANCH, remote=remote, clock=QuickClock()).inspect()
    return [(finding.invariant, finding.says) for finding in looked.findings]


@remote_or_not
def test_written_with_the_record_and_read_on_demand(world: World, remote: str | None) -> None:
    at = ledger(world.repo, remote=remote)
    assert at.inputs(TRAIN) is None
    snapshot = at.record([started(), declared(), kept()])
    assert snapshot.state.inputs == {TRAIN}
    assert git(world.repo, "rev-list", "--count", str(snapshot.tip)) == "1"
    assert at.inputs(TRAIN) == SET
    assert at.inputs(OTHER) is None
    fresh = ledger(world.repo, remote=remote)
    assert fresh.inputs(TRAIN) == SET
    assert fresh.read().state == snapshot.state
    assert findings(world, remote) == []


def test_a_clone_reads_what_another_one_wrote(world: World) -> None:
    ledger(world.repo).record([started(), declared(), kept()])
    at = ledger(world.clone("other", "--depth", "1"))
    assert at.read().state.inputs == {TRAIN}
    assert at.inputs(TRAIN) == SET


def test_a_message_tells_of_the_file_and_does_not_hold_it(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared(), kept()])
    message = git(world.remote, "log", "-1", "--format=%B", REF)
    (line,) = (json.loads(line) for line in message.splitlines() if "inputs_kept" in line)
    assert line == {"event": "inputs_kept", "at": "2026-11-21T12:00:00Z", "train": TRAIN, "digest": kept().digest}
    assert any(isinstance(entry.event, InputsKept) for entry in at.log())


def test_the_same_once_more_writes_nothing(world: World) -> None:
    at = ledger(world.repo)
    first = at.record([started(), declared(), kept()])
    assert at.record([kept()]).tip == first.tip


def test_who_loses_a_race_writes_them_again(world: World) -> None:
    one, two = ledger(world.repo), ledger(world.clone("other"))
    one.record([started(), declared()])
    two.read()
    one.record([declared("first", train=on(OTHER)), kept(OTHER)])
    state = two.record([declared("second"), kept()]).state
    assert state.inputs == {TRAIN, OTHER}
    assert two.inputs(OTHER) == one.inputs(OTHER) == SET
    assert findings(world) == []


def test_what_could_not_be_written_is_written_by_the_next_run(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    hook = world.hook("exit 1")
    assert at.record_eventually([kept()]) is None
    hook.unlink()
    later = ledger(world.repo)
    later.record([declared("other")])
    assert later.inputs(TRAIN) == SET


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"content": b""}, "don't fit into the ledger: expected lines of 16 hex digits"),
        ({"content": b"0123\n"}, "expected lines of 16 hex digits"),
        ({"digest": "0" * 64}, "not those that were to be kept"),
    ],
)
def test_what_is_no_such_file_is_refused(world: World, changes: dict[str, Any], why: str) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    with pytest.raises(EventRefused, match=why):
        at.record([kept(**changes)])


@pytest.mark.parametrize(
    "content",
    [b"", b"0123456789abcdef", b"0123456789ABCDEF\n", b"f" * 16 + b"\n" + b"0" * 16 + b"\n", (b"0" * 16 + b"\n") * 2],
)
def test_what_no_file_of_digests_is(content: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        parsed(content)
    with pytest.raises(LedgerCorrupt, match="inputs/x in the ledger can't be read"):
        decode_inputs(content, path="inputs/x")


def test_forgetting_lets_go_of_what_nobody_else_was_trained_on(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared(), declared("other"), declared("third", train=on(OTHER)), kept(), kept(OTHER)])
    assert at.record([Forgot(at=AT, fine_tune=NAME)]).state.inputs == {TRAIN, OTHER}
    assert at.record([Forgot(at=AT, fine_tune=FineTuneName("third"))]).state.inputs == {TRAIN}
    assert OTHER not in git(world.remote, "ls-tree", "-r", "--name-only", REF)
    assert at.inputs(OTHER) is None
    assert findings(world) == []


def test_planning_reads_none_of_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger(world.repo).record([started(), declared(), kept()])

    def refused(*_: object) -> None:
        raise AssertionError("read without need")

    monkeypatch.setattr(LedgerObjects, "inputs", refused)
    monkeypatch.setattr("ftops.adapters.ledger_objects.decode_inputs", refused)
    assert ledger(world.repo).read().state.inputs == {TRAIN}


# What somebody does to the branch by hand.

Edit = Callable[[Callable[[Path], object]], None]


@pytest.fixture
def edit(world: World) -> Edit:
    ledger(world.repo).record([started(), declared(), kept()])

    def edit(change: Callable[[Path], object]) -> None:
        tree = world.repo.parent / "by-hand"
        git(world.repo.parent, "clone", "-q", "-b", BRANCH, str(world.remote), str(tree))
        change(tree)
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "-m", "Mend it")
        git(tree, "push", "-q", "origin", f"HEAD:{REF}")

    return edit


def test_a_damaged_file(world: World, edit: Edit) -> None:
    edit(lambda tree: (tree / PATH).write_bytes(b"nonsense"))
    at = ledger(world.repo)
    assert at.read().state.inputs == {TRAIN}, "only who needs it meets it"
    with pytest.raises(LedgerCorrupt, match=f"{PATH} in the ledger can't be read"):
        at.inputs(TRAIN)
    found = findings(world)
    assert (Invariant.READABLE, f"{PATH} in the ledger can't be read: expected lines of 16 hex digits") in found
    assert any("they are not those that an event of it keeps" in says for _, says in found)


def test_another_set_in_its_place(world: World, edit: Edit) -> None:
    edit(lambda tree: (tree / PATH).write_bytes(written({"0" * 16})))
    says = f"parts from its events at the inputs of training set {TRAIN[:12]}: they are not those that an event of it keeps"
    assert (Invariant.EVENTS_TELL_ALL, says) in findings(world)


def test_one_that_was_taken_away(world: World, edit: Edit) -> None:
    edit(lambda tree: (tree / PATH).unlink())
    says = f"parts from its events at the inputs of training set {TRAIN[:12]}: its events keep them, and the commit does not"
    assert (Invariant.EVENTS_TELL_ALL, says) in findings(world)
    at = ledger(world.repo)
    at.read()
    assert at.inputs(TRAIN) is None


def test_one_that_nobody_told_of(world: World, edit: Edit) -> None:
    edit(lambda tree: (tree / "projects/acme/inputs" / OTHER).write_bytes(written(SET)))
    says = f"parts from its events at the inputs of training set {OTHER[:12]}: no event of it keeps them"
    assert (Invariant.EVENTS_TELL_ALL, says) in findings(world)


@pytest.mark.parametrize("name", ["A" * 64, "a" * 63, f"{'a' * 64}.json", "README"])
def test_what_has_no_business_there(world: World, edit: Edit, name: str) -> None:
    edit(lambda tree: (tree / "projects/acme/inputs" / name).write_bytes(written(SET)))
    with pytest.raises(LedgerCorrupt, match="no business there"):
        ledger(world.repo).read()


def test_a_link_in_its_place(world: World, edit: Edit) -> None:
    def change(tree: Path) -> None:
        (tree / PATH).unlink()
        (tree / PATH).symlink_to("/etc/passwd")

    edit(change)
    with pytest.raises(LedgerCorrupt, match="not a plain file"):
        ledger(world.repo).read()
    assert any("not a plain file" in says for _, says in findings(world))


def test_one_that_is_too_large(world: World, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(lambda tree: (tree / PATH).write_bytes(written({f"{n:016x}" for n in range(50)})))
    for module in ("ledger_objects", "ledger_survey"):
        monkeypatch.setattr(f"ftops.adapters.{module}.FILE_LIMIT", 800)
    with pytest.raises(LedgerCorrupt, match="is larger than"):
        ledger(world.repo).read()
    assert any("is larger than" in says for _, says in findings(world))
