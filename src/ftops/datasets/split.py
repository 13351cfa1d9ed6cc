"""The split rule: which rows of a training file are its validation set.

Owns the rule of ``docs/manifest.md``, which never changes within ``ftops/v1``: it is part of every revision with a split. A
row's place in the file plays no part, so that adding a row moves no other one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import rfc8785

from ftops.datasets.conversations import exchange, text_of
from ftops.datasets.normal_text import normal_text
from ftops.domain.manifest import Split

Part = Literal["train", "validation"]

_PART_NAME: Final = re.compile(r"(?P<path>.+)#(?P<part>train|validation)\[(?P<fraction>[0-9.e-]+),(?P<seed>[0-9]+)\]")
_WHOLE: Final = 2**64


def split_key(row: Mapping[str, Any]) -> str:
    """Gives what rows have in common that must not straddle: the first user message, letters and digits only.

    In their normal form (``normal_text``). A row without such a text has its canonical JSON (RFC 8785) as key.
    """
    for message in exchange(row).asked:
        if isinstance(message, Mapping) and message.get("role") == "user":
            if key := normal_text(text_of(message)):
                return key
            break
    try:
        return rfc8785.dumps(dict(row)).decode("utf-8")
    except rfc8785.CanonicalizationError:  # an integer that RFC 8785 has no form for
        return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def part_of(row: Mapping[str, Any], split: Split) -> Part:
    """Gives the part that a row belongs to: validation for about ``split.fraction`` of all keys.

    The first 8 bytes of SHA-256 of ``SEED:KEY`` (UTF-8), read as a big-endian integer and divided by 2^64, against the
    fraction.
    """
    hashed = hashlib.sha256(f"{split.seed}:{split_key(row)}".encode("utf-8", "surrogatepass")).digest()
    return "validation" if int.from_bytes(hashed[:8], "big") / _WHOLE < split.fraction else "train"


def part_name(path: str, split: Split, part: Part) -> str:
    """Gives the name of a derived file, as ``Dataset.path`` has it: ``data/x.jsonl#train[0.1,7]``."""
    return f"{path}#{part}[{split.fraction!r},{split.seed}]"


def parse_part_name(name: str) -> tuple[str, Split, Part] | None:
    """Takes apart what ``part_name`` put together; None for the name of a plain file."""
    match = _PART_NAME.fullmatch(name)
    if match is None:
        return None
    part: Part = "train" if match["part"] == "train" else "validation"
    return match["path"], Split(fraction=float(match["fraction"]), seed=int(match["seed"])), part
