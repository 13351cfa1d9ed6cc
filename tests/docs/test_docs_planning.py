"""``docs/planning.md`` is what the planner does: its words are the code's, and what it promises is what the cases show."""

import json
import re
from typing import Any

import pytest
from docs_page import ROOT

from ftops.domain.kept import Rule
from ftops.domain.plan import Reason

PAGE = (ROOT / "docs/planning.md").read_text(encoding="utf-8")
PLANS: list[dict[str, Any]] = [
    json.loads(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "tests/plans").glob("*/plan.json"))
]
KINDS = ("upload", "train", "evaluate", "promote", "cancel", "delete_model", "delete_file", "adopt", "move")


def rows(section: str) -> list[list[str]]:
    """The cells of a section's tables, without their heads."""
    found = re.search(rf"^#+ {re.escape(section)}\n(.*?)(?=^## |^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, section
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [each for n, each in enumerate(cells) if not set("".join(each)) <= set("-| ") and n != 0]


def actions_told() -> set[tuple[str, str]]:
    """Pairs of an action's kind and a reason that the page has rows for; `the same` and `as above` take the row before."""
    told: set[tuple[str, str]] = set()
    for section in ("Renames", "Training", "Evaluations", "Aliases", "Deletions"):
        kind, reasons = "", []
        for row in rows(section):
            if len(row) < 3 or row[0].startswith("rule"):
                continue
            kind = next((word for word in KINDS if re.match(rf"{word}\b", row[1])), kind if "same" in row[1] else "")
            reasons = reasons if "as above" in row[2] else re.findall(r"`(\w+)`", row[2])
            told |= {(kind, reason) for reason in reasons if kind}
    return told


def test_each_reason_has_its_rows_and_no_row_has_another() -> None:
    assert {reason for _, reason in actions_told()} == set(Reason)


def test_what_the_cases_plan_is_what_the_page_says() -> None:
    planned = {(action["kind"], action["reason"]) for plan in PLANS for action in plan.get("actions", ())}
    told = actions_told()
    assert planned - told == set(), "planned in tests/plans, but in no row"
    assert told - planned == set(), "told, but shown by no case of tests/plans"


def test_each_guard_has_its_row_and_a_case() -> None:
    shown = {refusal["guard"] for plan in PLANS for refusal in plan.get("refusals", ())}
    told = {word for row in rows("What guards take away") for word in re.findall(r"refused \(`(\w+)`\)", row[1])}
    assert told == shown


def test_each_rule_that_keeps_a_model_has_its_row_and_a_case() -> None:
    told = {row[0].strip("`") for row in rows("Deletions") if len(row) == 2}
    assert told - {"rule"} == set(Rule)
    assert {each["rule"] for plan in PLANS for each in plan.get("kept", ())} == set(Rule)


@pytest.mark.parametrize("part", [row[0].strip("`") for row in rows("What is not an action")])
def test_each_part_of_a_plan_is_in_its_schema(part: str) -> None:
    schema = json.loads((ROOT / "schemas/plan.v1.json").read_text(encoding="utf-8"))
    assert part in schema["properties"]


def test_the_cases_that_the_page_names_are_there() -> None:
    named = re.findall(r"`(tests/plans/[\w-]+)`", PAGE)
    assert named
    assert [name for name in named if not (ROOT / name / "plan.json").is_file()] == []
