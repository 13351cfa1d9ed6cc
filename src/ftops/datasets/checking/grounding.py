"""D134 and D135: values and facts in an answer that nothing before it mentions.

Owns both tests, which ``docs/data-checks.md`` defines. They err on the side of silence: what may have been inferred, computed,
abbreviated or translated is not told.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import msgspec

from ftops.datasets.batches import Batch, Example
from ftops.datasets.checking.answer_messages import answer_field, messages_before
from ftops.datasets.checking.candidates import Candidates, candidates, remaining, text_digest
from ftops.datasets.checking.hits import Hit, hit_findings
from ftops.datasets.excerpts import masked_excerpt
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.normal_text import normal_text
from ftops.datasets.rows import AssistantMessage, Row
from ftops.domain.foreign_text import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONSTANT_ROWS: Final = 3
SHORTEST: Final = 3  # letters and digits of a value, or significant digits of a number
LONGEST: Final = 60  # characters: longer values are composed, not looked up
MANY: Final = 0.5
_WHEN: Final = re.compile(r"\d{4}-\d\d|\d{1,2}:\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_ABBREVIATION: Final = 6  # letters
_GAP: Final = "[^.?!\n]{0,12}?"
_STEM: Final = 4


class UngroundedArguments:
    """Finds arguments of tool calls that neither the conversation nor the tools' definitions mention."""

    codes: ClassVar[tuple[str, ...]] = ("D134",)

    def look(self, batch: Batch) -> Candidates:
        """Gives the values that nothing mentions; the same value of the same argument has one digest."""
        tools: dict[bytes, str] = {}
        return candidates(
            (digest, hit)
            for row, example in zip(batch.rows, batch.examples, strict=True)
            if example.calls
            for digest, hit in _ungrounded(row, example, tools)
        )

    def conclude(self, seen: Sequence[Candidates], facts: FileFacts) -> Iterator[Found]:
        """Gives the values that are no constants of the file."""
        if not seen:
            return
        kind = "arguments of tool calls are mentioned nowhere before"
        hint = "put the value into the conversation or the tool's description, or let the model ask for it"
        yield from hit_findings("D134", [remaining(seen, _are_rare, says=kind)], kind=kind, hint=hint)


class _Facts(NamedTuple):
    """The answers of a batch by their digests, and the rows with a fact that the prompt doesn't have."""

    answers: "NDArray[np.uint64]"
    found: Candidates


class UngroundedFacts:
    """Finds names and numbers in an answer's text that the prompt doesn't have: tuning teaches facts badly."""

    codes: ClassVar[tuple[str, ...]] = ("D135",)

    def look(self, batch: Batch) -> _Facts:
        """Gives the rows of supervised training with such a name or number."""
        import numpy as np

        if batch.use != "supervised":
            return _Facts(np.empty(0, dtype=np.uint64), candidates(()))
        found = []
        answers = []
        for row, example in zip(batch.rows, batch.examples, strict=True):
            if example.answer:
                answers.append(digest := text_digest(example.answer))
                if (fact := _ungrounded_fact(example.answer, example)) is not None:
                    says = f"the answer has {masked_excerpt(fact)}, which the prompt doesn't"
                    found.append((digest, Hit(example.line, f"{answer_field(row)}/content", says)))
        return _Facts(np.array(answers, dtype=np.uint64), candidates(found))

    def conclude(self, seen: Sequence[_Facts], facts: FileFacts) -> Iterator[Found]:
        """Gives the rows whose answer no other row has; one finding for the file where they are half of all rows."""
        import numpy as np

        if not seen:
            return
        answers, counts = np.unique(np.concatenate([part.answers for part in seen]), return_counts=True)
        kind = "answers have names or numbers that their prompts don't"
        hint = (
            "tuning teaches form, not knowledge: put such facts into the prompt, or teach to say that they aren't known"
        )
        hits = remaining([part.found for part in seen], lambda d: np.isin(d, answers[counts == 1]), says=kind)
        if hits.first and hits.total >= MANY * facts.rows:
            first = hits.first[0]
            says = f"{hits.total:,} of {facts.rows:,} {kind}, as {first.says}"
            yield Found(code="D135", line=first.line, says=says, kind=kind, hint=hint, count=hits.total)
            return
        yield from hit_findings("D135", [hits], kind=kind, hint=hint)


def _are_rare(digests: "NDArray[np.uint64]") -> "NDArray[np.bool_]":
    import numpy as np

    _, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
    return counts[inverse] < CONSTANT_ROWS


