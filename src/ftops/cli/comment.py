"""``ftops comment``: a plan, or what became of an apply, in a pull request: the comment, the step's summary, its outputs."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ftops.cli.main import Globals
from ftops.cli.style import echo_data, safe, tell
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.cli.ci_run import Run
    from ftops.cli.comment_body import Told

ACTIONS_BOT: Final = "github-actions[bot]"
_PROJECT: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_APP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\[bot\]")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("comment")
@click.option("--plan", "plan_file", metavar="FILE", type=_FILE, help="A plan that ftops plan -o FILE saved.")
@click.option("--result", "result_file", metavar="FILE", type=_FILE, help="What ftops apply --out FILE saved.")
@click.option(
    "--pull-request",
    "number",
    metavar="N",
    type=click.IntRange(1, 10**9 - 1),
    help="Which one; by default that of the run, or the one that its commit came from.",
)
@click.option("--repository", metavar="OWNER/NAME", help="By default the run's: GITHUB_REPOSITORY.")
@click.option(
    "--author",
    metavar="LOGIN",
    help=f"The app that the token is of, as it may not say so itself; {ACTIONS_BOT} by default.",
)
@click.option("--summary-only", is_flag=True, help="Write no comment: summary, outputs and annotations alone.")
@click.option("--dry-run", is_flag=True, help="Print the comment and do nothing else; needs no token.")
@click.option(
    "--annotations/--no-annotations",
    default=None,
    help="Print remarks at the lines of manifests, as GitHub reads them; by default where a GitHub workflow runs.",
)
@click.pass_obj
def command(
    context: Globals,
    *,
    plan_file: Path | None,
    result_file: Path | None,
    number: int | None,
    repository: str | None,
    author: str | None,
    summary_only: bool,
    dry_run: bool,
    annotations: bool | None,
) -> int:
    """Show a plan, or what became of an apply, in a pull request.

    One comment for each project, found again and updated in place. The token is GITHUB_TOKEN's, with the permission
    pull-requests: write. The summary of the step, its outputs (changes, cost, plan-file) and annotations are written first.

    \b
    Examples:
      ftops plan -o plan.json && ftops comment --plan plan.json
      ftops apply --auto-approve --out result.json; ftops comment --result result.json
      ftops comment --plan plan.json --dry-run     only print it, as for GitLab
    """
    from ftops.cli.ci_run import run_of
    from ftops.cli.comment_body import comment_text

    told = _read(plan_file, result_file)
    run = run_of(os.environ)
    if dry_run:
        echo_data(comment_text(told, run_url=run.url, has_summary=False).rstrip("\n"))
        return 0
    if author is not None and not _APP.fullmatch(author):
        # Nobody else's: a token that may write to pull requests may change what people wrote.
        raise UsageProblem("--author takes an app's login", remedy=f"such as {ACTIONS_BOT}")
    _tell_runner(context, told, plan_file, annotations=annotations)
    if summary_only:
        if not os.environ.get("GITHUB_STEP_SUMMARY"):
            tell("GITHUB_STEP_SUMMARY is not set: there is no summary to write.")
        return 0
    return _comment(told, run, repository=repository or run.repository, number=number, author=author)


def _read(plan_file: Path | None, result_file: Path | None) -> "Told":
    from ftops.cli.comment_body import Told
    from ftops.cli.outcome_file import read_outcome_file
    from ftops.cli.plan_file import read_plan

    plan = read_plan(plan_file) if plan_file is not None else None
    outcome = read_outcome_file(result_file) if result_file is not None else None
    projects = {one.project for one in (plan, outcome) if one is not None}
    if not projects:
        raise UsageProblem("there is nothing to tell", remedy="give --plan FILE, --result FILE, or both")
    if len(projects) > 1:
        raise UsageProblem("the plan and the result are of different projects")
    project = projects.pop()
    if not _PROJECT.fullmatch(project):
        raise UsageProblem("the file names no project: a name is a DNS label")
    return Told(project=project, plan=plan, outcome=outcome)


def _tell_runner(context: Globals, told: "Told", plan_file: Path | None, *, annotations: bool | None) -> None:
    """Writes what needs no token: the summary, the outputs and the annotations."""
    from ftops.cli.ci_run import append_summary, room_in_summary, write_outputs
    from ftops.cli.comment_body import outputs_of, summary_text

    environ = os.environ
    write_outputs(environ, outputs_of(told, plan_file))
    append_summary(environ, summary_text(told, room=room_in_summary(environ)))
    if annotations if annotations is not None else environ.get("GITHUB_ACTIONS") == "true":
        from ftops.bootstrap_comment import find_lines
        from ftops.cli.annotations import remark_lines
        from ftops.cli.plan_annotations import remarks_of

        for line in remark_lines(remarks_of(told.plan, told.outcome, find_lines(context.directory))):
            echo_data(line)


def _comment(told: "Told", run: "Run", *, repository: str | None, number: int | None, author: str | None) -> int:
    from ftops.application.one_comment import marker_of, post
    from ftops.bootstrap_comment import open_discussion
    from ftops.cli.comment_body import comment_text

    if repository is None:
        raise UsageProblem("which repository is not known", remedy="give --repository OWNER/NAME, or --summary-only")
    number = number or _number_of(run, repository)
    if number is None:
        tell("This run is about no pull request, and its commit came from none: there is no comment to write.")
        return 0
    body = comment_text(told, run_url=run.url, has_summary=bool(os.environ.get("GITHUB_STEP_SUMMARY")))
    with open_discussion(os.environ, repository, number) as discussion:
        own = discussion.own_login()
        if own is not None and author not in {None, own}:
            raise UsageProblem(f"the token is {safe(own)}'s, not {author}'s", remedy="leave out --author")
        login = own or author or ACTIONS_BOT
        posted = post(discussion, marker=marker_of(told.project), body=body, author=login)
    tell(f"Comment {posted.done} in pull request #{number}: {safe(posted.url) or repository}")
    if posted.author != login:
        name = safe(posted.author)
        tell(f"Warning: the token is {name}'s; give --author {name}, so that its comment is found at once.")
    return 0


def _number_of(run: "Run", repository: str) -> int | None:
    """Gives the pull request that the run is about, or that its commit came from; another repository's is not asked for."""
    from ftops.bootstrap_comment import find_merged

    is_own = repository == run.repository
    if not is_own or (run.pull_request is None and run.commit is None):
        raise UsageProblem("which pull request is not known", remedy="give --pull-request N, or --summary-only")
    return run.pull_request or find_merged(os.environ, repository, run.commit or "")
