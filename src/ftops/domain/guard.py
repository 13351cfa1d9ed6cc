"""Guards: what is refused although it is declared.

Those about money refuse an action and what depends on it, and let the others go on. Those about where we stand refuse the
whole run. A guard only takes away; it never adds an action.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ftops.domain.desired import Declared, DesiredState
from ftops.domain.draft import Draft
from ftops.domain.manifest import BackendName, FineTuneName, ModelId
from ftops.domain.observed import ObservedState
from ftops.domain.plan import Action, Notice, Refusal, Train, Upload
from ftops.domain.records import LedgerState
from ftops.domain.spending import is_over, spent_usd

UNKNOWN_COST = "unknown-cost"
DIVERGED = "diverged"
DIRTY = "dirty"
MASS_DELETE = "mass-delete"
NO_RETRAIN = "no-retrain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What the command line allows: the words given to ``--allow``, and which fine-tunes were selected.

    ``is_pruning`` asks for the deletion of what retention and missing manifests leave over; with ``only_prunes`` nothing else
    is done, and the manifests are not applied.
    """

    allow: frozenset[str] = frozenset()
    selected: frozenset[FineTuneName] | None = None
    is_pruning: bool = False
    only_prunes: bool = False

    def selects(self, name: FineTuneName) -> bool:
        """Whether a fine-tune takes part in this run."""
        return self.selected is None or name in self.selected


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRefusal:
    """Why a whole run is refused, and what would mend or allow it."""

    message: str
    remedy: str


def refuse_run(desired: DesiredState, observed: ObservedState) -> RunRefusal | None:
    """Says why nothing at all may be done here, as far as ledger and backends tell."""
    known = sorted({name for ledger in observed.ledgers.values() for name in ledger.fine_tunes})
    if not desired.fine_tunes and known:
        named = ", ".join([*known[:3], *(["…"] if len(known) > 3 else [])])
        return RunRefusal(
            message=f"no manifest was found, but the ledger knows {len(known)} fine-tune(s): {named}",
            remedy="run in the project's folder, or check spec.manifests in ftops.yaml",
        )
    for name, view in sorted(observed.backends.items()):
        if view.strangers:
            project = desired.project.name
            job = view.strangers[0]
            return RunRefusal(
                message=f"backend {name} has jobs of a project {project!r} that belong to another ledger, such as {job.id}",
                remedy=f"give this project another metadata.name in ftops.yaml, or take them over: {_import_all(name)}",
            )
        ledger = observed.ledgers[name]
        if view.found and ledger.project is None:
            return RunRefusal(
                message=f"there is no ledger, but backend {name} has jobs of this project, such as {view.found[0].id}",
                remedy=f"fetch or restore the ledger branch, or bring back jobs and models: {_import_all(name)}; "
                "without either these jobs would be paid for a second time",
            )
    return None


def _import_all(backend: BackendName) -> str:
    return f"ftops import --all --backend {backend}"


def apply_guards(draft: Draft, desired: DesiredState, observed: ObservedState, policy: Policy, today: date) -> None:
    """Takes out of a draft what the guards refuse, and what depends on it; says so in its refusals and notices."""
    declared = {d.name: d for d in desired.fine_tunes}
    refused = _refuse_contradicted(draft, observed)
    budget = _Budget(desired=desired, observed=observed, policy=policy, today=today)
    for action in draft.actions:
        if not isinstance(action, Train) or action.id in refused:
            continue
        subject = declared[action.fine_tune]
        if (notice := _blocked(action, observed)) is not None:
            draft.notices.append(notice)
            refused.add(action.id)
        elif (refusal := _shutdown(action, subject, observed, today) or budget.refuse(action, subject)) is not None:
            draft.refusals.append(refusal)
            refused.add(action.id)
    draft.actions[:] = without(draft.actions, refused)


def _refuse_contradicted(draft: Draft, observed: ObservedState) -> set[str]:
    """Gives the actions of fine-tunes whose record in the ledger can't be true; where one lie stands others may."""
    wrong = [entry for _, view in sorted(observed.backends.items()) for entry in view.contradictions]
    draft.refusals += [Refusal(fine_tune=entry.fine_tune, guard="ledger", message=entry.message) for entry in wrong]
    names = {entry.fine_tune for entry in wrong}
    return {action.id for action in draft.actions if action.fine_tune in names}


def without(actions: Iterable[Action], refused: Iterable[str]) -> list[Action]:
    """Gives the actions that are neither refused nor wait for one that is, nor uploads that only those needed."""
    gone = set(refused)
    actions = tuple(actions)
    for action in actions:  # what waits stands behind what it waits for
        if not gone.isdisjoint(action.after):
            gone.add(action.id)
    kept = [action for action in actions if action.id not in gone]
    needed = {id_ for action in kept for id_ in action.after}
    return [action for action in kept if not isinstance(action, Upload) or action.id in needed]


