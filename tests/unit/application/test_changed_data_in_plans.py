"""What a plan says of data that changed since it was trained on: read from git, bounded, and never a reason to fail."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from apply_world import MINE, World, rows_of
from ftops.application import dataset_changes
from ftops.cli.render_text import render_plan
from ftops.datasets.split import part_name, part_of
from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.desired import Declared
from ftops.domain.manifest import Revision, Split
from ftops.domain.plan import Plan
from ftops.domain.plan_json import plan_to_json

NEXT = Revision("b" * 12)


def lines(rows: tuple[dict[str, Any], ...]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def labelled(label: str, *numbers: int) -> tuple[dict[str, Any], ...]:
    turns = ([{"role": "user", "content": f"q {n}"}, {"role": "assistant", "content": label}] for n in numbers)
    return tuple({"messages": turn} for turn in turns)


class Trained:
    """A world in which a revision was trained on ``old`` rows, and where other rows are declared now."""

    def __init__(self, old: tuple[dict[str, Any], ...], *, path: str = "train.jsonl") -> None:
        self.world = World()
        self.path = path
        first = self.world.declare()
        self.world.apply(replace(first, train=self.world.datasets.add(path, old)))
        self.world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(lines(old))

    def now(self, rows: tuple[dict[str, Any], ...]) -> Declared:
        declared = self.world.declare()
        return replace(declared, revision=NEXT, train=self.world.datasets.add(self.path, rows))

    def plan(self, rows: tuple[dict[str, Any], ...]) -> Plan:
        return self.world.plan(self.now(rows))

    def change(self, rows: tuple[dict[str, Any], ...]) -> DatasetChange:
        (change,) = self.plan(rows).dataset_changes
        return change


OLD = (*labelled("refund", *range(6)), *labelled("card", *range(10, 18)))
NEW = (*labelled("refund", *range(6), 10, 20, 21), *labelled("card", *range(11, 17)))


def test_rows_tokens_and_labels_are_compared() -> None:
    trained = Trained(OLD)
    change = trained.change(NEW)
    assert change.rows is not None
    assert (change.rows.added, change.rows.removed, change.rows.changed) == (2, 1, 1)
    assert change.rows.tokens > 0
    shares = {label.label: (round(label.old_share, 3), label.new_share) for label in change.rows.labels}
    assert shares == {"refund": (0.429, 0.6), "card": (0.571, 0.4)}


def test_the_text_shows_it_and_the_json_has_no_label() -> None:
    plan = Trained(OLD).plan(NEW)
    text = render_plan(plan)
    assert "train data since revision" in text
    assert "+2 −1 ~1 rows, +" in text
    assert "labels: 'card' 57.1% → 40.0%, 'refund' 42.9% → 60.0%" in text
    written = json.dumps(plan_to_json(plan)["dataset_changes"])
    assert '"added": 2' in written
    assert "refund" not in written
    assert "labels" not in written


def test_a_plan_that_trains_nothing_reads_nothing() -> None:
    trained = Trained(OLD)
    trained.world.repository.contents.clear()
    first = trained.world.declare()
    plan = trained.world.plan(replace(first, train=trained.world.datasets.add("train.jsonl", OLD)))
    assert plan.dataset_changes == ()


def test_another_order_is_told_as_such() -> None:
    text = render_plan(Trained(OLD).plan(OLD[::-1]))
    assert "the same rows in another order or spelling" in text


def test_what_git_lacks_is_said() -> None:
    trained = Trained(OLD)
    trained.world.repository.contents.clear()
    assert trained.change(NEW).unknown == "not in git any more"
    assert "train data since revision" in render_plan(trained.plan(NEW))


def test_content_that_was_never_committed_is_said() -> None:
    trained = Trained(OLD)
    trained.world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(b"{}\n")
    said = trained.change(NEW).unknown
    assert said is not None
    assert "doesn't have it as it was trained on" in said


def test_large_files_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_changes, "COMPARED_BYTES", 10)
    assert Trained(OLD).change(NEW).unknown == "not compared, as it is large: ftops data diff"


def test_many_files_are_left_out_from_some_size_on(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Trained(OLD)
    monkeypatch.setattr(dataset_changes, "COMPARED_IN_ALL", 10)
    assert trained.change(NEW).unknown == "not compared, as there are many: ftops data diff"


def test_the_part_of_a_split_is_compared_with_that_part() -> None:
    split = Split(fraction=0.5, seed=7)
    whole = (*OLD, *labelled("card", *range(40, 60)))
    part = tuple(row for row in whole if part_of(row, split) == "train")
    assert 10 <= len(part) < len(whole)
    trained = Trained(part, path=part_name("train.jsonl", split, "train"))
    trained.world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(lines(whole).replace(b"\n", b"\r\n"))
    change = trained.change((*part, *labelled("card", 30)))
    assert change.rows is not None
    assert (change.rows.added, change.rows.removed, change.rows.changed) == (1, 0, 0)


def test_a_part_of_what_is_no_data_is_said() -> None:
    split = Split(fraction=0.5, seed=7)
    trained = Trained(OLD, path=part_name("train.jsonl", split, "train"))
    trained.world.repository.contents[MINE, "train.jsonl"] = io.BytesIO(b"oops\n")
    said = trained.change(NEW).unknown
    assert said is not None
    assert "not in git any more" in said


def test_rows_of_the_fake_world_are_sound() -> None:
    """What the other tests of this folder train on is compared without a word, too."""
    rows = tuple(rows_of("train", 12))
    change = Trained(rows).change(rows[:2])
    assert change.rows is not None
