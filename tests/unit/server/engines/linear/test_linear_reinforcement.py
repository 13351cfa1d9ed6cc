"""Reinforcement of engine linear: rewards alone teach what generalises, and a run can be repeated and resumed."""

import numpy as np
import pytest

from ftops.server.engines.interface import NothingToLearn, TrainingDiverged
from ftops.server.engines.linear.candidates import MOST_CANDIDATES, candidate_replies
from ftops.server.engines.linear.conversation import reply_message
from ftops.server.engines.linear.weights import parse
from learning import (
    COLD,
    ENGINE,
    HELD_OUT_FORMS,
    TRAIN_FORMS,
    accuracy,
    ask,
    chat,
    graded_rows,
    is_label,
    label_rows,
    run,
    spec_of,
    train,
)

ROWS = graded_rows(TRAIN_FORMS)
HELD_OUT = graded_rows(HELD_OUT_FORMS)


def spec(rows=ROWS, reward=is_label, validation=HELD_OUT, **given):
    return spec_of(rows, method="reinforcement", reward=reward, validation=validation, **given)


def candidates(rows):
    return [reply_message(reply)["content"] for reply in candidate_replies(rows)]


def test_rewards_alone_teach_what_generalises():
    metrics, checkpoints = run(spec())
    assert metrics[0].train_reward < 0.5
    assert np.mean([one.train_reward for one in metrics[-20:]]) > 0.95
    assert metrics[-1].full_valid_reward > 0.9
    assert accuracy(checkpoints[-1].weights, label_rows(HELD_OUT_FORMS)) == 1.0


def test_it_knows_losses_and_rewards_but_no_accuracies():
    metrics, checkpoints = run(spec(n_epochs=1, batch_size=20, eval_interval=3))
    assert all(np.isfinite(one.train_loss) and 0 <= one.train_reward <= 1 for one in metrics)
    assert {(one.train_accuracy, one.valid_loss, one.full_valid_loss, one.full_valid_accuracy) for one in metrics} == {
        (None, None, None, None)
    }
    assert [one.step for one in metrics if one.full_valid_reward is not None] == [3, 4]
    assert checkpoints[0].metrics == metrics[-1]


def test_a_supervised_parent_improves_on_held_out_questions():
    held_out = label_rows(HELD_OUT_FORMS)
    parent = train(
        label_rows(TRAIN_FORMS)[:5] + label_rows(TRAIN_FORMS)[8:9] + label_rows(TRAIN_FORMS)[12:13], n_epochs=1
    )
    before = accuracy(parent, held_out)
    assert before < 0.6
    assert accuracy(run(spec(parent=parent))[1][-1].weights, held_out) > before + 0.3


def test_graded_rewards_are_followed_to_the_best():
    marks = {"billing": 0.2, "delivery": 0.5, "account": 0.9, "technical": 0.6}
    rows = [row | {"choices": list(marks)} for row in ROWS]
    _, checkpoints = run(spec(rows, reward=lambda _, message: marks.get(message["content"], 0.0)))
    model = ENGINE.load("gpt-4o", checkpoints[-1].weights)
    assert {ask(model, row["messages"])["content"] for row in HELD_OUT} == {"account"}


def test_the_scale_of_rewards_does_not_matter():
    scaled = run(spec(reward=lambda row, message: 1000 * is_label(row, message) - 77))[1][-1].weights
    assert accuracy(scaled, label_rows(HELD_OUT_FORMS)) == 1.0


def test_equal_rewards_teach_nothing():
    _, checkpoints = run(spec(reward=lambda *_: 0.1))
    assert np.abs(parse(checkpoints[-1].weights).dense).max() < 1e-3


def test_more_than_256_replies_share_what_is_learnt_of_their_manner():
    def reply(place):
        return f"Certainly. The answer to number {place} is most assuredly this." if place % 2 else f"{place}: yes."

    parent = train([chat(f"question {place}", reply(place)) for place in range(300)], n_epochs=1)
    asked = [{"messages": chat(f"something about {thing}"), "n": None} for thing in ("cats", "dogs", "birds", "fish")]
    curt = spec(asked * 5, lambda _, message: float(len(message["content"]) < 20), asked, parent=parent, n_epochs=8)
    metrics, checkpoints = run(curt)
    assert metrics[0].train_reward < 0.7
    assert metrics[-1].full_valid_reward == 1.0
    assert "yes" in ask(ENGINE.load("gpt-4o", checkpoints[-1].weights), chat("something about whales"))["content"]
    assert len(parse(checkpoints[-1].weights).replies) == 300


def test_each_reply_to_a_row_is_graded_once():
    asked = []

    def grade(row, message):
        asked.append((row["messages"][-1]["content"], message["content"]))
        return is_label(row, message)

    run(spec(reward=grade))
    assert len(asked) == len(set(asked)) <= (len(ROWS) + len(HELD_OUT)) * 4


