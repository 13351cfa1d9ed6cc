"""Is a file about one task, and is the model asked in evaluation as it was in training?

Owns D112, D113 and D114. What system prompts and sets of tools are one is ``framing``'s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any, ClassVar, Final

from ftops.datasets.batches import Batch
from ftops.datasets.checking.first_few import first_few
from ftops.datasets.checking.framing import (
    READ,
    REAL_SHARE,
    Family,
    Frequency,
    Profile,
    Prompt,
    framed,
    is_of,
    profile,
    prompt_families,
    prompt_of,
    tool_families,
    tool_rows,
    word_similarity,
)
from ftops.datasets.excerpts import masked_excerpt
from ftops.datasets.findings import Found
from ftops.datasets.formats import Use
from ftops.datasets.inspections import FileFacts
from ftops.domain.foreign_text import quoted

_LISTED: Final = 5
_CHANGES_LISTED: Final = 3
_TEMPLATE: Final = 5  # different texts in a family, from which on another one is no surprise
_COMPARABLE: Final = 0.5


class Tasks:
    """Finds several tasks in one file, and frames that evaluation or validation doesn't share with training."""

    codes: ClassVar[tuple[str, ...]] = ("D112", "D113", "D114")

    def look(self, batch: Batch) -> Any:
        """Gives the frames of some of the rows."""
        return framed(batch)

    def conclude(self, seen: Sequence[Any], facts: FileFacts) -> Iterator[Found]:
        """Finds several prompts, then several sets of tools, each in a real share of the rows of a training file."""
        if not facts.use.is_training:
            return
        found = profile(seen)
        prompts = [family for family in prompt_families(found) if found.is_real(family)]
        if len(prompts) > 1:
            hint = "a model learns one task best: use one system prompt in all rows, or make a fine-tune of each task"
            yield _several(
                found, prompts, kind="system prompts", names=[_named(one.head) for one in prompts], hint=hint
            )
        tools = [family for family in tool_families(found) if found.is_real(family)]
        if len(tools) > 1:
            hint = "a model learns one task best: offer the same tools in all rows, or make a fine-tune of each task"
            names = [_list([quoted(name) for name, _ in one.head]) for one in tools]
            yield _several(found, tools, kind="sets of tools", names=names, hint=hint)

    def compare(
        self, train: Sequence[Any], train_facts: FileFacts, other: Sequence[Any], facts: FileFacts
    ) -> Iterator[Found]:
        """Finds system prompts and tools that only one of two files has."""
        trained, asked = profile(train), profile(other)
        if not (trained.rows and asked.rows):
            return
        if facts.use is Use.FREE:  # an input that is stated elsewhere is asked; tools of free rows are not looked at
            prompts = {prompt_of(system): Frequency(rows=asked.rows, line=1) for system in facts.systems}
            yield from _unknown_prompts(trained, replace(asked, prompts=prompts), who="the evaluation's input has")
            return
        yield from _unknown_prompts(trained, asked)
        yield from _unknown_tools(trained, asked)


def _several(found: Profile, families: Sequence[Family], *, kind: str, names: Sequence[str], hint: str) -> Found:
    told = [
        f"{family.rows / found.rows:.0%} {name} (line {family.line})"
        for family, name in zip(families, names, strict=True)
    ]
    says = f"{len(families)} different {kind}: {_list(told)}"
    return Found(code="D112", line=families[1].line, says=says, hint=hint, kind=f"several {kind}")


def _unknown_prompts(trained: Profile, asked: Profile, *, who: str | None = None) -> Iterator[Found]:
    """Finds the system prompts that training doesn't have, the most frequent first; ``who`` has them if not the rows.

    Says nothing where training itself has another one in most rows, as where documents stand in them.
    """
    families = [family for family in prompt_families(trained) if trained.is_real(family)]
    if sum(family.rows for family in families) < _COMPARABLE * trained.rows:
        return
    templates = [family for family in families if family.members >= _TEMPLATE]
    unknown = sorted(
        (
            (many, prompt)
            for prompt, many in asked.prompts.items()
            if prompt not in trained.prompts and not any(is_of(prompt, template) for template in templates)
        ),
        key=lambda item: (-item[0].rows, item[0].line),
    )

    def tell(place: int) -> Found:
        many, prompt = unknown[place]
        nearest = max(families, key=lambda family: word_similarity(prompt[0].split(), family.head[0].split()))
        share = who or f"{many.rows / asked.rows:.0%} of the rows have"
        says = f"{share} {_named(prompt)}, where training has {_named(nearest.head)}{_difference(nearest.head, prompt)}"
        hint = "ask as in training: a fine-tune is best at the prompt that it was trained on"
        return Found(
            code="D113", line=many.line, says=says, hint=hint, kind="a system prompt that training doesn't have"
        )

    yield from first_few(range(len(unknown)), tell)


def _unknown_tools(trained: Profile, asked: Profile) -> Iterator[Found]:
    """Finds tools that a real share of the rows of one file offers and none of the other, and those that differ."""
    in_training, in_asking = tool_rows(trained), tool_rows(asked)
    gone = sorted(n for n, many in in_training.items() if _is_usual(many.total(), trained) and n not in in_asking)
    new = sorted(n for n, many in in_asking.items() if _is_usual(many.total(), asked) and n not in in_training)
    changed = sorted(
        name
        for name, many in in_asking.items()
        if _is_usual(many.total(), asked) and name in in_training and not many.keys() & in_training[name].keys()
    )
    for names, kind, says in (
        (gone, "tools that only training has", "no row offers {}, on which the model is trained"),
        (new, "tools that training doesn't have", "offers {}, on which the model isn't trained"),
        (changed, "tools with other parameters than in training", "offers {} with other parameters than training"),
    ):
        if names:
            hint = "offer the same tools, with the same parameters, as in training"
            told = says.format(_list([quoted(name) for name in names]))
            yield Found(code="D114", says=told, hint=hint, kind=kind)


def _is_usual(rows: int, found: Profile) -> bool:
    return rows >= REAL_SHARE * found.rows


def _difference(before: Prompt, after: Prompt) -> str:
    """Tells briefly how one system prompt became the other; nothing where they have little in common."""
    words, others = before[0].split(), after[0].split()
    if not words or not others or word_similarity(words, others) < _COMPARABLE:
        return ""
    changes = []
    for tag, begin, end, other_begin, other_end in SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        gone, new = masked_excerpt(" ".join(words[begin:end])), masked_excerpt(" ".join(others[other_begin:other_end]))
        if tag == "replace":
            changes.append(f"{new} for {gone}")
        elif tag != "equal":
            changes.append(f"{new} added" if tag == "insert" else f"{gone} left out")
    if changes:
        return f"; the difference: {_list(changes, _CHANGES_LISTED)}"
    return "; they differ in blanks" if len(before[0]) < READ else f"; they differ after {READ:,} characters"


def _named(prompt: Prompt) -> str:
    return f"the system prompt {masked_excerpt(prompt[0])}" if prompt[0] else "no system prompt"


def _list(told: Sequence[str], limit: int = _LISTED) -> str:
    more = [f"{len(told) - limit:,} more"] if len(told) > limit else []
    return ", ".join([*told[:limit], *more])
