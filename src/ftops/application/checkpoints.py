"""Chooses among a job's checkpoints: what recorded losses and scores decide already, and the scoring that decides the rest.

The rules are ``domain.checkpoints``'. Observing makes every choice that needs no call, as an event that apply records; the
others wait for an evaluate action, which ``choose_checkpoint`` carries out.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ftops.application.baselines import Candidate
from ftops.application.workspace import Workspace, kept_pending
from ftops.domain.attempts import Attempt, JobRecord
from ftops.domain.checkpoints import (
    Choosing,
    checkpoints_of,
    choose_by_loss,
    choose_by_scores,
    has_to_choose,
    selecting,
    without_rivals,
)
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.events import CheckpointChosen
from ftops.domain.judgement import EvalJudgement, Judgement, MissingReason, Verdict
from ftops.domain.manifest import LATEST, BackendName, FineTuneName, ModelId, Revision
from ftops.domain.plan import Evaluate
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.scores import EvaluationRecord
from ftops.errors import BackendError
from ftops.evaluation.identity import sent_digest
from ftops.evaluation.intervals import mean_of

Key = tuple[FineTuneName, Revision, BackendName]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """What was chosen now, by backend, and what an evaluation has still to choose."""

    events: Mapping[BackendName, tuple[CheckpointChosen, ...]] = field(default_factory=dict)
    choosing: Mapping[Key, Choosing] = field(default_factory=dict)


def choose(workspace: Workspace, ledgers: Mapping[BackendName, LedgerState]) -> Choices:
    """Chooses a checkpoint of every declared or pinned revision that has to choose. Calls nothing, writes nothing."""
    events: dict[BackendName, tuple[CheckpointChosen, ...]] = {}
    choosing: dict[Key, Choosing] = {}
    now = workspace.clock.now()
    for declared in workspace.desired.fine_tunes:
        name, backend = declared.name, declared.backend.name
        record = record_of(declared, ledgers[backend])
        if record is None or not workspace.policy.selects(name):
            continue
        for revision in judged_revisions(declared):
            decided = _decided(record, declared, revision, at=now)
            if isinstance(decided, CheckpointChosen):
                events[backend] = (*events.get(backend, ()), decided)
            elif decided is not None:
                choosing[name, revision, backend] = decided
    return Choices(events=events, choosing=choosing)


def record_of(declared: Declared, ledger: LedgerState) -> FineTuneRecord | None:
    """Gives what a ledger has of a declared fine-tune, also where it is still called as before."""
    names = (declared.name, *declared.fine_tune.moved_from)
    return next((record for name in names if (record := ledger.named(name)) is not None), None)


def judged_revisions(declared: Declared) -> list[Revision]:
    """Gives the revisions whose models are chosen and judged: the declared one, and those that aliases are pinned to."""
    pinned = {Revision(to) for to in declared.fine_tune.aliases.values() if to != LATEST}
    return sorted(pinned | {declared.revision})


def choose_checkpoint(workspace: Workspace, action: Evaluate, declared: Declared) -> str:
    """Scores the checkpoints that an action names, one after the other, and records the best; says which in words.

    Each one's scores are recorded as they are there. Raises BackendError, LedgerError and Interrupted.
    """
    one = selecting(declared)
    if one is None or not action.checkpoints:
        raise BackendError(f"revision {action.revision} has no checkpoints to choose among")
    for model in action.checkpoints:
        _score(workspace, action, _ungated(declared, one), model)
    ledger = workspace.ledgers[action.backend]
    decided = _decided(_record(workspace, action), declared, action.revision, at=workspace.clock.now())
    if isinstance(decided, CheckpointChosen):
        if ledger.record_eventually([decided]) is None:
            raise kept_pending(ledger, "the choice is")
        _, job = _trained(_record(workspace, action), action.revision, action.backend)
        if job is not None and decided.choice in job.choices:
            return decided.choice.why
    judgement = decided.judgement if isinstance(decided, Choosing) else None
    problem = judgement.evals[0].error if judgement else None
    return f"error: {problem}" if problem else "chosen meanwhile by another run"


def _score(workspace: Workspace, action: Evaluate, declared: Declared, model: ModelId) -> None:
    events = workspace.evaluations.evaluate(
        _record(workspace, action),
        declared,
        candidate=Candidate(model=model, backend=action.backend, revision=action.revision),
        evaluation=action.evaluation,
        stop=workspace.stop,
        progress=lambda what, done, total: workspace.progress.update(
            action.fine_tune, "evaluating", done=done, total=total, detail=what
        ),
    )
    ledger = workspace.ledgers[action.backend]
    if events and ledger.record_eventually(events) is None:
        raise kept_pending(ledger, "the scores are")


def _record(workspace: Workspace, action: Evaluate) -> FineTuneRecord:
    record = workspace.ledgers[action.backend].read_cached().state.named(action.fine_tune)
    if record is None:
        raise BackendError(f"the ledger does not know {action.fine_tune}")
    return record


def _ungated(declared: Declared, one: DeclaredEval) -> Declared:
    """Gives a fine-tune with one evaluation and no gate: to choose by it takes no baseline."""
    bare = dataclasses.replace(one, spec=dataclasses.replace(one.spec, gate=()))
    return dataclasses.replace(declared, evals=(bare,))


def _decided(
    record: FineTuneRecord, declared: Declared, revision: Revision, *, at: datetime
) -> CheckpointChosen | Choosing | None:
    """Gives the choice that records decide now, or what has to be scored for it; None where nothing has to be chosen."""
    backend, one = declared.backend.name, selecting(declared)
    attempt, job = _trained(record, revision, backend)
    if attempt is None or job is None or (policy := has_to_choose(record, backend, job, declared)) is None:
        return None
    if one is None:
        choice = choose_by_loss(job, policy)
    elif (only := without_rivals(job, one)) is not None:
        choice = only
    else:
        known = dict(_recorded(record, job, one, backend))
        means = {model: _mean(scores) for model, scores in known.items() if scores is not None}
        scored = {model: mean for model, mean in means.items() if mean is not None}
        if len(scored) < len(known):
            return _choosing(record, declared, revision, one, known)
        choice = choose_by_scores(job, scored, one)
    return CheckpointChosen(
        at=at,
        fine_tune=FineTuneName(record.name),
        revision=revision,
        backend=backend,
        attempt=attempt.number,
        job=job.id,
        choice=choice,
    )


def _trained(
    record: FineTuneRecord, revision: Revision, backend: BackendName
) -> tuple[Attempt, JobRecord] | tuple[None, None]:
    known = record.revisions.get(revision)
    job = known.trained_job(backend) if known else None
    for attempt in known.on(backend) if known and job else ():
        if attempt.job is job and job is not None:
            return attempt, job
    return None, None


def _recorded(
    record: FineTuneRecord, job: JobRecord, one: DeclaredEval, backend: BackendName
) -> Iterator[tuple[str, EvaluationRecord | None]]:
    """Gives each checkpoint's model and its scores under an evaluation."""
    sent = sent_digest(one.spec)
    for checkpoint in checkpoints_of(job):
        model = ModelId(checkpoint.model)
        scores = record.evaluation(digest=one.digest, sent=sent, model=model, backend=backend, for_model=None)
        yield model, scores


