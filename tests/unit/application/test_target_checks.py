"""What the ledger says of an alias's model is foreign input: the backend is asked who made it."""

import dataclasses
from datetime import timedelta

import msgspec

from apply_world import OPENAI, World, errors_of
from ftops.application.look import SPARE_CALLS, TARGET_CHECKS, Memory
from ftops.application.observe import observe
from ftops.application.workspace import Workspace
from ftops.domain.observed import Contradiction
from ftops.domain.records import Target
from ftops.errors import AnswerLost


def trained(count: int = 1) -> World:
    world = World()
    world.apply(*(world.declare(f"m{n}") for n in range(count)))
    del world.backend.calls[:]
    return world


def forge(world: World, *, name: str = "m0", is_job_forged: bool = True, model: str = "ft:of-a-stranger") -> None:
    """Lets an alias point to another model, as somebody who can write the ledger branch would."""
    record = world.record(name)
    ((revision, known),) = record.revisions.items()
    attempt = known.on(OPENAI.name)[0]
    assert attempt.job is not None
    if is_job_forged:
        job = msgspec.structs.replace(attempt.job, model=model)
        known = msgspec.structs.replace(known, attempts={OPENAI.name: (msgspec.structs.replace(attempt, job=job),)})
    alias = record.aliases["production"]
    (move,) = alias.history
    target = Target(backend=OPENAI.name, revision=revision, model=model)
    alias = msgspec.structs.replace(alias, history=(msgspec.structs.replace(move, target=target),))
    record = msgspec.structs.replace(record, revisions={revision: known}, aliases={"production": alias})
    fine_tunes = {**world.ledger.state.fine_tunes, name: record}
    world.ledger.state = msgspec.structs.replace(world.ledger.state, fine_tunes=fine_tunes)


def wrong(world: World, *, workspace: Workspace | None = None, is_looking: bool = True) -> list[Contradiction]:
    workspace = workspace or world.workspace(world.declare("m0"))
    return list(observe(workspace, may_be_stale=is_looking).state.backends[OPENAI.name].contradictions)


def hide_jobs_from_lists(world: World) -> None:
    """As if a hundred newer ones had pushed them off the newest page."""
    for entry in world.backend.world.jobs:
        entry.seen_lists = -1000


def test_jobs_of_the_newest_page_are_checked_for_nothing() -> None:
    world = trained(10)
    assert wrong(world) == []
    assert world.backend.calls == ["list_jobs", "list_models"]


def test_a_model_that_its_job_did_not_make_is_refused_and_nothing_of_that_fine_tune_done() -> None:
    world = trained(2)
    forge(world)
    (said,) = wrong(world)
    assert said.fine_tune == "m0"
    assert said.message.startswith("alias production points to ft:of-a-stranger, but job ")
    changed, other = world.declare("m0", seed=2), world.declare("m1", seed=2)
    outcome = world.apply(changed, other)
    assert outcome.code == 5
    assert (len(world.jobs_of(changed)), len(world.jobs_of(other))) == (0, 1)
    assert errors_of(outcome) == []
    assert [refusal.guard for refusal in outcome.plan.refusals] == ["ledger"]


def test_a_model_without_a_job_and_a_job_that_nobody_knows_are_refused() -> None:
    world = trained()
    forge(world, is_job_forged=False)
    (said,) = wrong(world)
    assert "the ledger has no job that made it" in said.message
    world = trained()
    world.backend.world.jobs.clear()
    (said,) = wrong(world)
    assert "the backend knows no job" in said.message


def test_a_list_that_lags_is_asked_again_and_a_backend_in_trouble_proves_nothing() -> None:
    world = trained()
    (entry,) = world.backend.world.jobs
    stale = dataclasses.replace(entry.job, model=None)
    fresh, entry.job = entry.job, stale
    listed = world.backend.jobs.list_jobs(metadata={})
    entry.job = fresh
    assert listed[0].model is None
    del world.backend.calls[:]
    forge(world)
    world.backend.inject("retrieve", AnswerLost("502"))
    assert wrong(world) == []
    assert len(wrong(world)) == 1


def test_a_checkpoint_is_made_by_its_job() -> None:
    world = trained()
    (job,) = (job for *_, job in world.record("m0").jobs())
    forge(world, is_job_forged=False, model=job.checkpoints[0].model)
    assert wrong(world) == []
    assert world.backend.calls == ["list_jobs", "list_models", "retrieve", "checkpoints"]


def test_older_targets_are_checked_two_a_run_and_never_again() -> None:
    world = trained(5)
    hide_jobs_from_lists(world)
    known: set[str] = set()
    seen = []
    for _ in range(4):
        declared = world.declare("m0")
        workspace = dataclasses.replace(world.workspace(declared), memory=Memory(targets=known))
        del world.backend.calls[:]
        assert wrong(world, workspace=workspace) == []
        assert wrong(world, workspace=workspace) == []
        seen.append(world.count("retrieve"))
        assert len(world.backend.calls) <= 4 + SPARE_CALLS
    assert seen == [TARGET_CHECKS, TARGET_CHECKS, 1, 0]
    assert len(known) == 5


def test_each_day_others_come_first() -> None:
    world = trained(12)
    hide_jobs_from_lists(world)
    asked = set()
    for _ in range(40):
        workspace = world.workspace(world.declare("m0"))
        wrong(world, workspace=workspace)
        asked |= set(workspace.memory.targets)
        world.clock._start += timedelta(days=1)
    assert len(asked) == 12


def test_a_promotion_remembers_what_it_checked() -> None:
    world = World()
    workspace = world.workspace()
    world.apply_in(workspace)
    hide_jobs_from_lists(world)
    del world.backend.calls[:]
    wrong(world, workspace=workspace)
    assert world.count("retrieve") == 0


def test_an_alias_on_another_backend_is_not_asked_for_here() -> None:
    world = trained()
    elsewhere = dataclasses.replace(OPENAI, name="elsewhere", base_url="http://elsewhere.invalid/v1")
    observation = observe(world.workspace(world.declare("m0", backend=elsewhere)))
    assert observation.state.backends["elsewhere"].contradictions == ()  # type: ignore[index]
