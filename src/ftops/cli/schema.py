"""``ftops schema``: the JSON Schemas of what people write and of what ftops prints, for editors and other programs."""

from pathlib import Path
from typing import Final

import click

from ftops.cli.main import Globals
from ftops.cli.style import echo

# Name → what it describes.
_SCHEMAS: Final = {
    "finetune": "a manifest",
    "project": "ftops.yaml",
    "plan": "what ftops plan --json prints",
    "outcome": "what ftops apply --json prints",
    "ledger": "the files of the ledger's branch",
}


@click.command("schema")
@click.argument("name", required=False, type=click.Choice(list(_SCHEMAS)))
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Write files there instead.")
@click.pass_obj
def command(context: Globals, *, name: str | None, out: Path | None) -> int:
    """Print a JSON Schema (draft 2020-12) of manifests, ftops.yaml, plans, outcomes or the ledger.

    Without a name, the list of them.

    Editors complete and check manifests by the line that ftops init writes at their top:

    \b
      # yaml-language-server: $schema=../schemas/finetune.v1.json

    \b
    Examples:
      ftops schema finetune
      ftops schema --out schemas    all of them, as after an upgrade
    """
    from ftops.adapters.schemas import place_schema, schema_text

    if out is not None:
        folder = context.directory / out
        for each in (name,) if name else _SCHEMAS:
            echo(f"wrote {place_schema(f'{each}.v1', folder).name}")
    elif name:
        echo(schema_text(f"{name}.v1").rstrip("\n"))
    else:
        for each, what in _SCHEMAS.items():
            echo(f"{each:<10}{what}")
    return 0
