"""Old jobs as OpenAI reports them, or as some other backend does: nothing in them is relied on."""

import pytest
from openai.types.fine_tuning import FineTuningJob

from ftops.adapters.openai_past_jobs import past_job_of
from ftops.adapters.openai_records import UnreadableRecord

JOB = {
    "id": "ftjob-1",
    "object": "fine_tuning.job",
    "model": "gpt-4.1-mini-2025-04-14",
    "created_at": 1740816000,
    "status": "succeeded",
    "fine_tuned_model": "ft:gpt-4.1-mini-2025-04-14:acme:from-model:abc",
    "training_file": "file-1",
    "validation_file": None,
    "seed": 42,
    "user_provided_suffix": "Router X",
    "hyperparameters": {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8},
    "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": 4}}},
    "integrations": [{"type": "wandb", "wandb": {"project": "p"}}],
    "metadata": None,
}


@pytest.mark.parametrize("form", [dict, lambda record: FineTuningJob.construct(**record)])
def test_a_job(form):
    past = past_job_of(form(JOB))
    assert (past.id, past.suffix, past.method, past.seed) == ("ftjob-1", "Router X", "supervised", 42)
    assert (past.training_file, past.validation_file, past.project) == ("file-1", None, None)
    assert past.hyperparameters == {"n_epochs": 3, "batch_size": 4}
    assert past.integrations == ({"type": "wandb", "wandb": {"project": "p"}},)


@pytest.mark.parametrize("form", [dict, lambda record: FineTuningJob.construct(**record)])
def test_a_job_of_before_there_were_methods(form):
    past = past_job_of(form({**JOB, "method": None}))
    assert (past.method, past.hyperparameters) == ("supervised", JOB["hyperparameters"])


def test_reinforcement_has_a_grader():
    method = {"type": "reinforcement", "reinforcement": {"grader": {"type": "python"}, "hyperparameters": {}}}
    past = past_job_of({**JOB, "method": method, "hyperparameters": None})
    assert (past.method, past.grader, past.hyperparameters) == ("reinforcement", {"type": "python"}, {})


@pytest.mark.parametrize(
    ("stated", "model", "suffix"),
    [
        (None, "ft:gpt-4.1-mini:acme:router:abc", "router"),
        (None, "ft:ft:gpt-4.1:acme:old:x:acme:router:abc", "router"),
        (None, "ft:gpt-4.1-mini:acme::abc", ""),
        (None, "gpt-4o-2024.ft-0123", ""),
        (None, None, ""),
        ("", "ft:gpt-4.1-mini:acme:router:abc", "router"),
        ("x" * 300, None, "x" * 200),
    ],
)
def test_the_suffix_stands_in_a_field_or_in_the_models_id(stated, model, suffix):
    assert past_job_of({**JOB, "user_provided_suffix": stated, "fine_tuned_model": model}).suffix == suffix


@pytest.mark.parametrize("value", [None, 7, "x", [], ["x"], True, {"x": 1}, "../evil"])
def test_whatever_stands_there_is_borne(value):
    odd = dict.fromkeys(JOB, value) | {"id": "ftjob-1", "status": "succeeded"}
    past = past_job_of(odd)
    assert past.id == "ftjob-1"
    assert past.training_file in {None, "x"}


def test_an_object_that_is_no_record():
    class Odd:
        id = "ftjob-1"

    assert past_job_of(Odd()).hyperparameters == {}
    with pytest.raises(UnreadableRecord):
        past_job_of({})
