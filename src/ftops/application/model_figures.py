"""Candidate and baselines side by side: what each scored under an evaluation, and what its answers took.

Owns which models stand in that table and where their figures come from: recorded scores and known prices. It calls nobody.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ftops.application.baselines import Candidate
from ftops.application.evaluate import Evaluations
from ftops.application.prompt_tokens import PromptSaving, prompt_saving
from ftops.application.subject import Subject
from ftops.application.trials import models_asked
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.manifest import BackendName, FewShot, ModelId, Price, PromptFile
from ftops.domain.pricing import training_estimate
from ftops.domain.records import FineTuneRecord
from ftops.domain.scores import EvaluationRecord
from ftops.evaluation.evidence import weigh_value
from ftops.evaluation.graders import pass_threshold_of
from ftops.evaluation.intervals import Interval
from ftops.evaluation.judging import seed_of
from ftops.evaluation.metrics import MetricRefused, Reading, score_bounds
from ftops.evaluation.reports import Usage, break_even, usage_of
from ftops.evaluation.units import sample_of
from ftops.evaluation.win_rates import with_comparisons

CONFIDENCE = 0.95
_MILLION: Final = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFigures:
    """One model under one evaluation. ``asks`` says which prompt of its own it was given, "" for none.

    ``mean`` is the mean score with its interval at 95 %, each None where there is none. ``breaks_even`` is the number of
    requests after which the candidate's training has paid for itself beside this baseline; None for the candidate too.
    ``saving`` is what the candidate's prompt saves, where it is another one on purpose. ``judges_usd`` is what those took who
    graded its answers, None where nobody was asked, or no price is known.
    """

    is_candidate: bool
    model: ModelId
    backend: BackendName
    asks: str
    record: EvaluationRecord
    mean: float | None
    interval: Interval | None
    usage: Usage
    breaks_even: int | None = None
    saving: PromptSaving | None = None
    judges_usd: float | None = None


def model_figures(
    evaluations: Evaluations, record: FineTuneRecord, declared: Declared, candidate: Candidate, one: DeclaredEval
) -> tuple[ModelFigures, ...]:
    """Gives the candidate, then each baseline that was measured; nothing where the candidate was not."""
    subject = evaluations.subject(record, declared, candidate)
    measured = subject.measured(one)
    if measured.candidate is None:
        return ()
    ours = with_comparisons(
        measured.candidate, (known.preferences for known in measured.baselines if known is not None)
    )
    judges = _price_of_judges(subject, one)
    first = _figures(one, ours, measured.price, judges, asks=_in_words(candidate.asks), is_candidate=True)
    saving = prompt_saving(evaluations, declared, candidate, one)
    found = [dataclasses.replace(first, saving=saving)]
    paid = _training_usd(record, declared, candidate)
    seen: set[tuple[str, ...]] = set()
    for condition, known in zip(one.spec.gate, measured.baselines, strict=True):
        if known is None or known.record is None:
            continue
        key = (known.model, known.backend, known.record.sent)
        if key not in seen:
            seen.add(key)
            opponent = one.spec.opponent(condition)
            asks = _in_words(opponent.prompt if opponent is not None else None)
            found.append(_figures(one, known.record, known.price, judges, asks=asks, against=first, paid=paid))
    return tuple(found)


def _figures(
    one: DeclaredEval,
    record: EvaluationRecord,
    price: Price | None,
    judges: Price | None,
    *,
    asks: str,
    is_candidate: bool = False,
    against: ModelFigures | None = None,
    paid: float | None = None,
) -> ModelFigures:
    usage = usage_of(record.items, price)
    mean, interval = _mean(one, record)
    return ModelFigures(
        is_candidate=is_candidate,
        model=ModelId(record.model),
        backend=BackendName(record.backend),
        asks=asks,
        record=record,
        mean=mean,
        interval=interval,
        usage=usage,
        breaks_even=break_even(against.usage, usage, paid) if against is not None else None,
        judges_usd=_usd_of_judges(record, judges),
    )


def _price_of_judges(subject: Subject, one: DeclaredEval) -> Price | None:
    """Gives what those cost whom a grader asks. Their tokens are counted together: with several prices nobody can tell."""
    backend = subject.candidate.backend
    prices = {subject.price(ModelId(model), backend) for model in models_asked(one.spec)}
    return prices.pop() if len(prices) == 1 else None


def _usd_of_judges(record: EvaluationRecord, price: Price | None) -> float | None:
    if not record.judge_calls or price is None or price.input is None or price.output is None:
        return None
    return (record.judge_input_tokens * price.input + record.judge_output_tokens * price.output) / _MILLION


def _mean(one: DeclaredEval, record: EvaluationRecord) -> tuple[float | None, Interval | None]:
    """Gives the mean of what was scored; of an evaluation that ended in error it has no interval."""
    scored = [item for item in record.items if item.score is not None]
    if not scored:
        return None, None
    reading = Reading(pass_threshold=pass_threshold_of(one.spec.grader), bounds=score_bounds(one.spec.grader))
    confidence = CONFIDENCE if len(scored) == len(record.items) else None
    sample, seed = sample_of(scored), seed_of(one.digest)
    try:
        found = weigh_value("mean", sample, reading, confidence=confidence, seed=seed)
    except MetricRefused:
        found = weigh_value("mean", sample, reading, confidence=None, seed=seed)
    return found.observed, found.interval if found.is_enough else None


def _training_usd(record: FineTuneRecord, declared: Declared, candidate: Candidate) -> float | None:
    """Gives what training the candidate cost, else an estimate; None where this fine-tune did not train it."""
    if candidate.revision is None:
        return None
    known = record.revisions.get(candidate.revision)
    job = known.trained_job(candidate.backend) if known else None
    if job is not None and job.cost_usd is not None:
        return job.cost_usd
    return training_estimate(declared).usd if candidate.revision == declared.revision else None


def _in_words(asks: FewShot | PromptFile | None) -> str:
    return asks.in_words if asks is not None else ""


def prompt_savings(figures: tuple[ModelFigures, ...]) -> Iterator[tuple[ModelFigures, float]]:
    """Gives each baseline with the input tokens that a request to the candidate has less; below zero where it has more."""
    if not figures or (ours := figures[0].usage.input_tokens) is None:
        return
    for other in figures[1:]:
        if other.usage.input_tokens is not None and round(other.usage.input_tokens - ours):
            yield other, other.usage.input_tokens - ours
