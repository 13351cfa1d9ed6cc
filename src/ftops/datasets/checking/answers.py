"""D130 and D131: answers that put somebody off, and answers that say nothing.

Owns both tests, which ``docs/data-checks.md`` defines. Neither looks at a row whose answer calls a tool.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple

from ftops.datasets.batches import Batch, Example
from ftops.datasets.checking.answer_messages import answer_field, answer_message
from ftops.datasets.checking.deferrals import deferrals_in
from ftops.datasets.checking.hits import Hit, Hits, hit_findings, shortened
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.labels import LONGEST, Labels, labels_of, merged_labels
from ftops.datasets.normal_text import normal_text
from ftops.datasets.rows import RefusalPart, Row
from ftops.domain.foreign_text import quoted

DEFERRAL_WITHIN: Final = 250  # characters from the start of an answer
SHORT_ANSWER: Final = 40
_OUTER: Final = re.compile(r"^[\W_]+|[\W_]+$")
# In normal form: letters and digits alone, case folded.
_AGREEING: Final = frozenset(("yes", "yep", "yeah", "no", "nope", "ja", "nein", "sí", "si", "oui", "non"))
_NOTHING: Final = """
ok okay okey k kk sure fine done na none null nil nan undefined unknown empty blank test todo tbd tba
idk dunno idontknow dontknow noanswer noidea nothing nodata notavailable notapplicable pending placeholder loremipsum
weissnicht keineahnung keineangabe nosé nosabe jenesaispas
"""
SAYING_NOTHING: Final = _AGREEING.union(_NOTHING.split())


class Deferrals:
    """Finds answers that promise, refuse, or talk of being a model, instead of answering."""

    codes: ClassVar[tuple[str, ...]] = ("D130",)

    def look(self, batch: Batch) -> Hits:
        """Gives the rows with such a phrase near the start of the answer."""
        phrases = deferrals_in(["" if one.calls else (one.answer or "")[:DEFERRAL_WITHIN] for one in batch.examples])
        hits = []
        for place in sorted(phrases):
            says = f"expected an answer, it puts the user off: {quoted(phrases[place])}"
            hits.append(Hit(batch.lines[place], answer_field(batch.rows[place]) + "/content", says))
        return shortened(hits)

    def conclude(self, seen: Sequence[Hits], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown."""
        hint = "the model learns the phrase, not the deed: give the answer, or remove the row"
        yield from hit_findings("D130", seen, kind="answers put the user off", hint=hint)


class _Short(NamedTuple):
    """The answers of a batch: their labels, and the rows that say nothing. ``mute`` have no letter or digit."""

    labels: Labels
    nothing: Hits
    mute: Hits


class LowInformationAnswers:
    """Finds answers such as ``ok``, ``n/a`` and ``…``, but not in a file whose answers are labels."""

    codes: ClassVar[tuple[str, ...]] = ("D131",)

    def look(self, batch: Batch) -> _Short:
        """Gives the short answers."""
        examples = batch.examples
        places = [place for place, one in enumerate(examples) if one.answer is not None and not one.calls]
        short = [place for place in places if len(examples[place].answer or "") <= LONGEST]
        texts = [examples[place].answer or "" for place in short]
        forms = {text: normal_text(text) for text in set(texts) if len(text) <= SHORT_ANSWER}
        nothing, mute = [], []
        for place, text in zip(short, texts, strict=True):
            form = forms.get(text)
            if form == "":
                mute.append(place)
            elif form in SAYING_NOTHING and not _is_asked_for(text, form, examples[place]):
                nothing.append(place)
        labels = replace(labels_of(texts), answered=len(places))
        return _Short(labels=labels, nothing=self._hits(batch, nothing), mute=self._hits(batch, mute))

    def conclude(self, seen: Sequence[_Short], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown."""
        hint = "say in the answer what it is about, or remove the row"
        yield from hit_findings("D131", [one.mute for one in seen], kind="answers without a letter or digit", hint=hint)
        if not merged_labels(one.labels for one in seen).are_labels:
            yield from hit_findings("D131", [one.nothing for one in seen], kind="answers say nothing", hint=hint)

    @staticmethod
    def _hits(batch: Batch, places: Sequence[int]) -> Hits:
        hits = []
        for place in places:
            row, example = batch.rows[place], batch.examples[place]
            if example.answer == "" and _refuses(row):
                continue
            got = quoted(example.answer) if example.answer else "none"
            says = f"expected an answer that says something, got {got}"
            hits.append(Hit(example.line, answer_field(row) + "/content", says))
        return shortened(hits)


def _is_asked_for(answer: str, form: str, example: Example) -> bool:
    """Whether the prompt names the answer as one to be given, or yes and no are an answer to a question."""
    prompt = f"{example.system}\n{example.asked}"
    if form in _AGREEING and "?" in prompt:
        return True
    words = _OUTER.sub("", answer)
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", prompt, re.IGNORECASE) is not None


def _refuses(row: Row) -> bool:
    """Whether the answer says what it says as a refusal, so that it has no text."""
    answer = answer_message(row)
    parts = answer.content if answer is not None and isinstance(answer.content, list) else ()
    return bool(answer and answer.refusal) or any(isinstance(part, RefusalPart) for part in parts)
