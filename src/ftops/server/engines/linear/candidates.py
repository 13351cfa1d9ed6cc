"""Which replies reinforcement may try.

Owns the rule. A policy without a language model has to be told which replies there are: those that the parent knows, and short
values of the rows' free fields, the ones that are there for the grader. Which value belongs to which row is not told: that is
what rewards have to teach.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ftops.server.engines.interface import Row
from ftops.server.engines.linear.conversation import ReplyKey, reply_key
from ftops.server.engines.linear.targets import MOST_DENSE_REPLIES

OWN_FIELDS = frozenset({"messages", "tools", "parallel_tool_calls"})
"""What the format itself defines. All other fields of a row are free."""

LONGEST_CANDIDATE = 200
"""Characters: a longer text is rather a solution to compare with, or a source, than a reply."""

MOST_CANDIDATES = MOST_DENSE_REPLIES


def candidate_replies(rows: Sequence[Row]) -> tuple[ReplyKey, ...]:
    """Gives the replies that the free fields of ``rows`` suggest, the most frequent first, at most ``MOST_CANDIDATES``.

    They are the distinct values, at any depth, that are strings of 1 to ``LONGEST_CANDIDATE`` characters or numbers. Where the
    values of some fields recur (a label), fields whose values mostly don't (an id, a comment) are passed over.
    """
    by_field: dict[str, Counter[str]] = {}
    for row in rows:
        for name in row.keys() - OWN_FIELDS:
            by_field.setdefault(name, Counter()).update(_short_texts(row[name]))
    fields = [field for field in by_field.values() if field]
    recurring = [field for field in fields if 2 * len(field) <= field.total()]
    counts = sum(recurring or fields, Counter[str]())
    texts = sorted(counts, key=lambda text: (-counts[text], text))[:MOST_CANDIDATES]
    return tuple(reply_key({"content": text}) for text in texts)


def _short_texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            if 0 < len(value) <= LONGEST_CANDIDATE:
                yield value
        case bool():
            return
        case int() | float():
            yield json.dumps(value)
        case dict():
            for each in value.values():
                yield from _short_texts(each)
        case list() | tuple():
            for each in value:
                yield from _short_texts(each)
        case _:
            return
