"""The split rule is part of revisions: its results are written down here and never change."""

import hashlib

import pytest

from ftops.datasets.split import parse_part_name, part_name, part_of, split_key
from ftops.domain.manifest import Split


def chat(text, **more) -> dict:
    return {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": text},
            {"role": "assistant", "content": "a"},
        ],
        **more,
    }


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (chat("Hello, World!"), "helloworld"),
        (chat("  HELLO — world_1 "), "helloworld1"),
        (chat("Straße Ⅳ ﬁ"), "strasseivfi"),
        (chat([{"type": "text", "text": "Hel"}, {"type": "image_url"}, {"type": "text", "text": "lo"}]), "hello"),
        ({"input": {"messages": [{"role": "user", "content": "Why?"}]}, "preferred_output": []}, "why"),
        ({"b": 1, "a": "ä"}, '{"a":"ä","b":1}'),
        ({"a": 2**60}, '{"a":1152921504606846976}'),
        ({"messages": [{"role": "user", "content": "!?"}]}, '{"messages":[{"content":"!?","role":"user"}]}'),
        ({"messages": ["x"]}, '{"messages":["x"]}'),
    ],
)
def test_keys(row, key):
    assert split_key(row) == key


def test_the_rule_as_documented():
    split = Split(fraction=0.3, seed=7)
    for text in ("card arrival", "lost card", "top up", "refund", "atm"):
        first = hashlib.sha256(f"7:{text.replace(' ', '')}".encode()).digest()[:8]
        is_validation = int.from_bytes(first, "big") / 2**64 < 0.3
        assert part_of(chat(text), split) == ("validation" if is_validation else "train")


def test_the_rule_never_changes():
    parts = [part_of(chat(f"question {index}"), Split(fraction=0.2, seed=42)) for index in range(40)]
    assert [index for index, part in enumerate(parts) if part == "validation"] == [0, 2, 5, 9, 14, 15, 16, 18, 27, 35]


def test_near_duplicates_do_not_straddle():
    split = Split(fraction=0.5, seed=1)
    for index in range(50):
        assert part_of(chat(f"Question {index}?"), split) == part_of(chat(f"question  {index}"), split)


def test_names_of_parts():
    split = Split(fraction=0.1, seed=7)
    name = part_name("data/x#y.jsonl", split, "validation")
    assert name == "data/x#y.jsonl#validation[0.1,7]"
    assert parse_part_name(name) == ("data/x#y.jsonl", split, "validation")
    assert parse_part_name(part_name("x", Split(fraction=1e-05, seed=0), "train")) == (
        "x",
        Split(fraction=1e-05, seed=0),
        "train",
    )
    assert parse_part_name("data/x.jsonl") is None
