"""Deletions carried out: recorded before and after, made good after a crash, and never of what somebody needs by then."""

from dataclasses import replace
from typing import Any

import pytest

from apply_world import OTHER, World, allowing, errors_of, said_of, with_spec
from fakes import Fault
from ftops.domain.attempts import JobRecord
from ftops.domain.desired import Declared
from ftops.domain.guard import MASS_DELETE, Policy
from ftops.domain.manifest import Retention, Revision
from ftops.domain.plan import DeleteModel
from ftops.errors import AnswerLost, Unauthorized

ALONG = Policy(allow=frozenset({MASS_DELETE}), is_pruning=True)
ONLY = Policy(allow=frozenset({MASS_DELETE}), is_pruning=True, only_prunes=True)


def declare(world: World, seed: int, **retention: Any) -> Declared:
    return with_spec(world.declare(seed=seed, has_eval=False), retention=Retention(**{"keep": 0} | retention))


def trained(world: World, count: int, **retention: Any) -> Declared:
    """A fine-tune that was trained and promoted so often; gives what is declared last."""
    for seed in range(1, count + 1):
        declared = declare(world, seed, **retention)
        assert world.apply(declared).code == 0
    return declared


def job(world: World, seed: int) -> JobRecord:
    found = world.record().revisions[declare(world, seed).revision].trained_job(declare(world, seed).backend.name)
    jobs = [j for _, _, _, j in world.record().jobs()]
    return found or sorted(jobs, key=lambda j: j.seen_at)[seed - 1]


def test_models_beyond_what_is_kept_go() -> None:
    world = World()
    declared = trained(world, 4)
    models = [job(world, seed).model for seed in (1, 2, 3, 4)]
    outcome = world.apply(declared, policy=ONLY)
    assert (outcome.code, len(said_of(outcome, "DeleteModel"))) == (0, 2)
    assert [model in world.backend.world.models for model in models] == [False, False, True, True]
    assert all(job(world, seed).deleted_at for seed in (1, 2))
    again = world.apply(declared, policy=ONLY)
    assert (again.code, again.steps) == (0, [])
    assert world.apply(declared).steps == []


def test_pruning_trains_and_promotes_nothing() -> None:
    world = World()
    trained(world, 3)
    changed = declare(world, 9)
    applied = world.state.project and world.state.project.applied
    outcome = world.apply(changed, policy=ONLY, desired=world.desired(changed, commit="3" * 40))
    assert {type(step.action).__name__ for step in outcome.steps} == {"DeleteModel"}
    assert world.state.project is not None
    assert world.state.project.applied == applied
    assert changed.revision not in world.record().revisions


def test_an_apply_deletes_where_the_project_says_so() -> None:
    world = World()
    declared = trained(world, 3)
    outcome = world.apply(declared, policy=ALONG)
    assert len(said_of(outcome, "DeleteModel")) == 1
    assert world.apply(declared, policy=ALONG).steps == []


def test_files_go_too_and_come_back_when_needed() -> None:
    world = World()
    declared = trained(world, 2, files="delete")
    gone = world.declare("other", seed=5, has_eval=False, aliases={})
    outcome = world.apply(gone, policy=ONLY)
    # What answers under an alias stays, and what it was trained with.
    assert said_of(outcome, "DeleteFile") == []
    assert world.apply(declared).steps == []


def test_a_refused_deletion_is_withdrawn() -> None:
    world = World()
    declared = trained(world, 3)
    world.backend.inject("delete_model", Unauthorized("You have insufficient permissions", status=403))
    outcome = world.apply(declared, policy=ONLY)
    assert outcome.code == 9
    assert "insufficient permissions" in errors_of(outcome)[0]
    assert job(world, 1).deleting_at is None
    assert len(said_of(world.apply(declared, policy=ONLY), "DeleteModel")) == 1


