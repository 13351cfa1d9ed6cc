"""A run that is killed by SIGKILL between any two of its steps: the next run ends in the state of an undisturbed one.

Every point of ``step_watch`` with ``FTOPS_KILLS=all`` (make kills); without it a slice, in which each kind of step occurs.
"""

import itertools
import os
import queue
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from forking_ftops import Nursery, open_nursery
from kill_scenarios import SCENARIOS, Stage, end_of, make_stage, remove_stage

from server_process import ServerProcess, start_server

IS_ALL = os.environ.get("FTOPS_KILLS") == "all"
AT_ONCE = (os.cpu_count() or 1) if IS_ALL else 1
TRIES = 3
READING = re.compile(r": (GET|git (?!fast-import|fetch|push|update-ref))")
# A file's digest is kept only where the file was written two seconds ago, which a stage's data may or may not have been.
BY_THE_CLOCK = re.compile(r"\.ftops/cache/\.?digests")
SAFE = re.compile(r"cache|gitignore|make folder|\.lock")
LASTING = re.compile(r"git push|POST|pending|DELETE \S*\* sent")
PLACES = {
    "new-revision": "train.",
    "followed": "rounds._record",
    "superseded": "execute._cancel",
    "renamed": "execute._move",
    "cancelled": "execute._cancel",
    "retried": "train._claim",
    "imported": "import_jobs.",
    "pruned": "deletion.delete_model",
}
"""Where the slice kills; in the first scenario wherever something is changed for the first time."""
# A job takes long enough to be seen at work, so that every undisturbed run has the same points.
TRAINING = ("--min-step-seconds", "0.01", "--workers", "16")


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with start_server(tmp_path_factory.mktemp("school"), *TRAINING) as running:
        yield running


@pytest.fixture
def nurseries(tmp_path: Path) -> Iterator["queue.SimpleQueue[Nursery]"]:
    free: queue.SimpleQueue[Nursery] = queue.SimpleQueue()
    environment = {"HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}
    with ExitStack() as stack:
        for number in range(AT_ONCE):
            free.put(stack.enter_context(open_nursery(tmp_path / f"nursery-{number}", environment)))
        yield free


@pytest.mark.timeout(7200 if IS_ALL else 300)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_between_any_two_steps(
    school: ServerProcess, nurseries: "queue.SimpleQueue[Nursery]", tmp_path: Path, scenario: str
) -> None:
    numbers = itertools.count()

    def stage_for(nursery: Nursery) -> Stage:
        return make_stage(tmp_path / f"{scenario}-{next(numbers)}", school.base_url, nursery, scenario)

    def die_at(point: str) -> Trial:
        nursery = nurseries.get()
        try:
            is_asked_again = IS_ALL or point == points[-1]
            trials = (tried(stage_for(nursery), point, wanted, is_asked_again=is_asked_again) for _ in range(TRIES))
            return next((trial for trial in trials if trial.is_killed), Trial(point))
        finally:
            nurseries.put(nursery)

    nursery = nurseries.get()
    undisturbed = [stage_for(nursery) for _ in range(2)]
    lists = [stage.do(*stage.command).points for stage in undisturbed]
    nurseries.put(nursery)
    wanted, again = (end_of(stage) for stage in undisturbed)
    assert wanted == again
    assert changing(lists[0]) == changing(lists[1])
    points = lists[0] if IS_ALL else slice_of(lists[0], scenario)
    assert points
    with ThreadPoolExecutor(AT_ONCE) as pool:
        trials = list(pool.map(die_at, points))
    killed = sum(trial.is_killed for trial in trials)
    sys.stdout.write(
        f"{scenario}: killed at {killed} of {len(lists[0])} points, {len(changing(points))} of them changes\n"
    )
    assert [trial for trial in trials if trial.fault] == []
    # How often a run reads may differ from the undisturbed one: whether a job is seen before it has ended, say.
    assert changing([trial.point for trial in trials if not trial.is_killed]) == []


@dataclass(frozen=True)
class Trial:
    """What came of a kill at a point; ``fault`` says what differs from the undisturbed run, if anything does."""

    point: str
    is_killed: bool = False
    fault: str = ""


def tried(stage: Stage, point: str, wanted: object, *, is_asked_again: bool) -> Trial:
    """Kills a run at a point, applies again and compares."""
    killed = stage.run(*stage.command, at=point)
    if killed.code != -signal.SIGKILL:
        return Trial(point, fault="" if killed.code == 0 else killed.said)
    again = stage.run(*stage.command)
    if again.code != 0:
        return Trial(point, is_killed=True, fault=f"the next run: exit {again.code}\n{again.said}")
    end = end_of(stage)
    if end != wanted:
        return Trial(point, is_killed=True, fault=f"{end}\ninstead of {wanted}\n{again.said}")
    # The same end leaves the same to do: asked after every kill by make kills alone.
    for command in (("plan", "--detailed-exitcode"), ("ledger", "verify")) if is_asked_again else ():
        done = stage.run(*command)
        if done.code != 0:
            return Trial(point, is_killed=True, fault=f"ftops {command[0]} after that: exit {done.code}\n{done.said}")
    remove_stage(stage)
    return Trial(point, is_killed=True)


def changing(points: Sequence[str]) -> list[str]:
    """Gives the points of steps that change something, and that every undisturbed run comes to."""
    return sorted(point for point in points if not READING.search(point) and not BY_THE_CLOCK.search(point))


def slice_of(points: Sequence[str], scenario: str) -> list[str]:
    """Gives a point for each change that is made at the place of a scenario; in the first one elsewhere too."""
    changes = changing(points)
    here = [point for point in changes if point.startswith(PLACES[scenario])]
    if scenario == next(iter(SCENARIOS)):
        here += [point for point in changes if not SAFE.search(point)]
    else:
        here = [point for point in here if LASTING.search(point)]
    kinds: dict[str, str] = {}
    for point in here:
        kinds.setdefault(re.sub(r"^[^:]*: | #\d+$", "", point), point)
    return list(kinds.values())