def _ungrounded(row: Row, example: Example, tools: dict[bytes, str]) -> Iterator[tuple[int, Hit]]:
    """Gives the values of the answer's calls that nothing mentions. ``tools`` keeps normal forms of tools by their bytes."""
    said = _Said(f"{example.system}\n{example.asked}\n{_earlier_arguments(row)}", _normal_tools(example.tools, tools))
    for place, call in enumerate(example.calls):
        try:
            arguments = msgspec.json.decode(call.function.arguments)
        except (msgspec.MsgspecError, RecursionError):
            continue
        for name, value in _leaves(arguments):
            if not said.mentions(value):
                digest = text_digest(f"{call.function.name}\0{name}\0{value}")
                says = f"expected a value that was mentioned before, got {_shown(value)} for {quoted(name)}"
                yield digest, Hit(example.line, f"{answer_field(row)}/tool_calls/{place}/function/arguments", says)


def _shown(value: str | float) -> str:
    return masked_excerpt(value) if isinstance(value, str) else masked_excerpt(str(value)).strip("'")


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str | float]]:
    """Gives the strings and numbers in the arguments of a call, each with the name of its key."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from _leaves(inner, key)
        case list():
            for inner in value:
                yield from _leaves(inner, name)
        case str() | int() | float() if not isinstance(value, bool):
            yield name, value
        case _:
            return


class _Said:
    """What was said before an answer, in the forms that values are looked for in."""

    def __init__(self, text: str, tools: str) -> None:
        self._text = text
        self._normal = normal_text(text)
        self._tools = tools

    def mentions(self, value: str | float) -> bool:
        """Whether a value is mentioned, or of a kind that isn't judged."""
        if not isinstance(value, str):
            digits = normal_text(repr(value)).strip("0")
            return len(digits) < SHORTEST or "e" in repr(value) or self._has(digits)
        form = normal_text(value)
        if len(form) < SHORTEST or len(value) > LONGEST or self._has(form) or _WHEN.search(value):
            return True
        if form.isdigit():
            return False
        return self._has_words(value) or self._has_abbreviated(value)

    def _has(self, form: str) -> bool:
        return form in self._normal or form in self._tools

    def _has_words(self, value: str) -> bool:
        """Whether half of a value's words begin as something that was said does: inflected words count."""
        words = [word for word in map(normal_text, re.split(r"[\W_]+", value)) if len(word) >= SHORTEST]
        known = sum(self._has(word[: max(_STEM, len(word) - 3)]) for word in words)
        return bool(words) and 2 * known >= len(words)

    def _has_abbreviated(self, value: str) -> bool:
        """Whether a few capitals stand in this order in something that was said: BAC in Bank of America."""
        if len(value) > _ABBREVIATION or not value.isalpha() or not value.isupper():
            return False
        return re.search(r"\b" + _GAP.join(value), self._text, re.IGNORECASE) is not None


def _normal_tools(raw: bytes, known: dict[bytes, str]) -> str:
    form = known.get(raw)
    if form is None:
        form = known[raw] = normal_text(raw.decode("utf-8", "replace"))
    return form


def _earlier_arguments(row: Row) -> str:
    return "\n".join(
        call.function.arguments
        for message in messages_before(row)
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls or ()
    )


# Letters by case, digits, and everything else; Latin-1, so that names in other scripts are not looked for.
_CLASSES: Final = bytes(
    ord("A") if chr(c).isupper() else ord("a") if chr(c).islower() else ord("0") if chr(c).isdecimal() else c
    for c in range(256)
)
_NAME: Final = re.compile(rb"a (Aa+(?: Aa+)+)")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_CALCULATES: Final = re.compile(r"\d\s*[-=×*/+÷]\s*\$?\d")
_NO_DIGITS: Final = re.compile(r"\D")


def _ungrounded_fact(answer: str, example: Example) -> str | None:
    """Gives the first name of several words, or else the first long number, that nothing before the answer has."""
    classes = answer.encode("latin-1", "replace").translate(_CLASSES)
    names = [answer[match.start(1) : match.end(1)] for match in _NAME.finditer(classes)]
    numbers: list[str] = []
    if b"000" in classes and not _CALCULATES.search(answer):
        numbers = [number for number in _NUMBER.findall(answer) if len(_NO_DIGITS.sub("", number)) >= SHORTEST]
    if not names and not numbers:
        return None
    said = normal_text(f"{example.system}\n{example.asked}\n{example.tools.decode('utf-8', 'replace')}")
    for name in names:
        if not any(normal_text(word) in said for word in name.split()):
            return name
    return next((number for number in numbers if _NO_DIGITS.sub("", number) not in said), None)
