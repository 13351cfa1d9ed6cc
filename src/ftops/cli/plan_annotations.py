"""What a plan or an apply has to say to a reviewer at a line of a manifest: which field it is about, and how bad it is.

Owns the choice of the place. Lines are looked up in the work tree, as the run that made the plan has the same one; a
manifest that can't be read leaves the remark without a place.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from ftops.cli.annotations import Remark, RemarkLevel
from ftops.cli.outcome_file import SavedOutcome
from ftops.domain.plan import Plan

if TYPE_CHECKING:
    from ftops.adapters.manifest_lines import ManifestLines

_Places = Mapping[str, "ManifestLines"]
_FIELD_OF_GUARD: Final = {
    "budget": ("/spec/budget/training_usd", "/spec/base_model"),
    "unknown_cost": ("/spec/base_model",),
    "min_days_to_shutdown": ("/spec/policy/min_days_to_shutdown", "/spec/base_model"),
}


def remarks_of(plan: Plan | None, outcome: SavedOutcome | None, places: _Places) -> Iterator[Remark]:
    """Gives what an apply came to has to say, and what its plan has where there is no outcome."""
    if outcome is not None:
        yield from outcome_remarks(outcome, places)
    elif plan is not None:
        yield from plan_remarks(plan, places)


def plan_remarks(plan: Plan, places: _Places) -> Iterator[Remark]:
    """Gives a remark for everything that a reviewer has to know, the worst first."""
    for blocker in plan.blockers:
        yield _remark("error", "To be mended", blocker.fine_tune, blocker.message, places, "/spec/aliases")
    for refusal in plan.refusals:
        fields = _FIELD_OF_GUARD.get(refusal.guard, ())
        yield _remark("warning", "Refused", refusal.fine_tune, refusal.message, places, *fields)
    for entry in plan.withheld:
        verdict = entry.judgement.verdict
        said = verdict.value.replace("_", " ") if verdict else "not measured"
        sentences = [result.sentence for judged in entry.judgement.evals for result in judged.conditions]
        message = "; ".join([f"{entry.alias} does not move to {entry.revision}: {said}", *sentences])
        alias = f"/spec/aliases/{entry.alias}"
        yield _remark("warning", "Withheld by a gate", entry.fine_tune, message, places, alias)
    for notice in plan.notices:
        yield _remark("notice", "Notice", notice.fine_tune, notice.message, places)
    for caveat in plan.caveats:
        yield Remark(level="notice", title="Not all could be looked at", message=caveat)


def outcome_remarks(outcome: SavedOutcome, places: _Places) -> Iterator[Remark]:
    """Gives a remark for everything that went wrong, and for what remains."""
    for step in outcome.steps:
        if step.error is not None:
            yield _remark("error", "Failed", step.action.fine_tune, _mended(step.error, step.remedy), places)
    for job in outcome.ended_jobs:
        if job.model is None:
            yield _remark("error", "Failed", job.fine_tune, f"job {job.job} {job.status}", places)
    if outcome.stopped_by is not None:
        yield Remark(level="error", title="The run ended", message=_mended(outcome.stopped_by, outcome.remedy))
    if outcome.remaining is not None:
        yield from plan_remarks(outcome.remaining, places)


def _mended(error: str, remedy: str | None) -> str:
    return f"{error}; {remedy}" if remedy else error


def _remark(level: RemarkLevel, title: str, name: str | None, message: str, places: _Places, *fields: str) -> Remark:
    lines = places.get(name or "")
    said = f"{name}: {message}" if name else message
    if lines is None:
        return Remark(level=level, title=title, message=said)
    return Remark(level=level, title=title, message=said, path=lines.path, line=lines.line(*fields))
