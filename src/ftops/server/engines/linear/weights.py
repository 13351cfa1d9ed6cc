"""The weights of a model, and their bytes.

Owns the container: a magic word, a digest, a JSON header with the replies and the shapes, then plain little-endian arrays.
Nothing in it can run code, and everything is checked on loading: equal weights give equal bytes, and damaged or hostile bytes
give ValueError.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ftops.server.engines.interface import TrainingDiverged
from ftops.server.engines.linear.conversation import ReplyKey, message_text, reply_key, reply_message
from ftops.server.engines.linear.matrix import Floats, Rows
from ftops.server.engines.linear.memory import Memory
from ftops.server.engines.linear.preference import DIMENSIONS, Preference
from ftops.server.engines.linear.vocabulary import BIAS_HASH, Vocabulary

MAGIC = b"ftlinear1\n"
DIGEST_BYTES = 16
LENGTH = struct.Struct("<I")

LAYOUT: Mapping[str, str] = {
    "hashes": "<u4",
    "idf": "<f4",
    "dense": "<f4",
    "memory_starts": "<i8",
    "memory_columns": "<i4",
    "memory_values": "<f4",
    "memory_classes": "<i4",
    "memory_strengths": "<f4",
    "preference_features": "<i8",
    "preference_values": "<f4",
}
"""Arrays in the order they are stored. All have one dimension, but ``dense`` (columns, classes)."""

MOST_WEIGHT = 1e30
"""Beyond that a model can't answer: sums of such weights overflow, though each of them is a number."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """All that a trained model is. ``dense`` has a row per column of the vocabulary, and a column per dense reply."""

    vocabulary: Vocabulary
    replies: tuple[ReplyKey, ...]
    dense: Floats
    memory: Memory
    preference: Preference

    @classmethod
    def empty(cls) -> Self:
        """The untuned base model: knows no reply."""
        return cls(
            vocabulary=Vocabulary.empty(),
            replies=(),
            dense=np.zeros((1, 0), np.float32),
            memory=Memory.empty(),
            preference=Preference.empty(),
        )


def dump(weights: Weights) -> bytes:
    """Gives the bytes of weights. Raises TrainingDiverged where one isn't a number, or too great to answer with."""
    arrays: Arrays = {
        "hashes": weights.vocabulary.hashes,
        "idf": weights.vocabulary.idf,
        "dense": weights.dense,
        "memory_starts": weights.memory.rows.starts,
        "memory_columns": weights.memory.rows.columns,
        "memory_values": weights.memory.rows.values,
        "memory_classes": weights.memory.classes,
        "memory_strengths": weights.memory.strengths,
        "preference_features": weights.preference.features,
        "preference_values": weights.preference.values,
    }
    shapes = [list(arrays[name].shape) for name in LAYOUT]
    header = json.dumps({"replies": weights.replies, "shapes": shapes}, separators=(",", ":")).encode()
    bodies = [_storable(arrays[name], kind).tobytes() for name, kind in LAYOUT.items()]
    content = b"".join([LENGTH.pack(len(header)), header, *bodies])
    return b"".join([MAGIC, _digest(content), content])


def parse(data: bytes) -> Weights:
    """Reads what ``dump`` wrote. Raises ValueError where it is anything else."""
    start = len(MAGIC) + DIGEST_BYTES
    content = data[start:]
    if not data.startswith(MAGIC) or data[len(MAGIC) : start] != _digest(content) or len(content) < LENGTH.size:
        raise ValueError("these are not weights of engine linear, or they are damaged")
    length = LENGTH.unpack_from(content)[0]
    replies, shapes = _read_header(content[LENGTH.size : LENGTH.size + length])
    arrays = _read_arrays(content[LENGTH.size + length :], shapes)
    _check(arrays, len(replies))
    return Weights(
        vocabulary=Vocabulary(hashes=arrays["hashes"], idf=arrays["idf"]),
        replies=replies,
        dense=arrays["dense"],
        memory=Memory(
            rows=Rows(
                starts=arrays["memory_starts"],
                columns=arrays["memory_columns"],
                values=arrays["memory_values"],
            ),
            classes=arrays["memory_classes"],
            strengths=arrays["memory_strengths"],
        ),
        preference=Preference(features=arrays["preference_features"], values=arrays["preference_values"]),
    )


