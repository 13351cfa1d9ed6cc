"""Rows as a few digests each, by which two versions of a dataset are compared without keeping their texts.

Owns what counts as the same row and as the same prompt. A digest has 64 bits: among a million rows, two different ones look
alike once in thirty million files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np

from ftops.datasets.batches import Batch
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.labels import Labels, labels_of, merged_labels
from ftops.datasets.rows import (
    Asked,
    AssistantMessage,
    ChatRow,
    FreeRow,
    ItemRow,
    PreferenceRow,
    Row,
    ToolCall,
    refusals_of,
    text_of,
)
from ftops.datasets.statistics import digest64, label_of
from ftops.datasets.tokens import ROW_LIMIT, in_order
from ftops.domain.desired import TokenCaveat

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class RowArrays:
    """One number for each row. ``rows`` digest what the whole row says, however its JSON is spelt.

    ``prompts`` are ``prompt_keys``: the normal form of what was said before the answer, but for the system's part.
    ``answers``, ``systems`` and ``tools`` digest those texts as they stand. ``tokens`` are what one epoch
    bills, ``lines`` the numbers of the lines.
    """

    rows: "NDArray[np.uint64]"
    prompts: "NDArray[np.uint64]"
    answers: "NDArray[np.uint64]"
    systems: "NDArray[np.uint64]"
    tools: "NDArray[np.uint64]"
    tokens: "NDArray[np.int64]"
    lines: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestsSeen:
    """What is remembered of rows: their digests, what their tokens rest on, and their answers where these are labels."""

    arrays: RowArrays
    labels: Labels
    token_caveats: tuple[TokenCaveat, ...]


class RowDigests:
    """Fits ``Inspection``: what it sees, ``joined`` puts together. It finds nothing."""

    codes: ClassVar[tuple[str, ...]] = ()

    def look(self, batch: Batch) -> DigestsSeen:
        """Digests the rows of a batch."""
        encode = msgspec.json.Encoder(order="sorted").encode
        known: dict[str | bytes, int] = {}  # most rows share the system's part and the tools
        plain = _PlainTools()
        rows, answers, systems, tools = [], [], [], []
        for row, example in zip(batch.rows, batch.examples, strict=True):
            rows.append(digest64(encode(plain.in_row(row))))
            answers.append(digest64(encode([_said(message) for message in _answers(row)])))
            systems.append(_shared(example.system, known))
            tools.append(_shared(plain.of(example.tools), known))
        tokens = batch.tokens
        return DigestsSeen(
            arrays=RowArrays(
                rows=np.array(rows, dtype=np.uint64),
                prompts=batch.prompts.asked,
                answers=np.array(answers, dtype=np.uint64),
                systems=np.array(systems, dtype=np.uint64),
                tools=np.array(tools, dtype=np.uint64),
                tokens=np.minimum(tokens, ROW_LIMIT) if batch.use.is_training else tokens,
                lines=np.array(batch.lines, dtype=np.int64),
            ),
            labels=labels_of(label_of(example) for example in batch.examples),
            token_caveats=batch.token_caveats,
        )

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Finds nothing."""
        return iter(())


def joined(seen: Sequence[DigestsSeen]) -> DigestsSeen:
    """Puts together what was seen of a file's batches, in their order."""
    parts = [one.arrays for one in seen] or [RowDigests().look(Batch((), (), use=Use.FREE)).arrays]
    arrays = {each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(RowArrays)}
    return DigestsSeen(
        arrays=RowArrays(**arrays),
        labels=merged_labels(one.labels for one in seen),
        token_caveats=in_order(caveat for one in seen for caveat in one.token_caveats),
    )


class _PlainTools:
    """Tools in one spelling: rows keep them as the bytes of the file."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {b"": b""}

    def of(self, tools: bytes) -> bytes:
        """Gives tools as compact JSON with sorted keys."""
        plain = self._known.get(tools)
        if plain is None:
            plain = self._known[tools] = msgspec.json.encode(msgspec.json.decode(tools), order="sorted")
        return plain

    def in_row(self, row: Row) -> Row:
        """Gives a row with its tools spelt so."""
        match row:
            case ChatRow(tools=tools) if tools:
                return msgspec.structs.replace(row, tools=msgspec.Raw(self.of(bytes(tools))))
            case ItemRow(asked=asked) | PreferenceRow(input=asked) if asked.tools:
                spelt = msgspec.structs.replace(asked, tools=msgspec.Raw(self.of(bytes(asked.tools))))
                return msgspec.structs.replace(row, **{"input" if isinstance(row, PreferenceRow) else "asked": spelt})
            case _:
                return row


def _answers(row: Row) -> Sequence[AssistantMessage]:
    """Gives the assistant's message at the end; of a preference row both answers."""
    match row:
        case PreferenceRow():
            return (*row.preferred_output, *row.non_preferred_output)
        case ChatRow(messages=messages) | ItemRow(asked=Asked(messages=messages)):
            return [one for one in messages[-1:] if isinstance(one, AssistantMessage)]
        case FreeRow():
            return ()


def _said(message: AssistantMessage) -> tuple[str, tuple[str, ...], Sequence[ToolCall]]:
    """Gives all that a message says: text, refusals and calls."""
    return text_of(message.content), tuple(refusals_of(message)), message.tool_calls or ()


def _shared(text: str | bytes, known: dict[str | bytes, int]) -> int:
    if text not in known:
        known[text] = digest64(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return known[text]
