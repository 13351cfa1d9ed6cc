"""One model under one evaluation: which rows it is sent and how, and which scores are known already.

Owns the reuse of scores, and what an answer is kept under. ``measuring`` gets the answers and grades them.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ftops.domain.desired import DeclaredEval
from ftops.domain.manifest import BackendName, FewShot, ModelId, PromptFile, Revision
from ftops.domain.records import FineTuneRecord
from ftops.domain.scores import EvaluationRecord, ItemScore
from ftops.evaluation.identity import grader_digest, request_key, row_digest, short_digest
from ftops.evaluation.pairwise import is_pairwise
from ftops.evaluation.prompts import Prompt, with_prompt
from ftops.evaluation.rows import EvalRow, RowProblem, cluster_of, read_row
from ftops.ports import ChatAnswer, ChatRequest, OutputStore

# Rows that are looked up among the kept answers at a time.
_BATCH: Final = 256

InputDigest = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """A model to be scored under one evaluation.

    ``sent`` is the digest of how rows become requests, ``for_model`` the candidate for which an undated base model is
    measured, ``trained_on`` gives the digests of inputs that the model was trained on, None where nobody knows. ``asks`` is
    a baseline's own prompt as declared, ``prompt`` as read or drawn; ``problem`` says why it can't be measured at all.
    """

    declared: DeclaredEval
    model: ModelId
    backend: BackendName
    revision: Revision | None
    for_model: ModelId | None
    sent: str
    trained_on: Callable[[], frozenset[str] | None]
    asks: FewShot | PromptFile | None = None
    prompt: Prompt | None = None
    problem: str | None = None

    @property
    def grader(self) -> str:
        """The grader's digest."""
        return grader_digest(self.declared.spec.grader)

    def recorded(self, record: FineTuneRecord) -> EvaluationRecord | None:
        """The scores that the ledger has of this very measurement."""
        return record.evaluation(
            digest=self.declared.digest,
            sent=self.sent,
            model=self.model,
            backend=self.backend,
            for_model=self.for_model,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A row of the dataset, asked for the ``repeat``-th time: its request and the key that its answer is kept under.

    ``problem`` says why it can't be sent. ``cluster`` is the digest of what the evaluation clusters by. ``asked`` is the
    request as a row without a reply, before any baseline's prompt.
    """

    digest: str
    context: Mapping[str, Any]
    repeat: int = 0
    cluster: str | None = None
    request: ChatRequest | None = None
    key: str = ""
    asked: Mapping[str, Any] | None = None
    problem: str = ""

    @property
    def identity(self) -> tuple[str, int]:
        """What tells its score from all others of the measurement."""
        return self.digest, self.repeat


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """The items of a measurement, in the dataset's order, and how many rows were left out as trained on."""

    items: tuple[Item, ...]
    left_out: int


@dataclass(kw_only=True, slots=True)
class Items:
    """The items of a measurement, made one after the other as they are asked for.

    Rows whose input the model was trained on are left out, and counted in ``left_out``; ``is_training_unknown`` where nobody
    knows which these are.
    """

    measurement: Measurement
    rows: Iterable[Mapping[str, Any]]
    input_digest: InputDigest
    left_out: int = 0
    is_training_unknown: bool = False

    def __iter__(self) -> Iterator[Item]:
        spec = self.measurement.declared.spec
        known = self.measurement.trained_on()
        trained_on, self.is_training_unknown = known or frozenset(), known is None
        for row in self.rows:
            first = _item(self.measurement, row)
            if _is_trained_on(row, first, trained_on, self.input_digest):
                self.left_out += 1
                continue
            yield first
            for repeat in range(1, spec.repeats):
                request = first.request
                key = "" if request is None else _key(self.measurement, request, repeat)
                yield dataclasses.replace(first, repeat=repeat, key=key)


def prepare(measurement: Measurement, rows: Iterable[Mapping[str, Any]], input_digest: InputDigest) -> Prepared:
    """Makes all items of a measurement at once."""
    items = Items(measurement=measurement, rows=rows, input_digest=input_digest)
    return Prepared(items=tuple(items), left_out=items.left_out)


def _item(measurement: Measurement, row: Mapping[str, Any]) -> Item:
    spec = measurement.declared.spec
    try:
        read = read_row(row, input_messages=spec.input)
        cluster = None if spec.cluster_by is None else cluster_of(row, spec.cluster_by)
    except RowProblem as problem:
        return Item(digest=row_digest(row), context={}, problem=str(problem))
    request = ChatRequest(
        model=measurement.model,
        messages=with_prompt(read.messages, measurement.prompt),
        sampling=spec.sampling or {},
        extra=read.extra,
    )
    return Item(
        digest=read.digest,
        context=read.context,
        cluster=cluster,
        request=request,
        key=_key(measurement, request, 0),
        asked={"messages": list(read.messages), **read.extra},
    )


def _key(measurement: Measurement, request: ChatRequest, repeat: int) -> str:
    """The backend is part of the key: a rehearsal's stand-in bears the same name as the real model.

    What an undated model answered serves the scores that it was asked for alone, and an interrupted run goes on with it. A
    changed grader asks again: meanwhile it may be another model.
    """
    asked_for = None if measurement.for_model is None else f"{measurement.for_model} {measurement.grader}"
    return request_key(
        namespace={"backend": measurement.backend, "model": measurement.model, "for": asked_for},
        messages=request.messages,
        extra=request.extra,
        sampling=request.sampling,
        repeat=repeat,
    )


def _is_trained_on(row: Mapping[str, Any], item: Item, trained_on: frozenset[str], input_digest: InputDigest) -> bool:
    """Looks at the row as training data has it, and at what is sent where the evaluation's input replaces that."""
    if not trained_on:
        return False
    return input_digest(row) in trained_on or (item.asked is not None and input_digest(item.asked) in trained_on)


def known_scores(record: FineTuneRecord, measurement: Measurement) -> dict[tuple[str, int], ItemScore]:
    """Gives scores by row and repeat, from any evaluation of the same model, requests and grader; the newest count."""
    known: dict[tuple[str, int], ItemScore] = {}
    for old in _alike(record, measurement):
        known |= {(item.row, item.repeat): item for item in old.items if _is_known(item, measurement)}
    return known


def has_unisolated_scores(record: FineTuneRecord, measurement: Measurement) -> bool:
    """Whether a program that ran without isolation gave any of the scores that are known."""
    return any(old.isolation == "none" for old in _alike(record, measurement))


def _alike(record: FineTuneRecord, measurement: Measurement) -> Iterator[EvaluationRecord]:
    for old in record.evaluations:
        if (old.model, old.backend, old.sent, old.grader, old.for_model) == (
            measurement.model,
            measurement.backend,
            measurement.sent,
            measurement.grader,
            measurement.for_model,
        ):
            yield old


def _is_known(item: ItemScore, measurement: Measurement) -> bool:
    """A grader that compares pairs scores no answer by itself: there the answer is all that has to be known."""
    return item.score is not None or (item.output is not None and is_pairwise(measurement.declared.spec.grader))


def count_unanswered(items: Items, known: Mapping[tuple[str, int], ItemScore], outputs: OutputStore) -> int:
    """Counts the requests that are neither scored nor kept; equal ones count once in every few hundred rows."""
    wanted = (i.key for i in items if i.request is not None and i.identity not in known)
    total = 0
    while keys := tuple(dict.fromkeys(islice(wanted, _BATCH))):
        total += len(keys) - len(outputs.get_all(keys))
    return total


def output_digest(answer: ChatAnswer) -> str:
    """Gives 16 hex digits of what a model said: its text and its tool calls."""
    return short_digest({"text": answer.text, "tool_calls": answer.tool_calls})


def sendable_rows(rows: Iterable[Mapping[str, Any]], declared: DeclaredEval) -> tuple[EvalRow, ...]:
    """Gives the rows of an evaluation that can be sent, whatever model they are for."""
    found: list[EvalRow] = []
    for row in rows:
        try:
            found.append(read_row(row, input_messages=declared.spec.input))
        except RowProblem:
            continue
    return tuple(found)
