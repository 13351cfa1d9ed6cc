"""The JSON Schemas that ship with ftops, by name.

Owns where they are found: beside the package in a wheel, at the repository's root in a source tree.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast


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
