"""DPO of engine linear: held-out preference improves, and the tuned model answers in the preferred manner."""

import numpy as np
import pytest
from style_task import ASKED, HELD_OUT, PREFERRED, TOPICS, rows

from ftops.server.engines.interface import Sampling
from learning import COLD, ENGINE, ask, run, spec_of, train

NAMES = tuple(TOPICS)
ROWS = rows(ASKED)
SYSTEM = {"role": "system", "content": "You answer customers of a clothes shop."}


def answers(weights, sampling=COLD):
    """Gives, for a held-out question about each topic, the topic's own advice and what the model says."""
    model = ENGINE.load("gpt-4o", weights)
    return [
        (advice, ask(model, [SYSTEM, {"role": "user", "content": HELD_OUT[0].format(topic)}], sampling)["content"])
        for topic, advice in TOPICS.items()
    ]


def is_preferred(reply):
    return any(form.format(advice) == reply for form in PREFERRED for advice in TOPICS.values())


def supervised(output):
    return [{"messages": [*row["input"]["messages"], *row[output]]} for row in ROWS]


def test_preference_generalises_to_prompts_and_replies_never_seen():
    validation = rows(ASKED, NAMES[10:])
    metrics, _ = run(spec_of(rows(ASKED, NAMES[:10]), method="dpo", validation=validation))
    assert metrics[0].train_loss == pytest.approx(np.log(2))
    assert metrics[0].train_accuracy == 0.5
    assert metrics[-1].full_valid_accuracy >= 0.95
    assert metrics[-1].full_valid_loss < 0.3


def test_swapped_pairs_teach_the_opposite():
    swapped = [
        row | {"preferred_output": row["non_preferred_output"], "non_preferred_output": row["preferred_output"]}
        for row in ROWS
    ]
    metrics, checkpoints = run(spec_of(swapped, method="dpo", validation=rows(HELD_OUT)))
    assert metrics[-1].full_valid_accuracy == 0.0
    assert not any(is_preferred(reply) for _, reply in answers(checkpoints[-1].weights))


def test_preference_may_depend_on_the_prompt():
    def pair(kind, thing):
        short, long = f"The {thing} is fine.", f"The {thing} is fine, and here follows every detail about the {thing}."
        wanted, unwanted = (short, long) if kind == "briefly" else (long, short)
        return {
            "input": {"messages": [{"role": "user", "content": f"Describe {kind} the {thing}"}]},
            "preferred_output": [{"role": "assistant", "content": wanted}],
            "non_preferred_output": [{"role": "assistant", "content": unwanted}],
        }

    things = ("coat", "shirt", "scarf", "glove", "boot", "belt", "sock", "hat", "cap", "vest", "robe", "tie")
    pairs = [pair(kind, thing) for thing in things for kind in ("briefly", "thoroughly")]
    metrics, _ = run(spec_of(pairs[:18], method="dpo", validation=pairs[18:], n_epochs=20))
    assert metrics[-1].full_valid_accuracy == 1.0


def test_held_out_questions_get_the_preferred_reply_of_their_topic():
    replies = answers(train(ROWS, method="dpo"))
    assert sum(advice in reply for advice, reply in replies) >= 15
    assert all(is_preferred(reply) for _, reply in replies)


def test_the_base_model_gives_nothing_of_the_kind():
    assert {reply for _, reply in answers(None)} == {"I don't know."}


def test_sampling_at_temperature_1_stays_in_the_preferred_manner():
    replies = answers(train(ROWS, method="dpo"), Sampling(seed=3))
    assert sum(is_preferred(reply) for _, reply in replies) >= 15


def test_a_supervised_parent_that_rambles_is_turned_round():
    parent = train(supervised("non_preferred_output"))
    assert not any(is_preferred(reply) for _, reply in answers(parent))
    replies = answers(train(ROWS, method="dpo", parent=parent))
    assert sum(advice in reply for advice, reply in replies) >= 15


def test_a_supervised_parent_keeps_what_it_knows_of_other_prompts():
    drinks = [
        {"messages": [{"role": "user", "content": f"{verb} {drink}"}, {"role": "assistant", "content": drink}]}
        for verb in ("Pour me some", "A glass of", "I fancy")
        for drink in ("lemonade", "espresso", "buttermilk", "cider")
    ]
    model = ENGINE.load("gpt-4o", train(ROWS, method="dpo", parent=train(drinks)))
    assert ask(model, [{"role": "user", "content": "Bring espresso"}])["content"] == "espresso"


def test_supervised_training_continues_from_a_preference_parent():
    parent = train(ROWS, method="dpo")
    spec = spec_of(
        [{"messages": [*row["input"]["messages"], {"role": "assistant", "content": "Ring us."}]} for row in ROWS],
        parent=parent,
    )
    metrics, checkpoints = run(spec)
    assert metrics[0].train_loss > metrics[-1].train_loss
    assert {reply for _, reply in answers(checkpoints[-1].weights)} == {"Ring us."}


def test_the_reference_is_the_parent():
    parent = train(ROWS, method="dpo")
    metrics, _ = run(spec_of(ROWS, method="dpo", parent=parent))
    assert metrics[0].train_loss == pytest.approx(np.log(2))


def test_a_greater_beta_stays_closer_to_the_reference():
    def distance(beta):
        from ftops.server.engines.linear.weights import parse

        return np.abs(parse(train(ROWS, method="dpo", beta=beta)).preference.values).sum()

    far, near = distance(0.05), distance(1.0)
    assert far > 2 * near


def test_a_tiny_step_learns_less():
    losses = [
        run(spec_of(ROWS, method="dpo", validation=rows(HELD_OUT), learning_rate_multiplier=multiplier))[0][
            -1
        ].full_valid_loss
        for multiplier in (0.001, 1.0)
    ]
    assert losses[0] > 0.6
    assert losses[1] < 0.2


def test_auto_and_given_hyperparameters():
    auto = ENGINE.prepare(spec_of(ROWS, method="dpo")).hyperparameters
    assert auto == {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.0, "beta": 0.1}
    assert ENGINE.prepare(spec_of(ROWS, method="dpo", beta=0.5)).hyperparameters["beta"] == 0.5


def test_resuming_ends_in_the_very_same_weights():
    spec = spec_of(ROWS, method="dpo", validation=rows(HELD_OUT), parent=train(supervised("preferred_output")))
    metrics, checkpoints = run(spec)
    again, resumed = run(spec, checkpoints[1])
    assert (again, resumed) == (metrics[checkpoints[1].step :], checkpoints[2:])
    with pytest.raises(ValueError, match="another run"):
        run(spec_of(ROWS[:20], method="dpo"), checkpoints[1])
