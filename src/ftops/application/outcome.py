"""What a run came to: what was done to each fine-tune, what is left, and the exit code that says so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from ftops.domain.events import JobObserved
from ftops.domain.judgement import Judgement
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.plan import Action, DeleteFile, DeleteModel, Evaluate, Plan, Promote, Train
from ftops.errors import FtopsError


class ExitCode(IntEnum):
    """What the process's exit code tells of this run."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    CHANGES_PENDING = 3
    GATE_NOT_PASSED = 4
    REFUSED = 5
    STALE = 6
    JOB_FAILED = 7
    STILL_RUNNING = 8
    UNAUTHORIZED = 9
    INTERRUPTED = 130


# Several at once: the first of these.
_PRECEDENCE = (130, 9, 2, 6, 5, 1, 7, 4, 8)


def worst_code(codes: Iterable[int]) -> ExitCode:
    """Gives the exit code that counts where several apply; DONE where none does."""
    present = set(codes)
    return ExitCode(next((code for code in _PRECEDENCE if code in present), 0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One action that was carried out, or tried: what came of it in words, or the error."""

    action: Action
    said: str = ""
    error: FtopsError | None = None

    @property
    def fine_tune(self) -> FineTuneName:
        """What it was done to."""
        return self.action.fine_tune


@dataclass(kw_only=True, slots=True)
class Outcome:
    """What happened in a run. ``plan`` is the last one made: what is still to do, deferred, withheld or refused.

    ``declared_anew`` are the fine-tunes whose manifests differ from those of the commit applied before. ``due`` are trainings
    that became possible in this run, and that nobody approved for it. ``judgements`` are what gates said
    when that plan was made.
    """

    steps: list[Step] = field(default_factory=list)
    ended_jobs: list[JobObserved] = field(default_factory=list)
    plan: Plan | None = None
    stopped_by: FtopsError | None = None
    declared_anew: frozenset[FineTuneName] = frozenset()
    due: tuple[Train, ...] = ()
    left_waiting: bool = False
    judgements: Mapping[tuple[FineTuneName, Revision, BackendName], Judgement] = field(default_factory=dict)

    @property
    def code(self) -> ExitCode:
        """The exit code: of this run, not of the past."""
        codes = [step.error.exit_code for step in self.steps if step.error is not None]
        if self.stopped_by is not None:
            codes.append(self.stopped_by.exit_code)
        if any(event.status.value == "failed" for event in self.ended_jobs):
            codes.append(ExitCode.JOB_FAILED)
        if self.plan is not None:
            codes += [ExitCode.INVALID] * bool(self.plan.blockers)
            codes += [ExitCode.REFUSED] * bool(self.plan.refusals)
            codes += [ExitCode.GATE_NOT_PASSED] * (self._was_withheld_now(self.plan) or self._has_unjudged(self.plan))
            codes += [ExitCode.STILL_RUNNING] * self.left_waiting
        return worst_code(codes)

    def undone(self) -> list[Action]:
        """What the last plan still asked for when the run was stopped or detached: it was not begun, or not ended."""
        if self.plan is None or (self.stopped_by is None and not self.left_waiting):
            return []
        ended = {step.action.id for step in self.steps}
        return [action for action in self.plan.actions if action.id not in ended]

    def touched(self) -> list[FineTuneName]:
        """The fine-tunes that something was done to, that are waiting, or that were left, by name."""
        names = {step.action.fine_tune for step in self.steps} | {event.fine_tune for event in self.ended_jobs}
        names |= {action.fine_tune for action in (*self.undone(), *self.due)}
        if self.plan is not None:
            names |= {entry.fine_tune for entry in self.plan.deferred}
            names |= {entry.fine_tune for entry in self.plan.withheld}
            names |= {entry.fine_tune for entry in self.plan.refusals}
        return sorted(names)

    def judged(self) -> list[tuple[FineTuneName, Judgement]]:
        """What gates said of the models that this run scored, promoted, or met at a gate; by name."""
        keys = {(s.action.fine_tune, s.action.revision, s.action.backend) for s in self.steps if _is_of_gates(s.action)}
        if self.plan is not None:
            keys |= {(entry.fine_tune, entry.revision, entry.backend) for entry in self.plan.withheld}
        return [(key[0], self.judgements[key]) for key in sorted(keys) if key in self.judgements]

    def _has_unjudged(self, plan: Plan) -> bool:
        """Whether an alias waits for an evaluation that this run made and that ended in error."""
        made = {s.action.id for s in self.steps if isinstance(s.action, Evaluate) and s.error is None}
        return any(isinstance(a, Promote) and a.is_conditional and made.intersection(a.after) for a in plan.actions)

    def _was_withheld_now(self, plan: Plan) -> bool:
        """Whether this run met a gate: it worked on that fine-tune, or is the first to apply what its manifest says now."""
        worked_on = {s.action.fine_tune for s in self.steps if not isinstance(s.action, DeleteModel | DeleteFile)}
        met = worked_on | self.declared_anew
        return any(entry.fine_tune in met for entry in plan.withheld)


def _is_of_gates(action: Action) -> bool:
    return isinstance(action, Evaluate | Promote)
