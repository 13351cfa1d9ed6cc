"""``ftops data stats``: what is in a dataset, and what training on it would cost."""

from pathlib import Path

import click

from ftops.cli.main import Globals
from ftops.cli.options import json_option, print_json
from ftops.cli.style import echo


@click.command("stats", short_help="Show lengths, labels, tokens and cost of a dataset.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--base-model", metavar="MODEL", help="Estimate training of this model, instead of the manifests'.")
@json_option
@click.pass_obj
def command(context: Globals, *, files: tuple[Path, ...], base_model: str | None, as_json: bool) -> int:
    """Show what is in a dataset: turns, lengths, labels, tokens, prompts, tools, and what training would cost.

    FILE is a path, or a path at a git revision, such as HEAD~1:data/train.jsonl. Rows with errors of the format are left out
    and counted.

    \b
    Examples:
      ftops data stats data/train.jsonl
      ftops data stats train.jsonl --base-model gpt-4.1-mini --json
    """
    from ftops.application.data_figures import figures_of
    from ftops.bootstrap_data import open_surveys
    from ftops.cli.data_users import DataUsers

    users = DataUsers(context.directory)
    with open_surveys(context.directory) as surveys:
        found = [figures_of(str(file), users.of(file), surveys, base_model=base_model) for file in files]
    if as_json:
        from ftops.cli.render_figures import figures_to_json

        print_json({"format_version": "1", "files": [figures_to_json(one) for one in found]})
        return 0
    from ftops.cli.charts import drawn
    from ftops.cli.render_figures import figure_parts

    for place, one in enumerate(found):
        echo(("\n" if place else "") + drawn(figure_parts(one)))
    return 0
