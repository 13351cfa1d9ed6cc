"""Details of engine linear: the token count, the published rules, bounds of the vocabulary."""

import sys

import numpy as np
import pytest
from style_task import preference_row

from ftops.server.engines.linear import vocabulary
from ftops.server.engines.linear.schedule import auto_batch, auto_epochs
from ftops.server.engines.linear.tokens import LONGEST_EXAMPLE, count_tokens
from learning import ENGINE, HELD_OUT_FORMS, TRAIN_FORMS, accuracy, chat, label_rows, run, spec_of, train


@pytest.mark.parametrize(
    ("n", "epochs"), [(1, 25), (10, 10), (20, 5), (33, 3), (150, 3), (8_333, 3), (8_334, 2), (10_003, 2), (30_000, 1)]
)
def test_epochs_follow_the_published_rule(n, epochs):
    assert auto_epochs(n) == epochs


def test_the_batch_grows_with_the_rows():
    assert [auto_batch(n) for n in (1, 10, 128, 640, 10_003)] == [1, 1, 2, 10, 24]


@pytest.fixture
def without_tokenizer(monkeypatch):
    monkeypatch.setitem(sys.modules, "toktok", None)


def test_tokens_follow_the_published_rule(without_tokenizer):
    plain = {"messages": [{"role": "user", "content": "12345678"}, {"role": "assistant", "content": "1234"}]}
    # 3 the example; 3 a message; "user" 1 and "assistant" 3; then 2 and 1.
    assert count_tokens([plain]) == 3 + 2 * 3 + 1 + 3 + 2 + 1
    named = {"messages": [plain["messages"][0] | {"name": "Anna"}, plain["messages"][1]]}
    assert count_tokens([named]) == count_tokens([plain]) + 1 + 1
    assert count_tokens([plain | {"tools": [{"a": 1}]}]) == count_tokens([plain]) + 3
    assert count_tokens([plain, plain]) == 2 * count_tokens([plain])
    assert count_tokens([{"messages": [{"role": "user", "content": "\ud800" * 4}]}]) == 3 + 3 + 1 + 3


def test_preference_rows_count_both_outputs(without_tokenizer):
    row = preference_row("1234", "1234", "12345678")
    input_alone = count_tokens([row["input"]])
    assert count_tokens([row]) == input_alone + 2 * (3 + 3) + 1 + 2


def test_long_examples_count_up_to_the_limit(without_tokenizer):
    assert count_tokens([chat("word " * 100_000, "ok")]) == LONGEST_EXAMPLE


def test_tokens_are_counted_with_the_tokenizer_where_there_is_one():
    pytest.importorskip("toktok")
    assert count_tokens([chat("hello world", "hi", system="")]) == 3 + 3 * 3 + 3 + 2 + 1
    assert count_tokens([chat("\ud800", "hi")]) > 0


def test_trained_tokens_are_tokens_times_epochs():
    rows = label_rows(TRAIN_FORMS)
    assert ENGINE.prepare(spec_of(rows, n_epochs=4)).trained_tokens == 4 * count_tokens(rows)


def test_the_rarest_features_are_left_out_where_room_is_short(monkeypatch):
    rows = label_rows(TRAIN_FORMS)
    whole = train(rows)
    monkeypatch.setattr(vocabulary, "MOST_WEIGHTS", 2_000)
    small = train(rows)
    assert len(small) < len(whole) / 1.5
    assert accuracy(small, label_rows(HELD_OUT_FORMS)) > 0.8


def test_a_child_adds_replies_and_keeps_the_parents():
    parent_rows = label_rows(TRAIN_FORMS)
    parent = train(parent_rows)
    new = [chat(f"{verb} a pizza", "food") for verb in ("Order", "Bake", "Bring", "I want", "Eat", "Sell", "Heat")] * 2
    metrics, checkpoints = run(spec_of(new, parent=parent, validation=parent_rows))
    assert accuracy(checkpoints[-1].weights, [chat("Give me a pizza", "food")]) == 1.0
    assert accuracy(checkpoints[-1].weights, label_rows(HELD_OUT_FORMS)) > 0.9
    assert metrics[-1].full_valid_accuracy > 0.9


def test_a_child_starts_where_its_parent_ended():
    rows = label_rows(TRAIN_FORMS)
    parent = train(rows)
    metrics, _ = run(spec_of(rows, parent=parent))
    untrained, _ = run(spec_of(rows))
    first = slice(0, 20)
    assert np.mean([one.train_loss for one in metrics[first]]) < 0.2
    assert np.mean([one.train_loss for one in untrained[first]]) > 0.5


@pytest.mark.parametrize("method", ["supervised", "dpo", "reinforcement"])
def test_the_estimate_grows_with_what_there_is_to_do(method):
    rows = [preference_row(f"question {n}", "yes", "no") | chat(f"question {n}", "yes") for n in range(40)]

    def estimate(n_rows, n_epochs, validation=()):
        spec = spec_of(rows[:n_rows], method=method, validation=validation, parent=parent, n_epochs=n_epochs)
        return ENGINE.estimate(spec, ENGINE.prepare(spec))

    parent = train(label_rows(TRAIN_FORMS))
    assert 0 < estimate(20, 1) < estimate(40, 1) < estimate(40, 3) < estimate(40, 3, rows[:10]) < 1