def _blocked(action: Train, observed: ObservedState) -> Notice | None:
    """Reports a training that the organisation may not have; one that was asked for after that is let through, once."""
    ledger = observed.ledgers[action.backend]
    record, known = ledger.backend(action.backend), ledger.named(action.fine_tune)
    if record is None or record.blocked is None:
        return None
    retry = known.retry_of(action.revision, action.backend) if known else None
    if retry is not None and retry.at > record.blocked.at:
        return None
    message = (
        f"backend {action.backend} said on {record.blocked.at:%Y-%m-%d} that this organisation may not train any more; "
        f"revision {action.revision} is not trained; ftops retry {action.fine_tune} asks again, once"
    )
    return Notice(fine_tune=action.fine_tune, message=message)


def _shutdown(action: Train, subject: Declared, observed: ObservedState, today: date) -> Refusal | None:
    day = observed.backends[action.backend].shutdown_date(ModelId(action.base_model))
    least = subject.fine_tune.policy.min_days_to_shutdown
    if day is None or (day - today).days >= least:
        return None
    message = (
        f"{action.base_model} shuts down on {day}, in {(day - today).days} days; training on it is refused within "
        f"{least} days (spec.policy.min_days_to_shutdown)"
    )
    return Refusal(fine_tune=action.fine_tune, guard="min_days_to_shutdown", message=message)


@dataclass(kw_only=True, slots=True)
class _Budget:
    """What may still be spent: a limit for each attempt, and the project's for the month, used up in the plan's order."""

    desired: DesiredState
    observed: ObservedState
    policy: Policy
    today: date
    planned_usd: float = 0.0
    total_usd: float | None = None

    def refuse(self, action: Train, subject: Declared) -> Refusal | None:
        own, project = subject.fine_tune.training_budget_usd, self.desired.project.training_budget_usd
        if subject.backend.is_rehearsal or (own is None and project is None):
            return None
        cost = action.estimate.usd
        if cost is None:
            return None if UNKNOWN_COST in self.policy.allow else self._unknown(action)
        spent = self._spent_usd(action) + self.planned_usd
        if own is not None and is_over(cost, own):
            return _over(
                action, f"this training would cost ${cost:.2f}; its budget is ${own:.2f} (spec.budget.training_usd)"
            )
        if project is not None and is_over(spent + cost, project):
            message = (
                f"this training would cost ${cost:.2f}; ${spent:.2f} of the project's ${project:.2f} for "
                f"{self.today:%Y-%m} are spent or planned (budget.training_usd in ftops.yaml)"
            )
            return _over(action, message)
        self.planned_usd += cost
        return None

    def _unknown(self, action: Train) -> Refusal:
        message = f"a budget is set, and the cost of this training is unknown: {action.estimate.assumes}"
        return Refusal(fine_tune=action.fine_tune, guard="unknown_cost", message=message, allow=UNKNOWN_COST)

    def _spent_usd(self, action: Train) -> float:
        """What the month's attempts come to, apart from the one that this action would go on with.

        Summed up once for all actions that begin an attempt: there may be a thousand of them.
        """
        is_begun = any(_is_begun(action, ledger) for _, ledger in self.observed.distinct_ledgers)
        if is_begun:
            return self._sum_usd((action.fine_tune, action.revision, action.backend, action.attempt))
        if self.total_usd is None:
            self.total_usd = self._sum_usd(None)
        return self.total_usd

    def _sum_usd(self, apart_from: tuple[str, str, str, int] | None) -> float:
        month, rehearsals = (self.today.year, self.today.month), rehearsal_names(self.desired)
        return math.fsum(
            spent_usd(ledger, month=month, rehearsals=rehearsals, apart_from=apart_from)
            for _, ledger in self.observed.distinct_ledgers
        )


def _is_begun(action: Train, ledger: LedgerState) -> bool:
    record = ledger.fine_tunes.get(action.fine_tune)
    known = record.revisions.get(action.revision) if record else None
    return known is not None and any(a.number == action.attempt for a in known.on(action.backend))


def rehearsal_names(desired: DesiredState) -> frozenset[str]:
    """The backends on which nothing costs money."""
    return frozenset(name for name, backend in desired.project.backends.items() if backend.is_rehearsal)


def _over(action: Train, message: str) -> Refusal:
    return Refusal(fine_tune=action.fine_tune, guard="budget", message=message)
