"""D134 and D135: values and facts in an answer that nothing before it mentions.

Owns both tests, which ``docs/data-checks.md`` defines. They err on the side of silence: what may have been inferred, computed,
abbreviated or translated is not told.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import msgspec

from ftops.datasets.batches import Batch, Example
from ftops.datasets.checking.abbreviations import Abbreviated
from ftops.datasets.checking.answer_messages import answer_field, messages_before
from ftops.datasets.checking.candidates import Candidates, Suspect, candidates, remaining, text_digest
from ftops.datasets.checking.facts import facts_in
from ftops.datasets.checking.hits import hit_findings
from ftops.datasets.checking.mentions import Said
from ftops.datasets.excerpts import masked_excerpt, masked_words
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.normal_text import normal_text
from ftops.datasets.personal_data import findings_in
from ftops.datasets.rows import AssistantMessage, Row
from ftops.domain.foreign_text import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONSTANT_ROWS: Final = 3
SHORTEST: Final = 3  # letters and digits of a value, or significant digits of a number
LONGEST: Final = 60  # characters: longer values are composed, not looked up
MOST: Final = 200  # values of one answer, so that none is held against its prompt for long
MANY: Final = 0.5
_WHEN: Final = re.compile(r"\d{4}-\d\d|\d{1,2}:\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_ABBREVIATION: Final = 6  # letters
_STEM: Final = 4
_MASKED: Final = ""


class UngroundedArguments:
    """Finds arguments of tool calls that neither the conversation nor the tools' definitions mention."""

    codes: ClassVar[tuple[str, ...]] = ("D134",)

    def look(self, batch: Batch) -> Candidates:
        """Gives the values that nothing mentions; the same value of the same argument has one digest."""
        tools: dict[bytes, Said] = {}
        found = [
            one
            for row, example in zip(batch.rows, batch.examples, strict=True)
            if example.calls
            for one in _ungrounded(row, example, tools)
        ]
        digests = [text_digest(f"{function}\0{suspect.name}\0{suspect.value}") for function, suspect in found]
        return candidates(digests, [one.line for _, one in found], lambda places: [found[place][1] for place in places])

    def conclude(self, seen: Sequence[Candidates], facts: FileFacts) -> Iterator[Found]:
        """Gives the values that are no constants of the file."""
        if not seen:
            return
        kind = "arguments of tool calls are mentioned nowhere before"
        hint = "put the value into the conversation or the tool's description, or let the model ask for it"
        yield from hit_findings("D134", [remaining(seen, _are_rare, tell=_tell_value, kind=kind)], kind=kind, hint=hint)


class _Facts(NamedTuple):
    """Answers with facts, by their digests, and the rows with one that the prompt doesn't have."""

    answers: "NDArray[np.uint64]"
    found: Candidates


class UngroundedFacts:
    """Finds names and numbers in an answer's text that the prompt doesn't have: tuning teaches facts badly."""

    codes: ClassVar[tuple[str, ...]] = ("D135",)

    def look(self, batch: Batch) -> _Facts:
        """Gives the rows of supervised training with such a name or number."""
        import numpy as np

        is_meant = batch.use == "supervised"
        places = [place for place, example in enumerate(batch.examples) if example.answer and is_meant]
        answers = [batch.examples[place].answer or "" for place in places]
        digests: list[int] = []
        found: list[tuple[int, int, str]] = []
        for index, facts in facts_in(answers):
            digests.append(digest := text_digest(answers[index]))
            if (fact := facts.first_not_in(_prompt(batch.examples[places[index]]))) is not None:
                found.append((digest, places[index], fact))

        lines = [batch.lines[place] for _, place, _ in found]
        suspects = candidates(
            [digest for digest, _, _ in found],
            lines,
            lambda numbers: _described(batch, [found[number][1:] for number in numbers]),
        )
        return _Facts(np.array(digests, dtype=np.uint64), suspects)

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
        once = answers[counts == 1]
        hits = remaining([part.found for part in seen], lambda d: np.isin(d, once), tell=_tell_fact, kind=kind)
        if hits.first and hits.total >= MANY * facts.rows:
            first = hits.first[0]
            says = f"{hits.total:,} of {facts.rows:,} {kind}, as {first.says}"
            yield Found(code="D135", line=first.line, says=says, kind=kind, hint=hint, count=hits.total)
            return
        yield from hit_findings("D135", [hits], kind=kind, hint=hint)


