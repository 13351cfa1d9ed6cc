"""One run of ``ftops apply`` in the storm: what the command line does, over a wire, in one thread.

The apply loop's threads are taken away: what it hands to them happens at once, so that a run is the same each time. Its calls
still interleave with those of other runs, at each of them.
"""

import json
import random
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from unittest import mock

from storm_ledger import CloneLedger
from storm_manifests import BACKENDS
from storm_script import Run
from storm_wire import Killed, Wire
from storm_witness import PROJECT, Node
from storm_world import Clone, StormWorld

from apply_world import Said
from ftops.application import reconcile
from ftops.application.evaluate import Evaluations
from ftops.application.outcome import ExitCode, Outcome
from ftops.application.reconcile import Apply, Settings
from ftops.application.saved_plan import plan_now
from ftops.application.standing import check_standing
from ftops.application.workers import Finished
from ftops.application.workspace import Identity, Workspace
from ftops.datasets.inputs import input_digest
from ftops.domain.continuing import continuing
from ftops.domain.guard import Policy as Allowed
from ftops.domain.plan import Plan
from ftops.domain.plan_json import plan_to_json
from ftops.errors import FtopsError

Item = TypeVar("Item")
TIME_OUT_SECONDS = 40.0
PATIENCE_SECONDS = 3600.0


@dataclass
class Ended:
    """How a run ended: killed (no code), refused or wrong before it began (``error``), or with an outcome."""

    code: int | None = None
    error: FtopsError | None = None
    plan: Plan | None = None
    outcome: Outcome | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def why(self) -> str:
        steps = [f"{s.action.id}: {s.error}" for s in (self.outcome.steps if self.outcome else []) if s.error]
        stopped = self.outcome.stopped_by if self.outcome else None
        return "; ".join(map(str, filter(None, [self.error, stopped, *steps])))


class AtOnce(Generic[Item]):
    """Stands for ``workers.Workers``: work is done when it is handed over."""

    def __init__(self, work: Callable[[Item], str], parallelism: int) -> None:
        self._work = work
        self._done: list[Finished[Item]] = []

    def submit(self, item: Item) -> None:
        try:
            self._done.append(Finished(item=item, said=self._work(item)))
        except Exception as error:  # noqa: BLE001 - handed to the loop, as by the real ones
            self._done.append(Finished(item=item, error=error))

    def take_back(self) -> list[Item]:
        return []

    def wait(self, seconds: float) -> list[Finished[Item]]:
        done, self._done = self._done, []
        return done


@contextmanager
def without_threads() -> Iterator[None]:
    with (
        mock.patch.object(reconcile, "Workers", AtOnce),
        mock.patch.object(reconcile, "call_aside", lambda call, check: call()),
    ):
        yield


@dataclass
class _Clock:
    wire: Wire

    def now(self) -> datetime:
        return self.wire.sky.time.now()

    def monotonic(self) -> float:
        return self.wire.sky.time.monotonic() - self.wire.suspended

    def sleep(self, seconds: float) -> None:
        self.wire.sleep(seconds)


@dataclass
class _Repository:
    world: StormWorld
    node: Node

    def head(self) -> str:
        return self.node.name

    def is_dirty(self) -> bool:
        return False

    def is_ancestor(self, older: str, newer: str) -> bool | None:
        return self.world.is_ancestor(older, newer)

    def content(self, commit: str, path: str, *, limit: int) -> str:
        return "no file is kept here"

    def changed_files(self, older: str, newer: str) -> frozenset[str]:
        before, after = ({n.name: n.manifests for n in self.world.nodes}[commit] for commit in (older, newer))
        changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
        return frozenset(f"finetunes/{name}.yaml" for name in changed)


