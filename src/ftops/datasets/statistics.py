"""What is in a dataset: rows, turns, lengths, labels, tokens, system prompts and tools.

Owns these figures. They are made like an inspection's, over batches in any number of processes; some bytes a row are
remembered of a file, and its texts only where many rows share them.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
import numpy as np

from ftops.datasets.batches import Batch, Example
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.datasets.labels import Labels, labels_of, merged_labels
from ftops.datasets.spreads import Spread, spread_of
from ftops.datasets.tokens import ROW_LIMIT, in_order
from ftops.domain.desired import TokenCaveat

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REMEMBERED: Final = 50  # texts of each batch
_KEPT_CHARACTERS: Final = 200


class _Function(msgspec.Struct):
    name: str


class _Tool(msgspec.Struct):
    function: _Function


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """Texts that rows have in common. ``digests`` are of all different ones, ``counts`` in how many rows each occurs.

    ``samples`` has the beginnings of some, which are the commonest of their batch.
    """

    digests: "NDArray[np.uint64]"
    counts: "NDArray[np.int64]"
    samples: dict[int, str]

    @property
    def different(self) -> int:
        """How many different ones there are."""
        return len(self.digests)

    def most_common(self, number: int) -> tuple[tuple[str, int], ...]:
        """Gives the beginnings of those in most rows, with the number of rows."""
        order = np.lexsort((self.digests, -self.counts))
        known = ((self.samples.get(int(self.digests[place])), int(self.counts[place])) for place in order[:number])
        return tuple((text, count) for text, count in known if text is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsSeen:
    """What is remembered of a batch: a number for each row and quantity, and what rows share."""

    tokens: "NDArray[np.int64]"
    token_caveats: tuple[TokenCaveat, ...]
    turns: "NDArray[np.int64]"
    prompts: "NDArray[np.int64]"
    answers: "NDArray[np.int64]"
    labels: Labels
    systems: Texts
    offered: Texts
    called: Texts
    with_tools: int
    with_calls: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Statistics:
    """What is in some rows. Lengths are in characters; ``answers`` is of the rows that answer in text.

    ``tokens`` are uncut. ``billed`` is what one epoch of training bills: ``cut_rows`` are longer than 65,536 tokens and lose
    ``cut_tokens`` together. ``token_caveats`` are what these numbers rest on. ``systems`` are the texts of system and
    developer messages, ``offered`` and ``called`` the names of functions.
    """

    use: Use
    rows: int
    tokens: Spread | None
    billed: int
    cut_rows: int
    cut_tokens: int
    token_caveats: tuple[TokenCaveat, ...]
    turns: Spread | None
    prompts: Spread | None
    answers: Spread | None
    labels: Labels
    systems: Texts
    without_system: int
    offered: Texts
    called: Texts
    with_tools: int
    with_calls: int


class RowStatistics:
    """Fits ``Inspection``: what it sees, ``statistics_of`` puts together. It finds nothing."""

    codes: ClassVar[tuple[str, ...]] = ()

    def look(self, batch: Batch) -> RowsSeen:
        """Measures the rows of a batch."""
        examples = batch.examples
        offered: Counter[str] = Counter()
        for tools, count in Counter(example.tools for example in examples).items():
            offered.update(dict.fromkeys(function_names(tools), count))
        return RowsSeen(
            tokens=batch.tokens,
            token_caveats=batch.token_caveats,
            turns=_numbers(example.turns for example in examples),
            prompts=_numbers(len(example.system) + len(example.asked) for example in examples),
            answers=_numbers(len(example.answer) for example in examples if example.answer),
            labels=labels_of(label_of(example) for example in examples),
            systems=_texts(Counter(example.system for example in examples if example.system)),
            offered=_texts(offered),
            called=_texts(Counter(name for example in examples for name in {c.function.name for c in example.calls})),
            with_tools=sum(bool(example.tools) for example in examples),
            with_calls=sum(bool(example.calls) for example in examples),
        )

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Finds nothing."""
        return iter(())


def statistics_of(seen: Sequence[RowsSeen], use: Use) -> Statistics:
    """Puts together what was seen of a file's batches, or of both parts of a split, in any order."""
    tokens = _joined([one.tokens for one in seen])
    systems = _merged([one.systems for one in seen])
    over = tokens[tokens > ROW_LIMIT] if use.is_training else tokens[:0]
    cut = int((over - ROW_LIMIT).sum())
    return Statistics(
        use=use,
        rows=len(tokens),
        tokens=spread_of(tokens),
        billed=int(tokens.sum()) - cut,
        cut_rows=len(over),
        cut_tokens=cut,
        token_caveats=in_order(caveat for one in seen for caveat in one.token_caveats),
        turns=spread_of(_joined([one.turns for one in seen])),
        prompts=spread_of(_joined([one.prompts for one in seen])),
        answers=spread_of(_joined([one.answers for one in seen])),
        labels=merged_labels(one.labels for one in seen),
        systems=systems,
        without_system=len(tokens) - int(systems.counts.sum()),
        offered=_merged([one.offered for one in seen]),
        called=_merged([one.called for one in seen]),
        with_tools=sum(one.with_tools for one in seen),
        with_calls=sum(one.with_calls for one in seen),
    )


def label_of(example: Example) -> str | None:
    """Gives what may be a row's label: its answer, unless it calls tools or another one is rejected for it."""
    return None if example.calls or example.rejected is not None else example.answer


def function_names(tools: bytes) -> Iterator[str]:
    """Gives the names of the functions in ``tools``, a JSON list or nothing."""
    for tool in msgspec.json.decode(tools, type=list[_Tool]) if tools else ():
        yield tool.function.name


def digest64(data: bytes) -> int:
    """Gives 64 bits of a digest of ``data``, the same in every process."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _numbers(numbers: Iterator[int]) -> "NDArray[np.int64]":
    return np.fromiter(numbers, dtype=np.int64)


def _joined(arrays: "Sequence[NDArray[np.int64]]") -> "NDArray[np.int64]":
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)


def _texts(counted: Counter[str]) -> Texts:
    common = {text for text, _ in counted.most_common(_REMEMBERED)}
    digests = {text: digest64(text.encode("utf-8", "surrogatepass")) for text in counted}
    return _summed(
        np.fromiter(digests.values(), dtype=np.uint64),
        np.fromiter(counted.values(), dtype=np.int64),
        {digest: text[:_KEPT_CHARACTERS] for text, digest in digests.items() if text in common},
    )


def _merged(some: Sequence[Texts]) -> Texts:
    empty = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    return _summed(
        np.concatenate(empty[0] + [texts.digests for texts in some]),
        np.concatenate(empty[1] + [texts.counts for texts in some]),
        dict(chain.from_iterable(texts.samples.items() for texts in some)),
    )


def _summed(digests: "NDArray[np.uint64]", counts: "NDArray[np.int64]", samples: dict[int, str]) -> Texts:
    different, places = np.unique(digests, return_inverse=True)
    sums = np.zeros(len(different), dtype=np.int64)
    np.add.at(sums, places, counts)
    return Texts(digests=different, counts=sums, samples=samples)
