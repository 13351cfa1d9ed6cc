"""Plans evaluations: what has to be scored before a revision can be promoted, and what that may cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ftops.domain.desired import DeclaredEval
from ftops.domain.draft import Draft, Planned, Subject, Trained, Training
from ftops.domain.judgement import Judgement, MissingReason
from ftops.domain.manifest import FewShot, ModelId, Revision
from ftops.domain.plan import Evaluate, Reason, action_id
from ftops.domain.pricing import Estimate, inference_price


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluations:
    """Ids of the actions that a promotion waits for: ``unscored`` ones never ended, ``repeated`` ones ended in error."""

    unscored: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All of them."""
        return self.unscored + self.repeated


def plan_evaluations(subject: Subject, revision: Revision, standing: Training, draft: Draft) -> Evaluations:
    """Adds the evaluations that are missing. Where there are none to make, a promotion waits for the training alone."""
    model: ModelId | None = None
    after: tuple[str, ...] = ()
    scored: str | None = None
    reasons = {e.spec.name: Reason.NOT_EVALUATED for e in subject.declared.evals}
    calls: Mapping[str, int] = {}
    match standing:
        case Trained(model=trained):
            model = trained
            judgement = judgement_of(subject, revision)
            if judgement is not None:
                reasons = _reasons(judgement)
            calls = subject.observed.calls.get((subject.declared.name, revision, subject.declared.backend.name), {})
        case Planned(by=by, scores=scored):
            after = (by,)
        case _:
            return Evaluations()
    due = [e for e in subject.declared.evals if e.spec.name in reasons]
    actions = [
        # What chooses the model scores it, too: its baselines are left.
        _with_calls(
            _evaluation(subject, revision, e, model, reasons[e.spec.name], after, models=int(e.spec.name != scored)),
            calls.get(e.spec.name),
            e,
        )
        for e in due
        if e.spec.name != scored or _baselines(e)
    ]
    draft.actions += actions
    repeated = tuple(a.id for a in actions if a.reason is Reason.EVALUATION_ERROR)
    return Evaluations(unscored=tuple(a.id for a in actions if a.id not in repeated) or after, repeated=repeated)


def judgement_of(subject: Subject, revision: Revision) -> Judgement | None:
    """What the recorded scores say of a revision's model on the backend in force."""
    return subject.observed.judgements.get((subject.declared.name, revision, subject.declared.backend.name))


def _reasons(judgement: Judgement) -> dict[str, Reason]:
    """Says why each evaluation is due. One that changed was made before, though its baseline's new scores never were."""
    reasons: dict[str, Reason] = {}
    for lack in judgement.missing:
        if reasons.get(lack.eval) is not Reason.EVAL_CHANGED or lack.reason is not MissingReason.NOT_EVALUATED:
            reasons[lack.eval] = Reason(lack.reason)
    return reasons


def _evaluation(
    subject: Subject,
    revision: Revision,
    declared: DeclaredEval,
    model: ModelId | None,
    reason: Reason,
    after: tuple[str, ...],
    *,
    models: int,
) -> Evaluate:
    calls = declared.dataset.rows * declared.spec.repeats * (models + len(_baselines(declared)))
    return Evaluate(
        id=action_id("evaluate", subject.declared.name, revision, declared.spec.name),
        fine_tune=subject.declared.name,
        backend=subject.declared.backend.name,
        reason=reason,
        revision=revision,
        after=after,
        estimate=estimate_of(subject, declared, models=models, baselines=_baselines(declared)),
        evaluation=declared.spec.name,
        digest=declared.digest,
        model=model,
        calls=calls,
        judged=judged_of(declared, calls),
    )


def _with_calls(action: Evaluate, calls: int | None, declared: DeclaredEval) -> Evaluate:
    """Gives the action with what is really called, where that is known: the rest is scored, or kept on this machine."""
    if calls is None or not action.calls or calls == action.calls:
        return action
    whole, share = action.estimate, calls / action.calls
    there = f"{action.calls - calls} of {action.calls} answers are there already"
    usd = None if whole.usd is None else share * whole.usd
    if not calls and whole.usd != 0:  # the backend's judges cost something, too; nobody else is asked
        usd = None if _names_model(declared.spec.grader) else 0.0
        there += "; what judges take is not known" if usd is None else ""
    estimate = replace(
        whole,
        tokens=None if whole.tokens is None else round(share * whole.tokens),
        usd=usd,
        assumes=f"{whole.assumes}; {there}" if calls else there,
    )
    return replace(action, calls=calls, estimate=estimate)


def judged_of(declared: DeclaredEval, answers: int) -> int:
    """Gives how many of an evaluation's answers models judge or embed: all, or none."""
    return answers if _names_model(declared.spec.grader) else 0


def _names_model(grader: Mapping[str, Any]) -> bool:
    """Whether a grader, or a part of one, asks a model that judges or embeds."""
    parts = grader.get("graders") or ()
    inner = parts.values() if isinstance(parts, Mapping) else parts
    return "model" in grader or "embedding_model" in grader or any(_names_model(part) for part in inner)


def _baselines(declared: DeclaredEval) -> tuple[FewShot | None, ...]:
    """One entry for each distinct baseline that is called, with the examples in its prompt."""
    return tuple(b.prompt if isinstance(b.prompt, FewShot) else None for b in declared.spec.opponents)


def estimate_of(
    subject: Subject, declared: DeclaredEval, *, models: int, baselines: tuple[FewShot | None, ...]
) -> Estimate:
    """Estimates what an evaluation of some tuned models and baselines costs; ``baselines`` has the examples in each prompt."""
    train = subject.declared.train
    repeats = declared.spec.repeats
    rows, tokens = declared.dataset.rows * repeats, declared.dataset.tokens * repeats
    a_row = train.tokens / train.rows if train.rows else 0.0
    shots = sum(round(rows * a_row * shot.k) for shot in baselines if shot)
    total = tokens * (models + len(baselines)) + shots
    base, backend = subject.declared.fine_tune.base_model, subject.declared.backend
    if backend.is_rehearsal:
        return Estimate(tokens=total, usd=0.0, assumes="the embedded backend costs nothing")
    tuned = inference_price(base, is_tuned=True, backend=backend)
    untuned = inference_price(base, is_tuned=False, backend=backend)
    if tuned is None or untuned is None or tuned.input is None or untuned.input is None:
        return Estimate(tokens=total, assumes="no price is known for this model")
    usd = (tokens * models * tuned.input + (total - tokens * models) * untuned.input) / 1_000_000
    assumes = "answers as long as the references, at the price of input"
    if _names_model(declared.spec.grader):
        assumes += "; what judges take is not in it"
    return Estimate(tokens=total, usd=usd, assumes=assumes)
