"""Data that changed since it was trained on: plans and applies say what changed, read from the real git history."""

import json

from jsonschema import Draft202012Validator

from ftops.adapters.schemas import load_schema
from scratch_project import Scratch, rows


def test_plan_and_apply_say_what_changed_in_the_data(scratch: Scratch) -> None:
    scratch.manifest(validation="{fraction: 0.2, seed: 7}")
    scratch.commit()
    assert "data since revision" not in scratch.apply("--auto-approve").out
    assert b"is cleared" in (scratch.root / ".ftops/cache/verdicts").read_bytes()
    revision = scratch.revision()
    lines = rows(0, 60).splitlines(keepends=True)
    scratch.write("finetunes/data/train.jsonl", "".join(lines[3:]) + rows(400, 7))
    scratch.write("finetunes/data/test.jsonl", rows(1000, 12).partition("\n")[2])
    scratch.commit("Other data")
    plan = json.loads(scratch.ftops("plan", "--json").out)
    Draft202012Validator(load_schema("plan.v1")).validate(plan)
    found = plan["dataset_changes"]
    assert [one["dataset"] for one in found] == ["train", "validation", "evaluation"]
    assert sum(one["rows"]["added"] for one in found[:2]) == 7
    assert sum(one["rows"]["removed"] for one in found[:2]) == 3
    assert found[0]["rows"]["usd"] is None  # nobody said what this server charges
    assert (found[2]["evaluation"], found[2]["rows"]["removed"]) == ("intent", 1)
    kept = scratch.root / ".ftops/cache/differences"
    assert kept.exists()
    assert not any(label.encode() in kept.read_bytes() for label in ("I want", "my bank"))
    assert json.loads(scratch.ftops("plan", "--json").out) == plan
    applied = scratch.apply("--auto-approve", "--no-wait", code=8)
    assert f"train data since revision {revision}: +" in applied.out
    assert f"validation data since revision {revision}: +" in applied.out
    assert f"its data since revision {revision}: +0 −1 ~0 rows" in applied.out