def _mean(scores: EvaluationRecord) -> float | None:
    """Gives the mean of a model's scores; None where they are not all there."""
    values = [item.score for item in scores.items if item.score is not None]
    return mean_of(values) if values and scores.error is None else None


def _choosing(
    record: FineTuneRecord,
    declared: Declared,
    revision: Revision,
    one: DeclaredEval,
    known: Mapping[str, EvaluationRecord | None],
) -> Choosing:
    failed = next((scores for scores in known.values() if scores is not None and _mean(scores) is None), None)
    is_known_name = any(old.name == one.spec.name and old.model in known for old in record.evaluations)
    if failed is not None:
        reason = MissingReason.EVALUATION_ERROR
    else:
        is_begun = any(scores is not None for scores in known.values())
        is_changed = is_known_name and not is_begun
        reason = MissingReason.EVAL_CHANGED if is_changed else MissingReason.NOT_EVALUATED
    return Choosing(
        evaluation=one.spec.name,
        among=tuple(map(ModelId, known)),
        unscored=sum(scores is None or _mean(scores) is None for scores in known.values()),
        reason=reason,
        judgement=None if failed is None else _judgement(failed, revision, declared, one),
    )


def _judgement(failed: EvaluationRecord, revision: Revision, declared: Declared, one: DeclaredEval) -> Judgement:
    """Gives the judgement of a checkpoint that could not be scored: with no choice there is nothing to promote."""
    problem = failed.error or "no item has a score to choose by"
    why = (
        f"checkpoint {failed.model}: {problem}; nothing is chosen without its scores, but by another policy.checkpoints"
    )
    return Judgement(
        model=ModelId(failed.model),
        revision=revision,
        backend=declared.backend.name,
        evals=(EvalJudgement(name=one.spec.name, digest=one.digest, is_measured=True, error=why),),
        verdict=Verdict.ERROR,
        has_gate=True,
    )
