"""What the checks find in the datasets that a plan would upload or train on.

Owns that a plan without any looks at none, and that errors keep datasets from being planned with.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from ftops.application.workspace import Workspace
from ftops.datasets.checks import Level
from ftops.domain.dataset_findings import DatasetFinding
from ftops.domain.plan import Plan, Train, Upload
from ftops.errors import Invalid

if TYPE_CHECKING:
    from ftops.datasets.findings import FindingGroup


def with_findings(workspace: Workspace, plan: Plan) -> Plan:
    """Gives the plan with what is found in its datasets. Raises ``Invalid`` with the errors."""
    names = {action.fine_tune for action in plan.actions if isinstance(action, Upload | Train)}
    fine_tunes = [declared.fine_tune for declared in workspace.desired.fine_tunes if declared.name in names]
    if not fine_tunes:
        return plan
    from ftops.application.data_reviews import unusable  # brings numpy along: what trains nothing needs none

    review = workspace.review(fine_tunes)
    if errors := unusable(review):
        raise Invalid([problem for group in errors for problem in group.problems()])
    return replace(plan, findings=tuple(_finding(group) for group in review.groups if group.level is not Level.ERROR))


def _finding(group: "FindingGroup") -> DatasetFinding:
    return DatasetFinding(
        file=group.file,
        code=group.check.code,
        name=group.check.name,
        level="warning" if group.level is Level.WARNING else "advice",
        count=group.count,
        lines=tuple(one.line for one in group.shown),
    )
