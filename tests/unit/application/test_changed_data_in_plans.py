"""What a plan says of data that changed since it was trained on: read from git, bounded, and never a reason to fail."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from apply_world import MINE, World, rows_of
from ftops.application import dataset_changes
from ftops.application.declare import eval_digest
from ftops.application.saved_plan import plan_now
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
        spec = {**first.fine_tune.spec, "evals": [{"name": "quality", "dataset": "test.jsonl"}]}
        first = replace(first, fine_tune=replace(first.fine_tune, spec=spec))
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
    assert shares == {"'refund'": (0.429, 0.6), "'card'": (0.571, 0.4)}


def test_what_training_costs_more_is_told_of_what_is_trained_on() -> None:
    rows = Trained(OLD).change(NEW).rows
    assert rows is not None
    # A row more makes 6 epochs of 7; the world's tokens are 900 now.
    assert rows.usd == pytest.approx((900 * 6 - (900 - rows.tokens) * 7) * 5 / 1_000_000)
    assert "tokens, −<$0.01, labels" in render_plan(Trained(OLD).plan(NEW))


@pytest.mark.parametrize(("usd", "said"), [(None, ""), (0.0, ""), (1234.5, ", +$1,234.50"), (-0.5, ", −$0.50")])
def test_a_cost_that_differs_is_told(usd: float | None, said: str) -> None:
    plan = Trained(OLD).plan(NEW)
    (change,) = plan.dataset_changes
    assert change.rows is not None
    rows = replace(change.rows, usd=usd, labels=())
    text = render_plan(replace(plan, dataset_changes=(replace(change, rows=rows),)))
    assert f"rows, +{rows.tokens} tokens{said}\n" in text


def test_where_there_is_no_price_no_cost_is_compared() -> None:
    trained = Trained(OLD)
    now = trained.now(NEW)
    unpriced = replace(now, fine_tune=replace(now.fine_tune, base_model="gpt-9"))
    (change,) = trained.world.plan(unpriced).dataset_changes
    assert change.rows is not None
    assert change.rows.usd is None


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


def test_what_was_compared_once_is_not_read_again() -> None:
    trained = Trained(OLD)
    declared = trained.now(NEW)
    workspace = trained.world.workspace(declared)
    first = plan_now(workspace).dataset_changes
    assert first[0].rows is not None
    trained.world.repository.contents.clear()
    assert plan_now(workspace).dataset_changes == first


def test_the_data_of_an_evaluation_is_compared_too() -> None:
    trained = Trained(OLD)
    now = trained.now(OLD)
    (known,) = now.evals
    asked = trained.world.datasets.rows_at["test.jsonl"]
    trained.world.repository.contents[MINE, "finetunes/test.jsonl"] = io.BytesIO(lines(asked))
    fresh = trained.world.datasets.add("test.jsonl", (*asked[2:], *labelled("refund", 1)))
    digest = eval_digest(known.spec, fresh.sha256)
    declared = replace(now, evals=(replace(known, dataset=fresh, digest=digest),))
    plan = trained.world.plan(declared)
    (change,) = plan.dataset_changes
    assert (change.dataset, change.evaluation) == ("evaluation", "quality")
    assert change.rows is not None
    assert (change.rows.added, change.rows.removed, change.rows.usd) == (1, 2, None)
    assert "its data since revision" in render_plan(plan)
    (told,) = plan_to_json(plan)["dataset_changes"]
    assert (told["evaluation"], told["rows"]["added"]) == ("quality", 1)


def test_of_an_evaluation_that_changed_otherwise_nothing_is_said_of_its_data() -> None:
    trained = Trained(OLD)
    now = trained.now(OLD)
    (known,) = now.evals
    trained.world.repository.contents[MINE, "finetunes/test.jsonl"] = io.BytesIO(
        lines(trained.world.datasets.rows_at["test.jsonl"])
    )
    assert trained.world.plan(replace(now, evals=(replace(known, digest="d" * 64),))).dataset_changes == ()


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
