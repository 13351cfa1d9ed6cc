"""``ftops data diff``: what differs between two versions of a dataset."""

from pathlib import Path

import click

from ftops.cli.main import Globals
from ftops.cli.options import json_option, print_json
from ftops.cli.style import echo


@click.command("diff", short_help="Show which rows differ, and what that does.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--show", "shown", type=click.IntRange(min=0), default=3, show_default=True, help="Rows of each kind.")
@click.option("--base-model", metavar="MODEL", help="Estimate training of this model, instead of the manifests'.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 3 where rows differ.")
@json_option
@click.pass_obj
def command(
    context: Globals,
    *,
    old: str,
    new: str,
    shown: int,
    base_model: str | None,
    detailed_exitcode: bool,
    as_json: bool,
) -> int:
    """Show which rows were added, removed and changed, and what that does to labels, tokens and cost.

    OLD and NEW are paths, or paths at a git revision: HEAD~1:data/train.jsonl, or HEAD~1:./train.jsonl for one that counts
    from here. A row is changed where its prompt is the same, letters and digits only, and the rest is not.

    \b
    Examples:
      ftops data diff HEAD:data/train.jsonl data/train.jsonl
      ftops data diff old.jsonl new.jsonl --show 10 --json
    """
    from ftops.application.data_differences import difference_of
    from ftops.application.outcome import ExitCode
    from ftops.bootstrap_data import open_surveys
    from ftops.cli.data_users import DataUsers

    known = DataUsers(context.directory)
    users = known.of(Path(new))
    users = users if users.uses else known.of(Path(old))
    with open_surveys(context.directory) as surveys:
        found = difference_of(old, new, users, surveys, base_model=base_model, shown=shown)
    if as_json:
        from ftops.cli.render_difference import difference_to_json

        print_json(difference_to_json(found))
    else:
        from ftops.cli.charts import drawn
        from ftops.cli.render_difference import difference_parts

        echo(drawn(difference_parts(found)))
    return ExitCode.CHANGES_PENDING if detailed_exitcode and found.difference.has_changes else ExitCode.DONE
