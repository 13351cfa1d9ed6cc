"""D160: training answers that the manifest's own graders don't pass.

Owns which graders can be asked of training answers, and how a row becomes what a grader sees: as in an evaluation, with the
answer that is taught in place of the model's. It calls no model and runs no program.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple

import msgspec

from ftops.datasets.batches import Batch
from ftops.datasets.checking.answer_messages import answer_field, answer_message
from ftops.datasets.checking.hits import Hit, Hits, hit_findings, shortened
from ftops.datasets.findings import Found
from ftops.datasets.inspections import FileFacts
from ftops.datasets.rows import AssistantMessage, ChatRow, Message, PreferenceRow
from ftops.domain.foreign_text import quoted, visible
from ftops.evaluation.graders import GraderProblem, grade, parse_grader, pass_threshold_of
from ftops.evaluation.rows import RowProblem, read_row
from ftops.graders.kinds import Grader
from ftops.graders.rules import embedding_models_of, models_of, names_variable
from ftops.graders.samples import sample_of

_MODELS: Final = frozenset(("score_model", "label_model", "scorecard"))
_REFERENCES: Final = ("reference", "reference_tools")


def why_not_asked(declared: Mapping[str, Any]) -> str | None:
    """Gives the reason why a grader, as a manifest declares it, can't be asked of training answers; None where it can."""
    types = _types(declared)
    if asked := types & _MODELS:
        return f"{min(asked)} asks a model, and checks call none"
    if "python" in types:
        return "python runs a program, and checks run none"
    try:
        grader = parse_grader(declared)
    except GraderProblem as problem:
        return visible(str(problem))
    if models_of(grader):
        return "outcome asks a model, and checks call none"
    if embedding_models_of(grader):
        return "cosine asks a model for embeddings, and checks call none"
    if any(names_variable(grader, name) for name in _REFERENCES):
        return "it compares with the reference, which in a training row is the answer itself"
    return None


class _Graded(NamedTuple):
    """The answers of a batch that don't pass, and those that could not be graded."""

    wrong: Hits
    failed: Hits


@dataclass(frozen=True, slots=True)
class GradedAnswers:
    """Asks one grader of every training answer. ``declared`` is one that ``why_not_asked`` has nothing against.

    An answer is wrong below the grader's ``pass_threshold``, or with a score of 0 where none is stated.
    """

    codes: ClassVar[tuple[str, ...]] = ("D160",)

    declared: Mapping[str, Any]
    name: str

    def look(self, batch: Batch) -> _Graded:
        """Grades the answers of a batch."""
        grader = parse_grader(self.declared)
        threshold = pass_threshold_of(self.declared)
        wrong, failed = [], []
        for row, line in zip(batch.rows, batch.lines, strict=True):
            # Of a reinforcement row nothing is taught: its graders look at what is sampled.
            if not isinstance(row, ChatRow | PreferenceRow) or (answer := answer_message(row)) is None:
                continue
            try:
                score = _score(grader, row, answer)
            except (GraderProblem, RowProblem) as problem:
                failed.append(Hit(line, answer_field(row), f"{self._named} can't score it: {visible(str(problem))}"))
                continue
            if score < threshold if threshold is not None else score == 0:
                least = "" if threshold is None else f", expected at least {threshold:g}"
                wrong.append(Hit(line, answer_field(row), f"{self._named} gives the training answer {score:g}{least}"))
        return _Graded(shortened(wrong), shortened(failed))

    def conclude(self, seen: Sequence[_Graded], facts: FileFacts) -> Iterator[Found]:
        """Gives one finding for each row that is shown."""
        hint = "mend the answer, or the grader: one of them is wrong"
        kind = f"{self._named} doesn't pass training answers"
        yield from hit_findings("D160", [one.wrong for one in seen], kind=kind, hint=hint)
        kind = f"{self._named} can't score training answers"
        yield from hit_findings("D160", [one.failed for one in seen], kind=kind)

    @property
    def _named(self) -> str:
        return f"the grader of {quoted(self.name)}"


def _types(declared: Any) -> set[str]:
    """Gives the types of a grader and of those inside it."""
    if isinstance(declared, Mapping):
        own = {declared["type"]} if isinstance(declared.get("type"), str) else set()
        inner = declared.get("graders", ())
        parts = inner.values() if isinstance(inner, Mapping) else inner
        return own.union(*map(_types, parts)) if isinstance(inner, Mapping | list | tuple) else own
    return set()


def _score(grader: Grader, row: ChatRow | PreferenceRow, answer: AssistantMessage) -> float:
    known = read_row(_as_read(row)).context
    graded = grade(grader, {**known, "sample": sample_of(_plain(answer))})
    if graded.score is None:
        raise GraderProblem(graded.why)
    return graded.score


def _as_read(row: ChatRow | PreferenceRow) -> Mapping[str, Any]:
    """Gives a row as its JSON has it, but for keys that say nothing."""
    match row:
        case ChatRow():
            return _asked(row.messages, row.tools, row.parallel_tool_calls)
        case PreferenceRow():
            return {
                "input": _asked(row.input.messages, row.input.tools, row.input.parallel_tool_calls),
                "preferred_output": [_plain(message) for message in row.preferred_output],
                "non_preferred_output": [_plain(message) for message in row.non_preferred_output],
            }


def _asked(messages: Sequence[Message], tools: msgspec.Raw, parallel: bool | None) -> Mapping[str, Any]:  # noqa: FBT001
    found: dict[str, Any] = {"messages": [_plain(message) for message in messages]}
    if bytes(tools):
        found["tools"] = msgspec.json.decode(tools)
    if parallel is not None:
        found["parallel_tool_calls"] = parallel
    return found


def _plain(message: Message) -> Mapping[str, Any]:
    return {key: value for key, value in msgspec.to_builtins(message).items() if value is not None}
