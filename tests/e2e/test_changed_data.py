"""Data that changed since it was trained on: plans and applies say what changed, read from the real git history."""

import json

from scratch_project import Scratch, rows


def test_plan_and_apply_say_what_changed_in_the_data(scratch: Scratch) -> None:
    scratch.manifest(validation="{fraction: 0.2, seed: 7}")
    scratch.commit()
    assert "data since revision" not in scratch.apply("--auto-approve").out
    revision = scratch.revision()
    lines = rows(0, 60).splitlines(keepends=True)
    scratch.write("finetunes/data/train.jsonl", "".join(lines[3:]) + rows(400, 7))
    scratch.commit("Other data")
    found = json.loads(scratch.ftops("plan", "--json").out)["dataset_changes"]
    assert [one["dataset"] for one in found] == ["train", "validation"]
    assert sum(one["rows"]["added"] for one in found) == 7
    assert sum(one["rows"]["removed"] for one in found) == 3
    applied = scratch.apply("--auto-approve", "--no-wait", code=8)
    assert f"train data since revision {revision}: +" in applied.out
    assert f"validation data since revision {revision}: +" in applied.out
