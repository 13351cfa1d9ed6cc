"""``ftops approved``: brings the plans that merged pull requests were approved with, for ``ftops apply --approved``."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ftops.cli.main import Globals
from ftops.cli.style import echo, tell
from ftops.errors import Stale, UsageProblem

if TYPE_CHECKING:
    from ftops.adapters.github_approvals import KeptPlan

_PRESENT: Final = "present.json"


@click.command("approved")
@click.option(
    "--plan",
    "fresh",
    metavar="FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The plan as it is now: it is handed on where nobody has approved one yet.",
)
@click.option(
    "--out",
    "folder",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where they are written to, for ftops apply --approved DIR.",
)
@click.option(
    "--repository",
    metavar="OWNER/NAME",
    envvar="GITHUB_REPOSITORY",
    help="On GitHub; by default what GITHUB_REPOSITORY names.",
)
@click.option(
    "--workflow",
    metavar="FILE",
    default="ftops-plan.yml",
    show_default=True,
    help="The workflow whose runs keep plans.",
)
@click.option(
    "--result",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the refusal is saved for ftops comment --result, if the present plan goes beyond what was approved.",
)
@click.pass_obj
def command(
    context: Globals, *, fresh: Path, folder: Path, repository: str | None, workflow: str, result: Path | None
) -> int:
    """Bring the plans that merged pull requests were approved with.

    Asks GitHub for those of all commits since the last apply. Where one has none, as nobody made a pull request of it or it
    came from a fork, the present plan is taken instead, and says so: whoever approves the deployment approves that one.
    Ends in exit 6 where the present plan goes beyond what was approved, as apply would.

    \b
    Examples:
      ftops plan -o plan.json && ftops approved --plan plan.json --out approved
      ftops apply --auto-approve --approved approved
    """
    from ftops.application.outcome import Outcome
    from ftops.application.saved_plan import check_approved
    from ftops.bootstrap_approved import find_approvals
    from ftops.bootstrap_place import find_place
    from ftops.cli.apply_report import save
    from ftops.cli.live import PlainProgress
    from ftops.cli.plan_file import read_approval, read_plan

    if not repository:
        raise UsageProblem("there is no repository to look in", remedy="give --repository OWNER/NAME")
    plan, place = read_plan(fresh), find_place(context.directory)
    _clear(folder)
    # Started by hand, a run is about what is planned now, not about what was merged. Where nothing is to be done nobody is
    # asked before the apply, so it has to find an approval of nothing.
    is_by_hand = os.environ.get("GITHUB_EVENT_NAME") == "workflow_dispatch"
    found: tuple[KeptPlan, ...] = ()
    if plan.has_changes and not is_by_hand:
        found = find_approvals(place, os.environ, repository=repository, workflow=workflow, progress=PlainProgress())
    missing = [kept.why for kept in found if kept.content is None]
    for why in missing:
        tell(f"Nobody approved a plan: {why}.")
    if missing or not found:
        shutil.copyfile(fresh, folder / _PRESENT)
        said = "whoever approves the deployment approves it" if plan.has_changes else "there is nothing to approve"
        echo(f"The present plan is handed on: {said}.")
        return 0
    for kept in found:
        (folder / f"pull-{kept.number}.json").write_bytes(kept.content or b"")
    approval = read_approval([folder])
    assert approval is not None  # noqa: S101  (there is a folder; tells mypy)
    echo(f"Approved with {', '.join(f'#{number}' for number in sorted({kept.number or 0 for kept in found}))}.")
    try:
        check_approved(approval, plan)
    except Stale as error:
        refusal = Stale(error.message, remedy="start the workflow by hand: its reviewers approve the new plan")
        save(Outcome(stopped_by=refusal), plan.project, result)
        raise refusal from error
    return 0


def _clear(folder: Path) -> None:
    """Leaves none of our own files of another run there."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (*folder.glob("pull-*.json"), folder / _PRESENT):
        file.unlink(missing_ok=True)
