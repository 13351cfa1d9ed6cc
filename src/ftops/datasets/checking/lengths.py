"""D120 and D121: rows that training cuts, and texts that something else has cut before.

Owns both tests, which ``docs/data-checks.md`` defines; limits in tokens are those of ``datasets.tokens``.
"""

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from ftops.datasets.batches import Batch, Example
from ftops.datasets.checking.answer_messages import answer_field
from ftops.datasets.checking.hits import Hit, Hits, hit_findings, shortened
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.tokens import ROW_LIMIT, answer_tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PILE_ROWS: Final = 10
PILE_SHARE: Final = 0.05
PILE_LENGTH: Final = 20  # shorter texts are labels and the like
PILE_FACTOR: Final = 5.0
PILE_UNFINISHED: Final = 0.8
_WINDOW: Final = 0.1
_ENDS: Final = frozenset(".!?…。！？।؟:;)]}>»”’\"'`*|")  # noqa: RUF001  (closing signs of many scripts)


class TruncatedExamples:
    """Finds rows with more tokens than training reads of one. They are cut at the end, where the answer is."""

    codes: ClassVar[tuple[str, ...]] = ("D120",)

    def look(self, batch: Batch) -> Hits:
        """Gives the rows over the limit."""
        if not batch.use.is_training:
            return Hits()
        over = (batch.tokens > ROW_LIMIT).nonzero()[0]
        return shortened([self._hit(batch, int(index)) for index in over])

    def conclude(self, seen: Sequence[Hits], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown."""
        kind = f"rows of more than {ROW_LIMIT:,} tokens are cut at the end"
        hint = "shorten the conversation, or drop its first turns: what is cut is not learnt"
        yield from hit_findings("D120", seen, kind=kind, hint=hint)

    @staticmethod
    def _hit(batch: Batch, index: int) -> Hit:
        row = batch.rows[index]
        lost, answer = int(batch.tokens[index]) - ROW_LIMIT, answer_tokens(row)
        if not answer:
            what = "all of them prompt"
        elif lost >= answer:
            what = "with the whole answer among them"
        else:
            what = f"part of the answer, which has {answer:,}"
        says = f"expected at most {ROW_LIMIT:,} tokens, training cuts off the last {lost:,}, {what}"
        return Hit(batch.lines[index], answer_field(row), says)


class _Lengths(NamedTuple):
    """The lengths of one text of each row: each with its number of rows, and the longest texts looked at closely.

    ``unfinished`` of the longest end in the middle of a sentence; ``digests`` tell them apart; ``line`` is the first one's.
    """

    lengths: "NDArray[np.int64]"
    counts: "NDArray[np.int64]"
    line: int
    unfinished: int
    digests: "NDArray[np.uint32]"


class LengthPileUps:
    """Finds prompts or answers that end at one same length, as when an export has cut them at 80 or 255 characters."""

    codes: ClassVar[tuple[str, ...]] = ("D121",)

    def look(self, batch: Batch) -> tuple[_Lengths | None, ...]:
        """Gives the lengths of the first questions and of the answers."""
        return tuple(_lengths(batch.examples, text) for _, text in _TEXTS)

    def conclude(self, seen: Sequence[tuple[_Lengths | None, ...]], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each of the two where its longest texts pile up."""
        for (name, _), parts in zip(_TEXTS, zip(*seen, strict=True), strict=False):
            known = [part for part in parts if part is not None]
            if known and (pile := _pile(known)) is not None:
                yield _pile_finding(name, pile)


def _question(example: Example) -> str:
    return example.question


def _answer(example: Example) -> str:
    return example.answer or ""


_TEXTS: Final[tuple[tuple[str, Callable[[Example], str]], ...]] = (("prompts", _question), ("answers", _answer))


def _lengths(examples: Sequence[Example], text_of: Callable[[Example], str]) -> _Lengths | None:
    import numpy as np

    texts = [text_of(example) for example in examples]
    every = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    lengths, counts = np.unique(every[every > 0], return_counts=True)
    if not lengths.size or lengths[-1] < PILE_LENGTH:
        return None if not lengths.size else _Lengths(lengths, counts, 0, 0, np.empty(0, dtype=np.uint32))
    places = (every == lengths[-1]).nonzero()[0].tolist()
    longest = [texts[place] for place in places]
    digests = {zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in longest}
    return _Lengths(
        lengths,
        counts,
        examples[places[0]].line,
        sum(map(_is_unfinished, longest)),
        np.fromiter(sorted(digests), dtype=np.uint32, count=len(digests)),
    )


def _is_unfinished(text: str) -> bool:
    ended = text.rstrip()
    return " " in ended and ended[-1] not in _ENDS


class _Pile(NamedTuple):
    length: int
    piled: int
    rows: int
    line: int


def _pile(parts: Sequence[_Lengths]) -> _Pile | None:
    """Gives the pile at the greatest length, if it passes every part of the definition."""
    import numpy as np

    top = max(int(part.lengths[-1]) for part in parts)
    tops = [part for part in parts if part.lengths[-1] == top]
    rows = sum(int(part.counts.sum()) for part in parts)
    count = sum(int(part.counts[-1]) for part in tops)
    if top < PILE_LENGTH or count < max(PILE_ROWS, PILE_SHARE * rows):
        return None
    width = math.ceil(_WINDOW * top)
    near = sum(int(part.counts[(part.lengths >= top - width) & (part.lengths < top)].sum()) for part in parts)
    distinct = np.unique(np.concatenate([part.digests for part in tops])).size
    is_cut = sum(part.unfinished for part in tops) >= PILE_UNFINISHED * count and 2 * distinct >= count
    if not is_cut or count < PILE_FACTOR * near / width:
        return None
    return _Pile(top, count, rows, tops[0].line)


def _pile_finding(name: str, pile: _Pile) -> Found:
    share = 100 * pile.piled / pile.rows
    says = (
        f"{pile.piled:,} of {pile.rows:,} {name} ({share:.0f} %) have {pile.length:,} characters, the most that any has, "
        f"and stop in mid-sentence"
    )
    hint = "see whether an export or a database field has cut them"
    return Found(
        code="D121", line=pile.line, says=says, kind=f"{name} pile up at one length", hint=hint, count=pile.piled
    )
