"""Engine linear with more replies than a dense layer takes: nearest neighbour, with real losses."""

import numpy as np
import pytest

from learning import ENGINE, HELD_OUT_FORMS, TRAIN_FORMS, accuracy, ask, chat, label_rows, run, spec_of, train

NAMES = [
    f"{first}{second}{third}"
    for first in "bdfkmprt"
    for second in ("abo", "ilu", "ome", "ura", "esi", "ano")
    for third in "klmnrstz"
]
ROWS = [
    chat(f"Tell me all about the village of {name} please", f"Entry {place}") for place, name in enumerate(NAMES[:320])
]
HELD_OUT = [chat(f"Anything known on {name}?", f"Entry {place}") for place, name in enumerate(NAMES[:320])]


def test_it_answers_with_the_reply_to_the_nearest_prompt():
    metrics, checkpoints = run(spec_of(ROWS, validation=HELD_OUT))
    assert accuracy(checkpoints[-1].weights, HELD_OUT) == metrics[-1].full_valid_accuracy > 0.9
    assert metrics[0].train_loss == pytest.approx(np.log(320), abs=0.01)
    assert metrics[-1].train_loss < 1.0
    assert checkpoints[0].metrics.full_valid_loss > metrics[-1].full_valid_loss


def test_hyperparameters_change_the_losses():
    base, small, short = (
        run(spec_of(ROWS, validation=ROWS, **given))[0][-1].full_valid_loss
        for given in ({}, {"learning_rate_multiplier": 0.1}, {"n_epochs": 1})
    )
    assert small > 2 * base
    assert short > 2 * base


def test_resuming_ends_in_the_very_same_weights():
    spec = spec_of(ROWS)
    metrics, checkpoints = run(spec)
    again, resumed = run(spec, checkpoints[0])
    assert (again, resumed) == (metrics[checkpoints[0].step :], checkpoints[1:])
    with pytest.raises(ValueError, match="another run"):
        run(spec_of(ROWS[:-1]), checkpoints[0])


def test_it_continues_from_a_dense_parent_and_still_knows_what_that_knew():
    labels = label_rows(TRAIN_FORMS)
    child = train(ROWS, parent=train(labels))
    assert accuracy(child, HELD_OUT) > 0.9
    assert accuracy(child, label_rows(HELD_OUT_FORMS)) > 0.9


def test_it_continues_from_its_own_kind():
    rows = [chat(f"The river {name} rises where?", f"Source {place}") for place, name in enumerate(NAMES[320:350])]
    child = train(rows, parent=train(ROWS))
    assert accuracy(child, rows) == 1.0
    assert accuracy(child, HELD_OUT) > 0.9


def test_one_reply_may_have_many_contexts():
    shared = [chat(f"Is {name} a lake?", "No, a village.") for name in NAMES[:50]]
    model = ENGINE.load("gpt-4o", train([*ROWS, *shared]))
    assert ask(model, chat("Is there a lake?"))["content"] == "No, a village."
