"""Which message is the answer: the one that examples have the text of."""

import pytest

from checking_kit import chat, pair, typed
from ftops.datasets.batches import Batch
from ftops.datasets.checking.answer_messages import answer_field, answer_message, messages_before
from ftops.datasets.formats import Use


@pytest.mark.parametrize(
    ("row", "use", "field", "before"),
    [
        (chat("q", "a"), Use.SUPERVISED, "/messages/1", 1),
        (chat("q", "a", "q", "b", system="s"), Use.SUPERVISED, "/messages/4", 4),
        (chat("q", "a", "q"), Use.EVALUATION, "/messages/0", 0),
        (chat("q"), Use.REINFORCEMENT, "/messages/0", 0),
        (pair("q", "a", "b"), Use.DPO, "/preferred_output/0", 1),
        ({"any": "thing"}, Use.FREE, "", 0),
    ],
)
def test_the_answer_is_that_of_the_example(row, use, field, before):
    value = typed(row, use)
    (example,) = Batch([value], [1], use=use).examples
    message = answer_message(value)
    assert (message and message.content) == example.answer
    assert answer_field(value) == field
    assert len(messages_before(value)) == before
