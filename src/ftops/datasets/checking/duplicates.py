"""Rows that ask the same: repeated in one file, answered differently, or trained on and asked again.

Owns D101, D103 and D104. Prompts are the same by ``prompt_keys``, answers by ``taught``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from ftops.datasets.batches import Batch
from ftops.datasets.checking.first_few import first_few
from ftops.datasets.checking.taught import taught_by
from ftops.datasets.excerpts import masked_excerpt
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.prompt_keys import (
    Keys,
    PromptKeys,
    as_keys,
    combined,
    comparable,
    digest,
    first_with,
    joined_keys,
)
from ftops.datasets.rows import Row
from ftops.domain.foreign_text import visible

_ANSWERS_SHOWN: Final = 4
_LINES_SHOWN: Final = 3
_ENCODER: Final = msgspec.msgpack.Encoder()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    """Of each row: its line, its prompt, its answer, and a check sum of all of it. ``texts`` are the short answers by key."""

    lines: NDArray[np.int64]
    prompts: PromptKeys
    answers: Keys
    sums: NDArray[np.uint32]
    is_short: NDArray[np.bool_]
    texts: bytes


class DuplicateExamples:
    """Finds rows with the prompt of an earlier row."""

    codes: ClassVar[tuple[str, ...]] = ("D101", "D103", "D104")

    def look(self, batch: Batch) -> Any:
        """Gives some 37 bytes a row, and short answers once each."""
        answers: list[bytes] = []
        is_short: list[bool] = []
        texts: dict[int, str] = {}
        for row, example in zip(batch.rows, batch.examples, strict=True):
            taught = taught_by(row, example)
            answers.append(key := digest(taught.form))
            is_short.append(taught.shown is not None)
            if taught.shown is not None:
                texts.setdefault(int.from_bytes(key, "little"), taught.shown)
        return _Seen(
            lines=np.array(batch.lines, np.int64),
            prompts=batch.prompts,
            answers=as_keys(answers),
            sums=np.array([_checksum(row) for row in batch.rows], np.uint32),
            is_short=np.array(is_short, np.bool_),
            texts=msgspec.msgpack.encode(texts),
        )

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Finds surplus rows, then prompts with several short answers."""
        if not seen:
            return
        whole = _joined(seen)
        prompts = combined(whole.prompts.asked, whole.prompts.frame)
        if facts.use is Use.DPO:  # one prompt with several pairs is how alternatives are ranked
            yield from _surplus(whole, combined(prompts, whole.answers))
            return
        yield from _surplus(whole, prompts)
        yield from _contradictions(whole, prompts, [one.texts for one in seen])

    def compare(
        self, train: Sequence[Any], train_facts: FileFacts, other: Sequence[Any], facts: FileFacts
    ) -> Iterator[Found]:
        """Finds rows of the other file whose prompt is trained on."""
        if not train or not other:
            return
        trained, asked = _joined(train), _joined(other)
        known, keys = comparable(trained.prompts, asked.prompts)
        known, firsts = np.unique(known, return_index=True)
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        path = visible(train_facts.path)

        def tell(place: int) -> Found:
            line = trained.lines[firsts[at[place]]]
            says = f"the prompt of line {line} in {path}, which is trained on"
            hint = "take the row out of one of the two: a score on what was trained on says nothing"
            return Found(
                code="D104", line=_line(asked, place), says=says, hint=hint, kind="a prompt that is trained on"
            )

        yield from first_few(np.flatnonzero(known[at] == keys), tell)


def _surplus(whole: _Seen, prompts: Keys) -> Iterator[Found]:
    """Finds the rows whose prompt an earlier row has, and tells for each the earlier row that is most like it."""
    same_answer = combined(prompts, whole.answers)
    first = first_with(prompts)
    first_answered = first_with(same_answer)
    first_equal = first_with(combined(same_answer, whole.sums.astype(np.uint64)))
    own = np.arange(len(first))
    surplus = np.flatnonzero(first != own)
    equal, alike = int(np.sum(first_equal != own)), int(np.sum(first_answered != own))
    hint = (
        f"take out surplus rows: of {len(surplus):,} with the prompt of an earlier one, {alike:,} have its answer too, "
        f"and {equal:,} are the whole row again"
    )

    def tell(place: int) -> Found:
        if first_equal[place] != place:
            earlier, how = first_equal[place], "the whole row is the same"
        elif first_answered[place] != place:
            earlier, how = first_answered[place], "with the same answer"
        else:
            earlier, how = first[place], "with another answer"
        says = f"the prompt of line {_line(whole, earlier)} again, {how}"
        kind = "the prompt of an earlier row"
        return Found(code="D101", line=_line(whole, place), says=says, hint=hint, kind=kind)

    yield from first_few(surplus, tell)


def _contradictions(whole: _Seen, prompts: Keys, texts: Sequence[bytes]) -> Iterator[Found]:
    """Finds the prompts whose answers differ and are all short, each at the row that contradicts the first."""
    first = first_with(prompts)
    own = np.arange(len(first))
    is_other = (first_with(combined(prompts, whole.answers)) == own) & (first != own)
    long = np.unique(first[~whole.is_short])
    contradicting = own[is_other & ~np.isin(first, long)]
    _, once = np.unique(first[contradicting], return_index=True)
    places = contradicting[np.sort(once)]
    known: dict[int, str] = {}
    if len(places):
        for part in reversed(texts):  # the first spelling of an answer is shown
            known |= msgspec.msgpack.decode(part, type=dict[int, str], strict=False)

    def tell(place: int) -> Found:
        rows = np.flatnonzero(first == first[place])
        says = f"the prompt of line {_line(whole, rows[0])} with another answer: {_answers(whole, rows, known)}"
        hint = "decide on one answer: trained on both, the model learns to guess"
        return Found(
            code="D103", line=_line(whole, place), says=says, hint=hint, kind="one prompt with different answers"
        )

    yield from first_few(places, tell)


def _answers(whole: _Seen, rows: NDArray[Any], texts: dict[int, str]) -> str:
    """Lists different answers with the lines that they are on."""
    lines: dict[int, list[int]] = {}
    for row in rows:
        lines.setdefault(int(whole.answers[row]), []).append(_line(whole, row))
    told = []
    for answer, on in list(lines.items())[:_ANSWERS_SHOWN]:
        more = f" and {len(on) - _LINES_SHOWN:,} more" if len(on) > _LINES_SHOWN else ""
        numbers = ", ".join(map(str, on[:_LINES_SHOWN]))
        told.append(f"{masked_excerpt(texts[answer])} ({'line' if len(on) == 1 else 'lines'} {numbers}{more})")
    if len(lines) > _ANSWERS_SHOWN:
        told.append(f"{len(lines) - _ANSWERS_SHOWN:,} more")
    return ", ".join(told)


def _line(whole: _Seen, place: int) -> int:
    return int(whole.lines[place])


def _checksum(row: Row) -> int:
    try:
        return crc32(_ENCODER.encode(row))
    except OverflowError:  # a field has a number for which that encoder has no place
        return crc32(msgspec.json.encode(row))


def _joined(seen: Sequence[_Seen]) -> _Seen:
    return _Seen(
        lines=np.concatenate([one.lines for one in seen]),
        prompts=joined_keys([one.prompts for one in seen]),
        answers=np.concatenate([one.answers for one in seen]),
        sums=np.concatenate([one.sums for one in seen]),
        is_short=np.concatenate([one.is_short for one in seen]),
        texts=b"",
    )
