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
from ftops.domain.desired import Dataset, Declared, DesiredState, TokenSum
from ftops.domain.manifest import FineTuneName
from ftops.domain.plan import Plan
from ftops.evaluation.known_verdicts import Recalled

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
    is_cached: bool = False,
) -> Iterator[View]:
    """Observes without writing. A ledger that can't be fetched is read from its copy, and a warning says so.

    ``name`` is one more to select, by its present name, a former one or a glob; a former one is warned about.
    ``is_cached`` fetches nothing, and judges nothing anew.
    """
    place = find_place(directory)
    desired = load_desired(place, backend=backend)
    if name is not None:
        selection = replace(
            selection, targets=(*selection.targets, present_name(place, desired, name, is_cached=is_cached))
        )
    policy = policy_of((), selection.choose(desired))
    with open_workspace(
        place, desired, policy=policy, progress=PlainProgress(), stop=threading.Event(), is_offline=is_offline
    ) as opened:
        workspace = _at_rest(opened) if is_cached else opened
        observation = observe(workspace, may_be_stale=True, is_refreshing=is_refreshing, is_cached=is_cached)
        plan = make_plan(workspace, observation)
        for caveat in plan.caveats:
            tell(f"Warning: {safe(caveat)}")
        yield View(workspace=workspace, observation=observation, plan=plan)


def _at_rest(workspace: Workspace) -> Workspace:
    """Gives a workspace that judges nothing anew and counts no tokens; that nobody is asked goes without saying."""
    known = Recalled(workspace.evaluations.verdicts)
    return replace(
        workspace,
        offline={},
        desired=replace(workspace.desired, fine_tunes=tuple(map(_uncounted, workspace.desired.fine_tunes))),
        evaluations=replace(workspace.evaluations, verdicts=known),
    )


def _uncounted(declared: Declared) -> Declared:
    """Takes datasets whose tokens nobody has counted yet for empty ones: no estimate is shown here."""

    def known(dataset: Dataset) -> Dataset:
        return dataset if dataset.counted else replace(dataset, counted=TokenSum())

    evals = tuple(replace(one, dataset=known(one.dataset)) for one in declared.evals)
    return replace(declared, train=known(declared.train), evals=evals)


def present_name(place: Place, desired: DesiredState, name: str, *, is_cached: bool = False) -> str:
    """Gives what is declared now under a former name, as the manifests or the ledgers tell; else the name itself."""
    if any(fnmatchcase(declared.name, name) for declared in desired.fine_tunes):
        return name
    former = FineTuneName(name)
    present = next((d.name for d in desired.fine_tunes if former in d.fine_tune.moved_from), None)
    if present is None:
        catalog = open_catalog(place, backend=None)
        records = (catalog.read(backend, is_cached=is_cached).state.named(former) for backend in desired.backends)
        present = next((FineTuneName(r.name) for r in records if r and desired.named(FineTuneName(r.name))), None)
    if present is None:
        return name
    tell(f"Warning: {safe(name)} is called {present} now")
    return present
