"""What came of a measurement, and the record that the ledger keeps of it.

Owns how an error is told, and that nothing is counted twice.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from ftops.application.judges import Took
from ftops.application.measurements import Items, Measurement
from ftops.domain.scores import EvaluationRecord, ItemScore

_LONGEST_REASON: Final = 1000
_NOTHING: Final = EvaluationRecord(
    name="", digest="", sent="", grader="", model="", backend="", at=datetime.fromtimestamp(0, UTC)
)


@dataclass(kw_only=True, slots=True)
class Measured:
    """What came of a measurement: scores in the dataset's order, and what answers took.

    ``called`` counts what was asked now, ``kept`` what was there already, each answer once; ``judges_called`` and
    ``judges_kept`` the same of judges. ``failed`` items have no score; ``why`` says it of the first of them.
    """

    items: tuple[ItemScore, ...] = ()
    called: Took = field(default_factory=Took)
    kept: Took = field(default_factory=Took)
    judges_called: Took = field(default_factory=Took)
    judges_kept: Took = field(default_factory=Took)
    isolation: Literal["isolated", "none"] | None = None
    failed: int = 0
    why: str = ""


def evaluation_record(
    measurement: Measurement,
    measured: Measured,
    items: Items,
    *,
    before: EvaluationRecord | None,
    at: datetime,
) -> EvaluationRecord:
    """Gives what the ledger keeps: every item is in it, and an error where one has no score.

    ``items`` have been gone through. ``before`` is what the ledger has of this measurement: what it took is counted on, and
    only new calls added.
    """
    took, judged = measured.called, measured.judges_called
    if before is None:  # what an interrupted run was answered was paid for, and is recorded nowhere yet
        took, judged = took.plus(measured.kept), judged.plus(measured.judges_kept)
    earlier = before or _NOTHING
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
        items=measured.items,
        left_out=items.left_out,
        is_training_unknown=items.is_training_unknown,
        input_tokens=earlier.input_tokens + took.input_tokens,
        output_tokens=earlier.output_tokens + took.output_tokens,
        seconds=round(earlier.seconds + took.seconds, 3),
        judge_calls=earlier.judge_calls + judged.calls,
        judge_input_tokens=earlier.judge_input_tokens + judged.input_tokens,
        judge_output_tokens=earlier.judge_output_tokens + judged.output_tokens,
        isolation=measured.isolation,
        error=_error(measured),
    )


def _error(measured: Measured) -> str | None:
    if not measured.failed:
        return None
    again = f"; judges were asked again {measured.judges_called.again} times" if measured.judges_called.again else ""
    many = f"{measured.failed} of {len(measured.items)} items without a score: " if measured.items else ""
    return f"{many}{measured.why}{again}"[:_LONGEST_REASON]
