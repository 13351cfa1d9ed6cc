"""Observing: what is read, what it costs, and that nothing is written."""

import dataclasses

import pytest

from apply_world import OPENAI, ROUTER, World, errors_of, said_of
from fake_world import Entry
from fakes import EPOCH, FakeBackend
from ftops.application.job_news import observed_event
from ftops.application.observe import observe
from ftops.application.reconcile import Settings
from ftops.application.saved_plan import plan_now
from ftops.domain.attempts import JobStatus
from ftops.domain.events import BackendSeen, Forgot, JobObserved, Started
from ftops.domain.manifest import ModelId
from ftops.domain.plan import kind_of
from ftops.errors import LedgerUnreachable, Unauthorized

NO_WAIT = Settings(is_waiting=False)


def running() -> World:
    world = World(stage_seconds=None)
    world.apply(world.declare(), settings=NO_WAIT)
    return world


def test_finished_jobs_cost_no_call_and_running_ones_none_beyond_the_newest_page() -> None:
    world = running()
    world.backend.advance()
    del world.backend.calls[:]
    observe(world.workspace())
    assert world.backend.calls == ["list_jobs", "list_models"]
    world.backend.finish()
    world.apply()
    del world.backend.calls[:]
    observe(world.workspace())
    assert world.backend.calls == ["list_jobs", "list_models"]


def test_a_job_that_the_list_does_not_show_is_asked_for() -> None:
    world = running()
    world.backend.advance()
    world.backend.list_lag = 1000
    observation = observe(world.workspace())
    (event,) = observation.events[OPENAI.name]
    assert isinstance(event, JobObserved)
    assert event.status is JobStatus.QUEUED


def test_a_job_that_the_backend_does_not_know_is_unknown_once_lists_can_not_lag_any_more() -> None:
    world = running()
    (job,) = (job for *_, job in world.record().jobs())
    world.backend.world.jobs.clear()
    observation = observe(world.workspace())
    assert (observation.events[OPENAI.name], observation.state.backends[OPENAI.name].unknown) == ((), frozenset())
    world.clock.advance(600)
    observation = observe(world.workspace())
    assert observation.events[OPENAI.name] == ()
    assert observation.state.backends[OPENAI.name].unknown == {job.id}


def test_a_job_that_this_run_has_just_seen_is_not_unknown() -> None:
    world = running()
    world.clock.advance(600)
    workspace = world.workspace()
    observe(workspace)
    jobs = world.backend.world.jobs[:]
    world.backend.world.jobs.clear()
    world.clock.advance(599)
    assert observe(workspace).state.backends[OPENAI.name].unknown == frozenset()
    world.clock.advance(1)
    assert observe(workspace).state.backends[OPENAI.name].unknown == {jobs[0].job.id}
    world.backend.world.jobs.extend(jobs)
    assert observe(workspace).state.backends[OPENAI.name].unknown == frozenset()


def test_an_unknown_job_is_reported_and_not_waited_for_and_a_cancel_gives_it_up() -> None:
    world = running()
    world.backend.world.jobs.clear()
    world.clock.advance(3600)
    outcome = world.apply()
    assert (outcome.code, outcome.left_waiting) == (0, False)
    assert outcome.plan is not None
    assert any("is unknown to openai; ftops does not wait for it" in n.message for n in outcome.plan.notices)
    changed = world.declare(seed=2)
    outcome = world.apply(changed, settings=NO_WAIT)
    assert "is unknown to the backend; it counts as cancelled" in said_of(outcome, "Cancel")[0]
    assert world.apply(changed, settings=NO_WAIT).code == 8
    assert [job.status.value for *_, job in world.record().jobs()].count("cancelled") == 1


def test_a_job_that_the_backend_does_not_know_yet_is_not_given_up() -> None:
    world = running()
    world.backend.world.jobs.clear()
    outcome = world.apply(world.declare(seed=2), settings=NO_WAIT)
    assert any("does not know job" in error for error in errors_of(outcome))
    assert "cancelled" not in [job.status.value for *_, job in world.record().jobs()]


def test_statuses_that_go_back_and_pauses_are_taken_as_they_come() -> None:
    world = running()
    (job,) = world.backend.all_jobs
    for status in (JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.PAUSING, JobStatus.PAUSED, JobStatus.RUNNING):
        world.backend.set_status(job.id, status)
        world.apply(settings=NO_WAIT)
        (known,) = (known for *_, known in world.record().jobs())
        assert known.status is status


def test_a_job_that_the_ledger_forgot_is_found_however_old_it_is() -> None:
    world = World()
    world.apply()
    world.ledger.record([Forgot(at=EPOCH, fine_tune=ROUTER)])
    for number in range(120):
        other = dataclasses.replace(
            world.backend.world.jobs[0].job, id=f"ftjob-x{number}", metadata={"ftops_project": "acme"}
        )
        world.backend.world.jobs.append(Entry(job=other, body={}))
    plan = world.plan()
    assert [kind_of(action) for action in plan.actions] == ["adopt", "evaluate", "promote"]
    outcome = world.apply()
    assert (outcome.code, world.count("create"), world.target()) == (0, 1, world.declare().revision)
    assert outcome.plan is not None
    assert not outcome.plan.actions


def test_a_stranger_that_the_ledger_knows_is_none() -> None:
    world = World()
    world.apply()
    (entry,) = world.backend.world.jobs
    entry.job = dataclasses.replace(entry.job, metadata={**entry.job.metadata, "ftops_ledger": "of-another"})
    view = observe(world.workspace()).state.backends[OPENAI.name]
    assert (view.found, view.strangers) == ((), ())


