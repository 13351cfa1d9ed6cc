"""Rows that ask nearly the same: in one file, or trained on and asked again.

Owns D102 and D105. When two texts are nearly the same is ``datasets.near_duplicates``'s; prompts that are the same by
``prompt_keys`` are not told here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from ftops.datasets.batches import Batch
from ftops.datasets.checking.first_few import first_few
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.near_duplicates import THRESHOLD, similar_between, similar_groups
from ftops.datasets.prompt_keys import PromptKeys, combined, comparable, first_with, joined_keys
from ftops.datasets.text_similarities import similarities
from ftops.datasets.text_sketches import Sketches, sketch
from ftops.domain.foreign_text import visible

_COMPARED: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    lines: NDArray[np.int64]
    prompts: PromptKeys
    sketches: Sketches


class NearDuplicates:
    """Finds rows with nearly the prompt of another row."""

    codes: ClassVar[tuple[str, ...]] = ("D102", "D105")

    def look(self, batch: Batch) -> Any:
        """Gives a sketch of what each row asks, at most about 0.6 kB."""
        return _Seen(
            lines=np.array(batch.lines, np.int64),
            prompts=batch.prompts,
            sketches=sketch(batch.forms),
        )

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Finds the rows that near duplicates link to an earlier one, with the same system messages and tools."""
        if not seen:
            return
        whole = _joined(seen)
        members, begins, places = _linked(whole)

        def tell(index: int) -> Found:
            place = places[index]
            row, begin = int(members[place]), begins[place]
            nearest, alike = _nearest(whole, row, members[begin:place])
            if alike < THRESHOLD:  # a later row links it to the earlier ones
                linked = members[begin : np.searchsorted(begins, begin, side="right")]
                nearest, alike = _nearest(whole, row, linked[linked != row])
            says = f"nearly the prompt of line {whole.lines[nearest]}: {_percent(alike)} alike"
            hint = "leave out what adds nothing new; a long text that all prompts share also makes them alike"
            kind = "nearly the prompt of an earlier row"
            return Found(code="D102", line=int(whole.lines[row]), says=says, hint=hint, kind=kind)

        yield from first_few(range(len(places)), tell)

    def compare(
        self, train: Sequence[Any], train_facts: FileFacts, other: Sequence[Any], facts: FileFacts
    ) -> Iterator[Found]:
        """Finds rows of the other file that ask nearly what is trained on."""
        if not train or not other:
            return
        trained, asked = _joined(train), _joined(other)
        known, keys = comparable(trained.prompts, asked.prompts)
        are_framed_alike = known is trained.prompts.asked
        is_leaked = np.isin(keys, known)
        found = sorted(
            (pair.second, pair.first, pair.similarity)
            for pair in similar_between(trained.sketches, asked.sketches)
            if not is_leaked[pair.second]
            and (are_framed_alike or trained.prompts.frame[pair.first] == asked.prompts.frame[pair.second])
        )
        path = visible(train_facts.path)

        def tell(index: int) -> Found:
            place, first, alike = found[index]
            says = f"nearly the prompt of line {trained.lines[first]} in {path}, which is trained on: {_percent(alike)} alike"
            hint = "take the row out of one of the two: a score on what was nearly trained on says little"
            kind = "nearly a prompt that is trained on"
            return Found(code="D105", line=int(asked.lines[place]), says=says, hint=hint, kind=kind)

        yield from first_few(range(len(found)), tell)


def _linked(whole: _Seen) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Gives the rows that near duplicates link, group by group, each group in the order of the file and of one frame.

    Beside them, for each of these the place where its group begins; and the places of those that aren't the first of their
    group, in the order of the file. Of rows with the same prompt the first alone counts.
    """
    groups = similar_groups(whole.sketches)
    members = np.fromiter(chain.from_iterable(groups), np.int64)
    owners = np.repeat(np.arange(len(groups)), np.fromiter(map(len, groups), np.int64))
    is_first = first_with(combined(whole.prompts.asked, whole.prompts.frame)) == np.arange(len(whole.lines))
    members, owners = members[is_first[members]], owners[is_first[members]]
    frames = whole.prompts.frame[members]
    order = np.lexsort((members, frames, owners))
    members, owners, frames = members[order], owners[order], frames[order]
    is_begin = np.ones(len(members), np.bool_)
    is_begin[1:] = (owners[1:] != owners[:-1]) | (frames[1:] != frames[:-1])
    begins = np.maximum.accumulate(np.where(is_begin, np.arange(len(members)), 0))
    places = np.flatnonzero(~is_begin)
    places = places[np.argsort(members[places])]
    return members, begins, places


def _nearest(whole: _Seen, row: int, others: NDArray[np.int64]) -> tuple[int, float]:
    """Gives the row that is most like ``row`` among the first of ``others``, which are some, and how much so."""
    others = others[:_COMPARED]
    alike = similarities(whole.sketches, others, whole.sketches, np.full(len(others), row))
    return int(others[np.argmax(alike)]), float(alike.max())


def _percent(similarity: float) -> str:
    return f"{100 * similarity:.0f} %"


def _joined(seen: Sequence[_Seen]) -> _Seen:
    return _Seen(
        lines=np.concatenate([one.lines for one in seen]),
        prompts=joined_keys([one.prompts for one in seen]),
        sketches=Sketches.joined([one.sketches for one in seen]),
    )
