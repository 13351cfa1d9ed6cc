"""Digests of a training set's inputs as a file, and the event that keeps them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ftops.domain import trained_inputs
from ftops.domain.desired import Dataset, Measures, adopted_dataset
from ftops.domain.events import Forgot, InputsKept, RevisionDeclared, Started
from ftops.domain.manifest import FineTuneName, JobId, Revision
from ftops.domain.records import DatasetRecord, LedgerState
from ftops.domain.trained_inputs import file_digest, inputs_kept, parsed, written
from ftops.domain.transitions import apply_event

AT = datetime(2026, 11, 21, tzinfo=UTC)
DIGESTS = frozenset({"0" * 16, "f" * 16})


def dataset(digests: frozenset[str] = DIGESTS, *, rows: int = 2) -> Dataset:
    return Dataset(
        path="train.jsonl", sha256="a" * 64, size=9, rows=rows, measure=lambda: Measures(input_digests=digests)
    )


def test_a_file_and_back() -> None:
    content = written(["f" * 16, "0" * 16, "f" * 16])
    assert content == b"0000000000000000\nffffffffffffffff\n"
    assert parsed(content) == DIGESTS


@pytest.mark.parametrize("content", [b"", b"0" * 16, b"0" * 15 + b"\n", b"f" * 16 + b"\n" + b"0" * 16 + b"\n"])
def test_no_such_file(content: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        parsed(content)


def test_a_digest_twice() -> None:
    with pytest.raises(ValueError, match="each digest once"):
        parsed((b"0" * 16 + b"\n") * 2)


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained_inputs, "FILE_LIMIT", 33)
    with pytest.raises(ValueError, match="expected lines"):
        parsed(written(DIGESTS))
    assert inputs_kept(AT, dataset()) is None
    assert inputs_kept(AT, dataset(rows=1)) is None, "more digests than rows were told of"


def test_the_event() -> None:
    event = inputs_kept(AT, dataset())
    assert event is not None
    assert (event.train, parsed(event.content)) == ("a" * 64, DIGESTS)
    assert event.digest == file_digest(event.content)


def test_nothing_to_keep() -> None:
    assert inputs_kept(AT, adopted_dataset(JobId("ftjob-1"))) is None
    assert inputs_kept(AT, dataset(frozenset())) is None


def test_what_a_ledger_keeps_and_lets_go_of() -> None:
    def declared(name: str, train: str) -> RevisionDeclared:
        return RevisionDeclared(
            at=AT,
            fine_tune=FineTuneName(name),
            revision=Revision("1" * 12),
            spec={},
            train=DatasetRecord(path="x", sha256=train * 64, rows=1),
        )

    kept = inputs_kept(AT, dataset())
    assert kept is not None
    state = LedgerState()
    another = InputsKept(at=AT, train="b" * 64, digest="0" * 64)
    events = (Started(at=AT, project="acme", ledger_id="L1"), declared("one", "a"), declared("two", "b"), kept, another)
    for event in events:
        state = apply_event(state, event)
    assert state.inputs == {"a" * 64, "b" * 64}
    assert apply_event(state, replace_at(kept)) == state
    assert apply_event(state, Forgot(at=AT, fine_tune=FineTuneName("one"))).inputs == {"b" * 64}


def replace_at(event: InputsKept) -> InputsKept:
    return InputsKept(at=AT.replace(year=2027), train=event.train, digest=event.digest, content=event.content)


def test_rows_are_only_looked_into_where_they_are_kept() -> None:
    def refused() -> Measures:
        raise AssertionError("looked into")

    assert inputs_kept(AT, replace(adopted_dataset(JobId("ftjob-1")), measure=refused)) is None
