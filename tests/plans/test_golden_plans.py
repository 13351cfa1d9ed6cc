"""Every folder beside this file is a case: ``README.md`` says how to read and renew it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plan_cases import brief, read_case

HERE = Path(__file__).parent
CASES = sorted(path.name for path in HERE.iterdir() if (path / "desired.yaml").exists())
SCHEMA = json.loads((HERE.parent.parent / "schemas" / "plan.v1.json").read_text(encoding="utf-8"))
SAYS_WHY = ("notices", "deferred", "refusals", "blockers", "withheld", "kept")


def test_there_are_cases() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("name", CASES)
def test_golden_plan(name: str) -> None:
    plan = read_case(HERE / name).plan()
    golden = HERE / name / "plan.json"
    if os.environ.get("FTOPS_REGENERATE_PLANS"):
        assert not os.environ.get("CI"), "golden plans are renewed by people, who read the difference"
        golden.write_text(json.dumps(brief(plan), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert brief(plan) == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_every_plan_fits_its_schema(name: str) -> None:
    plan = read_case(HERE / name).plan()
    if "run_refused" not in plan:
        problems = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(SCHEMA).iter_errors(plan)]
        assert not problems


@pytest.mark.parametrize("name", CASES)
def test_actions_stand_behind_what_they_wait_for(name: str) -> None:
    plan = read_case(HERE / name).plan()
    seen: set[str] = set()
    for action in plan.get("actions", ()):
        assert seen.issuperset(action["after"])
        assert action["id"] not in seen
        seen.add(action["id"])


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("nothing-")])
def test_a_case_in_which_nothing_is_done_says_why(name: str) -> None:
    plan: dict[str, Any] = read_case(HERE / name).plan()
    assert plan.get("run_refused") or plan["actions"] or any(plan[part] for part in SAYS_WHY)


@pytest.mark.parametrize("name", CASES)
def test_every_case_says_what_it_shows(name: str) -> None:
    assert (HERE / name / "desired.yaml").read_text(encoding="utf-8").startswith("# ")
