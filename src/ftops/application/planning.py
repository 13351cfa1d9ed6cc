"""From what was observed to what would be done: guards about where we stand first, then the planner."""

from ftops.application.observe import Observation
from ftops.application.workspace import Workspace
from ftops.domain.guard import refuse_run
from ftops.domain.plan import Plan
from ftops.domain.planner import build_plan
from ftops.errors import Refused


def make_plan(workspace: Workspace, observation: Observation) -> Plan:
    """Builds the plan for what was observed. Raises Refused where a guard about where we stand says no."""
    refusal = refuse_run(workspace.desired, observation.state)
    if refusal is not None:
        raise Refused(refusal.message, remedy=refusal.remedy)
    return build_plan(workspace.desired, observation.state, workspace.policy, workspace.clock.now().date())