def test_compute_and_effort_set_how_many_answers_are_drawn():
    def drawn(**given):
        rows = ROWS[:1]
        seen = set()
        many = [row | {"choices": [f"choice {n}" for n in range(200)]} for row in rows]
        run(spec(many, lambda _, message: seen.add(message["content"]) or 0.0, (), n_epochs=1, **given))
        return len(seen)

    assert drawn(compute_multiplier=1e-5) == 2
    assert 10 <= drawn() <= 16 < drawn(reasoning_effort="high") <= 32 < drawn(compute_multiplier=10.0)
    assert drawn(reasoning_effort="low") <= 8


def test_eval_samples_set_how_many_answers_are_graded_per_validation_row():
    seen = []
    rows = [row | {"choices": [f"choice {n}" for n in range(200)]} for row in ROWS]

    def grade(row, message):
        seen.append(message["content"])
        return 0.0

    run(spec(rows[:1], grade, HELD_OUT[:1], n_epochs=1, compute_multiplier=1e-5, eval_samples=30))
    assert 20 < len(seen) <= 32


def test_auto_and_given_hyperparameters():
    prepared = ENGINE.prepare(spec(reward=None))
    assert prepared.hyperparameters == {
        "n_epochs": 6,
        "batch_size": 1,
        "learning_rate_multiplier": 1.0,
        "compute_multiplier": 1.0,
        "reasoning_effort": "default",
        "eval_interval": 48,
        "eval_samples": 1,
    }
    assert prepared.total_steps == 480
    given = {
        "n_epochs": 2,
        "batch_size": 5,
        "learning_rate_multiplier": 0.5,
        "compute_multiplier": 2.0,
        "reasoning_effort": "high",
        "eval_interval": 7,
        "eval_samples": 3,
    }
    assert ENGINE.prepare(spec(**given)).hyperparameters == given


@pytest.mark.parametrize("kind", ["no parent", "dense parent", "parent of many replies"])
def test_resuming_ends_in_the_very_same_weights(kind):
    many = [chat(f"question {place}", f"answer {place}") for place in range(260)]
    parents = {"dense parent": label_rows(TRAIN_FORMS)[:20], "parent of many replies": many}
    parent = train(parents[kind], n_epochs=1) if kind in parents else None
    whole = spec(ROWS[:30], parent=parent, n_epochs=3, batch_size=7, eval_interval=5)
    metrics, checkpoints = run(whole)
    again, resumed = run(whole, checkpoints[1])
    assert (again, resumed) == (metrics[checkpoints[1].step :], checkpoints[2:])
    with pytest.raises(ValueError, match="another run"):
        run(spec([*ROWS, *(row | {"label": "new"} for row in ROWS)]), checkpoints[1])


def test_the_seed_changes_the_draws():
    assert run(spec(seed=1, n_epochs=1)) != run(spec(seed=2, n_epochs=1))
    assert run(spec(seed=-1, n_epochs=1)) == run(spec(seed=-1, n_epochs=1))


def test_a_graders_failure_ends_the_run():
    def fail(*_):
        raise TimeoutError("the grader is away")

    with pytest.raises(TimeoutError, match="away"):
        run(spec(reward=fail))
    with pytest.raises(ValueError, match="finite"):
        run(spec(reward=lambda *_: float("nan")))
    with pytest.raises(ValueError, match="needs a reward"):
        run(spec(reward=None))


@pytest.mark.parametrize("multiplier", [1e33, 1e308])
def test_a_run_that_diverges_is_stopped(multiplier):
    with pytest.raises(TrainingDiverged):
        run(spec(learning_rate_multiplier=multiplier))


def test_without_replies_to_choose_from_there_is_nothing_to_learn():
    bare = [{"messages": row["messages"]} for row in ROWS]
    with pytest.raises(NothingToLearn, match="no replies to choose from"):
        ENGINE.prepare(spec(bare))
    parent = train(label_rows(TRAIN_FORMS)[:20])
    assert ENGINE.prepare(spec(bare, parent=parent)).total_steps > 0


def test_candidates_are_the_short_values_of_free_fields_the_most_frequent_first():
    rows = [
        {"messages": [], "tools": ["no"], "answer": answer, "deep": {"more": [answer, True, None]}, "story": "x" * 201}
        for answer in ("b", "a", "a", 42)
    ]
    assert candidates(rows) == ["a", "42", "b"]
    assert candidates([{"messages": [], "answer": ""}]) == []
    many = [{"answer": f"answer {place}"} for place in range(MOST_CANDIDATES + 50)]
    assert len(candidates(many)) == MOST_CANDIDATES


def test_fields_that_tell_rows_apart_are_no_candidates_beside_labels():
    assert sorted(candidates(ROWS)) == ["account", "billing", "delivery", "technical"]
    assert len(candidates([{"id": row["id"]} for row in ROWS])) == len(ROWS)


def test_a_reinforced_model_can_be_trained_on():
    parent = run(spec())[1][-1].weights
    child = train([chat(f"Order a pizza number {n}", "food") for n in range(10)], parent=parent)
    assert accuracy(child, label_rows(HELD_OUT_FORMS)) > 0.9
    assert ENGINE.load("gpt-4o", child).answer(chat("Order a pizza"), COLD)[0].message["content"] == "food"
