"""Requests from asking to being carried out: retry, cancel and forget, and the organisation that may not train any more."""

import dataclasses
from typing import Any

import pytest

from apply_world import OPENAI, ROUTER, World, errors_of, said_of
from fakes import EPOCH
from ftops.application.reconcile import Settings
from ftops.application.requests import Asker, ask_cancel, ask_retry, forget
from ftops.domain.asking import Answer
from ftops.domain.attempts import JobStatus
from ftops.domain.desired import Declared
from ftops.domain.events import Intended, JobObserved, JobRecorded, Renamed, Requested, RevisionDeclared
from ftops.domain.manifest import FineTuneName
from ftops.errors import FtopsError, Refused, UsageProblem

NO_WAIT = Settings(is_waiting=False)
FAILED = (JobStatus.FAILED, "invalid", "row 3 is bad")


def asker(world: World) -> Asker:
    return Asker(owner="ada", run_url=None, at=world.clock.now())


def retry(world: World, declared: Declared | None = None) -> Answer:
    return ask_retry(world.ledger, declared or world.declare(), asker(world), commit="c0ffee")


def cancel(world: World, name: FineTuneName = ROUTER, **which: Any) -> Answer:
    return ask_cancel(world.ledger, name, asker(world), **{"job": None, "revision": None, **which})


def running(*names: str) -> World:
    world = World(stage_seconds=None)
    world.apply(*(world.declare(name) for name in names or ("router",)), settings=NO_WAIT)
    return world


def statuses(world: World, name: str = "router") -> list[str]:
    return [job.status.value for *_, job in world.record(name).jobs()]


def test_a_failed_job_is_trained_again_once_when_that_is_asked_for() -> None:
    world = World()
    world.backend.outcomes["router"] = FAILED
    assert world.apply().code == 7
    assert (world.apply().code, world.count("create")) == (0, 1)
    assert retry(world).records is not None
    assert "already" in retry(world).message
    assert world.plan().actions[0].reason.value == "requested"
    outcome = world.apply()
    assert (outcome.code, world.count("create"), world.target()) == (0, 2, world.declare().revision)
    assert world.record().requests == ()
    assert retry(world).is_vain
    assert (world.apply().code, world.count("create")) == (0, 2)


def test_a_retry_that_fails_too_is_not_repeated() -> None:
    world = World()
    for _ in range(2):
        world.backend.outcomes["router"] = FAILED
        retry(world) if world.state.fine_tunes else None
        assert world.apply().code == 7
    assert (world.apply().code, world.count("create")) == (0, 2)
    assert statuses(world) == ["failed", "failed"]


def test_a_lost_model_is_trained_again_and_the_alias_follows() -> None:
    world = World()
    world.apply()
    lost = world.record().aliases["production"].target
    assert lost is not None
    world.backend.delete_model(lost.model)
    for _ in range(2):
        world.clock.advance(700)
        world.apply()
    assert retry(world).records is not None
    outcome = world.apply()
    assert (outcome.code, world.count("create")) == (0, 2)
    present = world.record().aliases["production"].target
    assert present is not None
    assert (present.revision, present.model != lost.model) == (lost.revision, True)
    assert world.record().aliases["production"].history[-1].reason == "model_changed"


def test_a_job_that_runs_is_cancelled_when_that_is_asked_for_and_not_trained_again() -> None:
    world = running()
    assert cancel(world).records is not None
    assert "already" in cancel(world).message
    outcome = world.apply()
    assert (outcome.code, outcome.left_waiting, statuses(world)) == (0, False, ["cancelled"])
    assert said_of(outcome, "Cancel")[0].endswith("(requested)")
    assert (world.apply().code, world.count("create"), world.count("cancel")) == (0, 1, 1)
    assert cancel(world).message.endswith("cancelled already")
    assert retry(world).records is not None
    world.backend.stage_seconds = 10.0
    assert (world.apply().code, world.count("create"), world.target()) == (0, 2, world.declare().revision)


def test_the_job_of_a_fine_tune_that_nobody_declares_is_cancelled_too() -> None:
    world = running("router", "other")
    cancel(world)
    outcome = world.apply(world.declare("other"), settings=NO_WAIT)
    assert (outcome.code, statuses(world), statuses(world, "other")) == (8, ["cancelled"], ["validating_files"])


def test_a_job_that_ended_before_apply_came_is_not_cancelled() -> None:
    world = running()
    cancel(world)
    world.backend.finish()
    assert (world.apply().code, statuses(world), world.count("cancel")) == (0, ["succeeded"], 0)
    assert world.record().requests == ()


def test_an_apply_that_only_continues_cancels_nothing() -> None:
    world = running()
    cancel(world)
    world.apply(settings=Settings(is_waiting=False, is_continuing=True))
    assert (world.count("cancel"), len(world.record().requests)) == (0, 1)


