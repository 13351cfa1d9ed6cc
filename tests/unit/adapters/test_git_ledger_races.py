"""Writers that race: threads of one run, processes in one clone, and processes in many."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from ftops.adapters.git_ledger import GitLedger
from ftops.adapters.ledger_branches import LocalBranch, Published
from ftops.adapters.ledger_remote import RemoteBranch
from ftops.domain.attempts import Attempt
from ftops.domain.events import EventRefused
from ftops.domain.records import LedgerState
from ftops.errors import LedgerForbidden
from ledger_kit import (
    AT,
    BACKEND,
    NAME,
    REF,
    REVISION,
    QuickClock,
    World,
    applied,
    declared,
    git,
    intended,
    job_recorded,
    ledger,
    started,
)

SPAWN = multiprocessing.get_context("spawn")
PROCESSES = 8


def attempt(state: LedgerState) -> Attempt:
    found = state.fine_tunes[NAME].revisions[REVISION].latest(BACKEND)
    assert found is not None
    return found


def test_loser_of_the_first_push_takes_the_winners_id(world: World) -> None:
    one, two = ledger(world.repo), ledger(world.clone("two"))
    assert one.read().tip is two.read().tip is None
    one.record([started("L1")])
    state = two.record([started("L2"), declared()]).state
    assert state.project is not None
    assert state.project.ledger_id == "L1"
    assert git(world.remote, "rev-list", "--count", REF) == "2"


def test_events_are_applied_again_to_the_winners_state(world: World) -> None:
    one, two = ledger(world.repo), ledger(world.clone("two"))
    one.record([started(), declared()])
    two.read()
    one.record([applied("c1")])
    state = two.record([intended()]).state
    assert state.project is not None
    assert state.project.applied is not None
    assert attempt(state).open_intent is not None
    assert git(world.remote, "rev-list", "--min-parents=2", REF) == "", "never merged"


def test_claim_is_checked_anew(world: World) -> None:
    one, two = ledger(world.repo), ledger(world.clone("two"))
    one.record([started(), declared()])
    two.read()
    one.record([intended("theirs", owner="bob")])
    with pytest.raises(EventRefused, match="bob") as caught:
        two.record([intended("ours")])
    assert caught.value.claim_lost


@pytest.mark.parametrize("has_random_ids", [True, False])
def test_identical_commits_do_not_both_win(
    world: World, monkeypatch: pytest.MonkeyPatch, *, has_random_ids: bool
) -> None:
    """Two runs that record the same in the same second: without the random id they make one commit, and both believe in it."""
    ledger(world.repo).record([started(), declared()])
    clock, changes = StoppedClock(), {} if has_random_ids else {"new_id": lambda: "same"}
    one = ledger(world.repo, clock=clock, **changes)
    two = ledger(world.clone("two"), clock=clock, **changes)
    assert one.read() == two.read()
    pushed: list[str] = []
    publish = RemoteBranch.publish

    def late(branch: RemoteBranch, commit: str, *, old: str | None) -> Published:
        pushed.append(commit)
        if len(pushed) == 1:
            assert one.record([applied("c1")]).tip == pushed[1]
        outcomes.append(publish(branch, commit, old=old))
        return outcomes[-1]

    outcomes: list[Published] = []
    monkeypatch.setattr(RemoteBranch, "publish", late)
    assert two.record([applied("c1")]).tip == world.tip()
    assert (len(set(pushed)) == 2) == has_random_ids
    assert outcomes == [Published.COUNTS, Published.MOVED if has_random_ids else Published.COUNTS]


class StoppedClock(QuickClock):
    """The same second for all."""

    def now(self) -> datetime:
        return AT


def test_local_branch_moved_meanwhile(world: World) -> None:
    one, two = ledger(world.repo, remote=None), ledger(world.repo, remote=None)
    assert one.read() == two.read()
    one.record([started("L1")])
    state = two.record([started("L2"), declared()]).state
    assert state.project is not None
    assert state.project.ledger_id == "L1"


@pytest.mark.parametrize("remote", ["origin", None])
def test_threads_share_commits(world: World, monkeypatch: pytest.MonkeyPatch, remote: str | None) -> None:
    at = ledger(world.repo, remote=remote)
    at.record([started(), *(declared(f"ft-{i}") for i in range(16))])
    published: list[str] = []
    holding, first_is_in = threading.Event(), threading.Event()
    kind = RemoteBranch if remote else LocalBranch
    publish = kind.publish

    def slow(branch: RemoteBranch, commit: str, *, old: str | None) -> Published:
        published.append(commit)
        first_is_in.set()
        holding.wait(10)
        return publish(branch, commit, old=old)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "publish", slow)
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(at.record, [applied("c1")])
        first_is_in.wait(10)
        claims = [pool.submit(at.record, [intended(f"i{i}", fine_tune=f"ft-{i}")]) for i in range(16)]
        lost = pool.submit(at.record, [intended("late", fine_tune="unknown")])
        given_up = pool.submit(at.record, [applied("c2")], _give_up)
        while len(at._waiting) < 18:
            threading.Event().wait(0.005)
        holding.set()
        assert first.result().tip == published[0]
        assert {claim.result().tip for claim in claims} == {published[1]}
        with pytest.raises(EventRefused, match="unknown"):
            lost.result()
        with pytest.raises(ZeroDivisionError):
            given_up.result()
    assert len(published) == 2
    state = at.read().state
    assert state.project is not None
    assert state.project.applied is not None
    assert state.project.applied.commit == "c1"


def _give_up(state: LedgerState) -> None:
    raise ZeroDivisionError


def test_all_who_wait_hear_of_a_failure(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    world.hook("sleep 0.1; exit 1")
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(at.record, [applied(f"c{i}")]) for i in range(4)]:
            with pytest.raises(LedgerForbidden):
                future.result()


def test_interrupted_leader_leaves_the_others_to_themselves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    inside, go_on = threading.Event(), threading.Event()
    write = GitLedger._write

    def interrupted(ledger: GitLedger, batch: object) -> None:
        monkeypatch.setattr(GitLedger, "_write", write)
        inside.set()
        go_on.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(GitLedger, "_write", interrupted)
    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(at.record, [applied("c1")])
        inside.wait(10)
        follower = pool.submit(at.record, [intended()])
        while not at._waiting:
            threading.Event().wait(0.005)
        go_on.set()
        with pytest.raises(KeyboardInterrupt):
            leader.result()
        state = follower.result().state
    assert state.project is not None
    assert state.project.applied is None


def _claim(
    repo: str, number: int, gate: "multiprocessing.synchronize.Barrier", won: "multiprocessing.Queue[int]"
) -> None:
    at = ledger(Path(repo))
    at.read()
    gate.wait(60)
    try:
        at.record([intended(f"i{number}", owner=f"run {number}")])
    except EventRefused:
        pass
    else:
        won.put(number)
    for count in range(4):
        at.record([declared(f"ft-{number}-{count}")])


@pytest.mark.parametrize("has_clones", [True, False], ids=["a clone each", "one clone"])
def test_eight_processes_race_for_one_intent(world: World, *, has_clones: bool) -> None:
    ledger(world.repo).record([started(), declared()])
    repos = [world.clone(f"c{i}") if has_clones else world.repo for i in range(PROCESSES)]
    gate, won = SPAWN.Barrier(PROCESSES), SPAWN.Queue()
    processes = [SPAWN.Process(target=_claim, args=(str(repos[i]), i, gate, won)) for i in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    winner = won.get(timeout=10)
    assert won.empty(), "exactly one wins"
    state = ledger(world.repo).read().state
    assert [intent.id for intent in attempt(state).intents] == [f"i{winner}"]
    assert len(state.fine_tunes) == 1 + 4 * PROCESSES, "nobody's events are lost"
    assert git(world.remote, "rev-list", "--min-parents=2", REF) == ""


def _die_while_pushing(repo: str, is_after: bool) -> None:
    push = RemoteBranch._push

    def deadly(branch: RemoteBranch, commit: str, old: str | None) -> None:
        if is_after:
            push(branch, commit, old)
        os.kill(os.getpid(), signal.SIGKILL)

    RemoteBranch._push = deadly  # type: ignore[method-assign]
    ledger(Path(repo)).record_eventually([job_recorded()])


@pytest.mark.parametrize("is_after", [False, True], ids=["before the push", "after the push"])
def test_kill_blocks_nobody_and_loses_nothing(world: World, *, is_after: bool) -> None:
    ledger(world.repo).record([started(), declared(), intended()])
    process = SPAWN.Process(target=_die_while_pushing, args=(str(world.repo), is_after))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    state = ledger(world.repo).record([applied("c1")]).state
    assert [job.id for *_, job in state.fine_tunes[NAME].jobs()] == ["ftjob-1"]
    assert not list((world.repo / ".ftops" / "pending").glob("*.json"))
