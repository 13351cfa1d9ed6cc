"""A job's events: which job is meant, each event once, and on until it has ended."""

from datetime import datetime, timedelta

import pytest

from apply_world import World
from ftops.application.job_logs import events_of, follow, jobs_of
from ftops.application.reconcile import Settings
from ftops.domain.attempts import JobStatus
from ftops.domain.manifest import JobId
from ftops.domain.records import FineTuneRecord
from ftops.errors import FtopsError, NotFound, UsageProblem

NO_WAIT = Settings(is_waiting=False)


def job_of(world: World) -> JobId:
    return JobId(next(job.id for *_, job in world.record().jobs()))


def test_events_come_oldest_first_and_since_a_moment() -> None:
    world = World()
    world.apply(world.declare())
    job = job_of(world)
    world.backend.events[job] = ["one", "two"]
    said = [event.message for event in events_of(world.backend.jobs, job, since=None)]
    assert said == [f"Created fine-tuning job: {job}", "one", "two", "The job has succeeded"]
    late = world.clock.now() + timedelta(days=1)
    assert events_of(world.backend.jobs, job, since=late) == []
    with pytest.raises(NotFound):
        events_of(world.backend.jobs, JobId("ftjob-none"), since=None)


def test_following_gives_each_event_once_and_the_end() -> None:
    world = World(stage_seconds=None)
    world.apply(world.declare(), settings=NO_WAIT)
    job = job_of(world)
    news = follow(world.backend.jobs, job, world.clock, since=None)
    first = next(news)
    assert not isinstance(first, JobStatus)
    assert first.message == f"Created fine-tuning job: {job}"
    world.backend.events[job] = ["one"]
    world.backend.finish()
    rest = [one if isinstance(one, JobStatus) else one.message for one in news]
    assert rest == ["one", "The job has succeeded", JobStatus.SUCCEEDED]


def test_it_asks_ever_less_often_while_nothing_is_said() -> None:
    world = World(stage_seconds=None)
    world.apply(world.declare(), settings=NO_WAIT)
    job = job_of(world)
    pauses: list[float] = []

    class Watch:
        def now(self) -> datetime:
            return world.clock.now()

        def monotonic(self) -> float:
            return 0.0

        def sleep(self, seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 12:
                world.backend.finish()

    assert list(follow(world.backend.jobs, job, Watch(), since=None))[-1] is JobStatus.SUCCEEDED
    assert pauses[:3] == [1.0, 1.5, 2.25]
    assert pauses[-1] == 10.0


def test_which_jobs_are_meant() -> None:
    world = World()
    old = world.declare(seed=1)
    world.apply(old)
    new = world.declare(seed=2)
    world.apply(new)
    record = world.record()
    assert [one.revision for one in jobs_of(record, declared=new.revision, wanted=None)] == [new.revision]
    assert [one.revision for one in jobs_of(record, declared=None, wanted=None)] == [new.revision]
    (one,) = jobs_of(record, declared=new.revision, wanted=old.revision[:6])
    assert (one.revision, one.attempt, one.attempts) == (old.revision, 1, 1)
    untrained = world.declare(seed=3)
    assert [one.revision for one in jobs_of(record, declared=untrained.revision, wanted=None)] == [new.revision]


def test_all_attempts_at_a_revision_are_told() -> None:
    world = World()
    world.backend.outcomes["router"] = (JobStatus.FAILED, "server_error", "an error of the server")
    declared = world.declare()
    world.apply(declared)
    jobs = jobs_of(world.record(), declared=declared.revision, wanted=None)
    assert [(one.attempt, one.attempts) for one in jobs] == [(n + 1, len(jobs)) for n in range(len(jobs))]


def test_no_job_and_no_such_revision() -> None:
    world = World()
    declared = world.declare()
    empty = FineTuneRecord(format_version="1", name="router")
    with pytest.raises(FtopsError, match="router has no job yet") as failed:
        jobs_of(empty, declared=declared.revision, wanted=None)
    assert failed.value.exit_code == 1
    world.apply(declared)
    with pytest.raises(UsageProblem, match=r"the ledger knows no revision xyz\\x1b of") as unknown:
        jobs_of(world.record(), declared=declared.revision, wanted="xyz\x1b")
    assert unknown.value.remedy == f"there are {declared.revision}"
    with pytest.raises(UsageProblem):
        jobs_of(world.record(), declared=declared.revision, wanted="")
