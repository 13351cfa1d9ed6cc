"""``ftops validate``: manifests and datasets, offline; no key needed."""

from pathlib import Path

import click

from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, safe, tell


@click.command("validate")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@json_option
@backend_option
@click.pass_obj
def command(context: Globals, *, paths: tuple[Path, ...], as_json: bool, backend: str | None) -> int:
    """Check manifests and datasets, offline; all problems at once. PATH limits the report to those files.

    \b
    Examples:
      ftops validate
      ftops validate finetunes/ticket-router.yaml
    """
    from ftops.bootstrap import find_place, load_desired
    from ftops.domain.foreign_text import visible
    from ftops.errors import Invalid, Problem, UsageProblem

    place = find_place(context.directory)
    wanted = [_relative(path, context.directory, place.root) for path in paths]
    problems: tuple[Problem, ...] = ()
    notices: tuple[str, ...] = ()
    names: list[str] = []
    for path, given in zip(wanted, paths, strict=True):
        if path is None or not (place.root / path).exists():
            raise UsageProblem(f"{visible(str(given))} is no file or folder of this project")
    try:
        desired = load_desired(place, backend=backend)
        notices, names = desired.notices, [d.name for d in desired.fine_tunes]
    except Invalid as error:
        problems = error.problems
    if wanted:
        problems = tuple(p for p in problems if any(_is_in(p.file, path) for path in wanted))
    if as_json:
        fields = ("file", "line", "column", "field", "expected", "hint")
        print_json(
            {
                "valid": not problems,
                "fine_tunes": names,
                "problems": [{field: getattr(p, field) for field in fields} for p in problems],
                "notices": list(notices),
            }
        )
        return 2 if problems else 0
    for notice in notices:
        tell(f"Warning: {safe(notice)}")
    for problem in problems:
        echo(safe(str(problem)))
    if problems:
        tell(f"{len(problems)} problem{'' if len(problems) == 1 else 's'} found")
        return 2
    echo(
        f"{len(names)} fine-tune{'' if len(names) == 1 else 's'} valid: {', '.join(names)}" if names else "no manifests"
    )
    return 0


def _relative(path: Path, start: Path, root: Path) -> str | None:
    absolute = (start / path).resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else None


def _is_in(file: str, path: str | None) -> bool:
    return path is not None and (path in {".", file} or file.startswith(f"{path}/"))
