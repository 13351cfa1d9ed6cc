"""How ftops and the keeper talk: frames over two pipes, and the shapes of what is in them.

Owns the framing. A frame is its length, 4 bytes in network order, and so many bytes. ftops sends one ``Setup``; the keeper
answers ``{"refused": why}``, with null where it is ready. For each item ftops then sends an ``Order`` and, in a frame of its
own, ``{"sample": …, "item": …}``, which the keeper hands on unread; it answers with an ``Ending`` and the bytes that the
child said, which ftops must not trust. What is read lies in one place, so that ``wipe`` leaves no copy of it.
"""

import json
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

_LENGTH: Final = struct.Struct("!I")

Buffer = bytes | bytearray | memoryview

MOST_SAID: Final = 64_000
"""The bytes that a child may say: its score, or its error."""


class Setup(TypedDict):
    """What the walls are made of.

    ``folders`` are (source, target) of what can be read inside, outer ones first; ``packages`` what is imported from beside
    the standard library. ``isolated`` False builds no walls.
    """

    isolated: bool
    folders: Sequence[tuple[str, str]]
    packages: Sequence[str]
    memory_bytes: int


class Order(TypedDict):
    """One item to grade, within ``seconds``. ``source`` is sent once for each ``program``, with modules to ``preload``."""

    program: str
    source: str | None
    preload: Sequence[str]
    seconds: float


class Ending(TypedDict):
    """How a child ended: ``how`` is exit, signal, late (it took too long) or flood (it said too much).

    ``number`` is the exit code or the signal's number.
    """

    how: str
    number: int


def send(descriptor: int, content: Buffer) -> None:
    """Writes one frame. Raises OSError where nobody reads."""
    for part in (_LENGTH.pack(len(content)), content):
        left = memoryview(part)
        while left:
            left = left[os.write(descriptor, left) :]


def send_json(descriptor: int, content: Mapping[str, Any]) -> None:
    """Writes one frame of JSON. Raises OSError where nobody reads."""
    send(descriptor, json.dumps(content).encode())


def receive(descriptor: int) -> bytearray | None:
    """Reads one frame; None where the other side has ended."""
    head = _exactly(descriptor, _LENGTH.size)
    return None if head is None else _exactly(descriptor, _LENGTH.unpack(head)[0])


def wipe(content: bytearray | memoryview) -> None:
    """Overwrites what was read: memory that is given back would still hold it."""
    content[:] = bytes(len(content))


def _exactly(descriptor: int, wanted: int) -> bytearray | None:
    content = bytearray(wanted)
    left = memoryview(content)
    while left:
        count = os.readv(descriptor, [left])
        if not count:
            return None
        left = left[count:]
    return content
