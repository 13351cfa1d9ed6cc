"""Which checkpoint of a job stands for its revision: the last one, the one with the lowest validation loss, or the one that
scored best.

Owns the rule of each ``policy.checkpoints``, and when a choice is made anew. Pure over the ledger's records; scores come in as
means. Who measures them is ``application.checkpoints``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ftops.domain.attempts import CheckpointRecord, Choice, JobRecord
from ftops.domain.desired import Declared, DeclaredEval
from ftops.domain.judgement import Judgement, MissingReason
from ftops.domain.manifest import BackendName, ModelId, Revision
from ftops.domain.records import FineTuneRecord

MOST_CHECKPOINTS = 3  # OpenAI keeps those of the last three epochs, and so does the embedded server


@dataclass(frozen=True, kw_only=True, slots=True)
class Choosing:
    """An evaluation that has still to score checkpoints, so that the best of them can be chosen.

    ``unscored`` of them lack scores, and ``reason`` says why. ``judgement`` is that of a checkpoint whose evaluation ended in
    error: nothing can be chosen, and nothing promoted, before it has its scores.
    """

    evaluation: str
    among: tuple[ModelId, ...]
    unscored: int
    reason: MissingReason
    judgement: Judgement | None = None


def checkpoints_of(job: JobRecord) -> tuple[CheckpointRecord, ...]:
    """Gives the checkpoints of a job that can be called, by step; the job's own model is one, whoever lists it or doesn't."""
    known = tuple(sorted(job.checkpoints, key=lambda checkpoint: checkpoint.step))
    if job.model is None or any(checkpoint.model == job.model for checkpoint in known):
        return known
    return (*known, CheckpointRecord(step=known[-1].step if known else 0, model=job.model))


def selecting(declared: Declared) -> DeclaredEval | None:
    """Gives the evaluation that chooses among checkpoints; None where nothing or the validation loss does."""
    if declared.fine_tune.policy.checkpoints != "evaluate":
        return None
    return next((one for one in declared.evals if one.spec.select), None)


def chosen_model(record: FineTuneRecord, revision: Revision, backend: BackendName, policy: str) -> ModelId | None:
    """Gives the model that stands for a revision on a backend; its job's own, where nothing was chosen under this policy.

    None where the revision has no model there.
    """
    known = record.revisions.get(revision)
    job = known.trained_job(backend) if known else None
    if job is None or job.model is None:
        return None
    choice = job.choice(policy)
    return ModelId(choice.model if choice else job.model)


def has_to_choose(
    record: FineTuneRecord, backend: BackendName, job: JobRecord, declared: Declared
) -> Literal["best_validation_loss", "evaluate"] | None:
    """Gives the policy under which one of a job's checkpoints has to be chosen now; None where there is nothing to choose.

    What was chosen under a policy stays, but an evaluation that has changed, or that is another one now, chooses anew while
    no alias points to what was chosen: an alias never moves because an evaluation changed.
    """
    policy = declared.fine_tune.policy.checkpoints
    if policy == "last":
        return None
    choice, one = job.choice(policy), selecting(declared)
    if choice is None:
        return policy
    targets = (alias.target for alias in record.aliases.values())
    if any(target and (target.backend, target.model) == (backend, choice.model) for target in targets):
        return None
    return policy if choice.evaluation != (one.digest if one else None) else None


def choose_by_loss(job: JobRecord, policy: Literal["best_validation_loss", "evaluate"]) -> Choice:
    """Chooses the checkpoint with the lowest loss over the validation set; of equal ones the later, without any the last."""
    every = checkpoints_of(job)
    measured = [(checkpoint.valid_loss, checkpoint) for checkpoint in every if checkpoint.valid_loss is not None]
    if not measured:
        why = f"none of {_counted(len(every))} has a validation loss: the last one is taken"
        return Choice(policy=policy, model=every[-1].model, step=every[-1].step, among=len(every), why=why)
    loss, best = min(measured, key=lambda pair: (pair[0], -pair[1].step))
    why = f"step {best.step} has the lowest validation loss ({loss:.4g}) of {_counted(len(measured))}"
    return Choice(policy=policy, model=best.model, step=best.step, among=len(every), why=why)


def choose_by_scores(job: JobRecord, means: Mapping[str, float], one: DeclaredEval) -> Choice:
    """Chooses the checkpoint with the best mean score under an evaluation; of equal ones the later.

    ``means`` has one for each checkpoint, by model.
    """
    every = checkpoints_of(job)
    best = max(every, key=lambda checkpoint: (means[checkpoint.model], checkpoint.step))
    shown = ", ".join(f"step {checkpoint.step}: {means[checkpoint.model]:.4g}" for checkpoint in every)
    return Choice(
        policy="evaluate",
        model=best.model,
        step=best.step,
        among=len(every),
        evaluation=one.digest,
        dataset=one.dataset.sha256,
        why=f"step {best.step} has the best mean under {one.spec.name} of {_counted(len(every))} ({shown})",
    )


def without_rivals(job: JobRecord, one: DeclaredEval) -> Choice | None:
    """Gives the choice of a job that has a single checkpoint: nothing is measured for it. None where there are more."""
    every = checkpoints_of(job)
    if len(every) != 1:
        return None
    return Choice(
        policy="evaluate",
        model=every[0].model,
        step=every[0].step,
        among=1,
        evaluation=one.digest,
        dataset=one.dataset.sha256,
        why="the job has no other checkpoint",
    )


def compared_on(record: FineTuneRecord, job: JobRecord, model: ModelId, declared: Declared, one: DeclaredEval) -> int:
    """Gives among how many checkpoints a model was chosen by items that an evaluation judges it on, all or some; else 1.

    Those items are no fresh evidence: the gates ask for more of them (``evaluation.gates.judge``).
    """
    choice = job.choice(declared.fine_tune.policy.checkpoints)
    if choice is None or choice.model != model or choice.evaluation is None:
        return 1
    if one.digest == choice.evaluation or one.dataset.sha256 == choice.dataset:
        return choice.among
    chose, judge = (_rows(record, digest, model) for digest in (choice.evaluation, one.digest))
    return 1 if chose.isdisjoint(judge) else choice.among


def _rows(record: FineTuneRecord, digest: str, model: ModelId) -> frozenset[str]:
    """Gives the digests of the rows that a model was scored on under an evaluation."""
    known = (old for old in record.evaluations if (old.digest, old.model) == (digest, model))
    return frozenset(item.row for old in known for item in old.items)


def _counted(number: int) -> str:
    return f"{number} checkpoint{'' if number == 1 else 's'}"
