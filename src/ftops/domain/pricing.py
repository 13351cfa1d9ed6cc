"""What training and inference cost: a dated price table, and estimates that would rather say unknown than $0.

Owns prices, the rule of thumb for ``n_epochs: auto`` and the estimate of one training. Source of all figures: OpenAI's
published price pages and fine-tuning guide as of ``PRICES_AS_OF``. It asks no backend.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ftops.domain.desired import Dataset, Declared
from ftops.domain.manifest import Backend, Method, MethodType, Price

PRICES_AS_OF: Final = date(2026, 11, 21)
_MILLION: Final = 1_000_000

# USD per million tokens: training, then inference with a fine-tuned model.
_TUNED: Final = {
    "gpt-4.1-2025-04-14": Price(training=25.0, input=3.0, output=12.0),
    "gpt-4.1-mini-2025-04-14": Price(training=5.0, input=0.80, output=3.20),
    "gpt-4o-2024-08-06": Price(training=25.0, input=3.75, output=15.0),
    "gpt-4o-mini-2024-07-18": Price(training=3.0, input=0.30, output=1.20),
}
# USD per million tokens: inference with the model as it is.
_UNTUNED: Final = {
    "gpt-4.1-2025-04-14": Price(input=2.0, output=8.0),
    "gpt-4.1-mini-2025-04-14": Price(input=0.40, output=1.60),
    "gpt-4o-2024-08-06": Price(input=2.50, output=10.0),
    "gpt-4o-mini-2024-07-18": Price(input=0.15, output=0.60),
}
_DATED: Final = {
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
}
_TUNED_ID: Final = re.compile(r"^ft:([^:]+):")


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """What something is expected to take. None is unknown, never zero; ``assumes`` says what the figures rest on."""

    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None
    assumes: str = ""


def epochs_for(rows: int, n_epochs: int | str | None = None) -> int:
    """Gives the number of epochs: the stated one, or what ``auto`` and None come to by the published rule of thumb.

    The rule: 3; under 34 rows 100 // n, at most 25; above 8,333 rows 25,000 // n, at least 1.
    """
    if isinstance(n_epochs, (int, float)):
        return int(n_epochs)
    if rows < 1:
        return 3
    if 3 * rows < 100:
        return min(25, 100 // rows)
    if 3 * rows > 25_000:
        return max(1, 25_000 // rows)
    return 3


def inference_price(model: str, *, is_tuned: bool, backend: Backend | None = None) -> Price | None:
    """Gives USD per million input and output tokens of calling ``model``; None is unknown.

    ``model`` is a base model's name, or an ``ft:`` id, whose base model then counts. A price that the backend states wins;
    a backend of type embedded costs nothing; one with a base URL of its own and no stated price is unknown.
    """
    if backend is not None and (stated := _stated_price(backend)) is not None:
        return stated if stated.input is not None or stated.output is not None else None
    if backend is not None and backend.base_url is not None:
        return None
    return _listed(_TUNED if is_tuned else _UNTUNED, model)


def training_price(model: str, backend: Backend) -> float | None:
    """Gives USD per million trained tokens of ``model`` on ``backend``; None is unknown."""
    if (stated := _stated_price(backend)) is not None:
        return stated.training
    if backend.base_url is not None:
        return None
    listed = _listed(_TUNED, model)
    return None if listed is None else listed.training


def training_estimate(declared: Declared) -> Estimate:
    """Estimates one training of ``declared``: billed tokens (rows cut at the model's limit, × epochs) and USD."""
    return estimate_of_training(
        declared.fine_tune.method, declared.fine_tune.base_model, declared.backend, declared.train
    )


def estimate_of_training(method: Method, base_model: str, backend: Backend, train: Dataset) -> Estimate:
    """Estimates one training on ``train``: billed tokens (rows cut at the model's limit, × epochs) and USD.

    Validation data is free. Reinforcement is billed by the hour and by its grader, so its cost is unknown.
    """
    if method.type is MethodType.REINFORCEMENT and not backend.is_rehearsal:
        return Estimate(assumes="reinforcement is billed by training hour and grader tokens: not known before")
    asked = method.hyperparameters.get("n_epochs")
    epochs = epochs_for(train.rows, asked)
    tokens = train.tokens * epochs
    basis = f"{train.tokens:,} tokens × {epochs} epoch{'' if epochs == 1 else 's'}{_epochs_word(asked)}"
    if method.type is MethodType.DPO:
        basis += ", input and both outputs"
    basis = ", ".join((basis, *train.token_caveats))
    price = training_price(base_model, backend)
    if price is None:
        return Estimate(tokens=tokens, assumes=f"{basis}; the price of {base_model} is not known")
    return Estimate(tokens=tokens, usd=tokens * price / _MILLION, assumes=f"{basis}; {_price_source(backend, price)}")


def priced_models() -> tuple[str, ...]:
    """Gives the base models whose price of training is published, the cheapest first."""
    return tuple(sorted(_TUNED, key=lambda model: (_TUNED[model].training or 0.0, model)))


def _stated_price(backend: Backend) -> Price | None:
    if backend.is_rehearsal:
        return Price(training=0.0, input=0.0, output=0.0)
    return backend.price


def _listed(table: dict[str, Price], model: str) -> Price | None:
    match = _TUNED_ID.match(model)
    name = match.group(1) if match else model
    return table.get(_DATED.get(name, name))


def _epochs_word(asked: Any) -> str:
    return "" if isinstance(asked, (int, float)) else " (auto, by the published rule)"


def _price_source(backend: Backend, price: float) -> str:
    if backend.is_rehearsal:
        return "the embedded backend costs nothing"
    if backend.price is not None:
        return f"${price:g} per million tokens as the project states"
    return f"${price:g} per million tokens as of {PRICES_AS_OF.isoformat()}"
