"""The quick look and the slow one agree, whatever the bytes; sound rows come out as they went in."""

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.datasets.checks import CHECKS, CheckSettings
from ftops.datasets.decoding import Decoded, decode_rows, look_at_line, recognised_use
from ftops.datasets.findings import FindingList
from ftops.datasets.formats import Demands, Use, row_findings
from ftops.datasets.parsing import parse_object
from ftops.datasets.rows import ChatRow, FreeRow, ItemRow, PreferenceRow
from ftops.domain.foreign_text import visible
from mutated_rows import ANSWER, CALLING, PAIR, PLAIN, PROMPT, SEEDS, TOOLED, TOOLS, USER, mutated

DEMANDS = Demands(item_paths=("answer",))


def decoded(
    data: bytes, use: Use = Use.SUPERVISED, demands: Demands = DEMANDS
) -> tuple[Decoded, list[tuple[int, str]]]:
    findings = FindingList(file="d.jsonl")
    rows = decode_rows(data, 1, use, findings, demands)
    groups = findings.groups(CheckSettings())
    return rows, sorted((found.line, found.code) for group in groups for found in group.shown)


def line(row: Any) -> bytes:
    return json.dumps(row).encode() + b"\n"


def test_sound_rows_come_out_in_their_types():
    rows, found = decoded(line(PLAIN) + line(TOOLED))
    assert found == []
    assert all(type(row) is ChatRow for row in rows.rows)
    assert (list(rows.lines), rows.raws) == ([1, 2], [line(PLAIN)[:-1], line(TOOLED)[:-1]])
    assert json.loads(bytes(rows.rows[1].tools)) == TOOLS
    assert type(decoded(line(PAIR), Use.DPO)[0].rows[0]) is PreferenceRow
    for use in (Use.REINFORCEMENT, Use.EVALUATION):
        (row,) = decoded(line(PROMPT), use)[0].rows
        assert isinstance(row, ItemRow)
        assert row.item == PROMPT
    assert decoded(line({"q": 1}), Use.FREE)[0].rows == [FreeRow({"q": 1})]
    assert list(decoded(b"")[0].rows) == []


def test_rows_that_nothing_but_advice_is_found_in_stay():
    nulls = {**PLAIN, "messages": [{**one, "tool_calls": None, "function_call": None} for one in PLAIN["messages"]]}
    data = line({**PLAIN, "id": 7}) + line(nulls) + line(PLAIN)[:-1]
    rows, found = decoded(data)
    assert found == [(1, "D023")]
    assert rows.rows == decoded(line(PLAIN) * 3)[0].rows
    wide = {**PAIR, "id": 7, "input": {**PAIR["input"], "more": 1}}
    rows, found = decoded(line(wide), Use.DPO)
    assert found == [(1, "D023"), (1, "D023")]
    assert rows.rows == decoded(line(PAIR), Use.DPO)[0].rows
    null = {**wide, "preferred_output": [{**ANSWER, "name": None, "tool_call_id": None}]}
    assert decoded(line(null), Use.DPO) == (Decoded(rows.rows, [1], [line(null)[:-1]]), found)
    null = {**PAIR, "preferred_output": [{**ANSWER, "tool_call_id": None}]}
    assert decoded(line(null), Use.EVALUATION)[0].rows == rows.rows
    null = {"messages": [{**USER, "tool_calls": None}], "answer": 3}
    assert decoded(line(null), Use.EVALUATION)[0].rows[0].asked.messages[0].content == "q"
    assert decoded(line({**PLAIN, "functions": None})) == (decoded(line(PLAIN))[0].__class__(
        decoded(line(PLAIN))[0].rows, [1], [line({**PLAIN, "functions": None})[:-1]]), [])  # fmt: skip


def test_wrong_rows_are_left_out_with_their_lines():
    data = line(PLAIN) + b"\n" + line({"messages": []}) + line(PLAIN)
    rows, found = decoded(data)
    assert (list(rows.lines), len(rows.rows)) == ([1, 4], 2)
    assert found == [(2, "D007"), (3, "D026")]
    warned = {**TOOLED, "messages": [USER, CALLING, USER, ANSWER]}
    rows, found = decoded(line(warned))
    assert (len(rows.rows), found) == (1, [(1, "D049")])


