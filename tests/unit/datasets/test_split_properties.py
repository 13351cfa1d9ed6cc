"""What the split promises of any rows: a part depends on the first user message, the seed and the fraction alone."""

import io
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.datasets.formats import Use
from ftops.datasets.reading import Scan, scan
from ftops.datasets.split import part_of, split_key
from ftops.domain.manifest import Split

TEXTS = st.lists(
    st.sampled_from(["a b", "A, b!", "c", "C?", "d", "é", "É", "ß", "SS", "?!", ""]), min_size=1, max_size=12
)
SPLITS = st.builds(Split, fraction=st.sampled_from([0.1, 0.3, 0.5, 0.9]), seed=st.integers(0, 99))


def chat(text: str, answer: str = "x") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


def data(rows: list[dict[str, Any]], end: str = "\n") -> bytes:
    return "".join(json.dumps(row) + end for row in rows).encode()


def divided(content: bytes, split: Split) -> Scan:
    return scan(io.BytesIO(content), path="x.jsonl", use=Use.SUPERVISED, split=split)


def parts(content: bytes, split: Split) -> list[tuple[str, int]]:
    return [(part.sha256, part.rows) for part in divided(content, split).parts]


@given(TEXTS, TEXTS, SPLITS)
@settings(max_examples=50)
def test_appending_moves_no_row(texts: list[str], more: list[str], split: Split) -> None:
    before = [part_of(chat(text), split) for text in texts]
    after = [part_of(chat(text), split) for text in [*texts, *more]]
    assert after[: len(before)] == before
    sizes, grown = parts(data([chat(t) for t in texts]), split), parts(data([chat(t) for t in [*texts, *more]]), split)
    assert all(new >= old for (_, old), (_, new) in zip(sizes, grown, strict=True))


@given(TEXTS, SPLITS, st.integers(0, 9))
@settings(max_examples=50)
def test_order_moves_no_row(texts: list[str], split: Split, seed: int) -> None:
    shuffled = random.Random(seed).sample(texts, len(texts))
    counts = [rows for _, rows in parts(data([chat(t) for t in texts]), split)]
    assert [rows for _, rows in parts(data([chat(t) for t in shuffled]), split)] == counts


@given(TEXTS, SPLITS)
@settings(max_examples=50)
def test_line_ends_change_nothing(texts: list[str], split: Split) -> None:
    rows = [chat(text) for text in texts]
    unix = parts(data(rows), split)
    assert parts(data(rows, "\r\n"), split) == unix
    assert parts(data(rows).removesuffix(b"\n"), split) == unix


@given(TEXTS, SPLITS)
@settings(max_examples=50)
def test_every_row_is_in_one_part_and_equal_keys_in_the_same(texts: list[str], split: Split) -> None:
    rows = [chat(text, answer) for text in texts for answer in ("x", "y")]
    assert sum(count for _, count in parts(data(rows), split)) == len(rows)
    by_key: dict[str, set[str]] = {}
    for text in texts:
        key = split_key(chat(text))
        if not key.startswith("{"):  # a text without letters has the whole row as its key
            by_key.setdefault(key, set()).update(part_of(chat(text, answer), split) for answer in ("x", "y"))
    assert all(len(found) == 1 for found in by_key.values())


@given(st.lists(st.sampled_from(["go on", "why?", "and then"]), max_size=4), SPLITS)
@settings(max_examples=50)
def test_conversations_with_one_beginning_stay_together(turns: list[str], split: Split) -> None:
    messages: list[dict[str, Any]] = [{"role": "system", "content": "s"}, {"role": "user", "content": "Where is it?"}]
    first = part_of({"messages": [*messages, {"role": "assistant", "content": "a"}]}, split)
    for turn in turns:
        messages += [{"role": "assistant", "content": "well"}, {"role": "user", "content": turn}]
    assert part_of({"messages": [*messages, {"role": "assistant", "content": "b"}]}, split) == first


def test_about_the_fraction_is_taken() -> None:
    taken = sum(part_of(chat(f"question {n}"), Split(fraction=0.2, seed=3)) == "validation" for n in range(5_000))
    assert 900 <= taken <= 1_100  # 3.5 standard deviations of a fair draw


def test_more_is_taken_without_giving_any_back() -> None:
    rows = [chat(f"question {n}") for n in range(500)]
    small = {n for n, row in enumerate(rows) if part_of(row, Split(fraction=0.1, seed=5)) == "validation"}
    large = {n for n, row in enumerate(rows) if part_of(row, Split(fraction=0.3, seed=5)) == "validation"}
    assert small < large
