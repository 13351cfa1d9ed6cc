"""What a plan's JSON says of changed data, and what it leaves out."""

from datetime import date

from ftops.domain.dataset_changes import DatasetChange
from ftops.domain.plan import Plan
from ftops.domain.plan_json import plan_to_json
from ftops.domain.pricing import priced_models


def test_a_change_that_cannot_be_told_says_why() -> None:
    change = DatasetChange(
        fine_tune="router", revision="0" * 12, dataset="train", since="1" * 12, unknown="not in git any more"
    )
    plan = Plan(project="p", today=date(2026, 11, 21), commit=None, dataset_changes=(change,))
    (told,) = plan_to_json(plan)["dataset_changes"]
    assert told["unknown"] == "not in git any more"
    assert told["rows"] is None


def test_priced_models_come_cheapest_first() -> None:
    models = priced_models()
    assert models[0] == "gpt-4o-mini-2024-07-18"
    assert len(models) == 4
