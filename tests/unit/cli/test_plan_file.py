"""Saved plans as files: they remember what was asked for, and nothing else can be asked for beside them."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from apply_world import World
from ftops.cli.main import run
from ftops.cli.options import Selection
from ftops.cli.plan_file import plan_data, read_approval, read_plan, read_plan_file
from ftops.errors import UsageProblem

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "plan.v1.json").read_text(encoding="utf-8"))
ALL = Selection()
SOME = Selection(targets=("router-*",), labels=("team=support",))


def saved(tmp_path: Path, data: Any) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize(("selection", "backend"), [(ALL, None), (SOME, None), (ALL, "embedded"), (SOME, "embedded")])
def test_a_file_remembers_what_its_plan_was_asked_for_with(
    tmp_path: Path, selection: Selection, backend: str | None
) -> None:
    data = plan_data(World().plan(), selection, backend)
    assert not list(Draft202012Validator(SCHEMA).iter_errors(data))
    assert ("selection" in data) == ((selection, backend) != (ALL, None))
    path = saved(tmp_path, data)
    for given in ((ALL, None), (selection, backend)):
        found = read_plan_file(path, selection=given[0], backend=given[1])
        assert (found.selection, found.backend, found.plan) == (selection, backend, json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("selection", "backend"),
    [(Selection(targets=("other",)), None), (ALL, "embedded"), (Selection(excluded=("x",)), None)],
)
def test_other_words_beside_a_plan_are_refused(tmp_path: Path, selection: Selection, backend: str | None) -> None:
    path = saved(tmp_path, plan_data(World().plan(), SOME, None))
    with pytest.raises(UsageProblem, match="is applied to what it was made for"):
        read_plan_file(path, selection=selection, backend=backend)


@pytest.mark.parametrize(
    "data",
    [
        [],
        "plan",
        {"selection": 7},
        {"selection": {"targets": "router"}},
        {"selection": {"labels": [1]}},
        {"selection": {"backend": ["embedded"]}},
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, data: Any) -> None:
    with pytest.raises(UsageProblem, match="is no saved plan"):
        read_plan_file(saved(tmp_path, data), selection=ALL, backend=None)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(UsageProblem, match="is no saved plan"):
        read_plan_file(path, selection=ALL, backend=None)


def test_what_was_approved_is_read_from_several_plans(tmp_path: Path) -> None:
    plan = plan_data(World().plan(), ALL, None)
    approval = read_approval([saved(tmp_path, plan), saved(tmp_path, plan)])
    assert approval is not None
    assert approval.projects == {"acme"}
    assert read_approval([]) is None
    assert read_approval([tmp_path]) == read_approval([tmp_path / "plan.json"])
    (tmp_path / "empty").mkdir()
    nothing = read_approval([tmp_path / "empty"])
    assert nothing is not None
    assert nothing.excess(World().plan())
    assert read_plan(tmp_path / "plan.json").project == "acme"


@pytest.mark.parametrize("price", ["1e999", "NaN", "Infinity", "-1", '"0"'])
def test_nobody_approved_a_price_without_bounds(tmp_path: Path, price: str) -> None:
    text = json.dumps(plan_data(World().plan(), ALL, None)).replace('"usd": 0.', f'"usd": {price}, "was": 0.', 1)
    assert price in text
    path = tmp_path / "plan.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageProblem, match="is no saved plan"):
        read_approval([path])


@pytest.mark.parametrize("data", [{}, [], {"format_version": "1", "actions": [], "deferred": []}])
def test_what_is_no_plan_approves_nothing(tmp_path: Path, data: Any) -> None:
    with pytest.raises(UsageProblem, match="is no saved plan"):
        read_approval([saved(tmp_path, data)])


@pytest.mark.parametrize(("words", "says"), [(["--continue"], "begins nothing"), (["PLAN"], "carried out as it is")])
def test_an_approval_goes_with_a_plan_that_is_made_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    path = str(saved(tmp_path, plan_data(World().plan(), ALL, None)))
    assert run(["apply", "--approved", path, *(path if word == "PLAN" else word for word in words)]) == 2
    assert says in capsys.readouterr().err
