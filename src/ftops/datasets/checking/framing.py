"""What stands around the questions of a file: its system prompts and its tools, and which of them belong together.

Owns when two system prompts are one with its blanks filled in differently, when two sets of tools are one, and what share of
the rows is a real one. Large files are known by a sample of their rows.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ftops.datasets.batches import Batch
from ftops.datasets.checking.samples import candidates, is_sampled
from ftops.datasets.prompt_keys import digest

READ: Final = 1_000  # characters of a system prompt; a digest stands for the rest
REAL_SHARE: Final = 0.05
_REAL_ROWS: Final = 3
_ALIKE: Final = 0.75
_ALIKE_TOOLS: Final = 0.5
_HEADS: Final = 40

Prompt = tuple[str, bytes]  # the beginning of a system prompt, and the digest of all of it
Tools = tuple[tuple[str, bytes], ...]  # names in order, each with the digest of its parameters
_Member = TypeVar("_Member", Prompt, Tools)


@dataclass(frozen=True, kw_only=True, slots=True)
class Framed:
    """The frames of a batch's rows: of each candidate for the sample its line and the places of its prompt and tools."""

    last: int
    lines: NDArray[np.int64]
    prompts: tuple[Prompt, ...]
    prompt_of: NDArray[np.int32]
    tools: tuple[Tools, ...]
    tools_of: NDArray[np.int32]


@dataclass(slots=True)
class Frequency:
    """How many rows there are of a kind, and the line of the first."""

    rows: int = 0
    line: int = 0

    def add(self, line: int, rows: int = 1) -> None:
        """Counts rows, the first of them on ``line``."""
        self.line = min(self.line, line) if self.rows else line
        self.rows += rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The frames of a file, in ``rows`` rows of the sample."""

    rows: int
    prompts: Mapping[Prompt, Frequency]
    tools: Mapping[Tools, Frequency]

    def is_real(self, found: Frequency) -> bool:
        """Tells whether so many rows are a kind of their own and no slip."""
        return found.rows >= max(_REAL_ROWS, REAL_SHARE * self.rows)


@dataclass(slots=True)
class Family(Frequency):
    """Prompts or sets of tools that count as one: ``head`` is the most frequent, ``members`` says how many there are."""

    head: Any = None
    members: int = 0


def framed(batch: Batch) -> Framed:
    """Gives the frames of the rows of a batch that may be in the sample."""
    prompts: dict[Prompt, int] = {}
    tools: dict[Tools, int] = {}
    parsed: dict[bytes, int] = {}
    places = candidates(batch.lines)
    places_of_prompts, tools_of = [], []
    for place in places:
        example = batch.examples[place]
        places_of_prompts.append(prompts.setdefault(prompt_of(example.system), len(prompts)))
        if example.tools not in parsed:
            parsed[example.tools] = tools.setdefault(_tools(example.tools), len(tools))
        tools_of.append(parsed[example.tools])
    return Framed(
        last=batch.lines[-1] if batch.lines else 0,
        lines=np.array(batch.lines, np.int64)[places],
        prompts=tuple(prompts),
        prompt_of=np.array(places_of_prompts, np.int32),
        tools=tuple(tools),
        tools_of=np.array(tools_of, np.int32),
    )


def prompt_of(system: str) -> Prompt:
    """Gives what stands for a system prompt."""
    text = system.strip()
    return text[:READ], digest(text)


def profile(seen: Sequence[Framed]) -> Profile:
    """Puts together what was seen of a file."""
    last = max((one.last for one in seen), default=0)
    prompts: dict[Prompt, Frequency] = {}
    tools: dict[Tools, Frequency] = {}
    rows = 0
    for one in seen:
        places = np.flatnonzero(is_sampled(one.lines, last))
        rows += len(places)
        for place in places:
            line = int(one.lines[place])
            prompts.setdefault(one.prompts[one.prompt_of[place]], Frequency()).add(line)
            tools.setdefault(one.tools[one.tools_of[place]], Frequency()).add(line)
    return Profile(rows=rows, prompts=prompts, tools=tools)


def prompt_families(found: Profile) -> tuple[Family, ...]:
    """Groups system prompts: three quarters of their words are the same, in the same order."""
    words: dict[Prompt, list[str]] = {prompt: prompt[0].split() for prompt in found.prompts}
    return _families(found.prompts, lambda one, other: word_similarity(words[one], words[other]) >= _ALIKE)


def tool_families(found: Profile) -> tuple[Family, ...]:
    """Groups sets of tools: half of the names that either has are in both. Rows without tools are left out."""
    return _families({tools: many for tools, many in found.tools.items() if tools}, _are_alike)


def is_of(prompt: Prompt, family: Family) -> bool:
    """Tells whether a system prompt would be in a family."""
    return word_similarity(prompt[0].split(), family.head[0].split()) >= _ALIKE


def word_similarity(first: Sequence[str], second: Sequence[str]) -> float:
    """Gives the share of words that two texts have in common and in the same order, from 0 to 1."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_similarity(first, second))


def tool_rows(found: Profile) -> Mapping[str, Counter[bytes]]:
    """Gives for the name of each tool the number of rows that offer it, by the digest of its parameters."""
    counts: dict[str, Counter[bytes]] = {}
    for tools, many in found.tools.items():
        for name, parameters in tools:
            counts.setdefault(name, Counter())[parameters] += many.rows
    return counts


def _families(found: Mapping[_Member, Frequency], are_alike: Callable[[_Member, _Member], bool]) -> tuple[Family, ...]:
    """Puts each, the most frequent first, to the first family whose head is like it; of very many the rare are left out."""
    families: list[Family] = []
    for member, many in sorted(found.items(), key=lambda item: (-item[1].rows, item[1].line)):
        for family in families:
            if are_alike(family.head, member):
                break
        else:
            if len(families) == _HEADS:
                continue
            family = Family(head=member)
            families.append(family)
        family.add(many.line, many.rows)
        family.members += 1
    return tuple(sorted(families, key=lambda family: (-family.rows, family.line)))


def _are_alike(first: Tools, second: Tools) -> bool:
    names, others = {name for name, _ in first}, {name for name, _ in second}
    return len(names & others) >= _ALIKE_TOOLS * len(names | others)


def _tools(tools: bytes) -> Tools:
    offered = msgspec.json.decode(tools) if tools else None
    functions = [tool["function"] for tool in offered or ()]
    return tuple(sorted((function["name"], _parameters(function.get("parameters"))) for function in functions))


def _parameters(parameters: Any) -> bytes:
    return digest(msgspec.json.encode(parameters, order="sorted").decode("utf-8"))
