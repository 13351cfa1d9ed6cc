"""What a plan is called in words, for a terminal and for a comment: why a step is planned, and the line that sums it up.

Owns wording without colours and without quoting: each place that shows it has rules of its own for foreign text.
"""

from typing import Final

from ftops.domain.guard import MASS_DELETE, NO_RETRAIN
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Plan,
    Promote,
    Reason,
    Refusal,
    Train,
    kind_of,
)
from ftops.domain.records import Target

WHY: Final = {
    Reason.DATASET_NOT_UPLOADED: "the backend does not have this dataset yet",
    Reason.NEW_REVISION: "this revision was never trained on this backend",
    Reason.TRANSIENT_FAILURE: "its job failed by an error of the backend; spec.policy.retries allows another attempt",
    Reason.FOUND_AT_BACKEND: "the backend has this job, and the ledger does not",
    Reason.NOT_EVALUATED: "this model was never scored under this evaluation",
    Reason.EVAL_CHANGED: "the evaluation changed since this model was scored",
    Reason.EVALUATION_ERROR: "the last evaluation ended in an error",
    Reason.GATES_PASSED: "`latest` follows the declared revision once its gates pass",
    Reason.NO_GATES: "`latest` follows the declared revision; no gate is enforced",
    Reason.PINNED: "the alias is pinned to this revision",
    Reason.OVERRIDE: "spec.policy.override names this revision",
    Reason.MODEL_CHANGED: "the revision has another model now",
    Reason.ALIAS_REMOVED: "the alias's line was removed",
    Reason.SUPERSEDED: "the manifest changed while this job runs",
    Reason.DUPLICATE: "another job of this revision was recorded first",
    Reason.RENAMED: "moved_from names it",
    Reason.REQUESTED: "somebody asked for it",
    Reason.RETENTION: "retention does not keep it",
    Reason.UNDECLARED: "no manifest declares it",
}


def summary_words(plan: Plan) -> str:
    """Gives one line: how many of what, and what it would cost."""
    if not plan.has_changes:
        return _nothing_to_do(plan)
    counts = f"{plan.count(Train)} to train, {plan.count(Evaluate)} to evaluate, {plan.count(Promote)} to promote"
    others = [
        f"{plan.count(kind)} to {word}"
        for kind, word in ((Adopt, "adopt"), (Cancel, "cancel"), (Move, "rename"))
        if plan.count(kind)
    ]
    deleted = plan.count(DeleteModel) + plan.count(DeleteFile)
    return f"Plan: {', '.join([counts, *others])}, {deleted} to delete. Estimated cost: {usd_words(plan.cost_usd)}."


def _nothing_to_do(plan: Plan) -> str:
    if any(refusal.allow for refusal in plan.refusals) and not plan.blockers:
        return "No changes: --allow lifts guards that name a word; all else waits for the manifests or the limits."
    if plan.withheld or plan.refusals or plan.blockers:
        return "No changes: nothing can be done until the manifests or the limits change."
    if plan.notices:
        return "No changes; see the notices."
    return "No changes. What is declared is trained, judged and promoted."


def verb(action: Action) -> str:
    """Gives what an action does, in a word."""
    match action:
        case Move():
            return "rename"
        case DeleteModel() | DeleteFile():
            return "delete"
        case _:
            return kind_of(action)


def lifting(refusal: Refusal) -> str:
    """Gives how a person lifts a guard, "" where nobody can: those about deletions take ftops prune."""
    if refusal.allow is None:
        return ""
    return f"{'ftops prune ' if refusal.allow in {MASS_DELETE, NO_RETRAIN} else ''}--allow {refusal.allow}"


def usd_words(usd: float | None) -> str:
    """Gives dollars with two digits; None is unknown."""
    return "unknown" if usd is None else f"${usd:,.2f}"


def target_text(target: Target | None) -> str:
    """Gives what an alias points to, in short."""
    return "nothing" if target is None else target.revision


def size_words(size: int) -> str:
    """Gives a number of bytes in the unit that fits."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"


def duration_words(seconds: float | None) -> str:
    """Gives how long something takes, roughly, to be put behind other words; "" where that isn't known, or it is no time."""
    if not seconds:
        return ""
    if seconds < 60:
        return ", under a minute"  # no number: it would come and go with the load of a machine
    return f", about {seconds / 60:.0f} min" if seconds < 5400 else f", about {seconds / 3600:.1f} h"