def test_a_suspended_fine_tune_is_left_alone() -> None:
    world = running()
    cancel(world)
    suspended = world.declare(suspend=True)
    assert (world.apply(suspended).code, world.count("cancel")) == (0, 0)
    assert (world.apply(world.declare()).code, world.count("cancel")) == (0, 1)


class TestBlocked:
    """An organisation that may not train any more: that run ends in 9, later ones in 0, and a retry asks again, once."""

    def blocked(self) -> World:
        world = World()
        world.backend.is_training_blocked = True
        assert world.apply(world.declare(), world.declare("other")).code == 9
        return world

    def test_it_is_asked_once_and_each_retry_asks_once_more(self) -> None:
        world = self.blocked()
        asked = world.count("create")
        outcome = world.apply(world.declare(), world.declare("third"))
        assert (outcome.code, world.count("create"), world.count("upload")) == (0, asked, 1)
        for number in (1, 2):
            assert "asks again, once" in retry(world).message
            assert "already" in retry(world).message
            outcome = world.apply(world.declare(), world.declare("third"))
            assert (outcome.code, world.count("create")) == (9, asked + number)
            outcome = world.apply(world.declare(), world.declare("third"))
            assert (outcome.code, world.count("create")) == (0, asked + number)

    def test_a_success_clears_it_for_all(self) -> None:
        world = self.blocked()
        world.backend.is_training_blocked = False
        retry(world)
        outcome = world.apply(world.declare(), world.declare("other"))
        # The other may be trained now, but nobody approved that.
        assert (outcome.code, [a.fine_tune for a in outcome.due], len(world.backend.all_jobs)) == (0, ["other"], 1)
        assert "other" in outcome.touched()
        backend = world.state.backend(OPENAI.name)
        assert backend is not None
        assert backend.blocked is None
        assert world.target() == world.declare().revision
        assert world.apply(world.declare(), world.declare("other")).code == 0
        assert world.target("other") == world.declare("other").revision

    @pytest.mark.parametrize(("times", "code"), [(1, 0), (50, 1)], ids=["once", "for good"])
    def test_throttled_it_was_not_asked(self, times: int, code: int) -> None:
        world = self.blocked()
        world.backend.is_training_blocked = False
        retry(world)
        world.backend.answer_status("create", 429, times=times)
        outcome = world.apply()
        assert (outcome.code, bool(errors_of(outcome)), bool(world.record().requests)) == (code, code == 1, code == 1)
        assert ROUTER in outcome.touched()
        world.backend.world.faults.clear()
        assert (world.apply().code, world.target()) == (0, world.declare().revision)
        assert len(world.jobs_of(world.declare())) == 1

    def test_what_the_ledger_never_heard_of_can_be_asked_for(self) -> None:
        world = self.blocked()
        world.backend.is_training_blocked = False
        third = world.declare("third", seed=7)
        assert retry(world, third).records is not None
        assert world.record("third").revisions.keys() == {third.revision}
        assert world.apply(third).code == 0
        assert len(world.jobs_of(third)) == 1

    def test_a_slow_clock_asks_all_the_same(self) -> None:
        world = self.blocked()
        world.backend.is_training_blocked = False
        slow = dataclasses.replace(asker(world), at=EPOCH.replace(year=2020))
        ask_retry(world.ledger, world.declare(), slow, commit=None)
        assert world.apply().code == 0

    def test_evaluations_and_promotions_go_on(self) -> None:
        world = World()
        world.apply(world.declare(least=None, has_eval=False, aliases={}))
        world.backend.is_training_blocked = True
        outcome = world.apply(world.declare(), world.declare("other"))
        assert (outcome.code, world.target()) == (9, world.declare().revision)


class TestRetryRecords:
    def test_protection_is_not_changed_by_asking(self) -> None:
        world = World()
        world.backend.is_training_blocked = True
        world.apply()
        declared = world.declare("third")
        retention = dataclasses.replace(declared.fine_tune.retention, protect=True)
        protected = dataclasses.replace(
            declared, fine_tune=dataclasses.replace(declared.fine_tune, retention=retention)
        )
        retry(world, protected)
        assert not world.record("third").is_protected
        (declaration,) = (e for e in world.ledger.events if isinstance(e, RevisionDeclared) and e.fine_tune == "third")
        assert declaration.commit == "c0ffee"

    def test_before_a_rename_is_applied_it_is_asked_for_under_the_old_name(self) -> None:
        world = World()
        world.backend.outcomes["router"] = FAILED
        world.apply()
        renamed = world.declare("dispatcher", moved_from=("router",))
        assert retry(world, renamed).records is not None
        assert [e.fine_tune for e in world.ledger.events if isinstance(e, Requested)] == ["router"]
        assert world.apply(renamed).code == 0
        assert (world.count("create"), world.target("dispatcher")) == (2, renamed.revision)

    def test_what_changed_meanwhile_is_not_recorded(self) -> None:
        world = World()
        world.backend.outcomes["router"] = FAILED
        world.apply()
        about = about_router(world) | {"attempt": 2}
        meanwhile = JobRecorded(**about, job="ftjob-of-another-run", status=JobStatus.QUEUED)
        world.ledger.before_record.append(lambda ledger: ledger.record([meanwhile]))
        with pytest.raises(FtopsError, match="the ledger changed meanwhile: job ftjob-of-another-run"):
            retry(world)

    def test_a_new_revision_makes_it_moot(self) -> None:
        world = World()
        world.backend.outcomes["router"] = FAILED
        world.apply()
        retry(world)
        world.apply(world.declare(seed=2))
        assert world.record().requests == ()
        assert (world.apply(world.declare()).code, world.count("create")) == (0, 2)


