"""What may stand at places that take names: fine-tunes, aliases, backends, evaluations, labels, revisions, words of guards.

Owns where these are found: in the manifests that can be read, however many others are wrong, and in the ledger's local copy.
Nothing is fetched and nothing is written. Given to click as ``shell_complete``; what fails is told to nobody
(``completion_words``).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ftops.domain.loaded import LoadedProject
    from ftops.domain.manifest import FineTune
    from ftops.domain.records import LedgerState


def fine_tunes(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the name of a declared fine-tune."""
    return _items((one.name for one in _project(context).fine_tunes), incomplete)


def known_fine_tunes(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the name of a fine-tune that is declared, or that the ledger knows by its present or a former name."""
    names: set[str] = {one.name for one in _project(context).fine_tunes}
    for name, record in _ledger(context).fine_tunes.items():
        names |= {name, *record.former_names}
    return _items(names, incomplete)


def models(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes NAME and NAME@ALIAS."""
    found = _project(context).fine_tunes
    return _items((word for one in found for word in (one.name, *_at(one))), incomplete)


def aliases(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes an alias: of the fine-tune that was named before it, else of any."""
    return _items((alias for one in _named(context) for alias in one.aliases), incomplete)


def evals(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes an evaluation: of the fine-tune that was named before it, else of any."""
    return _items((spec.name for one in _named(context) for spec in one.evals), incomplete)


def labels(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes KEY=VALUE."""
    found = _project(context).fine_tunes
    return _items((f"{key}={value}" for one in found for key, value in one.labels.items()), incomplete)


def backends(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes a backend."""
    return _items(_project(context).project.backends, incomplete)


def revisions(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes a revision that the ledger knows of the fine-tune that was named."""
    record = _ledger(context).fine_tunes.get(_name(context))
    return _items(record.revisions if record else (), incomplete)


def guards(context: click.Context, _option: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes a word that lifts a guard of the command."""
    from ftops.cli.guards import words_of

    return _items(words_of(only_prunes=context.info_name == "prune"), incomplete)


def _items(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from ftops.cli.completion_words import items

    return items(sorted(set(words)), incomplete)


def _at(one: "FineTune") -> list[str]:
    return [f"{one.name}@{alias}" for alias in one.aliases]


def _named(context: click.Context) -> "list[FineTune]":
    found, name = _project(context).fine_tunes, _name(context)
    return [one for one in found if one.name == name] or list(found)


def _name(context: click.Context) -> str:
    """The fine-tune that was named: behind an option that has no value yet, click leaves the words before it unassigned."""
    return str(context.params.get("name") or next(iter(context.args), ""))


def _project(context: click.Context) -> "LoadedProject":
    from ftops.adapters.manifest_files import read_project
    from ftops.bootstrap_place import find_place

    place = find_place(_directory(context))
    return read_project(place.root, backend_override=None, kept=place.manifests)[0]


def _ledger(context: click.Context) -> "LedgerState":
    from ftops.bootstrap_catalog import open_catalog
    from ftops.bootstrap_place import find_place

    catalog = open_catalog(find_place(_directory(context)), backend=None)
    return catalog.read(catalog.backend_of(None), is_cached=True).state


def _directory(context: click.Context) -> Path:
    return context.meta.get("ftops.directory") or context.find_root().params.get("directory") or Path()