def _storable(array: NDArray[Any], kind: str) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # what overflows here is found below
        stored = array.astype(kind, copy=False)
    # A comparison with nan is false.
    if kind == "<f4" and not bool((np.abs(stored) <= MOST_WEIGHT).all()):
        raise TrainingDiverged("the weights have left the range of numbers")
    return stored


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest()


def _read_header(header: bytes) -> tuple[tuple[ReplyKey, ...], tuple[tuple[int, ...], ...]]:
    """Gives the replies and the shapes of the arrays."""
    try:
        fields = json.loads(header)
        replies = tuple(ReplyKey(reply) for reply in fields["replies"])
        messages = [reply_message(reply) for reply in replies]
        intact = all(reply_key(message) == reply for message, reply in zip(messages, replies, strict=True))
        for message in messages:
            message_text(message)  # raises where a tool call isn't one
        shapes = tuple(tuple(int(side) for side in shape) for shape in fields["shapes"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError("the header of the weights is malformed") from error
    dimensions = [2 if name == "dense" else 1 for name in LAYOUT]
    if not intact or len(set(replies)) != len(replies) or [len(shape) for shape in shapes] != dimensions:
        raise ValueError("the header of the weights is malformed")
    return replies, shapes


def _read_arrays(body: bytes, shapes: tuple[tuple[int, ...], ...]) -> Arrays:
    """Cuts the body into arrays, which must fill it exactly."""
    arrays: dict[str, NDArray[Any]] = {}
    place = 0
    for (name, kind), shape in zip(LAYOUT.items(), shapes, strict=True):
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        size = count * np.dtype(kind).itemsize
        if min(shape) < 0 or place + size > len(body):
            raise ValueError(f"array {name} of the weights does not fit")
        array = np.frombuffer(body, kind, count, place).reshape(shape)
        arrays[name] = np.require(array, array.dtype.newbyteorder("="), "A")
        place += size
    if place != len(body):
        raise ValueError("the weights are longer than their header says")
    return arrays


def _check(arrays: Arrays, n_replies: int) -> None:
    """Raises ValueError where arrays contradict each other, so that nothing later can reach outside of one."""
    hashes, dense = arrays["hashes"], arrays["dense"]
    starts, columns = arrays["memory_starts"], arrays["memory_columns"]
    classes, features = arrays["memory_classes"], arrays["preference_features"]
    sound = (
        len(hashes) > 0
        and hashes[0] == BIAS_HASH
        and _ascends(hashes)
        and len(hashes) == len(arrays["idf"]) == len(dense)
        and dense.shape[1] <= n_replies
        and len(starts) == len(classes) + 1 == len(arrays["memory_strengths"]) + 1
        and starts[0] == 0
        and starts[-1] == len(columns) == len(arrays["memory_values"])
        and bool((starts[1:] >= starts[:-1]).all())
        and bool((classes[1:] >= classes[:-1]).all())
        and _within(columns, len(hashes))
        and _within(classes, n_replies)
        and len(features) == len(arrays["preference_values"])
        and _ascends(features)
        and _within(features, DIMENSIONS)
        and all(bool(np.isfinite(arrays[name]).all()) for name, kind in LAYOUT.items() if kind == "<f4")
    )
    if not sound:
        raise ValueError("the arrays of the weights contradict each other")


def _ascends(array: NDArray[Any]) -> bool:
    return bool((array[1:] > array[:-1]).all())


def _within(array: NDArray[Any], end: int) -> bool:
    return len(array) == 0 or bool(array.min() >= 0 and array.max() < end)
