"""The JSON Schemas that ship with ftops, by name.

Owns where they are found: beside the package in a wheel, at the repository's root in a source tree.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

from ftops.adapters.run_identity import new_id
from ftops.domain.foreign_text import visible
from ftops.errors import UsageProblem


@cache
def load_schema(name: str) -> Mapping[str, Any]:
    """Gives the schema ``schemas/NAME.json``, for example ``load_schema("finetune.v1")``.

    Raises ``FileNotFoundError`` for a name that doesn't ship.
    """
    return cast("Mapping[str, Any]", json.loads(schema_text(name)))


def schema_text(name: str) -> str:
    """Gives the same as it is written. Raises ``FileNotFoundError``, too."""
    packaged = resources.files("ftops") / "schemas" / f"{name}.json"
    source = packaged if packaged.is_file() else Path(__file__).parents[3] / "schemas" / f"{name}.json"
    return source.read_text(encoding="utf-8")


def place_schema(name: str, folder: Path) -> Path:
    """Writes the same into a folder, which is made where there is none, over an older one, and gives the file.

    Raises UsageProblem where something else is in the way; a link is not followed.
    """
    path = folder / f"{name}.json"
    if folder.exists() and not folder.is_dir():
        raise UsageProblem(f"{visible(str(folder))} is a file", remedy="name a folder")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageProblem(f"{path.name} is there and is no plain file", remedy="move it away")
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{new_id()}")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(schema_text(name))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
