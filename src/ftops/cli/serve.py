"""``ftops serve``: the embedded server, which stands alone; this only finds the project's data folder for it."""

from pathlib import Path
from typing import Any

import click

from ftops.cli.main import Globals
from ftops.server.main import serve

_OWN_DEFAULT = next(p for p in serve.params if p.name == "data_dir").default


def _data_dir() -> Any:
    """Gives the project's embedded data folder, so that this serves what plan and apply use; elsewhere the server's own."""
    from ftops.bootstrap_place import find_place
    from ftops.errors import UsageProblem

    context = click.get_current_context().find_object(Globals)
    start = context.directory if context else Path()
    try:
        return find_place(start).ftops_dir / "embedded"
    except UsageProblem:
        return start / str(_OWN_DEFAULT)


command = click.Command(
    name="serve",
    callback=serve.callback,
    help=serve.help,
    params=[
        click.Option(
            ["--data-dir"],
            type=click.Path(file_okay=False, path_type=Path),
            default=_data_dir,
            show_default="the project's .ftops/embedded",
            help="Where files, jobs and models are kept; made if it isn't there.",
        )
        if p.name == "data_dir"
        else p
        for p in serve.params
    ],
)
