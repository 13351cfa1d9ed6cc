"""Plans what happens to aliases: promote what may be, withhold what may not, retire what is gone."""

from ftops.domain.attempts import counting_attempt
from ftops.domain.checkpoint_steps import plan_choice
from ftops.domain.desired import Declared
from ftops.domain.draft import Draft, InProgress, Planned, Subject, Trained, Training, Untrained
from ftops.domain.evaluation_steps import Evaluations, judgement_of, plan_evaluations
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.manifest import LATEST, AliasName, BackendName, JobId, ModelId, Override, Revision
from ftops.domain.pinning import is_free
from ftops.domain.plan import Blocker, Deferred, Notice, Promote, Reason, Withheld, action_id
from ftops.domain.records import FineTuneRecord, Target
from ftops.domain.training_steps import stall_of


def plan_aliases(subject: Subject, training: Training, draft: Draft) -> None:
    """Adds evaluations and promotions of every revision that is declared or pinned, then retires aliases without a line."""
    declared = subject.declared
    wanted = {Revision(declared.revision if to == LATEST else to) for to in declared.fine_tune.aliases.values()}
    for revision in sorted(wanted | {declared.revision}, key=lambda r: (r != declared.revision, r)):
        standing = training if revision == declared.revision else _standing(subject, revision)
        if standing is None:
            _report_unknown_pin(subject, revision, draft)
            continue
        standing = plan_choice(subject, revision, standing, draft)
        is_settled = _is_settled(subject, revision, standing)
        evaluations = Evaluations() if is_settled else plan_evaluations(subject, revision, standing, draft)
        for alias in _aliases_to(subject.declared, revision):
            _promote(subject, alias, revision, standing, evaluations, draft)
    for gone, record in sorted(subject.record.aliases.items()) if subject.record else ():
        if gone not in declared.fine_tune.aliases and record.target is not None:
            draft.actions.append(_retire(subject, AliasName(gone), record.target))


def is_settled(record: FineTuneRecord, declared: Declared, revision: Revision, model: ModelId) -> bool:
    """Whether an alias points to a revision's model and none has still to move there."""
    target = Target(backend=declared.backend.name, revision=revision, model=model)
    pointing = {alias for alias, known in record.aliases.items() if known.target == target}
    return bool(pointing) and pointing.issuperset(_aliases_to(declared, revision))


def _aliases_to(declared: Declared, revision: Revision) -> list[AliasName]:
    """The aliases that want a revision, by name."""
    wanted = {a: declared.revision if to == LATEST else to for a, to in declared.fine_tune.aliases.items()}
    return sorted(alias for alias, to in wanted.items() if to == revision)


def _is_settled(subject: Subject, revision: Revision, standing: Training) -> bool:
    """Whether an alias points to a revision's model and none has still to move there.

    It is no candidate any more then: it is judged by its recorded scores alone, and nothing is called for it.
    """
    if subject.record is None or not isinstance(standing, Trained):
        return False
    return is_settled(subject.record, subject.declared, revision, standing.model)


def _standing(subject: Subject, revision: Revision) -> Training | None:
    """Where a pinned revision that is not declared stands; None where nothing can be promoted."""
    known = subject.record.revisions.get(revision) if subject.record else None
    if known is None:
        return None
    job = known.trained_job(subject.declared.backend.name)
    if job is not None and job.model is not None:
        return Untrained() if job.is_missed else Trained(model=ModelId(job.model))
    attempt = counting_attempt(known.on(subject.declared.backend.name))
    if attempt is None or attempt.job is None:
        return None
    if attempt.job.status.is_final:
        return Untrained() if attempt.job.is_model_lost else None
    return InProgress(job=JobId(attempt.job.id), stall=stall_of(subject, attempt.job.id, attempt.job.status))


def _report_unknown_pin(subject: Subject, revision: Revision, draft: Draft) -> None:
    declared = subject.declared
    pinned = ", ".join(_aliases_to(subject.declared, revision))
    message = f"{pinned} pinned to revision {revision}, which is neither declared nor trained nor running"
    if declared.backend.is_rehearsal:
        draft.notices.append(Notice(fine_tune=declared.name, message=f"{message}; skipped in this rehearsal"))
        return
    known = {Revision(r) for r in subject.record.revisions} if subject.record else set[Revision]()
    choices = {r for r in known if isinstance(_standing(subject, r), Trained | InProgress)} | {declared.revision}
    message += f" on {declared.backend.name}; can be pinned: {', '.join(sorted(choices))}"
    draft.blockers.append(Blocker(fine_tune=declared.name, message=message))


def _promote(
    subject: Subject,
    alias: AliasName,
    revision: Revision,
    standing: Training,
    evaluations: Evaluations,
    draft: Draft,
) -> None:
    was = subject.record.target_of(alias) if subject.record else None
    match standing:
        case Trained(model=model):
            target = Target(backend=subject.declared.backend.name, revision=revision, model=model)
            if target == was:
                _report_present_target(subject, alias, revision, draft)
            else:
                _promote_trained(subject, alias, was, target, evaluations, draft)
        case Planned(scores=scores, judgement=judgement):
            known = "known-after-training" if scores is None else "known-after-choosing"
            target = Target(backend=subject.declared.backend.name, revision=revision, model=known)
            draft.actions.append(_unjudged(subject, alias, was, target, evaluations))
            if judgement is not None:
                draft.withheld.append(_withheld(alias, target, judgement, subject))
        case InProgress(stall=None, job=job):
            draft.deferred.append(
                Deferred(
                    fine_tune=subject.declared.name,
                    backend=subject.declared.backend.name,
                    revision=revision,
                    what=f"promotion of {alias}",
                    waits_for=f"job {job}",
                    job=job,
                )
            )
        case InProgress(job=job, stall=stall) if revision != subject.declared.revision:
            message = f"{alias} stays where it is: job {job} of revision {revision} {stall}; ftops does not wait for it"
            draft.notices.append(Notice(fine_tune=subject.declared.name, message=message))
        case _:
            pass  # reported by plan_training, or as a lost model; the alias stays where it is


