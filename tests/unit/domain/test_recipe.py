"""What a manifest can state of a job: hyperparameters in their ranges, and which of them had been auto."""

import pytest

from ftops.domain.manifest import Method, MethodType
from ftops.domain.recipe import recipe_behind, recipe_of, without_method
from ftops.domain.revision import revision_of
from past_jobs import MINI, ours, past_job

GRADER = {"type": "string_check", "operation": "eq", "input": "a", "reference": "b", "name": "reward"}


@pytest.mark.parametrize(
    ("method", "name", "reported", "stated"),
    [
        ("supervised", "n_epochs", 3, 3),
        ("supervised", "n_epochs", 3.0, 3),
        ("supervised", "n_epochs", 50, 50),
        ("supervised", "n_epochs", 51, None),
        ("supervised", "n_epochs", 2.5, None),
        ("supervised", "n_epochs", True, None),
        ("supervised", "n_epochs", "3", None),
        ("supervised", "batch_size", 256, 256),
        ("supervised", "batch_size", 0, None),
        ("supervised", "learning_rate_multiplier", 1.8, 1.8),
        ("supervised", "learning_rate_multiplier", 2.0, 2),
        ("supervised", "learning_rate_multiplier", 0, None),
        ("supervised", "learning_rate_multiplier", float("inf"), None),
        ("supervised", "beta", 0.1, None),
        ("supervised", "prompt_loss_weight", 0.01, None),
        ("dpo", "beta", 0.1, 0.1),
        ("dpo", "beta", 2, 2),
        ("dpo", "beta", 2.1, None),
        ("reinforcement", "reasoning_effort", "low", "low"),
        ("reinforcement", "reasoning_effort", "extreme", None),
        ("reinforcement", "compute_multiplier", 0.00001, 0.00001),
        ("reinforcement", "eval_samples", 4, 4),
        ("dpo", "reasoning_effort", "low", None),
    ],
)
def test_a_hyperparameter_is_stated_where_a_manifest_may_have_it(method, name, reported, stated):
    recipe = recipe_of(past_job("a", method=method, grader=GRADER, hyperparameters={name: reported}))
    assert recipe.method.hyperparameters == ({} if stated is None else {name: stated})
    assert type(recipe.method.hyperparameters.get(name)) is type(stated)
    assert bool(recipe.unstated) is (stated is None)
    assert recipe.is_whole


@pytest.mark.parametrize("value", ["auto", None])
def test_what_is_left_to_the_backend_is_nothing_to_state(value):
    recipe = recipe_of(past_job("a", hyperparameters={"n_epochs": value}))
    assert (recipe.method, recipe.unstated) == (Method(), ())


@pytest.mark.parametrize(("seed", "stated"), [(None, None), (0, 0), (2**31 - 1, 2**31 - 1), (2**31, None), (-1, None)])
def test_seeds(seed, stated):
    recipe = recipe_of(past_job("a", seed=seed))
    assert recipe.seed == stated
    assert recipe.unstated == ((f"seed {seed}",) if seed != stated else ())


def test_a_method_that_manifests_do_not_have():
    recipe = recipe_of(past_job("a", method="distillation", hyperparameters={"n_epochs": 3}))
    assert (recipe.method, recipe.is_whole, recipe.unstated) == (Method(), False, ("method 'distillation'",))


def test_reinforcement_needs_its_grader():
    assert recipe_of(past_job("a", method="reinforcement", grader=GRADER)).method.grader == GRADER
    assert not recipe_of(past_job("a", method="reinforcement")).is_whole


def test_a_grader_beside_another_method_counts_nothing():
    assert recipe_of(past_job("a", method="dpo", grader=GRADER)).method == Method(type=MethodType.DPO)


def test_integrations_keep_what_a_manifest_knows():
    given = (
        {"type": "wandb", "wandb": {"project": "p", "run_id": "x", "name": None, "tags": ["t"]}},
        {"type": "wandb", "wandb": {"name": "no project"}},
        {"type": "wandb", "wandb": "p"},
        {"type": "other", "wandb": {"project": "p"}},
    )
    recipe = recipe_of(past_job("a", integrations=given))
    assert recipe.integrations == ({"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}},)


def test_a_method_that_turned_out_to_be_unsayable():
    recipe = without_method(recipe_of(past_job("a", seed=3, hyperparameters={"n_epochs": 3})), "the grader")
    assert (recipe.method, recipe.seed, recipe.is_whole, recipe.unstated) == (Method(), 3, False, ("the grader",))


@pytest.mark.parametrize(
    ("base_model", "hyperparameters", "seed"),
    [
        (MINI, {}, None),
        (MINI, {"n_epochs": 3}, 7),
        (MINI, {"n_epochs": 3, "batch_size": 2}, None),
        ("gpt-4.1-mini", {"learning_rate_multiplier": 1.8}, None),
    ],
)
def test_what_was_auto_is_found_out_by_the_revision(base_model, hyperparameters, seed):
    wanted = {
        "base_model": base_model,
        "method": Method(hyperparameters=hyperparameters),
        "seed": seed,
        "train_sha256": "a" * 64,
        "validation_sha256": None,
    }
    reported = {"n_epochs": 3, "batch_size": 2, "learning_rate_multiplier": 1.8}
    found = recipe_behind(ours("a", hyperparameters=reported, seed=7), revision_of(**wanted), "a" * 64, None)
    assert (found.base_model, found.method.hyperparameters, found.seed) == (base_model, hyperparameters, seed)


def test_a_revision_that_nothing_reported_makes():
    assert recipe_behind(ours("a", seed=7), "0" * 12, "a" * 64, None) is None


@pytest.mark.parametrize(("revision", "read"), [("0123456789ab", "0123456789ab"), ("0123", None), ("X" * 12, None)])
def test_the_revision_in_metadata_counts_where_it_is_one(revision, read):
    assert ours("a", revision=revision).revision == read
    assert past_job("a").revision is None
