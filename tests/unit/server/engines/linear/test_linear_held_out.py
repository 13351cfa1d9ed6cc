"""DPO and reinforcement of engine linear on real data, which isn't part of the project: held-out measures improve."""

import csv
import json

import pytest

from learning import accuracy, is_label, run, spec_of, train
from shared_data import missing, shared_path

FOLDER = shared_path("data")
TEN_LABELS = 10

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=missing(FOLDER))


def labelled(part):
    """Gives the messages of the first ten labels."""
    with (FOLDER / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    labels = sorted({row["category"] for row in rows})[:TEN_LABELS]
    return [
        {"messages": [{"role": "user", "content": row["text"]}, {"role": "assistant", "content": row["category"]}]}
        for row in rows
        if row["category"] in labels
    ]


def graded(rows):
    return [{"messages": row["messages"][:1], "label": row["messages"][1]["content"]} for row in rows]


def reinforced(rows, held_out, **given):
    return run(spec_of(graded(rows), method="reinforcement", reward=is_label, validation=graded(held_out), **given))


def test_reinforcement_from_nothing_learns_labels_that_it_is_never_told():
    rows, held_out = labelled("train")[::2], labelled("test")
    metrics, checkpoints = reinforced(rows, held_out, eval_interval=1000)
    assert accuracy(checkpoints[-1].weights, held_out) > 0.95  # by chance 0.1
    assert metrics[-1].full_valid_reward > 0.9


def test_reinforcement_improves_a_parent_that_saw_few_rows():
    rows, held_out = labelled("train"), labelled("test")
    parent = train(rows[::72])
    before = accuracy(parent, held_out)
    assert 0.3 < before < 0.9
    _, checkpoints = reinforced(rows[::2], held_out, parent=parent, n_epochs=3, eval_interval=1000)
    assert accuracy(checkpoints[-1].weights, held_out) > max(0.95, before + 0.1)


def test_dpo_tells_preferred_replies_to_unseen_prompts_better_than_their_length_does():
    lines = (FOLDER / "orca-dpo" / "validation.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    pairs, held_out = rows[:200], rows[200:]
    metrics, _ = run(spec_of(pairs, method="dpo", validation=held_out))
    shorter = [
        len(row["preferred_output"][-1]["content"]) < len(row["non_preferred_output"][-1]["content"])
        for row in held_out
    ]
    assert metrics[-1].full_valid_accuracy > max(0.92, sum(shorter) / len(shorter) + 0.05)
