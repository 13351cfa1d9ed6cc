"""``--refresh`` reads again what has ended, all of it, and changes nothing."""

import dataclasses

import msgspec

from apply_world import OPENAI, ROUTER, World
from ftops.application.observe import observe
from ftops.application.saved_plan import plan_now
from ftops.domain.attempts import JobStatus
from ftops.domain.guard import Policy
from ftops.domain.manifest import FineTuneName


def trained(count: int = 1) -> World:
    world = World()
    world.apply(*(world.declare(f"m{n}") for n in range(count)))
    world.clock.advance(3600)
    del world.backend.calls[:]
    return world


def differences(world: World, *names: str, selected: frozenset[FineTuneName] | None = None) -> list[str]:
    declared = [world.declare(name) for name in names or ("m0",)]
    workspace = world.workspace(*declared, policy=Policy(selected=selected))
    notices = observe(workspace, is_refreshing=True).state.notices
    return [f"{notice.fine_tune}: {notice.message}" for notice in notices]


def test_what_is_as_the_ledger_has_it_is_not_told_of() -> None:
    world = trained(2)
    tip = world.ledger.read().tip
    assert differences(world) == []
    assert world.ledger.read().tip == tip
    assert world.backend.calls == ["list_jobs", "list_models"], "the newest page has both jobs"


def test_another_status_model_or_token_count_is_told_of_and_so_is_a_job_that_is_gone() -> None:
    world = trained(3)
    first, second, third = world.backend.world.jobs
    first.job = dataclasses.replace(first.job, trained_tokens=9)
    second.job = dataclasses.replace(second.job, status=JobStatus.FAILED)
    world.backend.world.jobs.remove(third)
    told = "\n".join(differences(world))
    assert "is not as in the ledger: trained tokens 9 (ledger: 3000)" in told
    assert "is not as in the ledger: status failed (ledger: succeeded)" in told
    assert f"does not know job {third.job.id} (any more)" in told
    record = world.state.fine_tunes
    assert differences(world)
    assert world.state.fine_tunes == record, "what has ended is immutable in the ledger"


def test_only_selected_fine_tunes_are_read_again() -> None:
    world = trained(2)
    for entry in world.backend.world.jobs:
        entry.job = dataclasses.replace(entry.job, trained_tokens=9)
    told = differences(world, "m0", "m1", selected=frozenset({FineTuneName("m1")}))
    assert [line.partition(":")[0] for line in told] == ["m1"]


def test_all_pages_are_read_where_that_takes_fewer_calls() -> None:
    world = trained(5)
    for entry in world.backend.world.jobs[1:]:
        entry.seen_lists = -1
    assert differences(world) == []
    assert (world.count("list_jobs"), world.count("retrieve")) == (2, 0)
    for entry in world.backend.world.jobs[:1]:
        entry.seen_lists = -1
    del world.backend.calls[:]
    assert differences(world) == []
    assert (world.count("list_jobs"), world.count("retrieve")) == (1, 2), "the job, and who made the alias's target"


def test_a_job_that_only_older_pages_have_is_found() -> None:
    world = trained(4)
    for entry in world.backend.world.jobs:
        entry.seen_lists = -1
    world.ledger.state = msgspec.structs.replace(
        world.ledger.state, fine_tunes=dict(list(world.ledger.state.fine_tunes.items())[1:])
    )
    workspace = world.workspace(world.declare("m0"))
    view = observe(workspace, is_refreshing=True).state.backends[OPENAI.name]
    assert [job.id for job in view.found] == [world.backend.world.jobs[0].job.id]


def test_a_model_that_is_gone_is_asked_for_again() -> None:
    world = trained()
    (job,) = (job for *_, job in world.record("m0").jobs())
    world.backend.delete_model(str(job.model))
    for _ in range(2):
        world.apply(world.declare("m0"))
        world.clock.advance(700)
    assert world.record("m0").revisions[world.declare("m0").revision].trained_job(OPENAI.name) is None
    del world.backend.calls[:]
    differences(world)
    assert world.count("retrieve_model") == 2, "the model and a control"


def test_a_plan_tells_of_it() -> None:
    world = World()
    world.apply()
    (entry,) = world.backend.world.jobs
    entry.job = dataclasses.replace(entry.job, trained_tokens=9)
    assert not any("ledger" in n.message for n in plan_now(world.workspace()).notices)
    told = [n for n in plan_now(world.workspace(), is_refreshing=True).notices if "ledger" in n.message]
    assert [notice.fine_tune for notice in told] == [ROUTER]