@pytest.mark.parametrize("takes_effect", [False, True])
@pytest.mark.parametrize("times", [1, 9])
def test_a_lost_answer_is_made_good(takes_effect: bool, times: int) -> None:
    world = World()
    declared = trained(world, 3)
    lost = Fault(error=AnswerLost("the connection broke"), takes_effect=takes_effect)
    world.backend.world.faults["delete_model"] = [lost] * times
    first = world.apply(declared, policy=ONLY)
    assert first.code == (0 if times == 1 else 1)
    assert job(world, 1).is_model_lost
    world.backend.world.faults.clear()
    assert world.apply(declared, policy=ONLY).code == 0
    assert job(world, 1).deleted_at is not None
    assert job(world, 1).model not in world.backend.world.models


def test_an_alias_that_moved_meanwhile_keeps_its_model() -> None:
    world = World()
    declared = trained(world, 3)
    approved = world.plan(declared, policy=ONLY)
    back = declare(world, 1)
    assert world.apply(back, desired=world.desired(back, commit="2" * 40)).code == 0
    outcome = world.apply(declared, policy=ONLY, approved=approved)
    assert said_of(outcome, "DeleteModel") == []
    assert job(world, 1).model in world.backend.world.models


def test_a_protection_is_remembered_and_lifted_when_applied() -> None:
    world = World()
    trained(world, 3)
    protected = declare(world, 3, protect=True)
    assert world.apply(protected).code == 0
    assert world.record().is_protected
    other = world.declare("other", seed=7, has_eval=False, aliases={})
    assert world.apply(other, policy=ONLY).steps == []
    assert world.apply(declare(world, 3)).code == 0
    assert not world.record().is_protected
    assert len(said_of(world.apply(declare(world, 3), policy=ONLY), "DeleteModel")) == 1


def test_what_was_not_approved_waits() -> None:
    world = World()
    declared = trained(world, 3)
    approved = world.plan(declared)
    outcome = world.apply(declared, policy=ALONG, approved=approved)
    assert (outcome.code, outcome.steps) == (0, [])
    assert allowing(MASS_DELETE).is_pruning is False


def test_a_protection_that_comes_with_a_new_name_is_remembered() -> None:
    world = World()
    trained(world, 1)
    renamed = with_spec(
        world.declare("new", seed=1, has_eval=False, moved_from=("router",)), retention=Retention(protect=True)
    )
    assert world.apply(renamed).code == 0
    assert world.record("new").is_protected


def test_the_model_before_stays_where_only_the_backend_changed() -> None:
    world = World()
    first = declare(world, 1)
    assert world.apply(first).code == 0
    model = job(world, 1).model
    second = with_spec(world.declare(seed=1, has_eval=False, backend=OTHER), retention=Retention(keep=0))
    sessions = {OTHER.name: world.backend}
    assert world.apply(second, sessions=sessions).code == 0
    target = world.record().aliases["production"].target
    assert target is not None
    assert target.model != model
    third = declare(world, 3)
    kept = world.plan(third, policy=ONLY)
    assert model not in {action.model for action in kept.actions if isinstance(action, DeleteModel)}


def test_a_file_goes_only_after_the_models_that_it_made() -> None:
    world = World()
    data = world.datasets
    for seed in (1, 2, 3):
        declared = declare(world, seed, files="delete")
        train = data.add(
            f"train{seed}.jsonl", tuple({"messages": [{"role": "user", "content": str(seed)}]} for _ in "0123456789")
        )
        declared = replace(declared, train=train, revision=Revision(f"{seed}" * 12))
        assert world.apply(declared).code == 0
    world.backend.inject("delete_model", Unauthorized("no", status=403))
    outcome = world.apply(declared, policy=ONLY)
    assert (outcome.code, said_of(outcome, "DeleteFile")) == (9, [])
    outcome = world.apply(declared, policy=ONLY)
    assert (outcome.code, len(said_of(outcome, "DeleteModel")), len(said_of(outcome, "DeleteFile"))) == (0, 1, 1)
