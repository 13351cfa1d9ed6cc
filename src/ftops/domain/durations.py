"""How long trainings and evaluations are expected to take, by what the ledger has of earlier ones.

Pure, and says nothing where nothing like it was ever done. A training takes its tokens times the seconds that earlier ones
took for each of theirs, from the job's creation to its end, so that time in the queue counts. An evaluation takes as many
turns as its requests need, ``ASKED_AT_ONCE`` of them at a time, each as long as an answer took before.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from typing import Any, Final, TypeVar

from ftops.domain.attempts import JobRecord, JobStatus
from ftops.domain.desired import Declared, DesiredState
from ftops.domain.manifest import BackendName, MethodType
from ftops.domain.observed import ObservedState
from ftops.domain.plan import Action, Evaluate, Train
from ftops.domain.records import FineTuneRecord, LedgerState, RevisionRecord

ASKED_AT_ONCE: Final = 32  # requests that an evaluation has under way
_SHORTEST: Final = 1.0  # seconds that a job counts at least: the API tells its times in whole ones

_Kind = tuple[str, str, str]  # backend, base model, method
_Timed = TypeVar("_Timed", Train, Evaluate)


def with_durations(actions: Iterable[Action], desired: DesiredState, observed: ObservedState) -> Iterator[Action]:
    """Gives actions with the seconds that trainings and evaluations are expected to take, and what that rests on."""
    paces: dict[int, _Paces] = {}
    declared = {one.name: one for one in desired.fine_tunes}
    for action in actions:
        if not isinstance(action, Train | Evaluate):
            yield action
            continue
        ledger = observed.ledgers[action.backend]
        pace = paces.setdefault(id(ledger), _Paces(ledger=ledger))
        about = declared[action.fine_tune]
        yield (
            _timed_training(action, about, pace)
            if isinstance(action, Train)
            else _timed_evaluation(action, about, pace)
        )


def _timed_training(action: Train, declared: Declared, pace: "_Paces") -> Train:
    if action.estimate.tokens is None:
        return action
    kind = (action.backend, action.base_model, declared.fine_tune.method.type.value)
    rates, like = pace.of_training(declared, kind)
    if not rates:
        return _with(action, None, "duration not known: nothing like it was trained there before")
    seconds = max(action.estimate.tokens * _median(rates), _SHORTEST)
    return _with(action, seconds, f"duration by {_counted(len(rates), 'training')} of {like} before")


def _timed_evaluation(action: Evaluate, declared: Declared, pace: "_Paces") -> Evaluate:
    if not action.calls:
        return _with(action, 0.0, "")
    rates, like = pace.of_evaluation(declared, action.backend, action.evaluation)
    if not rates:
        return _with(action, None, "duration not known: no answer was timed there before")
    seconds = ceil(action.calls / ASKED_AT_ONCE) * _median(rates)
    basis = f"duration by {_counted(len(rates), 'evaluation')} of {like} before, {ASKED_AT_ONCE} requests at a time"
    return _with(action, seconds, basis + (", judges apart" if action.judged else ""))


def _with(action: _Timed, seconds: float | None, basis: str) -> _Timed:
    estimate = action.estimate
    assumes = "; ".join(filter(None, (estimate.assumes, basis)))
    rounded = None if seconds is None else round(seconds, 1)
    return replace(action, estimate=replace(estimate, seconds=rounded, assumes=assumes))


def _median(rates: Sequence[float]) -> float:
    from statistics import median  # slow to import: a plan that finds nothing to do needs none

    return median(rates)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, kw_only=True)
class _Paces:
    """What one ledger tells of how long things took. The project's figures are gathered when they are asked for first."""

    ledger: LedgerState

    def of_training(self, declared: Declared, kind: _Kind) -> tuple[Sequence[float], str]:
        """Gives seconds for each trained token, and of what: this fine-tune's, else others of this model and method."""
        record = _record(self.ledger, declared)
        own = [rate for one, rate in _trainings(record) if one == kind] if record else []
        if own:
            return own, "this fine-tune"
        return self._trainings.get(kind, ()), "this base model"

    def of_evaluation(self, declared: Declared, backend: BackendName, name: str) -> tuple[Sequence[float], str]:
        """Gives seconds for each answer, and of what: under this evaluation, else of this fine-tune, else of the project."""
        record = _record(self.ledger, declared)
        own = [(one, rate) for where, one, rate in _evaluations(record) if where == backend] if record else []
        if same := [rate for one, rate in own if one == name]:
            return same, "this fine-tune"
        if own:
            return [rate for _, rate in own], "this fine-tune"
        return self._answers.get(backend, ()), "this project"

    @cached_property
    def _trainings(self) -> Mapping[_Kind, Sequence[float]]:
        return _grouped(one for known in self.ledger.fine_tunes.values() for one in _trainings(known))

    @cached_property
    def _answers(self) -> Mapping[str, Sequence[float]]:
        every = (one for known in self.ledger.fine_tunes.values() for one in _evaluations(known))
        return _grouped((where, rate) for where, _, rate in every)


def _record(ledger: LedgerState, declared: Declared) -> FineTuneRecord | None:
    names = (declared.name, *declared.fine_tune.moved_from)  # a rename may be planned beside
    return next((record for name in names if (record := ledger.named(name)) is not None), None)


def _trainings(record: FineTuneRecord) -> Iterator[tuple[_Kind, float]]:
    """Gives the seconds for each token of every training that ended well, with what was trained."""
    for _, known in sorted(record.revisions.items()):
        for backend, attempts in sorted(known.attempts.items()):
            for attempt in attempts:
                if attempt.job is not None and (rate := _rate(attempt.job)) is not None:
                    yield (backend, *_trained(known)), rate


def _rate(job: JobRecord) -> float | None:
    if job.status is not JobStatus.SUCCEEDED or not job.trained_tokens or not job.created_at or not job.finished_at:
        return None
    return max((job.finished_at - job.created_at).total_seconds(), _SHORTEST) / job.trained_tokens


def _trained(known: RevisionRecord) -> tuple[str, str]:
    """The base model and method of a revision's spec, which is another's text: nothing in it is relied upon."""
    method = known.spec.get("method")
    kind = method.get("type") if isinstance(method, dict) else None
    return str(known.spec.get("base_model")), str(kind or MethodType.SUPERVISED.value)


def _evaluations(record: FineTuneRecord) -> Iterator[tuple[str, str, float]]:
    """Gives backend, name, and the seconds that an answer took, on average, of every evaluation that was timed."""
    for one in record.evaluations:
        if one.items and one.seconds > 0:
            yield one.backend, one.name, one.seconds / len(one.items)


def _grouped(pairs: Iterable[tuple[Any, float]]) -> Mapping[Any, Sequence[float]]:
    found: defaultdict[Any, list[float]] = defaultdict(list)
    for key, rate in pairs:
        found[key].append(rate)
    return found
