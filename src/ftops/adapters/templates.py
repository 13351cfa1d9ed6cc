"""The files that ship with ftops to be copied into a project: templates, and the schemas for editors."""

from importlib import resources
from importlib.resources.abc import Traversable

from ftops.adapters.schemas import schema_text

_SCHEMAS = ("finetune.v1", "project.v1")


def load_templates() -> dict[str, str]:
    """Gives every template by its path below ``templates/``, and the schemas of what people write as ``schemas/NAME.json``."""
    found = _texts(resources.files("ftops") / "templates", "")
    return {**found, **{f"schemas/{name}.json": schema_text(name) for name in _SCHEMAS}}


def _texts(folder: Traversable, prefix: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            texts |= _texts(entry, f"{prefix}{entry.name}/")
        else:
            texts[f"{prefix}{entry.name}"] = entry.read_text(encoding="utf-8")
    return texts