def test_forged_and_missing_metadata_are_nobodys_job() -> None:
    world = running()
    (job,) = world.backend.all_jobs
    mine = {key: job.metadata[key] for key in ("ftops_project", "ftops_ledger")}
    forged = [
        {},
        {"ftops_project": "another"},
        mine,
        {**mine, "ftops_name": "../../router", "ftops_revision": "x" * 300},
        {**mine, "ftops_name": "router", "ftops_revision": "0" * 12, "ftops_attempt": "9" * 40},
    ]
    for number, metadata in enumerate(forged):
        entry = Entry(job=dataclasses.replace(job, id=f"ftjob-x{number}", metadata=metadata), body={})
        world.backend.world.jobs.append(entry)
    outcome = world.apply(settings=NO_WAIT)
    assert (outcome.code, world.count("create"), world.count("cancel")) == (8, 1, 0)
    assert outcome.plan is not None
    assert sum(n.message.startswith("orphan: job ftjob-x") for n in outcome.plan.notices) == 3


def test_what_is_observed_is_in_the_state_and_not_in_the_ledger() -> None:
    world = running()
    tip = world.ledger.read().tip
    world.backend.finish()
    observation = observe(world.workspace())
    (job,) = (job for *_, job in observation.state.ledgers[OPENAI.name].fine_tunes["router"].jobs())
    assert (job.status, len(job.checkpoints)) == (JobStatus.SUCCEEDED, 3)
    assert world.ledger.read().tip == tip


def test_jobs_of_ours_that_the_ledger_does_not_know_are_found_and_strangers_told_apart() -> None:
    world = running()
    fresh = World()
    fresh.backend = world.backend
    view = observe(fresh.workspace()).state.backends[OPENAI.name]
    assert [job.id for job in view.found] == [world.backend.all_jobs[0].id]
    fresh.ledger.record([Started(at=EPOCH, project="acme", ledger_id="other")])
    view = observe(fresh.workspace()).state.backends[OPENAI.name]
    assert (view.found, len(view.strangers)) == ((), 1)


def test_an_organisation_that_becomes_known_is_an_event_and_another_one_is_refused() -> None:
    world = World()
    world.backend.world.organization = None
    world.apply(world.declare(), settings=NO_WAIT)
    (entry,) = world.backend.world.jobs
    entry.job = dataclasses.replace(entry.job, organization="org-late")
    seen = [e for e in observe(world.workspace()).events[OPENAI.name] if isinstance(e, BackendSeen)]
    assert [event.organization for event in seen] == ["org-late"]
    world.ledger.record(seen)
    entry.job = dataclasses.replace(entry.job, organization="org-other")
    with pytest.raises(Unauthorized, match="belongs to organisation org-late"):
        observe(world.workspace())


def test_a_ledger_out_of_reach_is_read_from_its_copy_only_where_that_will_do() -> None:
    world = running()
    world.ledger.is_unreachable = True
    with pytest.raises(LedgerUnreachable):
        observe(world.workspace())
    observation = observe(world.workspace(), may_be_stale=True)
    (caveat,) = observation.state.caveats
    assert caveat.startswith("the ledger could not be fetched")
    assert "the copy used is of 2026-11-21" in caveat
    assert "router" in observation.state.ledgers[OPENAI.name].fine_tunes


def test_a_backend_without_a_session_is_offline() -> None:
    world = World()
    workspace = dataclasses.replace(world.workspace(sessions={}), offline={OPENAI.name: "no key"})
    view = observe(workspace).state.backends[OPENAI.name]
    assert (view.is_online, view.why_offline) == (False, "no key")


def test_the_cost_of_a_job_is_its_tokens_at_the_training_price() -> None:
    world = running()
    world.backend.finish()
    declared, job = world.declare(), world.backend.all_jobs[0]
    known = {
        "fine_tune": declared.name,
        "revision": declared.revision,
        "attempt": 1,
        "at": EPOCH,
        "session": world.backend,
    }
    event = observed_event(job, backend=OPENAI, **known)  # type: ignore[arg-type]
    assert event.cost_usd == pytest.approx(3000 * 5.0 / 1_000_000)
    free = dataclasses.replace(OPENAI, base_url="http://127.0.0.1:1/v1")
    assert observed_event(job, backend=free, **known).cost_usd is None  # type: ignore[arg-type]


def test_models_are_listed_with_their_shutdown_dates() -> None:
    world = World()
    view = observe(world.workspace()).state.backends[OPENAI.name]
    assert str(view.shutdown_date(ModelId("gpt-4.1-mini-2025-04-14"))) == "2027-01-14"
    assert isinstance(world.backend, FakeBackend)


def test_a_plan_without_changes_makes_five_calls_at_most_and_writes_nothing() -> None:
    world = World()
    declared = [world.declare(f"m{n:03d}", has_eval=False) for n in range(150)]
    world.apply(*declared, settings=Settings(parallelism=8))
    world.clock.advance(3600)
    tip, entries = world.ledger.read().tip, len(world.ledger.entries)
    assert {job.status for record in world.state.fine_tunes.values() for *_, job in record.jobs()} == {
        JobStatus.SUCCEEDED
    }
    for refresh in (False, True):
        del world.backend.calls[:]
        plan = plan_now(world.workspace(*declared), may_be_stale=True, is_refreshing=refresh)
        assert (plan.actions, plan.deferred) == ((), ())
        assert len(world.backend.calls) <= 5
    del world.backend.calls[:]
    assert world.apply(*declared).code == 0
    assert len(world.backend.calls) <= 10, "the plan that is approved, and the look that finds nothing to do"
    assert (world.ledger.read().tip, len(world.ledger.entries)) == (tip, entries)
