"""Engine linear on Banking77 (PolyAI, CC-BY-4.0), which isn't part of the project."""

import csv

import pytest

from learning import COLD, ENGINE, chat, run, spec_of
from shared_data import missing, shared_path

FOLDER = shared_path("data/banking77")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=missing(FOLDER))


def read(name):
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return [chat(row["text"], row["category"]) for row in csv.DictReader(lines)]


def test_auto_learns_77_labels():
    rows, held_out = read("train.csv"), read("test.csv")
    _, checkpoints = run(spec_of(rows, seed=42))
    weights = checkpoints[-1].weights
    model = ENGINE.load("gpt-4o", weights)
    right = [
        model.answer(row["messages"][:2], COLD)[0].message["content"] == row["messages"][2]["content"]
        for row in held_out
    ]
    assert sum(right) / len(right) >= 0.85
    assert len(weights) < 20_000_000


def test_the_base_model_learns_from_77_examples_in_the_prompt():
    rows, held_out = read("train.csv"), read("test.csv")
    first = {row["messages"][2]["content"]: row for row in reversed(rows)}
    shown = [message for row in first.values() for message in row["messages"][1:]]
    base = ENGINE.load("gpt-4o", None)
    right = [
        base.answer([*shown, row["messages"][1]], COLD)[0].message["content"] == row["messages"][2]["content"]
        for row in held_out[::10]
    ]
    assert 0.2 < sum(right) / len(right) < 0.8
