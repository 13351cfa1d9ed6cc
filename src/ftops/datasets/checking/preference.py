"""D150–D152: pairs that teach no preference, pairs that contradict each other, and a preference for mere length.

Owns the three tests, which ``docs/data-checks.md`` defines. They look at DPO rows alone.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from ftops.datasets.batches import Batch
from ftops.datasets.checking.hits import Hit, Hits, hit_findings, shortened
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.rows import AssistantMessage, PreferenceRow, text_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BIAS_SHARE: Final = 0.75
BIAS_P: Final = 0.001
_FIRST_WORDS: Final = 8


class IdenticalPairs:
    """Finds pairs whose two answers are the same but for blanks."""

    codes: ClassVar[tuple[str, ...]] = ("D150",)

    def look(self, batch: Batch) -> Hits:
        """Gives the rows with such a pair."""
        says = "expected two different answers, the other one is the same"
        return shortened(
            [
                Hit(line, "/non_preferred_output/0", says)
                for row, line in zip(batch.rows, batch.lines, strict=True)
                if isinstance(row, PreferenceRow) and _are_same(row.preferred_output[0], row.non_preferred_output[0])
            ]
        )

    def conclude(self, seen: Sequence[Hits], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown."""
        hint = "remove the row: nothing is learnt from it, and it is billed"
        yield from hit_findings("D150", seen, kind="both answers of a pair are the same", hint=hint)


class _Pairs(NamedTuple):
    """Pairs as digests of their two answers, each taken together with the prompt, and their lines."""

    preferred: "NDArray[np.uint64]"
    other: "NDArray[np.uint64]"
    lines: "NDArray[np.int64]"


class SwappedPairs:
    """Finds pairs that contradict others of the same prompt: A before B here, B before A there, or in a longer circle."""

    codes: ClassVar[tuple[str, ...]] = ("D151",)

    def look(self, batch: Batch) -> _Pairs:
        """Gives the pairs whose answers differ."""
        import numpy as np

        different: list[tuple[int, int, int]] = []
        for row, example in zip(batch.rows, batch.examples, strict=True):
            if isinstance(row, PreferenceRow):
                prompt = _digest(f"{example.system}\0{example.asked}")
                preferred, other = (
                    _answer_digest(prompt, one) for one in (row.preferred_output, row.non_preferred_output)
                )
                if preferred != other:
                    different.append((preferred, other, example.line))
        return _Pairs(
            np.array([pair[0] for pair in different], dtype=np.uint64),
            np.array([pair[1] for pair in different], dtype=np.uint64),
            np.array([pair[2] for pair in different], dtype=np.int64),
        )

    def conclude(self, seen: Sequence[_Pairs], facts: FileFacts) -> Iterator[Found]:
        """Gives each pair of a circle, with a line that it contradicts."""
        import numpy as np

        if not any(part.lines.size for part in seen):
            return
        preferred, other, lines = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        circles = _circles(preferred, other)
        places = (circles >= 0).nonzero()[0]
        partners = {(int(other[place]), int(preferred[place])): int(lines[place]) for place in places[::-1]}
        first = {int(circles[place]): int(lines[place]) for place in places[::-1]}
        hits = []
        for place in places.tolist():
            line, circle = int(lines[place]), int(circles[place])
            partner = partners.get((int(preferred[place]), int(other[place])))
            if partner is not None:
                says = f"expected one order of two answers, line {partner} has the opposite one"
            elif first[circle] != line:
                says = f"expected an order of the answers, with line {first[circle]} and others they go in a circle"
            else:
                says = "expected an order of the answers, with those of other rows they go in a circle"
            hits.append(Hit(line, "/preferred_output/0", says))
        hint = "decide which answer is better, and keep the rows that say so"
        yield from hit_findings("D151", [shortened(hits)], kind="pairs of one prompt contradict each other", hint=hint)


class _Longer(NamedTuple):
    """Of how many pairs the preferred answer is the longer one, the shorter one, or of the same length."""

    longer: int
    shorter: int
    same: int


class LengthBias:
    """Finds that which answer is preferred can be told by its length alone."""

    codes: ClassVar[tuple[str, ...]] = ("D152",)

    def look(self, batch: Batch) -> _Longer:
        """Counts pairs by what is longer, in characters; pairs with a tool call don't count."""
        signs = [
            (len(one.answer) > len(one.rejected)) - (len(one.answer) < len(one.rejected))
            for one in batch.examples
            if one.answer and one.rejected and not one.calls
        ]
        return _Longer(signs.count(1), signs.count(-1), signs.count(0))

    def conclude(self, seen: Sequence[_Longer], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for the file."""
        longer, shorter = sum(one.longer for one in seen), sum(one.shorter for one in seen)
        more, pairs = max(longer, shorter), longer + shorter
        if not pairs or more / pairs < BIAS_SHARE or _probability(more, pairs) >= BIAS_P:
            return
        word = "longer" if longer > shorter else "shorter"
        all_pairs = pairs + sum(one.same for one in seen)
        says = (
            f"the preferred answer is the {word} one in {more:,} of {all_pairs:,} pairs: "
            f"always taking the {word} one gets {more / all_pairs:.2f} of them right"
        )
        hint = "add pairs in which the preferred answer is of the same length or the other way round"
        yield Found(code="D152", says=says, hint=hint, kind="length tells which answer is preferred")


def _probability(more: int, pairs: int) -> float:
    """Gives the p-value of the two-sided binomial test that both sides are as likely."""
    from scipy.stats import binomtest  # takes half a second to import

    return float(binomtest(more, pairs).pvalue)


def _are_same(one: AssistantMessage, other: AssistantMessage) -> bool:
    text, beside = text_of(one.content), text_of(other.content)
    # Most pairs differ within their first words, so that the rest need not be split.
    if text.split(None, _FIRST_WORDS)[:_FIRST_WORDS] != beside.split(None, _FIRST_WORDS)[:_FIRST_WORDS]:
        return False
    return text.split() == beside.split() and _called(one) == _called(other)


def _called(message: AssistantMessage) -> list[tuple[str, str]]:
    return [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]


def _digest(text: str) -> "hashlib.blake2b":
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)


def _answer_digest(prompt: "hashlib.blake2b", answers: Sequence[AssistantMessage]) -> int:
    digest = prompt.copy()
    for answer in answers:
        calls = "".join(f"\0{name}\0{arguments}" for name, arguments in _called(answer))
        digest.update(f"\1{text_of(answer.content).strip()}{calls}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest(), "big")


def _circles(preferred: "NDArray[np.uint64]", other: "NDArray[np.uint64]") -> "NDArray[np.int64]":
    """Gives the number of the circle that each pair is part of, -1 where its answers can be put in an order.

    Answers are the nodes of a graph with an edge from each preferred one to the other: a pair is part of a circle where both
    its ends are in one strongly connected component.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes, places = np.unique(np.concatenate([preferred, other]), return_inverse=True)
    start, end = np.split(places, 2)
    graph = coo_array((np.ones(start.size, dtype=np.int8), (start, end)), shape=(nodes.size, nodes.size))
    _, component = connected_components(graph.tocsr(), directed=True, connection="strong")
    return np.where(component[start] == component[end], component[start], -1).astype(np.int64)