def test_two_rows_in_one_line_and_one_in_two_are_seen():
    half = line(PLAIN)
    cut = half.index(b'"messages"')
    data = half[:-1] + half + half[:cut] + b"\n" + half[cut:]
    assert [code for _, code in decoded(data)[1]] == ["D008", "D009", "D008"]


def test_deep_nesting_is_found_wherever_it_stands():
    deep = b"[" * 100_000 + b"]" * 100_000
    assert decoded(b'{"messages": ' + deep + b"}\n")[1] == [(1, "D013")]
    assert decoded(line(PLAIN)[:-2] + b', "tools": ' + deep + b"}\n")[1] == [(1, "D013")]
    assert decoded(b'{"q": ' + deep + b"}\n", Use.FREE)[1] == [(1, "D013")]


@pytest.mark.parametrize("use", list(Use))
def test_nesting_at_the_very_limit_is_no_surprise(use):
    # Each look decodes from its own depth of calls, so that one may fail where another one doesn't.
    for depth in range(max(1, sys.getrecursionlimit() - 200), sys.getrecursionlimit() + 5):
        deep = b"[" * depth + b"]" * depth
        null = {**SEEDS[use][0], "messages": [{**USER, "tool_calls": None}, {**ANSWER, "tool_call_id": None}]}
        for row in (SEEDS[use][0], null):
            for key in (b"x", b"tools"):
                rows, found = decoded(line(row)[:-2] + b', "' + key + b'": ' + deep + b"}\n", use)
                assert len(rows.rows) + any(CHECKS[code].is_format for _, code in found) == 1


@pytest.mark.parametrize(
    ("row", "use"),
    [
        (PLAIN, Use.SUPERVISED),
        (PROMPT, Use.REINFORCEMENT),
        (PAIR, Use.DPO),
        ({"prompt": "p", "completion": "c"}, None),
        ({"q": 1}, None),
        ([], None),
        ({"messages": 3}, Use.SUPERVISED),
        ({"messages": [{"role": "usr"}]}, Use.SUPERVISED),
    ],
)
def test_the_use_is_recognised_by_the_keys(row, use):
    assert recognised_use(line(row)) is use


@pytest.mark.parametrize("use", list(Use))
@given(st.data())
@settings(max_examples=150)
def test_both_looks_agree_on_mutated_rows(use, data):
    raw = data.draw(mutated(use))
    rows, found = decoded(raw + b"\n", use)
    parsed = parse_object(raw, is_terminated=True)
    slow = [parsed] if not isinstance(parsed, dict) else list(row_findings(parsed, use, DEMANDS))
    assert found == sorted((1, one.code) for one in slow)[: len(found)]
    assert len(rows.rows) == (not any(CHECKS[one.code].is_format for one in slow))
    assert all(visible(said) == said for one in slow for said in (one.says, one.hint or ""))
    assert [one.code for one in look_at_line(raw, use, DEMANDS, is_terminated=True)[1]] == [one.code for one in slow]
    if rows.rows and isinstance(rows.rows[0], ChatRow):
        again = msgspec.json.encode(rows.rows[0].messages)
        assert len(json.loads(again)) == len(parsed["messages"])


@given(
    st.lists(
        st.sampled_from([line(PLAIN), line(TOOLED), b"\n", line({"messages": []}), line({**PLAIN, "id": 1})]),
        max_size=6,
    )
)
def test_many_rows_are_looked_at_as_one_by_one(pieces):
    rows, found = decoded(b"".join(pieces))
    apart = [decoded(piece) for piece in pieces]
    assert list(rows.lines) == [number for number, (one, _) in enumerate(apart, start=1) if one.rows]
    assert [row for one, _ in apart for row in one.rows] == list(rows.rows)
    expected = sorted((number, code) for number, (_, codes) in enumerate(apart, start=1) for _, code in codes)
    assert found == [one for one in expected if one in found]
    assert {code for _, code in found} == {code for _, code in expected}
