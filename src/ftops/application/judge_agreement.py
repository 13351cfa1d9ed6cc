"""People's labels beside a grader's verdicts on the same answers.

Owns how a file of labels is read, with all that is wrong in it, line by line, and how labelled answers are graded. The figures
are those of ``evaluation.agreement``.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from ftops.application.evaluate import Evaluations
from ftops.application.grading import grade_all
from ftops.domain.desired import DeclaredEval
from ftops.domain.foreign_text import excerpt, quoted
from ftops.domain.manifest import BackendName
from ftops.errors import Invalid, Problem, UsageProblem
from ftops.evaluation.agreement import Agreement, agreement
from ftops.evaluation.graders import GraderProblem, parse_grader, pass_threshold_of
from ftops.evaluation.identity import row_digest
from ftops.evaluation.pairwise import is_pairwise
from ftops.evaluation.rows import RowProblem, read_row
from ftops.graders.samples import sample_context

_KEYS: Final = ("row", "output", "label", "tool_calls")
_SHORTEST_DIGEST: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One labelled answer: the row it answers, its text and tool calls, and whether people passed it."""

    line: int
    row: Mapping[str, Any]
    output: str
    tool_calls: tuple[Mapping[str, Any], ...]
    is_pass: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeReport:
    """How far a grader agrees with people; ``failures`` are the lines on which it gave no verdict, and why."""

    evaluation: str
    agreement: Agreement
    failures: tuple[tuple[int, str], ...]


def read_labels(text: str, *, file: str, rows: Sequence[Mapping[str, Any]]) -> tuple[Label, ...]:
    """Reads a file of labels: JSON lines with ``row``, ``output`` and ``label``.

    ``row`` is the line of a row in the dataset (from 1), the beginning of its digest (8 digits or more), or the row itself;
    ``label`` true for a pass. Raises Invalid with every line that is wrong, and UsageProblem where there is none.
    """
    digests = [row_digest(row) for row in rows]
    labels: list[Label] = []
    problems: list[Problem] = []
    # Not splitlines: what else ends a line for Unicode may stand in an answer.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        found = _read(line, number, rows, digests)
        if isinstance(found, Label):
            labels.append(found)
        else:
            problems.append(Problem(file=file, line=number, field=found[0], expected=found[1], hint=found[2]))
    if problems:
        raise Invalid(problems)
    if not labels:
        raise UsageProblem(f"{file} has no labels", remedy='a line is {"row": 1, "output": "…", "label": true}')
    return tuple(labels)


def judge_agreement(
    evaluations: Evaluations,
    one: DeclaredEval,
    labels: Sequence[Label],
    *,
    backend: BackendName,
    stop: threading.Event | None = None,
) -> JudgeReport:
    """Grades the labelled answers and compares.

    Raises UsageProblem where the grader's verdicts are not pass or fail, and Interrupted when ``stop`` is set.
    """
    if is_pairwise(one.spec.grader):
        message = f"{one.spec.name} compares pairs of answers: no single answer has a verdict"
        raise UsageProblem(message, remedy="label pairs: ftops eval --export-pairs")
    try:
        grader = parse_grader(one.spec.grader)
    except GraderProblem as problem:
        raise UsageProblem(f"{one.spec.name}: {problem}") from problem
    contexts: dict[str, Mapping[str, Any]] = {}
    failures: list[tuple[int, str]] = []
    for label in labels:
        try:
            read = read_row(label.row, input_messages=one.spec.input)
        except RowProblem as problem:
            failures.append((label.line, str(problem)))
            continue
        contexts[str(label.line)] = {**read.context, "sample": sample_context(label.output, label.tool_calls)}
    grades = grade_all(
        [(key, grader, context) for key, context in contexts.items()],
        session=evaluations.sessions.get(backend),
        outputs=evaluations.outputs,
        programs=evaluations.programs,
        stop=stop,
        backend=backend,
        asked_for=f"labels:{evaluations.clock.now():%Y-%m-%d}",  # an undated judge may be another one tomorrow
    )
    passing = _passing(one, [grade.score for grade in grades.values() if grade.score is not None])
    pairs: list[tuple[bool, bool]] = []
    for label in labels:
        grade = grades.get(str(label.line))
        if grade is None:
            continue
        if grade.score is None:
            failures.append((label.line, grade.why))
        else:
            pairs.append((label.is_pass, grade.score >= passing))
    return JudgeReport(evaluation=one.spec.name, agreement=agreement(pairs), failures=tuple(sorted(failures)))


def _passing(one: DeclaredEval, scores: Sequence[float]) -> float:
    threshold = pass_threshold_of(one.spec.grader)
    if threshold is not None:
        return threshold
    if not set(scores) <= {0.0, 1.0}:
        message = f"{one.spec.name} has graded scores: nothing says which of them pass"
        raise UsageProblem(message, remedy="give its grader a pass_threshold")
    return 1.0


def _read(
    line: str, number: int, rows: Sequence[Mapping[str, Any]], digests: Sequence[str]
) -> Label | tuple[str, str, str | None]:
    """Reads a line; else gives the field that is wrong, what was expected there, and a hint."""
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "", "expected text, got half of a surrogate pair", None
    except (ValueError, RecursionError):
        return "", "expected a JSON object in one line", None
    if not isinstance(value, dict):
        return "", f"expected a JSON object, got {excerpt(value)}", None
    for key in value:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1)
            return (
                "",
                f"expected row, output and label, got {quoted(key)} too",
                f"did you mean {near[0]}?" if near else None,
            )
    row = _row(value.get("row"), rows, digests)
    if isinstance(row, str):
        return "/row", row, None
    if not isinstance(value.get("output"), str):
        return "/output", f"expected the text of an answer, got {excerpt(value.get('output'))}", None
    if not isinstance(value.get("label"), bool):
        return "/label", f"expected true for a pass or false, got {excerpt(value.get('label'))}", None
    calls = value.get("tool_calls", [])
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        return "/tool_calls", f"expected a list of tool calls, got {excerpt(calls)}", None
    return Label(line=number, row=row, output=value["output"], tool_calls=tuple(calls), is_pass=value["label"])


def _row(named: Any, rows: Sequence[Mapping[str, Any]], digests: Sequence[str]) -> Mapping[str, Any] | str:
    """Finds the row that a label is about; else says what was expected."""
    if isinstance(named, dict):
        return (
            named if row_digest(named) in digests else "expected a row of the evaluation's dataset, it has no such row"
        )
    if isinstance(named, int) and not isinstance(named, bool):
        if 1 <= named <= len(rows):
            return rows[named - 1]
        return f"expected a line of the evaluation's dataset, 1 to {len(rows):,}, got {excerpt(named)}"
    if isinstance(named, str) and len(named) >= _SHORTEST_DIGEST:
        found = {digest: row for digest, row in zip(digests, rows, strict=True) if digest.startswith(named)}
        if len(found) == 1:
            return next(iter(found.values()))
        return f"expected the digest of one row, {len(found)} begin with {quoted(named)}"
    return f"expected a row's line, digest (8 digits or more) or the row itself, got {excerpt(named)}"
