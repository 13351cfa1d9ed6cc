"""Options that several commands share."""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import click

from ftops.cli.style import echo
from ftops.domain.desired import DesiredState
from ftops.domain.manifest import FineTune, FineTuneName
from ftops.errors import UsageProblem

Function = TypeVar("Function", bound=Callable[..., Any])


def backend_option(function: Function) -> Function:
    """``--backend``: which backend, instead of the manifests'."""
    return click.option(
        "--backend",
        metavar="NAME",
        envvar="FTOPS_BACKEND",
        help="Use this backend instead of the manifests'. Apply takes an embedded one only.",
    )(function)


def json_option(function: Function) -> Function:
    """``--json``: data instead of text."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def selection_options(function: Function) -> Function:
    """``--target``, ``--exclude`` and ``--label``: which fine-tunes."""
    function = click.option(
        "--label", "labels", metavar="K=V", multiple=True, help="Only with this label (repeatable)."
    )(function)
    function = click.option(
        "--exclude", "excluded", metavar="NAME", multiple=True, help="Without these (a glob, repeatable)."
    )(function)
    return click.option("--target", "targets", metavar="NAME", multiple=True, help="Only these (a glob, repeatable).")(
        function
    )


def select(
    desired: DesiredState, *, targets: tuple[str, ...], excluded: tuple[str, ...], labels: tuple[str, ...]
) -> frozenset[FineTuneName] | None:
    """Gives the selected names, None where nothing was asked. Raises UsageProblem where a word selects nothing."""
    if not (targets or excluded or labels):
        return None
    wanted = [_label(text) for text in labels]
    names = [d.name for d in desired.fine_tunes]
    for pattern in (*targets, *excluded):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UsageProblem(f"no fine-tune matches {pattern!r}", remedy=f"declared: {', '.join(names) or 'none'}")
    chosen = frozenset(d.name for d in desired.fine_tunes if _matches(d.fine_tune, targets, excluded, wanted))
    if not chosen:
        raise UsageProblem("the selection leaves no fine-tune")
    return chosen


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageProblem(f"--label takes KEY=VALUE, not {text!r}")
    return key, value


def _matches(
    fine_tune: FineTune, targets: tuple[str, ...], excluded: tuple[str, ...], labels: list[tuple[str, str]]
) -> bool:
    if targets and not any(fnmatchcase(fine_tune.name, pattern) for pattern in targets):
        return False
    if any(fnmatchcase(fine_tune.name, pattern) for pattern in excluded):
        return False
    return all(fine_tune.labels.get(key) == value for key, value in labels)


def print_json(value: Any) -> None:
    """Writes a value as JSON; non-ASCII stays as it is, control characters are escaped."""
    echo(json.dumps(value, indent=2, ensure_ascii=False))
