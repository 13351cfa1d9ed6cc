"""That a field which gets lost is noticed, whatever object it is of."""

import json
from typing import Any

import pytest
from fields import FIELDS, lost_fields

JOB = dict.fromkeys(FIELDS["fine_tuning.job"].split()) | {"object": "fine_tuning.job"}


@pytest.mark.parametrize("label", [each for each in FIELDS if FIELDS[each]])
def test_each_field_is_missed(label: str) -> None:
    kind = label.removesuffix(" deleted")
    names = FIELDS[label].split()
    is_an_object = "object" in names and not label.startswith("get ") and label != "batch.errors"
    whole: dict[str, Any] = dict.fromkeys(names) | ({"object": kind} if is_an_object else {})
    assert list(lost_fields(whole, label)) == []
    for name in names:
        if name == "deleted" or (name == "object" and is_an_object):
            continue  # by which its kind is known
        rest = {each: value for each, value in whole.items() if each != name}
        assert list(lost_fields(rest, label)) == [f"{label}.{name} is missing"]


def test_objects_inside_others_are_looked_at() -> None:
    page = {"object": "list", "data": [JOB, {**JOB, "error": {"code": None, "message": None}}], "has_more": False}
    assert list(lost_fields(page, "get /fine_tuning/jobs")) == ["fine_tuning.job.error.param is missing"]
    upload = dict.fromkeys(FIELDS["upload"].split()) | {"object": "upload", "file": {"object": "file"}}
    assert "file.bytes is missing" in list(lost_fields(upload, "post /uploads"))
    assert next(iter(lost_fields({"error": {"message": "x"}}, "get /files"))) == "refusal.error.type is missing"


def test_what_nobody_knows_is_told() -> None:
    unknown = "nobody has said which fields it has"
    assert list(lost_fields({"object": "colour"}, "get /files")) == [f"colour: {unknown}"]
    assert list(lost_fields({**JOB, "shade": {}}, None)) == [f"fine_tuning.job.shade: {unknown}"]
    assert list(lost_fields({**JOB, "metadata": {"mine": "own"}}, None)) == []
    assert next(iter(lost_fields(json.loads('{"reward": 1}'), "get /models"))) == "get /models.object is missing"
