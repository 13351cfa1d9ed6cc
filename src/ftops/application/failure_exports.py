"""Failed items of evaluations as rows to train on: one file in the format of the fine-tune's method.

Owns which items are taken and what is said of the others. It writes nothing: the rows come back as lines.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ftops.application.evaluate import Evaluations
from ftops.application.item_reports import Told, failed_items
from ftops.application.trials import Tried
from ftops.domain.desired import DeclaredEval
from ftops.domain.manifest import MethodType
from ftops.evaluation.candidates import NoCandidate, training_row
from ftops.evaluation.pairwise import is_pairwise


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureExport:
    """Lines of a training file, the datasets that they came from, and why other failed items are not among them."""

    lines: tuple[str, ...]
    sources: tuple[str, ...]
    left_out: tuple[tuple[str, int], ...]


def export_failures(evaluations: Evaluations, tried: Tried) -> FailureExport:
    """Gives the failed items of a trial as rows to train on, each distinct row once."""
    trial = tried.trial
    lines: dict[str, None] = {}
    sources: dict[str, None] = {}
    left_out: Counter[str] = Counter()
    for one, failed in failed_items(evaluations, tried.record, trial.declared, trial.candidate):
        if failed is None:
            why = "has graded scores, and no pass_threshold says which of them fail"
            if is_pairwise(one.spec.grader):
                why = "compares answers, of which none fails by itself; --export-pairs lets people choose"
            left_out[f"{one.spec.name} {why}"] += 1
            continue
        made, reasons = _rows(trial.declared.fine_tune.method.type, one, failed)
        lines |= dict.fromkeys(made)
        left_out += reasons
        if made:
            sources[one.dataset.path] = None
    return FailureExport(lines=tuple(lines), sources=tuple(sources), left_out=tuple(left_out.items()))


def _rows(method: MethodType, one: DeclaredEval, failed: Iterable[Told]) -> tuple[list[str], Counter[str]]:
    lines: list[str] = []
    reasons: Counter[str] = Counter()
    for told in failed:
        if told.read is None:
            reasons["the row can't be read"] += 1
            continue
        if told.answer is None and method is MethodType.DPO:
            reasons["the model's answer is kept no more in .ftops/outputs"] += 1
            continue
        text, calls = (told.answer.text, told.answer.tool_calls) if told.answer is not None else ("", ())
        try:
            row = training_row(method, told.read, grader=one.spec.grader, text=text, tool_calls=calls)
        except NoCandidate as problem:
            reasons[str(problem)] += 1
            continue
        lines.append(json.dumps(row, ensure_ascii=False))
    return lines, reasons