def _report_present_target(subject: Subject, alias: AliasName, revision: Revision, draft: Draft) -> None:
    judgement = judgement_of(subject, revision)
    if judgement is None:
        return
    message = f"{alias} stays at revision {revision}"
    if judgement.verdict not in {Verdict.PASS, None}:
        message += ", which by its recorded scores would not pass its gates now"
    elif judgement.missing:
        names = ", ".join(dict.fromkeys(missing.eval for missing in judgement.missing))
        message += f", which was not measured with the present evals: {names}"
    else:
        return
    draft.notices.append(Notice(fine_tune=subject.declared.name, message=message))


def _promote_trained(
    subject: Subject,
    alias: AliasName,
    was: Target | None,
    target: Target,
    evaluations: Evaluations,
    draft: Draft,
) -> None:
    """Promotes what may be promoted now or after its evaluations; withholds what the recorded scores do not let pass."""
    judgement = judgement_of(subject, Revision(target.revision))
    verdict = judgement.verdict if judgement else None
    if _passed_before(subject, alias, target):
        draft.actions.append(_promotion(subject, alias, was, target))
    elif verdict is Verdict.PASS or not _has_gate(subject):
        # What is still unscored can withhold nothing; what ended in error is not waited for a second time.
        draft.actions.append(_promotion(subject, alias, was, target, evaluations.unscored))
    elif verdict is not None and (override := _override(subject, target)) is not None:
        draft.actions.append(_promotion(subject, alias, was, target, override=override.why))
    else:
        if verdict in {None, Verdict.ERROR} and evaluations.ids:
            draft.actions.append(_unjudged(subject, alias, was, target, evaluations))
        if judgement is not None and verdict is not None:
            draft.withheld.append(_withheld(alias, target, judgement, subject))


def _withheld(alias: AliasName, target: Target, judgement: Judgement, subject: Subject) -> Withheld:
    return Withheld(
        fine_tune=subject.declared.name,
        backend=BackendName(target.backend),
        revision=Revision(target.revision),
        alias=alias,
        judgement=judgement,
    )


def _unjudged(
    subject: Subject, alias: AliasName, was: Target | None, target: Target, evaluations: Evaluations
) -> Promote:
    """A promotion that waits for scores: the gates decide, unless an override names the revision."""
    override = _override(subject, target)
    if override is not None and _has_gate(subject):
        return _promotion(subject, alias, was, target, evaluations.ids, override=override.why)
    return _promotion(subject, alias, was, target, evaluations.ids, is_conditional=_has_gate(subject))


def _override(subject: Subject, target: Target) -> Override | None:
    override = subject.declared.fine_tune.policy.override
    return override if override is not None and override.revision == target.revision else None


def _passed_before(subject: Subject, alias: AliasName, target: Target) -> bool:
    """Whether a pin may go back to where the gates do not pass now; `latest` is judged by the present gates alone."""
    if subject.record is None or subject.declared.fine_tune.aliases[alias] == LATEST:
        return False
    return is_free(subject.record, alias, target)


def _promotion(
    subject: Subject,
    alias: AliasName,
    was: Target | None,
    target: Target,
    after: tuple[str, ...] = (),
    *,
    is_conditional: bool = False,
    override: str | None = None,
) -> Promote:
    declared = subject.declared
    return Promote(
        id=action_id("promote", declared.name, alias, target.revision),
        fine_tune=declared.name,
        backend=BackendName(target.backend),
        reason=_promotion_reason(subject, alias, was, target, override),
        revision=Revision(target.revision),
        after=after,
        alias=alias,
        was=was,
        target=target,
        is_conditional=is_conditional,
        override=override,
    )


def _has_gate(subject: Subject) -> bool:
    return any(e.spec.is_enforced for e in subject.declared.evals)


def _promotion_reason(
    subject: Subject, alias: AliasName, was: Target | None, target: Target, override: str | None
) -> Reason:
    if override is not None:
        return Reason.OVERRIDE
    if was is not None and was.revision == target.revision:
        return Reason.MODEL_CHANGED
    if subject.declared.fine_tune.aliases[alias] != LATEST:
        return Reason.PINNED
    return Reason.GATES_PASSED if _has_gate(subject) else Reason.NO_GATES


def _retire(subject: Subject, alias: AliasName, was: Target) -> Promote:
    return Promote(
        id=action_id("promote", subject.declared.name, alias, "none"),
        fine_tune=subject.declared.name,
        # Not where it pointed: that backend may be in no use any more, and the ledger is the same.
        backend=subject.declared.backend.name,
        reason=Reason.ALIAS_REMOVED,
        revision=Revision(was.revision),
        alias=alias,
        was=was,
        target=None,
    )
