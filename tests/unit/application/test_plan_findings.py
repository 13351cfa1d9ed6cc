"""What a plan tells of the data that it would train on: nothing that quotes a row, and nothing where it trains nothing."""

import dataclasses
import json

import pytest

from apply_world import World
from ftops.application.data_reviews import Review
from ftops.application.plan_findings import with_findings
from ftops.application.saved_plan import plan_now
from ftops.cli.render_text import render_plan
from ftops.datasets.checks import CHECKS, Level
from ftops.datasets.findings import FindingGroup, Found
from ftops.domain.dataset_findings import DatasetFinding
from ftops.domain.plan_json import plan_to_json
from ftops.errors import Invalid


def group(code: str, level: Level, *lines: int) -> FindingGroup:
    shown = tuple(Found(code=code, line=line, says="says 'a secret'") for line in lines)
    return FindingGroup(file="data/a.jsonl", check=CHECKS[code], level=level, kind="a secret", count=7, shown=shown)


def workspace_with(*groups: FindingGroup):
    asked = []

    def review(fine_tunes):
        asked.append([one.name for one in fine_tunes])
        return Review(groups=groups)

    return dataclasses.replace(World().workspace(), review=review), asked


def test_findings_of_planned_trainings_without_what_rows_say() -> None:
    workspace, asked = workspace_with(group("D101", Level.WARNING, 4, 9), group("D062", Level.ADVICE, 0))
    plan = plan_now(workspace)
    assert asked == [[action.fine_tune for action in plan.actions if action.fine_tune][:1]]
    assert plan.findings == (
        DatasetFinding(
            file="data/a.jsonl", code="D101", name="duplicate-example", level="warning", count=7, lines=(4, 9)
        ),
        DatasetFinding(file="data/a.jsonl", code="D062", name="rather-few-rows", level="advice", count=7, lines=(0,)),
    )
    data = plan_to_json(plan)
    assert data["findings"][0] == {
        "file": "data/a.jsonl",
        "code": "D101",
        "name": "duplicate-example",
        "level": "warning",
        "count": 7,
        "lines": [4, 9],
    }
    assert "secret" not in json.dumps(data)


def test_errors_keep_data_from_being_used() -> None:
    workspace, _ = workspace_with(group("D101", Level.ERROR, 4), group("D060", Level.ERROR, 0))
    with pytest.raises(Invalid) as caught:
        plan_now(workspace)
    assert [problem.line for problem in caught.value.problems] == [4, 4]
    assert "(D101)" in str(caught.value.problems[0])  # that rows are few, manifests are told


def test_a_plan_that_trains_nothing_looks_at_nothing() -> None:
    workspace, asked = workspace_with(group("D101", Level.ERROR, 4))
    empty = dataclasses.replace(plan_now(World().workspace()), actions=())
    assert with_findings(workspace, empty) is empty
    assert asked == []


def test_the_text_of_a_plan_has_warnings_and_counts_advice() -> None:
    groups = (
        group("D101", Level.WARNING, 4, 9),
        dataclasses.replace(group("D113", Level.WARNING, 0), count=1),
        group("D062", Level.ADVICE, 0),
    )
    workspace, _ = workspace_with(*(dataclasses.replace(one, file="data/\x1b.jsonl") for one in groups))
    lines = render_plan(plan_now(workspace)).split("\n")
    at = lines.index("Found in the data:")
    assert lines[at + 1 : at + 5] == [
        "  ! data/\\x1b.jsonl:4: D101 duplicate-example, 7 rows",
        "  ! data/\\x1b.jsonl: D113 prompt-mismatch",
        "  7 pieces of advice: ftops data check tells",
        "",
    ]
    workspace, _ = workspace_with(dataclasses.replace(group("D062", Level.ADVICE, 0), count=1))
    assert "  1 piece of advice: ftops data check tells" in render_plan(plan_now(workspace))
