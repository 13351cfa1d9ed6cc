"""Findings, from the check to apply: told before anything is approved, and in the way where they are errors."""

import json

from conftest import Counted
from scratch_project import Scratch


def test_findings_from_the_check_to_apply(scratch: Scratch, asked: Counted) -> None:
    # The rows of a scratch project differ in a number alone, which is what D102 is about.
    assert "near-duplicate-example" in scratch.ftops("data", "check", "finetunes/data/train.jsonl").out
    planned = json.loads(scratch.ftops("plan", "--json").out)
    lines = {
        one["code"]: one["lines"][:2] for one in planned["findings"] if one["file"] == "finetunes/data/train.jsonl"
    }
    assert lines["D102"] == [4, 5]
    assert "I want my money back" not in json.dumps(planned)

    manifest = scratch.root / "finetunes/router.yaml"
    text = manifest.read_text(encoding="utf-8")
    strict = text.replace("train.jsonl}", "train.jsonl, checks: {D102: error}}")
    scratch.write("finetunes/router.yaml", strict)
    scratch.commit()
    for command in (["validate"], ["plan"], ["apply", "--auto-approve"]):
        done = scratch.ftops(*command)
        assert (done.code, "D102" in done.text) == (2, True), done.text
    assert asked.look()["jobs"] == 0

    scratch.ftops("data", "check", "--baseline", "finetunes/known.json", "--write-baseline")
    scratch.write("finetunes/router.yaml", strict.replace("error}", "error}, baseline: known.json"))
    scratch.commit()
    applied = scratch.apply()
    assert "Found in the data:" not in applied.out
    assert asked.look()["jobs"] == 1
    assert json.loads(scratch.ftops("plan", "--json").out)["findings"] == []
