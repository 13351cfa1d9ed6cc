"""Plans what happens to aliases: evaluate what they want, promote what may be, withhold what may not, retire what is gone."""

from ftops.domain.attempts import JobStatus
from ftops.domain.desired import DeclaredEval
from ftops.domain.draft import Draft, InProgress, Planned, Subject, Trained, Training
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.manifest import LATEST, AliasName, BackendName, FewShot, JobId, ModelId, Revision
from ftops.domain.plan import Blocker, Deferred, Evaluate, Notice, Promote, Reason, Withheld, action_id
from ftops.domain.pricing import Estimate, inference_price
from ftops.domain.records import Target


def plan_aliases(subject: Subject, training: Training, draft: Draft) -> None:
    """Adds evaluations and promotions of every revision that is declared or pinned, then retires aliases without a line."""
    declared = subject.declared
    wanted = {Revision(declared.revision if to == LATEST else to) for to in declared.fine_tune.aliases.values()}
    for revision in sorted(wanted | {declared.revision}, key=lambda r: (r != declared.revision, r)):
        standing = training if revision == declared.revision else _standing(subject, revision)
        if standing is None:
            _report_unknown_pin(subject, revision, draft)
            continue
        evaluations = _evaluate(subject, revision, standing, draft)
        for alias, to in sorted(declared.fine_tune.aliases.items()):
            if (declared.revision if to == LATEST else to) == revision:
                _promote(subject, alias, revision, standing, evaluations, draft)
    for gone, record in sorted(subject.record.aliases.items()) if subject.record else ():
        if gone not in declared.fine_tune.aliases and record.target is not None:
            draft.actions.append(_retire(subject, AliasName(gone), record.target))


def _standing(subject: Subject, revision: Revision) -> Training | None:
    """Where a pinned revision that is not declared stands; None where nothing can be promoted."""
    known = subject.record.revisions.get(revision) if subject.record else None
    if known is None:
        return None
    job = known.trained_job(subject.declared.backend.name)
    if job is not None and job.model is not None:
        return Trained(model=ModelId(job.model))
    attempt = known.latest(subject.declared.backend.name)
    if attempt is None or attempt.job is None or attempt.job.status.is_final:
        return None
    return InProgress(job=JobId(attempt.job.id), is_paused=attempt.job.status is JobStatus.PAUSED)


def _report_unknown_pin(subject: Subject, revision: Revision, draft: Draft) -> None:
    known = sorted(subject.record.revisions) if subject.record else []
    choices = [r for r in known if _standing(subject, Revision(r)) is not None]
    message = f"an alias is pinned to revision {revision}, which is neither declared nor trained nor running"
    if subject.declared.backend.is_rehearsal:
        draft.notices.append(Notice(fine_tune=subject.declared.name, message=f"{message}; skipped in this rehearsal"))
        return
    can = f"can be pinned: {', '.join(choices)}" if choices else "no revision can be pinned yet"
    draft.blockers.append(Blocker(fine_tune=subject.declared.name, message=f"{message}; {can}"))


def _evaluate(subject: Subject, revision: Revision, standing: Training, draft: Draft) -> tuple[str, ...]:
    """Adds the evaluations that are missing; gives their ids, or the id of the training where there are none to make."""
    model: ModelId | None = None
    after: tuple[str, ...] = ()
    match standing:
        case Trained(model=trained):
            model = trained
            judgement = _judgement(subject, revision)
            missing = {m.eval: Reason(m.reason) for m in judgement.missing} if judgement else {}
        case Planned(by=by):
            after = (by,)
            missing = {e.spec.name: Reason.NOT_EVALUATED for e in subject.declared.evals}
        case _:
            return ()
    actions = [
        _evaluation(subject, revision, declared, model, missing[declared.spec.name], after)
        for declared in subject.declared.evals
        if declared.spec.name in missing
    ]
    draft.actions += actions
    return tuple(action.id for action in actions) or after


def _evaluation(
    subject: Subject,
    revision: Revision,
    declared: DeclaredEval,
    model: ModelId | None,
    reason: Reason,
    after: tuple[str, ...],
) -> Evaluate:
    return Evaluate(
        id=action_id("evaluate", subject.declared.name, revision, declared.spec.name),
        fine_tune=subject.declared.name,
        backend=subject.declared.backend.name,
        reason=reason,
        revision=revision,
        after=after,
        estimate=_evaluation_estimate(subject, declared),
        evaluation=declared.spec.name,
        digest=declared.digest,
        model=model,
        calls=declared.dataset.rows * (1 + len(_baselines(declared))),
    )


def _baselines(declared: DeclaredEval) -> tuple[FewShot | None, ...]:
    """One entry for each distinct baseline that is called, with the examples in its prompt."""
    distinct = {c.baseline for c in declared.spec.gate if c.baseline}
    return tuple(b.prompt if isinstance(b.prompt, FewShot) else None for b in distinct)


