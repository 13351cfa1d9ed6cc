"""Scores as the ledger records them: one evaluation of one model, item by item, and what it was compared with."""

from enum import StrEnum

import msgspec

from ftops.domain.record_types import Count, Digest, Id, ItemDigest, Moment, Name, Record, ShortDigest, Text


class Outcome(StrEnum):
    """How a model's answer ended; everything but ``ok`` is graded as it is and counted apart."""

    OK = "ok"
    REFUSAL = "refusal"
    LENGTH = "length"
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    ERROR = "error"


class ItemScore(msgspec.Struct, frozen=True, array_like=True):
    """One evaluated row: the row's digest, its score (None where grading failed), the output's digest, how it ended."""

    row: ItemDigest
    score: float | None
    output: ItemDigest | None
    outcome: Outcome = Outcome.OK


class EvaluationRecord(Record, frozen=True, kw_only=True):
    """The scores of one model under one evaluation.

    ``digest`` is the evaluation's, ``sent`` that of how rows become requests (input, sampling, prompt), ``grader`` that of
    the grader. ``for_model`` is set where an undated base model was measured for one candidate only.
    """

    name: Name
    digest: Digest
    sent: Digest
    grader: Digest
    model: Id
    backend: Name
    revision: ShortDigest | None = None
    for_model: Id | None = None
    at: Moment
    items: tuple[ItemScore, ...] = ()
    left_out: Count = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    seconds: float = 0.0
    error: Text | None = None


class Comparison(Record, frozen=True, kw_only=True):
    """Which model a declared baseline was resolved to when this candidate was first judged."""

    candidate: Id
    digest: Digest
    form: Digest
    model: Id
    backend: Name
    sent: Digest
    note: Text | None = None
