"""Estimates rather say unknown than $0, and the rule of thumb for epochs is the published one."""

import pytest

from ftops.domain.desired import Dataset, Declared, Measures, TokenCaveat, TokenSum
from ftops.domain.manifest import Backend, BackendType, DatasetPaths, FineTune, Method, MethodType, Price, Revision
from ftops.domain.pricing import (
    PRICES_AS_OF,
    Estimate,
    epochs_for,
    estimate_of_training,
    inference_price,
    training_estimate,
    training_price,
)

OPENAI = Backend(name="openai", type=BackendType.OPENAI)
EMBEDDED = Backend(name="embedded", type=BackendType.EMBEDDED)
GPU_BOX = Backend(name="gpu-box", type=BackendType.OPENAI, base_url="http://127.0.0.1:8400/v1")
PRICED = Backend(
    name="priced",
    type=BackendType.OPENAI,
    base_url="https://x.example/v1",
    price=Price(training=2.0, input=0.5, output=1.0),
)
MINI = "gpt-4.1-mini-2025-04-14"


def declared(*, backend=OPENAI, model=MINI, method=None, tokens=1_000_000, rows=100):
    return Declared(
        fine_tune=FineTune(
            name="router", base_model=model, method=method or Method(), dataset=DatasetPaths(train="t"), path="m.yaml"
        ),
        backend=backend,
        revision=Revision("0" * 12),
        train=Dataset(path="t", sha256="0" * 64, size=1, rows=rows, measure=lambda: Measures(tokens=tokens)),
    )


@pytest.mark.parametrize(
    ("rows", "stated", "epochs"),
    [
        (10, None, 10), (1, "auto", 25), (4, "auto", 25), (33, None, 3), (34, None, 3), (20, "auto", 5), (0, None, 3),
        (8333, None, 3), (8334, None, 2), (25_000, None, 1), (100_000, None, 1), (100, 7, 7), (100, 7.0, 7),
    ],
)  # fmt: skip
def test_epochs(rows, stated, epochs):
    assert epochs_for(rows, stated) == epochs


def test_supervised_costs_tokens_times_epochs():
    estimate = training_estimate(declared(method=Method(hyperparameters={"n_epochs": 2})))
    assert (estimate.tokens, estimate.usd) == (2_000_000, 10.0)
    assert estimate.assumes == f"1,000,000 tokens × 2 epochs; $5 per million tokens as of {PRICES_AS_OF}"


def test_one_epoch_and_auto_are_said():
    assert "× 1 epoch;" in training_estimate(declared(method=Method(hyperparameters={"n_epochs": 1}))).assumes
    assert "3 epochs (auto, by the published rule);" in training_estimate(declared()).assumes


def test_it_is_said_what_the_tokens_rest_on():
    counted = TokenSum(tokens=1_000_000, caveats=(TokenCaveat.CUT, TokenCaveat.TOOLS, TokenCaveat.IMAGES))
    method, train = (
        Method(hyperparameters={"n_epochs": 2}),
        Dataset(path="", sha256="", size=0, rows=50, counted=counted),
    )
    assert estimate_of_training(method, "gpt-4.1-mini", EMBEDDED, train).assumes == (
        "1,000,000 tokens × 2 epochs, long rows cut at 65,536 tokens, tools and calls counted as JSON, images not counted; "
        "the embedded backend costs nothing"
    )


def test_dpo_says_what_it_counts():
    estimate = training_estimate(declared(method=Method(type=MethodType.DPO, hyperparameters={"n_epochs": 1})))
    assert estimate.usd == 5.0
    assert "input and both outputs" in estimate.assumes


def test_reinforcement_is_unknown_but_free_where_all_is():
    method = Method(type=MethodType.REINFORCEMENT, grader={})
    assert training_estimate(declared(method=method)).usd is None
    assert training_estimate(declared(method=method)).tokens is None
    assert training_estimate(declared(method=method, backend=EMBEDDED)).usd == 0.0


@pytest.mark.parametrize(
    ("backend", "model", "usd"),
    [(EMBEDDED, "anything", 0.0), (GPU_BOX, MINI, None), (PRICED, "anything", 6.0), (OPENAI, "gpt-9", None),
     (OPENAI, "gpt-4.1", 75.0), (OPENAI, "ft:gpt-4o-mini-2024-07-18:acme:x:1", 9.0)],
)  # fmt: skip
def test_cost_by_backend_and_model(backend, model, usd):
    estimate = training_estimate(declared(backend=backend, model=model))
    assert estimate.usd == usd
    assert estimate.tokens == 3_000_000
    assert "not known" in estimate.assumes or usd is not None


def test_where_a_price_comes_from_is_said():
    assert "embedded backend costs nothing" in training_estimate(declared(backend=EMBEDDED)).assumes
    assert "as the project states" in training_estimate(declared(backend=PRICED)).assumes


def test_inference_prices():
    assert inference_price(MINI, is_tuned=False) == Price(input=0.40, output=1.60)
    assert inference_price("ft:gpt-4.1-mini-2025-04-14:acme:x:1", is_tuned=True) == Price(
        training=5.0, input=0.80, output=3.20
    )
    assert inference_price("gpt-9", is_tuned=False) is None
    assert inference_price(MINI, is_tuned=True, backend=GPU_BOX) is None
    assert inference_price("x", is_tuned=True, backend=PRICED) == PRICED.price
    assert inference_price("x", is_tuned=True, backend=EMBEDDED) == Price(training=0.0, input=0.0, output=0.0)
    only_training = Backend(name="t", type=BackendType.OPENAI, price=Price(training=1.0))
    assert inference_price(MINI, is_tuned=True, backend=only_training) is None
    assert inference_price(MINI, is_tuned=False, backend=OPENAI) == Price(input=0.40, output=1.60)


def test_a_stated_price_without_training_is_unknown():
    backend = Backend(name="t", type=BackendType.OPENAI, price=Price(input=1.0))
    assert training_price(MINI, backend) is None


def test_an_estimate_knows_nothing_by_itself():
    assert Estimate() == Estimate(tokens=None, usd=None, seconds=None, assumes="")
