"""An inspection to examine the examiner with: it remembers every question and finds those that come again."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from ftops.datasets.batches import Batch
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts

Seen = tuple[tuple[str, int], ...]


class Questions:
    """Finds a question that came before, in the same file (D101) or in the training file (D104)."""

    codes: ClassVar[tuple[str, ...]] = ("D101", "D104")

    def look(self, batch: Batch) -> Seen:
        return tuple((example.question, example.line) for example in batch.examples)

    def conclude(self, seen: Sequence[Seen], facts: FileFacts) -> Iterator[Found]:
        known: set[str] = set()
        for question, line in (one for batch in seen for one in batch):
            if question in known:
                yield Found(code="D101", line=line, says=f"{question} again in {facts.path}", kind="again")
            known.add(question)

    def compare(
        self, train: Sequence[Seen], train_facts: FileFacts, other: Sequence[Seen], facts: FileFacts
    ) -> Iterator[Found]:
        known = {question for batch in train for question, _ in batch}
        for question, line in (one for batch in other for one in batch):
            if question in known:
                yield Found(code="D104", line=line, says=f"{question} is in {train_facts.path}", kind=facts.use)
