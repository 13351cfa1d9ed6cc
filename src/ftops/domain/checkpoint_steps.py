"""Plans the choice among a job's checkpoints where an evaluation makes it: that scores each before the gates judge one.

Choices by validation loss take no step: observing makes them (``application.checkpoints``).
"""

from ftops.domain.checkpoints import MOST_CHECKPOINTS, chosen_model, selecting
from ftops.domain.desired import DeclaredEval
from ftops.domain.draft import Draft, Planned, Subject, Trained, Training
from ftops.domain.evaluation_steps import estimate_of, judged_of
from ftops.domain.manifest import ModelId, Revision
from ftops.domain.plan import Evaluate, Reason, action_id


def plan_choice(subject: Subject, revision: Revision, standing: Training, draft: Draft) -> Training:
    """Gives where a revision stands with its chosen model; adds the evaluation that has to choose it first, where one has."""
    one = selecting(subject.declared)
    match standing:
        case Trained():
            key = (subject.declared.name, revision, subject.declared.backend.name)
            choosing = subject.observed.choosing.get(key)
            if choosing is None or one is None:
                return _with_chosen(subject, revision, standing)
            reason = Reason(choosing.reason)
            action = _choice(subject, revision, one, number=choosing.unscored, among=choosing.among, reason=reason)
            draft.actions.append(action)
            return Planned(by=action.id, scores=one.spec.name, judgement=choosing.judgement)
        case Planned(by=by) if one is not None:
            number = _most_checkpoints(subject)
            action = _choice(subject, revision, one, number=number, reason=Reason.NOT_EVALUATED, after=(by,))
            draft.actions.append(action)
            return Planned(by=action.id, scores=one.spec.name)
        case _:
            return standing


def _most_checkpoints(subject: Subject) -> int:
    epochs = subject.declared.fine_tune.method.hyperparameters.get("n_epochs")
    return min(epochs, MOST_CHECKPOINTS) if isinstance(epochs, int) else MOST_CHECKPOINTS


def _with_chosen(subject: Subject, revision: Revision, standing: Trained) -> Trained:
    policy, backend = subject.declared.fine_tune.policy.checkpoints, subject.declared.backend.name
    model = chosen_model(subject.record, revision, backend, policy) if subject.record else None
    return Trained(model=model or standing.model)


def _choice(
    subject: Subject,
    revision: Revision,
    one: DeclaredEval,
    *,
    number: int,
    reason: Reason,
    among: tuple[ModelId, ...] = (),
    after: tuple[str, ...] = (),
) -> Evaluate:
    """Makes the action that scores ``number`` checkpoints of some; ``among`` is empty before there are any."""
    calls = one.dataset.rows * one.spec.repeats * number
    return Evaluate(
        id=action_id("evaluate", subject.declared.name, revision, one.spec.name, "checkpoints"),
        fine_tune=subject.declared.name,
        backend=subject.declared.backend.name,
        reason=reason,
        revision=revision,
        after=after,
        estimate=estimate_of(subject, one, models=number, baselines=()),
        evaluation=one.spec.name,
        digest=one.digest,
        model=None,
        checkpoints=among,
        calls=calls,
        judged=judged_of(one, calls),
    )
