"""When two rows ask the same: 64-bit keys of what stands before the answer.

Owns that definition, for the checks of duplicates and leaks. What is asked counts in its normal form (``normal_text``), so
that case, blanks and punctuation make no difference; images count by their addresses. What frames it, system messages and
tools, has a key of its own, as a validation set may state it in other words. By chance two of a million texts have one key in
about one of 37 million files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from ftops.datasets.normal_text import normal_text
from ftops.datasets.rows import FreeRow, Row

if TYPE_CHECKING:
    from ftops.datasets.batches import Example

Keys = npt.NDArray[np.uint64]

_SCRAMBLE = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, as splitmix64 has it


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptKeys:
    """The keys of rows in their order: of what is asked, and of the system messages and tools that frame it."""

    asked: Keys
    frame: Keys


def prompt_keys(rows: Sequence[Row], examples: "Sequence[Example]", forms: Sequence[bytes]) -> PromptKeys:
    """Gives the keys of ``rows``.

    ``examples`` are the same rows as prompts and answers, ``forms`` the normal forms of what they ask.
    """
    asked: list[bytes] = []
    frames: list[bytes] = []
    known: dict[tuple[str, bytes], bytes] = {}
    for row, example, form in zip(rows, examples, forms, strict=True):
        is_plain = form and not example.images
        asked.append(sha256(form if is_plain else _odd_form(row, example)).digest()[:8])
        frame = example.system, example.tools
        if (found := known.get(frame)) is None:
            found = known[frame] = digest(_frame(*frame))
        frames.append(found)
    return PromptKeys(asked=as_keys(asked), frame=as_keys(frames))


def comparable(train: PromptKeys, other: PromptKeys) -> tuple[Keys, Keys]:
    """Gives the keys by which the rows of two files compare, neither of which is empty.

    A frame that all rows of a file share says nothing of a row: where both files have one only, it is left out.
    """
    if has_one_frame(train) and has_one_frame(other):
        return train.asked, other.asked
    return combined(train.asked, train.frame), combined(other.asked, other.frame)


def has_one_frame(keys: PromptKeys) -> bool:
    """Tells whether all rows of a file, which has some, are framed in the same way."""
    return bool(np.all(keys.frame == keys.frame[0]))


def joined_keys(parts: Sequence[PromptKeys]) -> PromptKeys:
    """Puts the keys of one part of a file or more one after another."""
    return PromptKeys(
        asked=np.concatenate([part.asked for part in parts]), frame=np.concatenate([part.frame for part in parts])
    )


def first_with(keys: Keys) -> npt.NDArray[np.int64]:
    """Gives for each place the first place that has the same key."""
    _, firsts, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(firsts[inverse], np.int64)


def digest(text: str) -> bytes:
    """Gives the eight bytes of a key."""
    return sha256(_encoded(text)).digest()[:8]


def as_keys(digests: Sequence[bytes]) -> Keys:
    """Gives digests as integers, which sort and compare quickly."""
    return np.frombuffer(b"".join(digests), np.dtype("<u8")).astype(np.uint64)


def combined(first: Keys, second: Keys) -> Keys:
    """Gives one key for each pair of keys."""
    keys = (first ^ (first >> np.uint64(29))) * _SCRAMBLE + second
    return keys ^ (keys >> np.uint64(32))


def _odd_form(row: Row, example: "Example") -> bytes:
    """Gives what tells prompts of more than words apart. Where nothing is asked, the instructions do, or else the answer."""
    if isinstance(row, FreeRow):
        return msgspec.json.encode(row.item, order="sorted")
    form = normal_text(example.asked) or example.asked.strip()
    if example.images:
        form = "\n".join((form, *example.images))
    return _encoded(form or normal_text(example.system) or example.answer or "")


def _frame(system: str, tools: bytes) -> str:
    offered = msgspec.json.decode(tools) if tools else None
    named = msgspec.json.encode(offered, order="sorted").decode("utf-8") if offered else ""
    return f"{normal_text(system)}\n{named}"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
