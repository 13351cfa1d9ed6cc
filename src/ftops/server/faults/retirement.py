"""Which models are gone by now: the fault ``retire``.

Asked where models are looked up, not where requests come in: batches and graders name models too.
"""

import datetime as dt

from ftops.server.errors import ApiError, model_not_available
from ftops.server.faults.book import CURRENT_EXCHANGE, FaultBook
from ftops.server.faults.rules import Retire


class Retirements:
    """Says whether a model is gone. Safe to use from any thread; without a faults file no model is."""

    def __init__(self, book: FaultBook | None = None) -> None:
        self._book = book

    def are_over(self, model: str) -> bool:
        """Whether a base model, or the one that a fine-tune stands on, is gone; counts nothing."""
        return self._rule(model, counts=False)

    def refuse(self, model: str) -> None:
        """``ApiError`` 404 when a model that is to be used is gone."""
        if self._rule(model, counts=True):
            raise ApiError(
                f"The model `{model}` has been deprecated.", status=404, param="model", code="model_not_found"
            )

    def refuse_training(self, model: str) -> None:
        """``ApiError`` 400 when a model that is to be trained is gone."""
        if self._rule(model, counts=True):
            raise model_not_available(model)

    def _rule(self, model: str, *, counts: bool) -> bool:
        if self._book is None:
            return False
        now = dt.datetime.now(dt.UTC)
        for tally in self._book.tallies():
            fault = tally.rule.fault
            if isinstance(fault, Retire) and now >= fault.at and _stands_on(model, fault.model):
                if counts:
                    tally.strike(CURRENT_EXCHANGE.get())
                return True
        return False


def _stands_on(model: str, base: str) -> bool:
    return model == base or model.startswith(f"ft:{base}:")
