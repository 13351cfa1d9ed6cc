"""``ftops schema``: the JSON Schemas of what people write and of what ftops prints, for editors and other programs."""

from pathlib import Path
from typing import Final

import click

from ftops.cli.main import Globals
from ftops.cli.style import echo
from ftops.errors import UsageProblem

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
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Write files there instead."
)
@click.pass_obj
def command(context: Globals, *, name: str | None, out: Path | None) -> int:
    """Print a JSON Schema (draft 2020-12) of manifests, ftops.yaml, plans, outcomes or the ledger.

    Without a name, the list of them.

    Editors complete and check manifests by the line that ftops init writes at their top:
    # yaml-language-server: $schema=../schemas/finetune.v1.json

    \b
    Examples:
      ftops schema finetune
      ftops schema --out schemas    all of them, as after an upgrade
    """
    from ftops.adapters.schemas import schema_text

    if out is not None:
        folder = context.directory / out
        for each in (name,) if name else _SCHEMAS:
            _write(folder, f"{each}.v1.json", schema_text(f"{each}.v1"))
    elif name:
        echo(schema_text(f"{name}.v1").rstrip("\n"))
    else:
        for each, what in _SCHEMAS.items():
            echo(f"{each:<10}{what}")
    return 0


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageProblem(f"{name} is there and is no plain file", remedy="move it away")
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    echo(f"wrote {path.name}")
