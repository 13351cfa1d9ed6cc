"""A slice of the storm (``make storm`` plays thousands of worlds), and that it rains and is the same each time."""

import sys
import time
from collections import Counter

import pytest
from storm_generator import script_of
from storm_play import play, weather_the_storm
from storm_report import reproducing_test, shrunk
from storm_script import Ask, Commit, Drift, Incident, Run, Script, Spec, Tamper, Together, Wait

CHUNKS = 8
LEAST, MOST = 4, 40
SECONDS = 5.0


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_promise_is_kept_in_a_slice_of_the_storm(chunk: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Fixed seeds, as many as there is time for: a slow machine plays fewer of the same worlds."""
    until, played, struck = time.monotonic() + SECONDS, 0, Counter[str]()
    for seed in range(chunk, chunk + CHUNKS * MOST, CHUNKS):
        if played >= LEAST and time.monotonic() >= until:
            break
        result = play(script_of(seed))
        struck += result.world.struck
        played += 1
        if result.wrong:
            small = shrunk(result.script, tries=100)
            pytest.fail(f"seed {seed}: {result.wrong[0]}\n\n{reproducing_test(small, play(small).wrong)}")
    with capsys.disabled():
        sys.stdout.write(f" [{played} worlds, {struck['runs killed']} runs killed] ")
    assert struck["runs killed"]


def test_a_seed_is_always_the_same_world_and_the_same_story() -> None:
    for seed in (3, 14):
        assert repr(script_of(seed)) == repr(script_of(seed))
        assert play(script_of(seed)).world.trace == play(script_of(seed)).world.trace


def test_a_script_is_the_code_that_makes_it() -> None:
    script = script_of(14)
    names = {kind.__name__: kind for kind in type(script).__mro__}
    import storm_script

    assert eval(repr(script), {**vars(storm_script), **names}) == script


ASLEEP = Incident(on="training.create", what="stall", seconds=200.0)
TWO_RUNS = Together(runs=(Run(incidents=(ASLEEP,)), Run(clone=1, starts_after=0.5)))


def test_an_owner_that_sleeps_past_its_lease_leaves_a_second_job_that_is_cancelled() -> None:
    script = Script(clones=2, stage_seconds=400.0, steps=(Commit(manifests={"ada": Spec()}), TWO_RUNS))
    played = play(script)
    assert not played.wrong
    assert played.world.struck["an owner slept past its lease and sent its POST"] == 1
    statuses = sorted(job.status.value for job in played.world.backends["openai"].all_jobs)
    assert statuses == ["cancelled", "succeeded"]


@pytest.mark.parametrize("what", ["kill after", "kill in flight", "lost", "late"])
@pytest.mark.parametrize("lag", [0.0, 30.0])
def test_a_job_that_nobody_heard_of_is_found_although_lists_lag(what: str, lag: float) -> None:
    unheard = Incident(on="training.create", what=what, seconds=20.0)
    script = Script(lag=lag, steps=(Commit(manifests={"ada": Spec()}), Run(incidents=(unheard,)), Run()))
    weather_the_storm(script)
    assert len(play(script).world.backends["openai"].all_jobs) == 1


@pytest.mark.parametrize("what", ["delete", "roll back"])
def test_a_ledger_that_was_tampered_with_is_refused_until_somebody_has_looked(what: str) -> None:
    tampered = Tamper(what=what, nth=3)
    played = play(Script(steps=(Commit(manifests={"ada": Spec()}), Run(), tampered)))
    assert not played.wrong
    assert played.world.struck["rewritten ledgers refused"] == 1
    assert played.world.struck["clean applies rightly refused"] == (what == "delete")
    assert len(played.world.backends["openai"].all_jobs) == 1


MOVED = Commit(manifests={"ada": Spec(backend="other")})
FORGET = (Wait(seconds=61.0), Ask(what="forget"))


@pytest.mark.parametrize("is_running", [True, False])
def test_what_was_forgotten_at_a_backend_that_manifests_left_is_found_again(is_running: bool) -> None:
    begun = Run(mode="no-wait" if is_running else "wait")
    played = play(Script(stage_seconds=400.0, steps=(Commit(manifests={"ada": Spec()}), begun, MOVED, *FORGET)))
    assert not played.wrong
    assert played.world.struck["asked to forget: heard"] == 1
    statuses = [job.status.value for job in played.world.backends["openai"].all_jobs]
    assert statuses == ["cancelled" if is_running else "succeeded"]


def test_every_job_of_what_is_suspended_and_was_forgotten_is_named() -> None:
    by_hand = Drift(what="by hand, without a ledger")
    suspended = Commit(manifests={"ada": Spec(suspend=True)})
    weather_the_storm(Script(steps=(Commit(manifests={"ada": Spec()}), Run(), suspended, by_hand, *FORGET)))


def test_a_job_made_by_hand_may_finish_where_the_manifest_says_so() -> None:
    declared = {"ada": Spec(backend="other"), "bob": Spec(on_superseded="finish")}
    by_hand = Drift(what="by hand, without a ledger", backend="other", nth=1, after=300.0)
    played = play(Script(steps=(Commit(manifests=declared), Run(), by_hand)))
    assert not played.wrong
    assert played.world.struck["jobs that ended by themselves"] == 1


def test_a_claim_that_was_lost_with_a_ledger_set_back_is_told() -> None:
    unrecorded = Run(incidents=(Incident(on="ledger.keep", what="kill before", nth=2),))
    played = play(Script(steps=(MOVED, unrecorded, Commit(manifests={"ada": Spec()}), Tamper(what="roll back"))))
    assert not played.wrong
    (job,) = played.world.backends["other"].all_jobs
    fine_tune, claim = played.world.told_lost
    assert fine_tune == "fine-tune ada"
    assert claim.startswith(f"claim {job.metadata['ftops_intent']} of host0/1/1 to create a job of ada: revision ")


def test_a_clone_without_the_remote_leaves_the_others_jobs_alone() -> None:
    script = Script(lonely=1, steps=(Commit(manifests={"ada": Spec()}), Run(), Run(clone=1)))
    played = play(script)
    assert not played.wrong
    assert played.runs[1].code == 5
    assert len(played.world.backends["openai"].all_jobs) == 1


def test_people_who_fail_pause_and_lose_things_are_not_worked_against() -> None:
    steps = (
        Commit(manifests={"ada": Spec(), "bob": Spec(seed=2), "cyd": Spec(seed=3)}),
        Run(mode="no-wait"),
        Drift(what="cancel"),
        Drift(what="pause"),
        Run(),
        Drift(what="lose model"),
        Run(),
    )
    played = play(Script(stage_seconds=40.0, steps=steps))
    assert not played.wrong
    assert len(played.world.backends["openai"].all_jobs) == 3
