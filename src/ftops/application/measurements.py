"""One model under one evaluation: which rows it is sent, which scores are known already, and the record that comes of it.

Owns the reuse of scores and the making of ``EvaluationRecord``s. ``answering`` gets the answers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ftops.application.answering import Answers
from ftops.domain.desired import DeclaredEval
from ftops.domain.manifest import BackendName, FewShot, ModelId, PromptFile, Revision
from ftops.domain.records import FineTuneRecord
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.evaluation.graders import GraderProblem, grade, parse_grader
from ftops.evaluation.identity import grader_digest, request_key, row_digest, short_digest
from ftops.evaluation.prompts import Prompt, with_prompt
from ftops.evaluation.rows import EvalRow, RowProblem, read_row
from ftops.graders.samples import sample_context
from ftops.ports import ChatAnswer, ChatRequest

if TYPE_CHECKING:
    from ftops.graders.kinds import Grader
    from ftops.graders.programs import RunProgram

InputDigest = Callable[[Mapping[str, Any]], str]

_LONGEST_REASON = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """A model to be scored under one evaluation.

    ``sent`` is the digest of how rows become requests, ``for_model`` the candidate for which an undated base model is
    measured, ``trained_on`` gives the digests of inputs that the model was trained on. ``asks`` is a baseline's own prompt as
    declared, ``prompt`` as read or drawn; ``problem`` says why it can't be measured at all.
    """

    declared: DeclaredEval
    model: ModelId
    backend: BackendName
    revision: Revision | None
    for_model: ModelId | None
    sent: str
    trained_on: Callable[[], frozenset[str]]
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
    """A row of the dataset: its request and the key that its answer is kept under, or why it can't be sent.

    ``asked`` is the request as a row without a reply, before any baseline's prompt.
    """

    digest: str
    context: Mapping[str, Any]
    request: ChatRequest | None = None
    key: str = ""
    asked: Mapping[str, Any] | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """The items of a measurement, in the dataset's order, and how many rows were left out as trained on."""

    items: tuple[Item, ...]
    left_out: int

    def unscored(self, known: Mapping[str, ItemScore]) -> dict[str, ChatRequest]:
        """Gives the requests, by key, of the items whose score is not known."""
        return {i.key: i.request for i in self.items if i.request is not None and i.digest not in known}


def prepare(measurement: Measurement, rows: Sequence[Mapping[str, Any]], input_digest: InputDigest) -> Prepared:
    """Makes the items of a measurement; rows whose input the model was trained on are left out."""
    items: list[Item] = []
    trained_on = measurement.trained_on()
    for row in rows:
        item = _item(measurement, row)
        if not _is_trained_on(row, item, trained_on, input_digest):
            items.append(item)
    return Prepared(items=tuple(items), left_out=len(rows) - len(items))


def _item(measurement: Measurement, row: Mapping[str, Any]) -> Item:
    spec = measurement.declared.spec
    try:
        read = read_row(row, input_messages=spec.input)
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
        request=request,
        key=_key(measurement, request),
        asked={"messages": list(read.messages), **read.extra},
    )


def _key(measurement: Measurement, request: ChatRequest) -> str:
    """The backend is part of the key: a rehearsal's stand-in bears the same name as the real model."""
    return request_key(
        namespace={"backend": measurement.backend, "model": measurement.model, "for": measurement.for_model},
        messages=request.messages,
        extra=request.extra,
        sampling=request.sampling,
        repeat=0,
    )


def _is_trained_on(row: Mapping[str, Any], item: Item, trained_on: frozenset[str], input_digest: InputDigest) -> bool:
    """Looks at the row as training data has it, and at what is sent where the evaluation's input replaces that."""
    if not trained_on:
        return False
    return input_digest(row) in trained_on or (item.asked is not None and input_digest(item.asked) in trained_on)


