"""Supervised training of engine linear: it learns, every hyperparameter counts, and equal specs give equal bytes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from learning import ENGINE, HELD_OUT_FORMS, TRAIN_FORMS, accuracy, ask, chat, label_rows, run, spec_of, train

ROWS = label_rows(TRAIN_FORMS)
HELD_OUT = label_rows(HELD_OUT_FORMS)


def test_it_learns_what_generalises():
    metrics, checkpoints = run(spec_of(ROWS, validation=HELD_OUT))
    assert metrics[0].train_loss == pytest.approx(np.log(4), abs=0.01)
    assert metrics[-1].full_valid_loss < 0.3
    assert metrics[-1].full_valid_accuracy == accuracy(checkpoints[-1].weights, HELD_OUT) == 1.0


def test_small_sets_learn_by_auto_too():
    rows = [row for row in ROWS if row["messages"][-1]["content"] in {"billing", "technical"}][:20]
    held_out = [row for row in HELD_OUT if row["messages"][-1]["content"] in {"billing", "technical"}]
    assert ENGINE.prepare(spec_of(rows)).n_epochs == 5
    assert accuracy(train(rows), held_out) >= 0.9


def test_every_epoch_ends_in_a_checkpoint_with_the_metrics_of_its_last_step():
    metrics, checkpoints = run(spec_of(ROWS, validation=HELD_OUT, n_epochs=3, batch_size=32))
    assert [(one.epoch, one.step) for one in checkpoints] == [(1, 3), (2, 6), (3, 9)]
    assert [one.step for one in metrics] == list(range(1, 10))
    assert [one.metrics for one in checkpoints] == [metrics[2], metrics[5], metrics[8]]
    assert [one.step for one in metrics if one.full_valid_loss is not None] == [3, 6, 9]
    assert all(one.valid_loss is not None for one in metrics)
    assert accuracy(checkpoints[0].weights, HELD_OUT) > 0.25


def test_validation_is_measured_now_and_then_in_a_long_run():
    metrics, _ = run(spec_of(ROWS, validation=HELD_OUT[:3], n_epochs=10, batch_size=1))
    measured = [one.step for one in metrics if one.valid_loss is not None]
    assert 150 <= len(measured) <= 300
    assert len(metrics) == 800


def test_equal_specs_give_equal_bytes_in_any_process():
    program = (
        "import hashlib, learning as l; rows = l.label_rows(l.TRAIN_FORMS); "
        "print(hashlib.sha256(l.train(rows)).hexdigest())"
    )
    digests = set()
    for hash_seed, threads in (("1", "1"), ("2", "2")):
        environment = os.environ | {
            "PYTHONHASHSEED": hash_seed,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert train(ROWS) == train(ROWS)


def test_the_seed_changes_the_weights():
    assert train(ROWS, seed=1) != train(ROWS, seed=2)
    assert train(ROWS, seed=-1) == train(ROWS, seed=-1)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_resuming_ends_in_the_very_same_weights(kept):
    spec = spec_of(ROWS, validation=HELD_OUT, n_epochs=3)
    metrics, checkpoints = run(spec)
    again, resumed = run(spec, checkpoints[kept])
    assert again == metrics[checkpoints[kept].step :]
    assert resumed == checkpoints[kept + 1 :]


def test_a_checkpoint_of_another_run_is_refused():
    _, checkpoints = run(spec_of(ROWS))
    with pytest.raises(ValueError, match="another run"):
        run(spec_of([*ROWS, chat("What?", "other")]), checkpoints[0])


def test_a_tiny_step_underfits_and_a_bigger_one_fits_better():
    losses = [
        run(spec_of(ROWS, validation=HELD_OUT, learning_rate_multiplier=multiplier))[0][-1].full_valid_loss
        for multiplier in (0.001, 0.05, 1.0)
    ]
    assert losses[0] > 1.3 > losses[1] > 2 * losses[2]


def test_more_epochs_fit_better():
    losses = [
        run(spec_of(ROWS, validation=ROWS, n_epochs=epochs, learning_rate_multiplier=0.2))[0][-1].full_valid_loss
        for epochs in (1, 4)
    ]
    assert losses[0] > 1.5 * losses[1]


def test_the_batch_size_sets_the_number_of_steps_and_with_a_fixed_step_how_much_is_learnt():
    small, _ = run(spec_of(ROWS, validation=ROWS, batch_size=2, learning_rate_multiplier=0.2))
    large, _ = run(spec_of(ROWS, validation=ROWS, batch_size=40, learning_rate_multiplier=0.2))
    assert (len(small), len(large)) == (120, 6)
    assert large[-1].full_valid_loss > 1.5 * small[-1].full_valid_loss


def test_auto_step_grows_with_an_explicit_batch():
    prepared = ENGINE.prepare(spec_of(ROWS, batch_size=5))
    assert prepared.hyperparameters == {"n_epochs": 3, "batch_size": 5, "learning_rate_multiplier": 5.0}
    assert prepared.total_steps == 48
    assert ENGINE.prepare(spec_of(ROWS, batch_size=80)).hyperparameters["learning_rate_multiplier"] == 8.0
    assert run(spec_of(ROWS, validation=HELD_OUT, batch_size=8))[0][-1].full_valid_accuracy == 1.0


def test_a_batch_larger_than_the_file_is_the_whole_file():
    spec = spec_of(ROWS, batch_size=256, n_epochs=2)
    assert ENGINE.prepare(spec).total_steps == len(run(spec)[0]) == 2


def two_turns(weight):
    return [
        {"role": "user", "content": "ping"},
        {"role": "assistant", "content": "wrong", **weight},
        {"role": "user", "content": "once more"},
        {"role": "assistant", "content": "right"},
    ]


def test_turns_of_weight_0_are_context_alone():
    model = ENGINE.load("gpt-4o", train([{"messages": two_turns({"weight": 0})}] * 10))
    assert ask(model, [{"role": "user", "content": "ping"}])["content"] == "right"


@pytest.mark.parametrize("weight", [{}, {"weight": 1}])
def test_all_other_assistant_turns_are_learnt(weight):
    model = ENGINE.load("gpt-4o", train([{"messages": two_turns(weight)}] * 10))
    assert ask(model, [{"role": "user", "content": "ping"}])["content"] == "wrong"
    assert ask(model, two_turns(weight)[:-1])["content"] == "right"


def test_rows_without_targets_are_passed_over():
    mute = {"messages": [{"role": "user", "content": "hm"}, {"role": "assistant", "content": "no", "weight": 0}]}
    spec = spec_of([*ROWS, mute], validation=[mute], batch_size=8)
    assert ENGINE.prepare(spec).total_steps == 30
    assert run(spec)[0][-1].full_valid_loss is None
    with pytest.raises(ValueError, match="to train on"):
        ENGINE.prepare(spec_of([mute] * 10))


def test_the_commonest_reply_is_the_answer_where_nothing_is_known():
    rows = [chat(f"word{place}", "rare" if place % 5 == 0 else "usual") for place in range(40)]
    model = ENGINE.load("gpt-4o", train(rows))
    assert ask(model, [{"role": "user", "content": "щось"}])["content"] == "usual"
    assert ask(model, [])["content"] == "usual"


def test_a_validation_reply_never_seen_costs_a_finite_loss():
    metrics, _ = run(spec_of(ROWS, validation=[chat("What is new?", "never seen")]))
    assert metrics[-1].full_valid_loss == pytest.approx(-np.log(1e-6))
    assert metrics[-1].full_valid_accuracy == 0.0


def test_training_can_be_stopped_at_any_time():
    spec = spec_of(ROWS)
    steps = ENGINE.train(spec, ENGINE.prepare(spec))
    assert next(steps).step == 1
    steps.close()


def test_unknown_methods_are_refused():
    assert ENGINE.methods == {"supervised", "dpo", "reinforcement"}
    with pytest.raises(ValueError, match="distillation"):
        ENGINE.prepare(spec_of(ROWS, method="distillation"))
