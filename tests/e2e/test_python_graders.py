"""Python graders from the manifest to the ledger: refused, isolated, or run as they are, as a person says each time."""

import json
from typing import Any

import pytest

from conftest import Counted
from sandbox_attacks import why_not_isolated
from scratch_project import GRADER, Scratch, git

REFUSED = why_not_isolated()
BY_FILE = "{type: python, source: {file: graders/exact.py}}"
# A part that asks nobody, beside one that is a program.
MULTI = f"""{{type: multi, calculate_output: "(checked + graded) / 2", graders: {{
        checked: {GRADER.replace("{type", "{name: checked, type", 1)}, graded: {BY_FILE}}}}}"""
EXACT = """\
import pathlib
try:
    pathlib.Path({marker!r}).touch()
except OSError:
    pass


def grade(sample, item):
    return 0.75 * float(sample["output_text"].strip() == item["messages"][-1]["content"])
"""


def evaluations(scratch: Scratch) -> list[dict[str, Any]]:
    text = git(scratch.root, "show", f"ftops-ledger:projects/{scratch.project_name}/fine-tunes/router.json")
    found: list[dict[str, Any]] = json.loads(text)["evaluations"]
    return found


@pytest.mark.skipif(REFUSED is not None, reason=REFUSED or "")
def test_a_python_grader_runs_only_where_a_person_allows_it(scratch: Scratch, asked: Counted) -> None:
    marker = scratch.root.parent / "the-grader-was-here"
    scratch.manifest()
    manifest = scratch.root / "finetunes/router.yaml"
    manifest.write_text(manifest.read_text().replace(GRADER, MULTI))
    scratch.write("finetunes/graders/exact.py", EXACT.format(marker=str(marker)))
    scratch.commit("Grade by a program")

    done = scratch.apply(code=4)
    assert "--allow-python-graders" in done.text
    assert asked.look()["chats"] == 0  # nothing is asked that could not be graded

    scratch.apply("--allow-python-graders")
    (record,) = evaluations(scratch)
    assert record["isolation"] == "isolated"
    assert record.get("error") is None
    assert {item[1] for item in record["items"]} <= {0.0, 0.875}
    assert asked.look()["chats"] == 12
    assert scratch.resolve()

    trial = ("eval", "router", "--model", "gpt-4.1-mini-2025-04-14", "--auto-approve")
    done = scratch.ftops(*trial)
    assert (done.code, "--allow-python-graders" in done.text) == (4, True), done.text
    assert not marker.exists()
    done = scratch.ftops(*trial, "--unsafe-python-graders")
    assert "without isolation" in done.text
    assert marker.exists()
    assert asked.look()["chats"] == 12
