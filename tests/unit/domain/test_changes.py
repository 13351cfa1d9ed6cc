"""Field changes: the path of each, its old and its new value."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from ftops.domain.changes import field_changes, training_changes
from ftops.domain.plan import FieldChange
from ftops.domain.records import DatasetRecord, RevisionRecord
from plan_cases import make_declared, sha

TRAIN = DatasetRecord(path="data/a.jsonl", sha256=sha("data/a.jsonl"), rows=100)


def known(spec: dict[str, Any], **more: Any) -> RevisionRecord:
    return RevisionRecord(**{"spec": spec, "train": TRAIN, "declared_at": datetime(2026, 11, 1, tzinfo=UTC), **more})


def declared(spec: dict[str, Any], **more: Any) -> Any:
    return make_declared({"name": "a", "revision": "aaaaaaaaaaaa", "spec": spec, **more})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"seed": 1}, {"seed": 1}, ()),
        ({"seed": 1}, {"seed": 1.0}, ()),
        ({"seed": 1}, {"seed": 2}, (("seed", "1", "2"),)),
        ({"seed": 1}, {"seed": "x"}, (("seed", "1", "x"),)),
        ({"seed": 1}, {"seed": None}, (("seed", "1", "null"),)),
        ({}, {"seed": 1}, (("seed", None, "1"),)),
        ({"seed": 1}, {}, (("seed", "1", None),)),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, (("a.1", "2", "3"), ("a.2", None, "4"))),
        ({"a": [1, 2]}, {"a": [1]}, (("a.1", "2", None),)),
        ({"m": {"n": {"k": 1}}}, {"m": {"n": {"k": 2}}}, (("m.n.k", "1", "2"),)),
        ({"m": {"a.b": 1}}, {"m": {"a.b": 2}}, (("m.a.b", "1", "2"),)),
        ({"m": {"it's": 1}}, {"m": {'a "b"': 1}}, (('m.a "b"', None, "1"), ("m.it's", "1", None))),
        ({"m": None}, {"m": {"k": [True]}}, (("m", "null", "{k: [true]}"),)),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, (("a", "1", "2"), ("b", "1", "2"))),
    ],
)
def test_paths_and_values(old: dict[str, Any], new: dict[str, Any], expected: tuple[tuple[str, Any, Any], ...]) -> None:
    changes = field_changes(declared(new), known(old))
    assert changes == tuple(FieldChange(path=path, old=was, new=now) for path, was, now in expected)


def test_nothing_to_compare_with() -> None:
    assert field_changes(declared({"seed": 1}), None) == ()


def test_content_of_datasets() -> None:
    one = declared({}, train={"path": "data/a.jsonl", "content": "new", "rows": 7}, validation={"path": "v.jsonl"})
    assert [(c.path, c.old, c.new) for c in field_changes(one, known({}))] == [
        (
            "dataset.train (content)",
            f"100 rows, sha256 {sha('data/a.jsonl')[:12]}",
            f"7 rows, sha256 {sha('new')[:12]}",
        ),
        ("dataset.validation (content)", None, f"100 rows, sha256 {sha('v.jsonl')[:12]}"),
    ]
    gone = dataclasses.replace(one, validation=None)
    before = known({}, validation=TRAIN)
    assert field_changes(gone, before)[1].new is None


def test_only_what_leads_to_another_training() -> None:
    old = {"seed": 1, "aliases": {"a": "latest"}, "backend": "x", "policy": {}, "evals": []}
    new = {"seed": 2, "aliases": {}, "backend": "y", "policy": {"retries": 2}, "evals": [1], "base_model": "m"}
    assert [c.path for c in training_changes(declared(new), known(old))] == ["backend", "base_model", "seed"]
    data = {"train": "a.jsonl", "checks": {"D101": "off"}}
    more = {"train": "b.jsonl", "checks": {"D102": "off"}, "baseline": "known.json"}
    changes = training_changes(declared({"dataset": more}), known({"dataset": data}))
    assert [c.path for c in changes] == ["dataset.train"]
