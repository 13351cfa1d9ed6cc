"""What becomes of a job by reinforcement whose answers can't be graded: it is warned, and fails where none can be.

Owns the words of both. They come out the same however often the job is interrupted: the warning is written with the first
step that gives cause for it, and only once; that a grade was seen is kept with the job. How many answers fail later isn't
told, since a run that goes on asks again for grades that an earlier one had.
"""

from ftops.server.grading.rewards import Rewards
from ftops.server.jobs.training_files import JobFailure
from ftops.server.jobs.workshop import Workshop
from ftops.server.storage import events
from ftops.server.storage.events import Event
from ftops.server.storage.jobs import JobRow

_WARN = "warn"


class Grades:
    """Watches the rewards of a run; None are those of methods without a grader."""

    def __init__(self, rewards: Rewards | None = None, *, had_some: bool = False, is_warned: bool = False) -> None:
        self._rewards = rewards
        self._had_some = had_some
        self._is_warned = is_warned

    @property
    def has_some(self) -> bool:
        """Whether any answer of the job could be graded, in this run or an earlier one."""
        return self._had_some or (self._rewards is not None and self._rewards.has_grades)

    def warnings(self, step: int, total_steps: int) -> tuple[Event, ...]:
        """What is to be said after a step: a warning, or nothing."""
        if self._is_warned or self._rewards is None or self._rewards.first_failure is None:
            return ()
        self._is_warned = True
        ungraded = self._rewards.ungraded
        message = (
            f"Step {step}/{total_steps}: {sum(ungraded.values())} answer(s) could not be graded and earned 0: "
            f"{self._rewards.first_failure.message}. Later ones earn 0 without a further warning."
        )
        data = {"step": step, "errors": {kind.value: count for kind, count in ungraded.items()}}
        return (Event(message=message, level=_WARN, data=data),)

    def require_some(self) -> None:
        """``JobFailure`` when the job is done, but learnt from no grade at all."""
        if self._is_warned and not self.has_some:
            raise JobFailure(
                "The job failed because its grader could not score a single answer; a warning among its events says why.",
                code="grader_failed",
                param="method.reinforcement.grader",
            )


def grades_of(workshop: Workshop, job: JobRow, rewards: Rewards | None) -> Grades:
    """Goes on from what earlier runs of the job left."""
    with workshop.database.read() as connection:
        is_warned = events.has_level(connection, job, _WARN)
    return Grades(rewards, had_some=job.has_grades, is_warned=is_warned)