def _evaluation_estimate(subject: Subject, declared: DeclaredEval) -> Estimate:
    train = subject.declared.train
    rows, tokens = declared.dataset.rows, declared.dataset.tokens
    a_row = train.tokens / train.rows if train.rows else 0.0
    shots = sum(round(rows * a_row * shot.k) for shot in _baselines(declared) if shot)
    total = tokens * (1 + len(_baselines(declared))) + shots
    base, backend = subject.declared.fine_tune.base_model, subject.declared.backend
    if backend.is_rehearsal:
        return Estimate(tokens=total, usd=0.0, assumes="the embedded backend costs nothing")
    tuned = inference_price(base, is_tuned=True, backend=backend)
    untuned = inference_price(base, is_tuned=False, backend=backend)
    if tuned is None or untuned is None or tuned.input is None or untuned.input is None:
        return Estimate(tokens=total, assumes="no price is known for this model")
    usd = (tokens * tuned.input + (total - tokens) * untuned.input) / 1_000_000
    return Estimate(tokens=total, usd=usd, assumes="answers as long as the references, at the price of input")


def _judgement(subject: Subject, revision: Revision) -> Judgement | None:
    return subject.observed.judgements.get((subject.declared.name, revision, subject.declared.backend.name))


def _promote(
    subject: Subject,
    alias: AliasName,
    revision: Revision,
    standing: Training,
    evaluations: tuple[str, ...],
    draft: Draft,
) -> None:
    was = subject.record.target_of(alias) if subject.record else None
    match standing:
        case Trained(model=model):
            target = Target(backend=subject.declared.backend.name, revision=revision, model=model)
            if target == was:
                _report_present_target(subject, alias, revision, draft)
            elif evaluations:
                draft.actions.append(_promotion(subject, alias, was, target, evaluations))
            else:
                _promote_if_allowed(subject, alias, was, target, draft)
        case Planned():
            target = Target(backend=subject.declared.backend.name, revision=revision, model="known-after-training")
            draft.actions.append(_promotion(subject, alias, was, target, evaluations))
        case InProgress(is_paused=False, job=job):
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
        case _:
            pass  # reported by plan_training; the alias stays where it is


def _report_present_target(subject: Subject, alias: AliasName, revision: Revision, draft: Draft) -> None:
    judgement = _judgement(subject, revision)
    if judgement is not None and judgement.verdict not in {Verdict.PASS, None}:
        message = f"{alias} stays at revision {revision}, which by its recorded scores would not pass its gates now"
        draft.notices.append(Notice(fine_tune=subject.declared.name, message=message))


def _promote_if_allowed(subject: Subject, alias: AliasName, was: Target | None, target: Target, draft: Draft) -> None:
    judgement = _judgement(subject, Revision(target.revision))
    override = subject.declared.fine_tune.policy.override
    if judgement is None or judgement.is_passed or _passed_before(subject, alias, target):
        draft.actions.append(_promotion(subject, alias, was, target, ()))
    elif override is not None and override.revision == target.revision:
        draft.actions.append(_promotion(subject, alias, was, target, (), override=override.why))
    else:
        draft.withheld.append(
            Withheld(
                fine_tune=subject.declared.name,
                backend=BackendName(target.backend),
                revision=Revision(target.revision),
                alias=alias,
                judgement=judgement,
            )
        )


def _passed_before(subject: Subject, alias: AliasName, target: Target) -> bool:
    """Whether a pin may go back to where the gates do not pass now: this alias pointed to it, or it passed earlier evals."""
    if subject.record is None or subject.declared.fine_tune.aliases[alias] == LATEST:
        return False  # `latest` is judged by the present gates alone
    history = subject.record.aliases[alias].history if alias in subject.record.aliases else ()
    pointed = any(move.target and move.target == target for move in history)
    return pointed or any(passed.model == target.model for passed in subject.record.passed)


def _promotion(
    subject: Subject,
    alias: AliasName,
    was: Target | None,
    target: Target,
    evaluations: tuple[str, ...],
    override: str | None = None,
) -> Promote:
    declared = subject.declared
    return Promote(
        id=action_id("promote", declared.name, alias, target.revision),
        fine_tune=declared.name,
        backend=BackendName(target.backend),
        reason=_promotion_reason(subject, alias, was, target, override),
        revision=Revision(target.revision),
        after=evaluations,
        alias=alias,
        was=was,
        target=target,
        is_conditional=bool(evaluations) and _has_gate(subject),
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
        backend=BackendName(was.backend),
        reason=Reason.ALIAS_REMOVED,
        revision=Revision(was.revision),
        alias=alias,
        was=was,
        target=None,
    )
