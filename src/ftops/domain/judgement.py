"""What the gates say of one model: verdicts, condition by condition, and what has still to be measured.

Owns the shapes and the rule that the worst enforced verdict counts. ``evaluation.gates`` reaches the verdicts; plan, apply
and the report read them. Only PASS lets an alias move.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ftops.domain.manifest import BackendName, Baseline, Condition, ModelId, Revision
from ftops.domain.scores import Outcome


class Verdict(StrEnum):
    """What a condition, an evaluation or a model comes to; listed from worst to best, never merged."""

    ERROR = "error"
    FAIL = "fail"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"
    PASS = "pass"  # noqa: S105  (a verdict)


_FROM_WORST = tuple(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Gives the worst of some verdicts; PASS where there are none."""
    return min(verdicts, key=_FROM_WORST.index, default=Verdict.PASS)


class MissingReason(StrEnum):
    """Why scores have to be measured; the values are the plan's reasons for an evaluate action."""

    NOT_EVALUATED = "not_evaluated"
    EVAL_CHANGED = "eval_changed"
    EVALUATION_ERROR = "evaluation_error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Scores that the ledger lacks: the candidate's under one evaluation, or those of one of its baselines."""

    eval: str
    reason: MissingReason
    baseline: Baseline | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionResult:
    """One condition, judged.

    ``observed`` is the metric's value, or the difference to the baseline; None where there is none. ``low`` and ``high``
    bound it at the condition's confidence; None without one, and where nothing bounds it. ``threshold`` is what it is held
    against: min, max, or the margin (below zero for non-inferiority; the other way round where less is better). ``n`` items
    count. ``needed_n`` is the number of items at which the value observed would pass: None where the verdict is not
    insufficient_evidence, or where no number would do.
    ``baseline_model`` is what the declared baseline was resolved to. ``sentence`` says it all for people.
    """

    condition: Condition
    verdict: Verdict
    observed: float | None
    low: float | None = None
    high: float | None = None
    threshold: float
    n: int
    needed_n: int | None = None
    mcnemar_p: float | None = None
    baseline_model: ModelId | None = None
    baseline_backend: BackendName | None = None
    note: str | None = None
    sentence: str

    @property
    def is_enforced(self) -> bool:
        """Whether this condition can withhold a promotion; a shadow condition is only measured."""
        return not self.condition.shadow


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalJudgement:
    """One evaluation of one model.

    ``conditions`` holds those that could be judged: fewer than the gate has where scores are missing. ``n`` items were
    scored, ``left_out`` were in the training set (``is_training_unknown``: nobody knows that of the model or a baseline),
    ``outcomes`` counts the answers that did not end normally. ``mean`` is the mean score, None without one. ``error`` says
    why the evaluation ended in error.
    """

    name: str
    digest: str
    is_measured: bool
    conditions: tuple[ConditionResult, ...] = ()
    n: int = 0
    left_out: int = 0
    is_training_unknown: bool = False
    mean: float | None = None
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of its enforced conditions; error where the evaluation itself ended so."""
        if self.error is not None:
            return Verdict.ERROR
        return worst(result.verdict for result in self.conditions if result.is_enforced)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What all evaluations say of one model; ``revision`` is None where this fine-tune did not train it.

    ``verdict`` is the worst over all enforced conditions, None while scores that one of them needs are missing. A model
    without an enforced condition (``has_gate`` False) has verdict pass. ``missing`` lists what an evaluate action would
    measure, in the manifest's order, that for shadow conditions and ungated evaluations too.
    """

    model: ModelId
    revision: Revision | None
    backend: BackendName
    evals: tuple[EvalJudgement, ...] = ()
    verdict: Verdict | None
    has_gate: bool
    missing: tuple[Missing, ...] = ()

    @property
    def is_passed(self) -> bool:
        """Whether nothing withholds a promotion."""
        return self.verdict is Verdict.PASS