def _described(batch: Batch, facts: Sequence[tuple[int, str]]) -> Sequence[Suspect]:
    """Tells of facts, each with the place of its row; a piece of a key, say, is none to be shown."""
    answers = [batch.examples[place].answer or "" for place, _ in facts]
    sensitive = {index for index, _ in findings_in(answers)}
    suspects = []
    for index, (place, fact) in enumerate(facts):
        is_open = index not in sensitive or fact in masked_words(answers[index])
        field = f"{answer_field(batch.rows[place])}/content"
        suspects.append(Suspect(batch.lines[place], field, fact if is_open else _MASKED))
    return suspects


def _prompt(example: Example) -> Said:
    return Said(f"{example.system}\n{example.asked}\n{example.tools.decode('utf-8', 'replace')}")


def _tell_fact(fact: Suspect) -> str:
    shown = "something that is masked here" if fact.value == _MASKED else masked_excerpt(str(fact.value))
    return f"the answer has {shown}, which the prompt doesn't"


def _tell_value(found: Suspect) -> str:
    value = found.value
    shown = masked_excerpt(value) if isinstance(value, str) else masked_excerpt(str(value)).strip("'")
    return f"expected a value that was mentioned before, got {shown} for {quoted(found.name)}"


def _are_rare(digests: "NDArray[np.uint64]") -> "NDArray[np.bool_]":
    import numpy as np

    _, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
    return counts[inverse] < CONSTANT_ROWS


def _ungrounded(row: Row, example: Example, tools: dict[bytes, Said]) -> Iterator[tuple[str, Suspect]]:
    """Gives the values of the answer's calls that nothing mentions, each with its function. ``tools`` keeps tools as said."""
    offered = tools.get(example.tools)
    if offered is None:
        offered = tools[example.tools] = Said(example.tools.decode("utf-8", "replace"))
    before = _Before(Said(f"{example.system}\n{example.asked}\n{_earlier_arguments(row)}"), offered)
    left = MOST
    for place, call in enumerate(example.calls):
        try:
            arguments = msgspec.json.decode(call.function.arguments)
        except (msgspec.MsgspecError, RecursionError):
            continue
        field = f"{answer_field(row)}/tool_calls/{place}/function/arguments"
        for name, value in islice(_leaves(arguments), left):
            left -= 1
            if not before.mentions(value):
                yield call.function.name, Suspect(example.line, field, value, name)


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


class _Before:
    """What was said before an answer, and the tools that are offered, in which values are looked for."""

    def __init__(self, said: Said, tools: Said) -> None:
        self._said = said
        self._tools = tools
        self._abbreviated: Abbreviated | None = None

    def mentions(self, value: str | float) -> bool:
        """Whether a value is mentioned, or of a kind that isn't judged."""
        if not isinstance(value, str):
            digits = normal_text(repr(value)).strip("0")
            return len(digits) < SHORTEST or "e" in repr(value) or self._has(digits, digits)
        form = normal_text(value)
        if len(form) < SHORTEST or len(value) > LONGEST or self._has(form, value) or _WHEN.search(value):
            return True
        if form.isdigit():
            return False
        return self._has_words(value) or self._has_abbreviated(value)

    def _has(self, form: str, written: str) -> bool:
        return self._said.has(form, written) or self._tools.has(form, written)

    def _has_words(self, value: str) -> bool:
        """Whether half of a value's words begin as something that was said does: inflected words count."""
        words = [word for word in map(normal_text, re.split(r"[\W_]+", value)) if len(word) >= SHORTEST]
        stems = [word[: max(_STEM, len(word) - 3)] for word in words]
        known = sum(self._has(stem, stem if stem.isascii() else "") for stem in stems)
        return bool(words) and 2 * known >= len(words)

    def _has_abbreviated(self, value: str) -> bool:
        """Whether a few capitals stand in this order in something that was said: BAC in Bank of America."""
        if len(value) > _ABBREVIATION or not value.isalpha() or not value.isupper():
            return False
        if self._abbreviated is None:
            self._abbreviated = Abbreviated(self._said.text)
        return self._abbreviated.has(value)


def _earlier_arguments(row: Row) -> str:
    return "\n".join(
        call.function.arguments
        for message in messages_before(row)
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls or ()
    )
