"""Scores as the ledger records them: one evaluation of one model, item by item, and what it was compared with."""

from enum import StrEnum
from typing import Literal

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
    """One answer to one evaluated row, and what its grader made of it.

    ``row`` is the row's digest, ``score`` None where grading failed, ``output`` the answer's digest. With ``repeats`` a row
    has several of these, told apart by ``repeat`` (from 0). ``milliseconds`` and tokens are the answer's. ``mark`` is what the
    grader said besides the score: the class that an answer was read as, its outcome, or the code of an error in its tool
    calls; ``expected`` the class of the reference. Neither ever holds a model's own words. ``cluster`` is the digest of the
    field that the evaluation clusters by.
    """

    row: ItemDigest
    score: float | None
    output: ItemDigest | None
    outcome: Outcome = Outcome.OK
    repeat: Count = 0
    milliseconds: Count = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    mark: Text | None = None
    expected: Text | None = None
    cluster: ItemDigest | None = None


class EvaluationRecord(Record, frozen=True, kw_only=True):
    """The scores of one model under one evaluation.

    ``digest`` is the evaluation's, ``sent`` that of how rows become requests (input, sampling, prompt), ``grader`` that of
    the grader. ``for_model`` is set where an undated base model was measured for one candidate only. What judges took (models
    that score answers) is counted apart from what the model itself took. ``isolation`` says how a python grader was run:
    None where there is none. ``left_out`` rows were trained on; where ``is_training_unknown``, nobody knows which were.
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
    is_training_unknown: bool = False
    input_tokens: Count = 0
    output_tokens: Count = 0
    seconds: float = 0.0
    judge_calls: Count = 0
    judge_input_tokens: Count = 0
    judge_output_tokens: Count = 0
    isolation: Literal["isolated", "none"] | None = None
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
