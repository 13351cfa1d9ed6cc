"""The container of weights: whole, damaged, and hostile."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from style_task import ASKED, rows

from ftops.server.engines.interface import TrainingDiverged
from ftops.server.engines.linear.weights import LAYOUT, MAGIC, _digest, dump, parse
from learning import ENGINE, TRAIN_FORMS, chat, label_rows, train


@pytest.fixture(scope="module")
def data():
    return train(rows(ASKED)[:12], method="dpo", parent=train(label_rows(TRAIN_FORMS[:1])))


def sealed(content):
    return MAGIC + _digest(content) + content


def unsealed(data):
    """Gives the header and the bodies of the arrays."""
    content = data[len(MAGIC) + 16 :]
    length = struct.unpack_from("<I", content)[0]
    header, body = json.loads(content[4 : 4 + length]), content[4 + length :]
    arrays, place = {}, 0
    for (name, kind), shape in zip(LAYOUT.items(), header["shapes"], strict=True):
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(body, kind, count, place).reshape(shape).copy()
        place += arrays[name].nbytes
    return header["replies"], arrays


def packed(replies, arrays, shapes=None, tail=b""):
    shapes = shapes or [list(array.shape) for array in arrays.values()]
    header = json.dumps({"replies": replies, "shapes": shapes}).encode()
    body = b"".join(array.tobytes() for array in arrays.values())
    return sealed(struct.pack("<I", len(header)) + header + body + tail)


def test_what_is_dumped_is_parsed_to_the_same(data):
    assert dump(parse(data)) == data
    assert parse(packed(*unsealed(data))).replies == parse(data).replies


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e31, 1e300])
def test_what_is_no_weight_is_not_dumped(data, value):
    weights = parse(data)
    dense = weights.dense.astype(np.float64)
    dense[0, 0] = value
    with pytest.raises(TrainingDiverged):
        dump(replace(weights, dense=dense))


@pytest.mark.parametrize("cut", [0, 3, 12, 26, 28, 400])
def test_cut_bytes_are_refused(data, cut):
    with pytest.raises(ValueError):
        ENGINE.load("gpt-4o", data[:cut])


def test_any_flipped_byte_is_noticed(data):
    for place in range(0, len(data), len(data) // 97):
        damaged = bytearray(data)
        damaged[place] ^= 0x40
        with pytest.raises(ValueError, match="damaged"):
            parse(bytes(damaged))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"replies": 5, "shapes": []}',
        b'{"replies": [], "shapes": [[1]]}',
        b'{"replies": [], "shapes": [["x"]]}',
        b'{"replies": [], "shapes": [[1e999]]}',
        b"[" * 200_000,
    ],
)
def test_malformed_headers_are_refused(header):
    with pytest.raises(ValueError, match="header"):
        parse(sealed(struct.pack("<I", len(header)) + header))


@pytest.mark.parametrize(
    "reply",
    [
        5,
        "nonsense",
        "[]",
        '{"content":5}',
        '{"content":"b", "a":1}',
        '{"content":"x","tool_calls":[{"function":"f"}]}',
        '{"content":"x","refusal":5}',
    ],
)
def test_malformed_replies_are_refused(data, reply):
    replies, arrays = unsealed(data)
    with pytest.raises(ValueError, match="header"):
        parse(packed([reply, *replies[1:]], arrays))
    with pytest.raises(ValueError, match="header"):
        parse(packed([replies[1], *replies[1:]], arrays))


def test_shapes_must_fit_the_body(data):
    replies, arrays = unsealed(data)
    shapes = [list(array.shape) for array in arrays.values()]
    with pytest.raises(ValueError, match="longer"):
        parse(packed(replies, arrays, tail=b"more"))
    for bad in (-1, 10**30):
        with pytest.raises(ValueError, match="fit"):
            parse(packed(replies, arrays, shapes=[[bad], *shapes[1:]]))


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("hashes", 0, 7),
        ("hashes", 2, 1),
        ("idf", 1, np.nan),
        ("dense", 0, np.inf),
        ("memory_starts", 0, 1),
        ("memory_starts", 1, 10**9),
        ("memory_starts", -1, 3),
        ("memory_columns", 0, -1),
        ("memory_columns", 0, 10**9),
        ("memory_classes", 0, -1),
        ("memory_classes", 0, 10**6),
        ("memory_classes", -1, 10**6),
        ("preference_features", 1, 0),
        ("preference_features", -1, 2**40),
    ],
)
def test_arrays_that_contradict_each_other_are_refused(data, name, place, value):
    replies, arrays = unsealed(data)
    arrays[name][place] = value
    with pytest.raises(ValueError, match="contradict"):
        parse(packed(replies, arrays))


@pytest.mark.parametrize("name", [name for name in LAYOUT if name != "dense"])
def test_arrays_of_wrong_lengths_are_refused(data, name):
    replies, arrays = unsealed(data)
    arrays[name] = arrays[name][:-1]
    with pytest.raises(ValueError, match="contradict"):
        parse(packed(replies, arrays))


def test_a_damaged_parent_is_refused():
    from learning import run, spec_of

    with pytest.raises(ValueError, match="damaged"):
        run(spec_of([chat("a", "b")] * 10, parent=b"nothing"))