def about_router(world: World) -> dict[str, Any]:
    return {"at": EPOCH, "fine_tune": ROUTER, "revision": world.declare().revision, "backend": OPENAI.name}


def test_of_several_jobs_one_is_named() -> None:
    world = running()
    world.apply(world.declare(seed=2, on_superseded="finish"), settings=NO_WAIT)
    with pytest.raises(UsageProblem, match="name one with --job"):
        cancel(world)
    assert cancel(world, revision=world.declare().revision).records is not None
    with pytest.raises(UsageProblem, match="knows no fine-tune 'ruoter'"):
        cancel(world, FineTuneName("ruoter"))


def test_a_job_that_ends_while_its_cancel_is_written_is_left_alone() -> None:
    world = running()
    (job,) = world.backend.all_jobs
    ended = JobObserved(**about_router(world), attempt=1, job=job.id, status=JobStatus.SUCCEEDED, model="ft:1")
    world.ledger.before_record.append(lambda ledger: ledger.record([ended]))
    with pytest.raises(FtopsError, match="is not running"):
        cancel(world)


class TestForgetting:
    def test_a_forgotten_fine_tune_is_adopted_and_not_paid_for_again(self) -> None:
        world = World()
        world.apply()
        forget(world.ledger, ROUTER, world.record(), asker(world))
        assert "router" not in world.state.fine_tunes
        outcome = world.apply()
        assert (outcome.code, world.count("create"), world.target()) == (0, 1, world.declare().revision)
        assert errors_of(outcome) == []

    def test_a_later_attempt_is_found_as_well(self) -> None:
        world = World()
        world.backend.outcomes["router"] = FAILED
        world.apply()
        retry(world)
        world.apply()
        forget(world.ledger, ROUTER, world.record(), asker(world))
        assert (world.apply().code, world.count("create")) == (0, 2)
        ((_, _, attempt, job),) = world.record().jobs()
        assert (attempt.number, job.status.value) == (2, "succeeded")

    def test_what_changed_meanwhile_is_not_forgotten(self) -> None:
        world = World()
        world.apply()
        seen = world.record()
        world.apply(world.declare(seed=2))
        with pytest.raises(Refused, match="changed in the ledger meanwhile"):
            forget(world.ledger, ROUTER, seen, asker(world))

    def test_a_former_name_is_free_again(self) -> None:
        world = World()
        world.apply()
        new, router = FineTuneName("new"), world.declare("router", seed=5)
        world.ledger.record([Renamed(at=EPOCH, fine_tune=new, former=ROUTER)])
        blocked = world.apply(world.declare("new"), router)
        assert blocked.code == 2
        forget(world.ledger, ROUTER, world.record("new"), asker(world))
        assert world.apply(world.declare("new"), router).code == 0
        assert (world.target("new"), world.target("router")) == (world.declare().revision, router.revision)

    def test_an_open_claim_keeps_it(self) -> None:
        world = World()
        world.apply()
        world.ledger.record([Intended(**about_router(world), attempt=2, intent="i9", owner="bob")])
        with pytest.raises(Refused, match="bob is about to create a job of router"):
            forget(world.ledger, ROUTER, world.record(), asker(world))

    def test_a_job_that_lists_may_not_show_yet_keeps_it(self) -> None:
        world = running()
        with pytest.raises(Refused, match="was created a moment ago"):
            forget(world.ledger, ROUTER, world.record(), asker(world))
        world.clock.advance(61)
        forget(world.ledger, ROUTER, world.record(), asker(world))
        assert world.apply(settings=NO_WAIT).code == 8
        assert world.count("create") == 1

    def test_a_former_name_is_let_go_of_at_once(self) -> None:
        world = running()
        world.ledger.record([Renamed(at=EPOCH, fine_tune=FineTuneName("new"), former=ROUTER)])
        forget(world.ledger, ROUTER, world.record("new"), asker(world))
        assert world.record("new").former_names == ()