def known_scores(record: FineTuneRecord, measurement: Measurement) -> dict[str, ItemScore]:
    """Gives scores by row, from any evaluation of the same model with the same requests and grader; the newest count."""
    known: dict[str, ItemScore] = {}
    for old in record.evaluations:
        is_same = (old.model, old.backend, old.sent, old.grader, old.for_model) == (
            measurement.model,
            measurement.backend,
            measurement.sent,
            measurement.grader,
            measurement.for_model,
        )
        if is_same:
            known |= {item.row: item for item in old.items if item.score is not None}
    return known


def to_record(
    measurement: Measurement,
    prepared: Prepared,
    answers: Answers,
    known: Mapping[str, ItemScore],
    *,
    before: EvaluationRecord | None,
    at: datetime,
    programs: "RunProgram | None" = None,
) -> EvaluationRecord:
    """Grades what was answered and gives the record: every item is in it, and an error where one has no score.

    ``before`` is what the ledger has of this measurement: its tokens and seconds are counted on, and only new calls added.
    """
    items, error = _score_all(measurement, prepared, answers, known, programs)
    counted = [a for key, a in answers.answers.items() if before is None or key in answers.called]
    return EvaluationRecord(
        name=measurement.declared.spec.name,
        digest=measurement.declared.digest,
        sent=measurement.sent,
        grader=measurement.grader,
        model=measurement.model,
        backend=measurement.backend,
        revision=measurement.revision,
        for_model=measurement.for_model,
        at=at,
        items=items,
        left_out=prepared.left_out,
        input_tokens=(before.input_tokens if before else 0) + sum(a.input_tokens for a in counted),
        output_tokens=(before.output_tokens if before else 0) + sum(a.output_tokens for a in counted),
        seconds=round((before.seconds if before else 0.0) + sum(a.seconds for a in counted), 3),
        error=error[:_LONGEST_REASON] if error else None,
    )


def _score_all(
    measurement: Measurement,
    prepared: Prepared,
    answers: Answers,
    known: Mapping[str, ItemScore],
    programs: "RunProgram | None",
) -> tuple[tuple[ItemScore, ...], str | None]:
    if measurement.problem is not None:
        return (), measurement.problem
    try:
        grader = parse_grader(measurement.declared.spec.grader)
    except GraderProblem as problem:
        return (), str(problem)
    items: list[ItemScore] = []
    problems: list[str] = []
    for item in prepared.items:
        if item.digest in known:
            items.append(known[item.digest])
            continue
        score, why = _score(item, answers, grader, programs)
        items.append(score)
        if why:
            problems.append(why)
    error = f"{len(problems)} of {len(items)} items without a score: {problems[0]}" if problems else None
    return tuple(items), error


def _score(
    item: Item, answers: Answers, grader: "Grader", programs: "RunProgram | None"
) -> tuple[ItemScore, str | None]:
    answer = answers.answers.get(item.key)
    if answer is None:
        why = item.problem or answers.failures.get(item.key, "not answered")
        return ItemScore(row=item.digest, score=None, output=None, outcome=Outcome.ERROR), why
    context = {**item.context, "sample": sample_context(answer.text, answer.tool_calls)}
    graded = grade(grader, context, run_program=programs)
    score = ItemScore(
        row=item.digest,
        score=graded.score,
        output=output_digest(answer),
        outcome=answer.outcome if graded.score is not None else Outcome.ERROR,
        milliseconds=round(1000 * answer.seconds),
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        mark=graded.mark,
        expected=graded.expected,
    )
    return score, graded.why or None


def output_digest(answer: ChatAnswer) -> str:
    """Gives 16 hex digits of what a model said: its text and its tool calls."""
    return short_digest({"text": answer.text, "tool_calls": answer.tool_calls})


def sendable_rows(rows: Sequence[Mapping[str, Any]], declared: DeclaredEval) -> tuple[EvalRow, ...]:
    """Gives the rows of an evaluation that can be sent, whatever model they are for."""
    found: list[EvalRow] = []
    for row in rows:
        try:
            found.append(read_row(row, input_messages=declared.spec.input))
        except RowProblem:
            continue
    return tuple(found)
