"""What the commands that look share: open a workspace, observe, plan, change nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from ftops.application.observe import Observation, observe
from ftops.application.planning import make_plan
from ftops.application.workspace import Workspace
from ftops.bootstrap import load_desired, open_catalog, open_workspace
from ftops.bootstrap_place import Place, find_place
from ftops.cli.guards import policy_of
from ftops.cli.live import PlainProgress
from ftops.cli.options import Selection
from ftops.cli.style import safe, tell
from ftops.domain.desired import DesiredState
from ftops.domain.manifest import FineTuneName
from ftops.domain.plan import Plan

NO_SELECTION: Final = Selection()


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """The world as it is now, and what would follow."""

    workspace: Workspace
    observation: Observation
    plan: Plan


@contextmanager
def looking(
    directory: Path,
    *,
    backend: str | None,
    is_offline: bool,
    selection: Selection = NO_SELECTION,
    name: str | None = None,
    is_refreshing: bool = False,
) -> Iterator[View]:
    """Observes without writing. A ledger that can't be fetched is read from its copy, and a warning says so.

    ``name`` is one more to select, by its present name, a former one or a glob; a former one is warned about.
    """
    place = find_place(directory)
    desired = load_desired(place, backend=backend)
    if name is not None:
        selection = replace(selection, targets=(*selection.targets, present_name(place, desired, name)))
    policy = policy_of((), selection.choose(desired))
    with open_workspace(
        place, desired, policy=policy, progress=PlainProgress(), stop=threading.Event(), is_offline=is_offline
    ) as workspace:
        observation = observe(workspace, may_be_stale=True, is_refreshing=is_refreshing)
        plan = make_plan(workspace, observation)
        for caveat in plan.caveats:
            tell(f"Warning: {safe(caveat)}")
        yield View(workspace=workspace, observation=observation, plan=plan)


def present_name(place: Place, desired: DesiredState, name: str) -> str:
    """Gives what is declared now under a former name, as the manifests or the ledgers tell; else the name itself."""
    if any(fnmatchcase(declared.name, name) for declared in desired.fine_tunes):
        return name
    former = FineTuneName(name)
    present = next((d.name for d in desired.fine_tunes if former in d.fine_tune.moved_from), None)
    if present is None:
        catalog = open_catalog(place, backend=None)
        records = (catalog.read(backend, is_cached=False).state.named(former) for backend in desired.backends)
        present = next((FineTuneName(r.name) for r in records if r and desired.named(FineTuneName(r.name))), None)
    if present is None:
        return name
    tell(f"Warning: {safe(name)} is called {present} now")
    return present
