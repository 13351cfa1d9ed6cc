"""Steps so long that nothing can come of a run."""

import pytest
from style_task import ASKED, rows

from ftops.server.engines.interface import Sampling, TrainingDiverged
from learning import ENGINE, TRAIN_FORMS, chat, label_rows, run, spec_of

TASKS = {
    "dense": ("supervised", label_rows(TRAIN_FORMS)),
    "neighbours": ("supervised", [chat(f"question {n}", f"answer {n}") for n in range(1200)]),
    "preference": ("dpo", rows(ASKED)),
}


@pytest.mark.parametrize("multiplier", [1e33, 1e100, 1e308])
@pytest.mark.parametrize("task", TASKS)
def test_a_run_that_diverges_is_stopped(task, multiplier):
    method, data = TASKS[task]
    with pytest.raises(TrainingDiverged):
        run(spec_of(data, method=method, n_epochs=2, validation=data[:3], learning_rate_multiplier=multiplier))


@pytest.mark.parametrize("n_epochs", [1, 3])
@pytest.mark.parametrize("task", TASKS)
def test_a_model_that_is_made_answers_however_long_the_steps(task, n_epochs):
    method, data = TASKS[task]
    spec = spec_of(data, method=method, n_epochs=n_epochs, learning_rate_multiplier=1e28)
    _, checkpoints = run(spec)
    (answer,) = ENGINE.load("gpt-4o", checkpoints[-1].weights).answer(chat("Where is my parcel"), Sampling())
    assert answer.message["role"] == "assistant"
