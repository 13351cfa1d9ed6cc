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
    return 0.1 * float(sample["output_text"].strip() == item["messages"][-1]["content"])
"""


def evaluations(scratch: Scratch) -> list[dict[str, Any]]:
    text = git(scratch.root, "show", f"ftops-ledger:projects/{scratch.project_name}/fine-tunes/router.json")
    found: list[dict[str, Any]] = json.loads(text)["evaluations"]
    return found


@pytest.mark.skipif(REFUSED is not None, reason=REFUSED or "")
def test_a_python_grader_runs_only_where_a_person_allows_it(scratch: Scratch, asked: Counted) -> None:
    marker = scratch.root.parent / "the-grader-was-here"
    source = EXACT.format(marker=str(marker))
    scratch.manifest()
    manifest = scratch.root / "finetunes/router.yaml"
    manifest.write_text(manifest.read_text().replace(GRADER, MULTI))
    scratch.write("finetunes/graders/exact.py", source)
    scratch.commit("Grade by a program")

    assert scratch.ftops("validate").code == 0
    done = scratch.apply(code=4)
    assert "--allow-python-graders" in done.text
    assert asked.look()["chats"] == 0  # nothing is asked that could not be graded

    scratch.apply("--allow-python-graders", code=4)  # the gate asks for 0.6, and this program is strict
    (record,) = evaluations(scratch)
    assert record["isolation"] == "isolated"
    assert record.get("error") is None
    assert {item[1] for item in record["items"]} <= {0.0, 0.55}
    assert asked.look()["chats"] == 12

    scratch.write("finetunes/graders/exact.py", source.replace("0.1 *", "0.75 *"))
    scratch.commit("Grade otherwise")
    assert "1 to evaluate" in scratch.plan(code=3).out
    assert not marker.exists()
    scratch.apply("--unsafe-python-graders")
    assert marker.exists()
    assert asked.look()["chats"] == 0  # kept outputs are graded again
    newest = evaluations(scratch)[-1]
    assert newest["isolation"] == "none"
    assert {item[1] for item in newest["items"]} <= {0.0, 0.875}
    assert scratch.resolve()


def test_a_source_outside_the_project_or_without_grade_is_refused(scratch: Scratch) -> None:
    scratch.manifest()
    manifest = scratch.root / "finetunes/router.yaml"
    for file, expected in (("../../outside.py", "inside the project"), ("graders/empty.py", "grade(sample, item)")):
        scratch.write("finetunes/graders/empty.py", "x = 1\n")
        (scratch.root.parent / "outside.py").write_text("def grade(sample, item): return 1.0\n")
        scratch.manifest()
        manifest.write_text(
            manifest.read_text().replace(GRADER, "{type: python, source: {file: FILE}}".replace("FILE", file))
        )
        done = scratch.ftops("validate")
        assert (done.code, expected in done.text) == (2, True), done.text


@pytest.mark.skipif(REFUSED is not None, reason=REFUSED or "")
def test_eval_runs_python_graders_too(scratch: Scratch) -> None:
    scratch.manifest()
    manifest = scratch.root / "finetunes/router.yaml"
    manifest.write_text(manifest.read_text().replace(GRADER, BY_FILE))
    scratch.write("finetunes/graders/exact.py", "def grade(sample, item):\n    return 1.0\n")
    refused = scratch.ftops("eval", "router", "--model", "gpt-4.1-mini-2025-04-14", "--auto-approve")
    assert (refused.code, "--allow-python-graders" in refused.text) == (4, True), refused.text
    done = scratch.ftops(
        "eval", "router", "--model", "gpt-4.1-mini-2025-04-14", "--auto-approve", "--allow-python-graders"
    )
    assert (done.code, "12 of 12" in done.text) == (0, True), done.text
