"""``ftops validate``: manifests and datasets, offline; no key needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, safe, tell

if TYPE_CHECKING:
    from ftops.cli.checked_paths import CheckedPaths
    from ftops.errors import Problem

_FIELDS = ("file", "line", "column", "field", "expected", "hint")


@click.command("validate")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@json_option
@backend_option
@click.pass_obj
def command(context: Globals, *, paths: tuple[Path, ...], as_json: bool, backend: str | None) -> int:
    """Check manifests and datasets, offline; all problems at once.

    PATH limits the report to a file, or to all files in a folder. A manifest brings along the datasets, prompts and code
    that it names, and ftops.yaml. Problems in other files are counted, and don't count: the exit code is 2 where a
    selected file is wrong, else 0.

    \b
    Examples:
      ftops validate
      ftops validate finetunes/ticket-router.yaml
      ftops validate finetunes/data
    """
    from ftops.bootstrap import declare_loaded, load
    from ftops.bootstrap_place import find_place
    from ftops.cli.checked_paths import checked_paths
    from ftops.errors import Invalid

    place = find_place(context.directory)
    loaded, found = load(place, backend=backend)
    checked = checked_paths(place.root, context.directory, paths, loaded.files)
    notices: Sequence[str] = ()
    try:
        notices = declare_loaded(place, loaded, found, backend=backend).notices
        found = ()
    except Invalid as error:
        found = error.problems
    selected = checked.take(frozenset(problem.file for problem in found))
    problems = [problem for problem in found if problem.file in selected]
    others = [problem for problem in found if problem.file not in selected]
    names = [one.name for one in loaded.fine_tunes if one.path in checked.manifests and not problems]
    notices = _about_selected(notices, checked)
    if as_json:
        print_json(
            {
                "valid": not problems,
                "fine_tunes": names,
                "problems": [{field: getattr(p, field) for field in _FIELDS} for p in problems],
                "notices": list(notices),
                "problems_elsewhere": len(others),
            }
        )
    else:
        _print_text(checked, names, problems, notices, others)
    return 2 if problems else 0


def _about_selected(notices: Sequence[str], checked: "CheckedPaths") -> list[str]:
    """Leaves out the notices that begin with a file that isn't selected."""
    files = frozenset((*checked.named, *(file for files in checked.named.values() for file in files)))
    others = tuple(f"{file}:" for file in files - checked.take(files))
    return [notice for notice in notices if not notice.startswith(others)]


def _print_text(
    checked: "CheckedPaths",
    names: Sequence[str],
    problems: Sequence["Problem"],
    notices: Sequence[str],
    others: Sequence["Problem"],
) -> None:
    for notice in notices:
        tell(f"Warning: {safe(notice)}")
    for problem in problems:
        echo(safe(str(problem)))
    if problems:
        tell(f"{_count(len(problems), 'problem')} found")
    elif names:
        echo(f"{_count(len(names), 'fine-tune')} valid: {', '.join(names)}")
    elif checked.wanted and checked.data:
        echo(f"{_count(len(checked.data), 'file')} valid: {', '.join(sorted(checked.data))}")
    else:
        echo(
            "nothing to check: there is no manifest, and none names a file there" if checked.wanted else "no manifests"
        )
    if others:
        files = len({problem.file for problem in others})
        tell(f"{_count(len(others), 'problem')} in {_count(files, 'other file')}: run ftops validate without PATH")


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
