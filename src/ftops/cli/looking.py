"""What the commands that look share: open a workspace, observe, plan, change nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftops.application.observe import Observation, observe
from ftops.application.planning import make_plan
from ftops.application.workspace import Workspace
from ftops.bootstrap import find_place, load_desired, open_workspace
from ftops.cli.guards import policy_of
from ftops.cli.live import PlainProgress
from ftops.cli.options import Selection
from ftops.cli.style import safe, tell
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
) -> Iterator[View]:
    """Observes without writing. A ledger that can't be fetched is read from its copy, and a warning says so."""
    place = find_place(directory)
    desired = load_desired(place, backend=backend)
    policy = policy_of((), selection.choose(desired))
    with open_workspace(
        place, desired, policy=policy, progress=PlainProgress(), stop=threading.Event(), is_offline=is_offline
    ) as workspace:
        observation = observe(workspace, may_be_stale=True)
        plan = make_plan(workspace, observation)
        for caveat in plan.caveats:
            tell(f"Warning: {safe(caveat)}")
        yield View(workspace=workspace, observation=observation, plan=plan)
