"""What people ask of ftops in the storm: ``ftops retry``, ``cancel`` and ``forget``, in a quiet moment at a terminal."""

from collections.abc import Callable
from typing import Any

from storm_ledger import CloneLedger
from storm_script import Ask
from storm_witness import PROJECT
from storm_world import StormWorld

from ftops.application.requests import Asker, ask_cancel, ask_retry, forget, known
from ftops.domain.manifest import FineTuneName
from ftops.errors import FtopsError


class Quiet:
    """A wire on which nothing happens: somebody at a terminal."""

    def call(self, operation: str, place: str, act: Callable[[], Any]) -> Any:
        return act()

    def sleep(self, seconds: float) -> None:
        return None


def ask(world: StormWorld, step: Ask) -> None:
    """Asks for something about one of the fine-tunes; what can't be had is said, and that is all."""
    clone = world.clones[step.clone % len(world.clones)]
    if world.newest is None or not world.newest.manifests:
        return
    desired = world.manifests.desired(world.newest.manifests, project=PROJECT, commit=world.newest.name)
    declared = desired.fine_tunes[step.nth % len(desired.fine_tunes)]
    folder = clone.rehearsals if declared.backend.is_rehearsal else clone.folder
    ledger = CloneLedger(folder, Quiet())
    asker = Asker(owner=f"host{clone.number}/ada/1", run_url=None, at=world.time.now())
    name, heard = FineTuneName(declared.name), "heard"
    world.act(world.newest, world.time.monotonic())
    try:
        match step.what:
            case "retry":
                ask_retry(ledger, declared, asker, commit=world.newest.name)
            case "cancel":
                ask_cancel(ledger, name, asker, job=None, revision=None)
            case _:
                forget(ledger, name, known(ledger.read().state, name), asker)
    except FtopsError as error:
        heard = "refused"
        world.texts.append(f"{error} {error.remedy}")
    world.struck[f"asked to {step.what}: {heard}"] += 1
