"""Options that several commands share."""

import json
import math
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ftops.cli import completing
from ftops.cli.style import echo_data, shows_all
from ftops.domain.desired import DesiredState
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import FineTuneName
from ftops.domain.near_misses import hint
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from ftops.ports import ProgramMode

Function = TypeVar("Function", bound=Callable[..., Any])


def backend_option(function: Function) -> Function:
    """``--backend``: which backend, instead of the manifests'."""
    return click.option(
        "--backend",
        metavar="NAME",
        envvar="FTOPS_BACKEND",
        shell_complete=completing.backends,
        help="Use this backend instead of the manifests', as FTOPS_BACKEND does; apply takes an embedded one only.",
    )(function)


def json_option(function: Function) -> Function:
    """``--json``: data instead of text."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def refuse_nan(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Lets no ``nan`` into a range: it is neither too small nor too large, and whoever waits so long never ends."""
    if math.isnan(value):
        raise click.BadParameter("'nan' is no number", context, parameter)
    return value


class Shape(StrEnum):
    """What ``ftops plan --format`` takes."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def format_option(function: Function) -> Function:
    """``--format`` and ``--json``, which is ``--format json``, handed over together as ``shape``; the last one counts."""
    kind = click.Choice(Shape, case_sensitive=False)
    text = "How to print it. A file of --out is JSON always."
    json_too = click.option("--json", "shape", flag_value=Shape.JSON, type=kind, help="Print JSON: --format json.")
    return click.option("--format", "shape", type=kind, default=Shape.TEXT.value, show_default=True, help=text)(
        json_too(function)
    )


def out_option(*names: str, text: str) -> Callable[[Function], Function]:
    """``--out``: a file to be written at the end. Hours may pass until then, so its folder is looked at first."""
    kind = click.Path(dir_okay=False, writable=True, path_type=Path)
    return click.option(*names, metavar="FILE", type=kind, callback=_in_a_folder, help=text)


def _in_a_folder(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    # ftops makes its own folder itself, in the first run of a fresh clone.
    is_own = value is not None and value.parent.name == ".ftops"
    if value is not None and not is_own and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {quoted(str(value.parent))}", context, parameter)
    return value


def refresh_option(function: Function) -> Function:
    """``--refresh``: read what has ended again."""
    text = (
        "Read finished jobs, all models and alias targets at the backends again, and tell what differs from the ledger."
    )
    return click.option("--refresh", is_flag=True, help=text)(function)


def python_grader_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--allow-python-graders`` and ``--unsafe-python-graders``, handed over together as ``python_graders``.

    Nothing remembers them, no saved plan and no ledger: who runs the repository's code says so each time.
    """

    @wraps(function)
    def with_mode(*arguments: Any, are_allowed: bool, are_unsafe: bool, **others: Any) -> Any:
        return function(*arguments, python_graders=_mode(are_allowed=are_allowed, are_unsafe=are_unsafe), **others)

    command: Callable[..., Any] = with_mode
    for name, variable, text in (
        (
            "--unsafe-python-graders",
            "are_unsafe",
            "Run python graders without isolation, with your rights. The ledger records it.",
        ),
        ("--allow-python-graders", "are_allowed", "Run python graders, code of the repository, isolated."),
    ):
        command = click.option(name, variable, is_flag=True, help=text)(command)
    return command


def _mode(*, are_allowed: bool, are_unsafe: bool) -> "ProgramMode | None":
    from ftops.ports import ProgramMode

    if are_unsafe:
        return ProgramMode.UNSAFE
    return ProgramMode.ISOLATED if are_allowed else None


def check_refresh(*, is_refreshing: bool, is_offline: bool) -> None:
    """Raises UsageProblem where both are asked for."""
    if is_refreshing and is_offline:
        raise UsageProblem("--refresh asks the backends, --offline forbids it", remedy="leave one of them out")


def print_json(value: Any) -> None:
    """Writes a value as JSON; non-ASCII stays as it is, control characters are escaped, and so is what ``safe`` is about."""
    echo_data(json.dumps(value, indent=2, ensure_ascii=not shows_all(sys.stdout)).replace("##[", "#\\u0023["))


def save_json(file: Path, value: Any) -> None:
    """Writes a value as JSON into a file. Half a surrogate pair, as answers of an API may have, becomes its JSON escape."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8", errors="backslashreplace")


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which fine-tunes a command is about: globs of names to take and to leave, and labels to have."""

    targets: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_asking(self) -> bool:
        """Whether anything was selected at all."""
        return bool(self.targets or self.excluded or self.labels)

    def choose(
        self, desired: DesiredState, *, undeclared: Collection[FineTuneName] = ()
    ) -> frozenset[FineTuneName] | None:
        """Gives the selected names, None where nothing was asked; those without a manifest have no labels.

        Raises UsageProblem where a word selects nothing.
        """
        declared = {d.name: d.fine_tune.labels for d in desired.fine_tunes}
        return self.choose_among({**declared, **{name: {} for name in sorted(undeclared)}})

    def choose_among(self, labels: Mapping[FineTuneName, Mapping[str, str]]) -> frozenset[FineTuneName] | None:
        """Gives those that are selected of fine-tunes with their labels, as ``choose`` does."""
        if not self.is_asking:
            return None
        wanted = [_label(text) for text in self.labels]
        names = list(labels)
        for pattern in (*self.targets, *self.excluded):
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UsageProblem(f"no fine-tune matches {quoted(pattern)}", remedy=hint(pattern, names))
        pairs = {f"{key}={value}" for own in labels.values() for key, value in own.items()}
        for key, value in wanted:
            if (text := f"{key}={value}") not in pairs:
                raise UsageProblem(f"no fine-tune has the label {quoted(text)}", remedy=hint(text, pairs))
        chosen = frozenset(name for name in names if self._takes(name, labels[name], wanted))
        if not chosen:
            remedy = "it asks for all of its labels at once, and leaves out what --exclude names"
            raise UsageProblem("the selection leaves no fine-tune", remedy=remedy)
        return chosen

    def _takes(self, name: FineTuneName, labels: Mapping[str, str], wanted: list[tuple[str, str]]) -> bool:
        if self.targets and not any(fnmatchcase(name, pattern) for pattern in self.targets):
            return False
        if any(fnmatchcase(name, pattern) for pattern in self.excluded):
            return False
        return all(labels.get(key) == value for key, value in wanted)


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--target``, ``--exclude`` and ``--label``, handed over together as ``selection``."""

    @wraps(function)
    def with_selection(
        *arguments: Any, targets: tuple[str, ...], excluded: tuple[str, ...], labels: tuple[str, ...], **others: Any
    ) -> Any:
        selection = Selection(targets=targets, excluded=excluded, labels=labels)
        return function(*arguments, selection=selection, **others)

    command: Callable[..., Any] = with_selection
    for name, variable, metavar, text, complete in (
        ("--label", "labels", "K=V", "Only with this label (repeatable).", completing.labels),
        ("--exclude", "excluded", "NAME", "Without these (a glob, repeatable).", completing.fine_tunes),
        ("--target", "targets", "NAME", "Only these (a glob, repeatable).", completing.fine_tunes),
    ):
        option = click.option(name, variable, metavar=metavar, multiple=True, help=text, shell_complete=complete)
        command = option(command)
    return command


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageProblem(f"--label takes KEY=VALUE, not {quoted(text)}")
    return key, value
