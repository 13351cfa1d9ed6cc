"""Plays a script: the storm, then calm weather, one clean apply, and what must hold after it."""

from dataclasses import dataclass, field

from storm_asking import Quiet, ask
from storm_checks import (
    check_noop,
    check_protocol,
    check_reached,
    check_refused,
    check_secrets,
    fingerprint,
    has_only_deleted,
    has_running_jobs,
)
from storm_ledger import CloneLedger
from storm_manifests import mended
from storm_runs import Ended, carry_out, without_threads
from storm_script import Ask, Commit, Drift, Run, Script, Step, Tamper, Together, Wait, Weather
from storm_witness import PROJECT
from storm_world import StormWorld

CALM_SECONDS = 310.0
STAGES = 4


@dataclass
class Played:
    """What became of a script: what was wrong (nothing, it is hoped), and everything to find out why."""

    script: Script
    wrong: list[str]
    world: StormWorld
    runs: list[Ended] = field(default_factory=list)

    @property
    def kinds(self) -> frozenset[str]:
        """The invariants that were broken, without particulars: a smaller script must break one of the same."""
        return frozenset(line.partition(":")[0] for line in self.wrong)


def play(script: Script) -> Played:
    """Plays a script to its end."""
    world = StormWorld(script)
    played = Played(script, world.wrong, world)
    with without_threads():
        for step in script.steps:
            _play(played, step)
        if world.newest is not None:
            _calm(played)
    check_secrets(world)
    world.struck["things that lists did not show yet"] += sum(b.hidden for _, b in world.all_backends())
    world.wrong[:] = dict.fromkeys(world.wrong)
    return played


def weather_the_storm(script: Script) -> None:
    """Plays a script and raises AssertionError with what was wrong."""
    played = play(script)
    assert not played.wrong, "\n".join(played.wrong)


def _play(played: Played, step: Step) -> None:
    world = played.world
    match step:
        case Commit():
            world.commit(step.manifests)
        case Run():
            _together(played, (step,))
        case Together():
            world.struck["runs at the same time"] += len(step.runs) > 1
            _together(played, step.runs)
        case Wait():
            world.time.sleep(step.seconds)
        case Drift():
            world.drift(step)
        case Ask():
            ask(world, step)
        case Weather():
            world.sky.turn(step.place, step.what, step.seconds)
        case Tamper():
            world.tamper(step)


def _together(played: Played, runs: tuple[Run, ...]) -> None:
    def carried(run: Run) -> None:
        played.runs.append(carry_out(played.world, run))

    played.world.time.together([(run.starts_after, lambda run=run: carried(run)) for run in runs])  # type: ignore[misc]


def _calm(played: Played) -> None:
    """The weather is fine, all that lags has shown itself, branches are merged: every state leads back to the declared one."""
    world = played.world
    world.time.sleep(CALM_SECONDS)  # what was set off during the storm still happens
    world.time.sleep(world.script.lag + 1)
    world.sky.spells.clear()
    assert world.newest is not None
    world.commit(world.newest.manifests)
    for clone in world.clones:
        if clone.is_lonely:
            continue
        _clean_apply(played, clone.number)
    check_protocol(world)


def _clean_apply(played: Played, clone: int) -> None:
    """One clean apply in a clone, and a second one that has nothing to do."""
    ended = _clean(played, clone)
    ended = _accepted(played, clone, ended)
    if check_refused(played.world, ended):
        return
    if ended.plan is not None and ended.plan.blockers:
        _mend(played)
        ended = _clean(played, clone)
    if ended.outcome is not None and ended.outcome.due:
        # As where the budget had room after all, a job having cost less than was estimated: the run says an apply is due.
        played.world.struck["trainings that became possible"] += 1
        ended = _clean(played, clone)
    check_reached(played.world, clone, ended)
    ended = _after_the_last_job(played, clone, ended)
    before = fingerprint(played.world)
    again = _clean(played, clone)
    if played.world.script.prune and has_only_deleted(again, unapproved_by=ended):
        # What a promotion left over was not in the plan that was approved before it: the next apply shows and deletes it.
        played.world.struck["deletions that a promotion made possible"] += 1
        before, again = fingerprint(played.world), _clean(played, clone)
    check_noop(played.world, ended, again, before)


def _after_the_last_job(played: Played, clone: int, ended: Ended) -> Ended:
    """Jobs that no apply waits for (an orphan's, one that may finish) end; the next one records what became of them."""
    if not has_running_jobs(played.world):
        return ended
    played.world.struck["jobs that ended by themselves"] += 1
    played.world.time.sleep(STAGES * played.world.script.stage_seconds)
    return _clean(played, clone)


def _clean(played: Played, clone: int) -> Ended:
    _together(played, (Run(clone=clone),))
    return played.runs[-1]


def _accepted(played: Played, clone: int, ended: Ended) -> Ended:
    """A ledger that was rewritten is refused; a person looks, takes it as it is, and applies again."""
    world = played.world
    if world.tampered_at is None or type(ended.error).__name__ != "LedgerRewritten":
        return ended
    world.struck["rewritten ledgers refused"] += 1
    if ended.code != 5:
        world.wrong.append(f"refusal: a rewritten ledger ended in {ended.code}, not in 5")
    lost = CloneLedger(world.clones[clone].folder, Quiet(), project=PROJECT).accept()
    world.told_lost += lost
    world.texts += lost
    return _clean(played, clone)


def _mend(played: Played) -> None:
    world = played.world
    assert world.newest is not None
    world.struck["pins mended"] += 1
    world.commit(mended(world.newest.manifests))