def carry_out(world: StormWorld, run: Run) -> Ended:
    """Carries out one run. What ends in anything but an exit code is noted as wrong."""
    ended = Ended()
    if world.newest is None:
        return ended
    number = world.unique("runs")
    clone = world.clones[run.clone % len(world.clones)]
    world.struck["runs in a clone without a remote"] += clone.is_lonely
    world.struck["runs of another project"] += run.project != PROJECT
    node = world.newest
    if run.behind:
        line = [n for n in world.nodes if n.name == node.name or n.name in node.contains]
        node = line[max(0, len(line) - 1 - run.behind)]
    if run.is_fork:
        node = world.fork(node)
    stop = threading.Event()
    wire = Wire(world.sky, run.incidents, stop, random.Random(f"{world.script.seed} {number}"))
    wire.on_call = lambda operation, what: world.trace.append(
        f"{world.time.monotonic():9.2f} run {number} {operation} {what}".rstrip()
    )
    wire.on_act = lambda began: world.act(node, began)
    said = Said()
    ended.lines = said.lines
    owner = f"host{clone.number}/{number}/1"
    workspace = _workspace(world, run, clone, node, wire, said, stop, owner)
    try:
        _like_the_command(workspace, run, ended)
    except Killed:
        world.dead.add(owner)
        world.struck["runs killed"] += 1
    except FtopsError as error:
        ended.error, ended.code = error, int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - a crash is a finding
        world.wrong.append(f"crash: run {number} ended in {type(error).__name__}: {error}")
        world.trace.append("".join(traceback.format_exception(error)))
    world.calls += wire.counts["*"] - wire.counts["clock.sleep"]
    _remember(world, number, ended)
    return ended


def _like_the_command(workspace: Workspace, run: Run, ended: Ended) -> None:
    """Does what ``cli.apply`` and ``cli.prune`` do with ``--auto-approve``."""
    settings = Settings(
        is_waiting=run.mode in {"wait", "time-out", "prune"},
        is_continuing=run.mode == "continue",
        seconds=TIME_OUT_SECONDS if run.mode == "time-out" else PATIENCE_SECONDS,
        parallelism=1,
    )
    for name in workspace.shared_ledgers:
        check_standing(workspace, workspace.ledgers[name].read().state)
    ended.plan = plan_now(workspace)
    if settings.is_continuing:
        ended.plan = continuing(ended.plan)
    if ended.plan.blockers:
        ended.code = int(ExitCode.INVALID)
        return
    ended.outcome = Apply(workspace=workspace, settings=settings, approved=ended.plan).run()
    ended.code = int(ended.outcome.code)


def _workspace(
    world: StormWorld,
    run: Run,
    clone: Clone,
    node: Node,
    wire: Wire,
    said: Said,
    stop: threading.Event,
    owner: str,
) -> Workspace:
    desired = world.manifests.desired(node.manifests, project=run.project, commit=node.name)
    shared = CloneLedger(clone.folder, wire, project=run.project)
    rehearsed = CloneLedger(clone.rehearsals, wire, project=run.project)
    names = [backend.name for backend in desired.backends]
    real = {**world.backends, "twin": clone.twin}
    sessions = {name: wire.wrap(real[name], name) for name in names}
    clock = _Clock(wire)
    return Workspace(
        desired=desired,
        ledgers={name: rehearsed if backend.is_rehearsal else shared for name, backend in BACKENDS.items()},
        sessions=sessions,
        offline={},
        repository=_Repository(world, node),
        datasets=world.manifests.files.memory,
        evaluations=Evaluations(
            files=world.manifests.files.memory,
            outputs=wire.wrap(clone.outputs, "disk", "outputs"),
            sessions=sessions,
            clock=clock,
            input_digest=input_digest,
        ),
        clock=clock,
        progress=said,
        identity=Identity(
            owner=owner,
            run_url=None,
            new_id=lambda: f"id{world.unique('ids'):06d}",
            is_dead=lambda other: other in world.dead and other.split("/")[0] == f"host{clone.number}",
        ),
        is_ledger_shared=not clone.is_lonely,
        open_left=lambda backend: wire.wrap(real[backend.name], backend.name),
        policy=Allowed(
            allow=frozenset(run.allow),
            is_pruning=world.script.prune or run.mode == "prune",
            only_prunes=run.mode == "prune",
        ),
        stop=stop,
    )


def _remember(world: StormWorld, number: int, ended: Ended) -> None:
    plans = [ended.plan, ended.outcome.plan if ended.outcome else None]
    world.texts += [*ended.lines, ended.why, *(json.dumps(plan_to_json(plan)) for plan in plans if plan)]
    for error in (ended.error, ended.outcome.stopped_by if ended.outcome else None):
        world.texts.append(str(error.remedy) if error else "")
    world.struck[f"runs that ended in {'a kill' if ended.code is None else ended.code}"] += 1
    world.trace += [f"  | {line}" for line in ended.lines]
    world.trace.append(f"{world.time.monotonic():9.2f} run {number} ended in {ended.code} {ended.why}".rstrip())
