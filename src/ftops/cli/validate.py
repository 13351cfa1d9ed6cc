"""``ftops validate``: manifests and datasets, offline; no key needed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cli.checking_progress import counting_bytes
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, safe, tell

if TYPE_CHECKING:
    from ftops.application.data_reviews import Review
    from ftops.bootstrap_place import Place
    from ftops.cli.checked_paths import CheckedPaths
    from ftops.domain.loaded import LoadedProject
    from ftops.domain.manifest_notices import ManifestNotice
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
    from ftops.cli.render_findings import group_to_json
    from ftops.errors import Invalid

    place = find_place(context.directory)
    loaded, found = load(place, backend=backend)
    checked = checked_paths(place.root, context.directory, paths, loaded.files)
    notices: Sequence[ManifestNotice] = ()
    try:
        notices = declare_loaded(place, loaded, found, backend=backend).notices
        found = ()
    except Invalid as error:
        found = error.problems
    review, found = _reviewed(place, loaded, checked, tuple(found))
    selected = checked.take(frozenset(problem.file for problem in found))
    problems = [problem for problem in found if problem.file in selected]
    others = [problem for problem in found if problem.file not in selected]
    names = [one.name for one in loaded.fine_tunes if one.path in checked.manifests and not problems]
    remarks = [str(notice) for notice in _about_selected(notices, checked)]
    if as_json:
        print_json(
            {
                "valid": not problems,
                "fine_tunes": names,
                "problems": [{field: getattr(p, field) for field in _FIELDS} for p in problems],
                "notices": remarks,
                "findings": [group_to_json(group) for group in review.groups],
                "problems_elsewhere": len(others),
            }
        )
    else:
        lines = [f"Warning: {safe(notice)}" for notice in remarks]
        _print_text(checked, names, problems, [*lines, *_finding_lines(review)], others)
    return 2 if problems else 0


def _reviewed(
    place: "Place", loaded: "LoadedProject", checked: "CheckedPaths", found: tuple["Problem", ...]
) -> tuple["Review", tuple["Problem", ...]]:
    """Gives what all checks find in the selected datasets, and all problems with those that this finds."""
    from ftops.application.data_reviews import Review, unusable
    from ftops.bootstrap_data import open_reviewer
    from ftops.domain.foreign_text import visible
    from ftops.errors import Invalid

    chosen = [one for one in loaded.fine_tunes if checked.take(loaded.files[one.path])]
    try:
        with counting_bytes() as told, open_reviewer(place) as reviewer:
            review = reviewer.review(chosen, told=told)
    except Invalid as error:
        return Review(), (*found, *error.problems)
    files = {one.findings.file: visible(one.findings.file) for one in review.files}
    selected = checked.take(frozenset(files.values()))
    review = review.about([file for file, shown in files.items() if shown in selected])
    errors = unusable(review)
    # Of a file that is wrong, this finds more than what planning reads.
    told_of = {visible(group.file) for group in errors if group.check.is_format}
    kept = [problem for problem in found if problem.file not in told_of]
    return review, (*kept, *(problem for group in errors for problem in group.problems()))


def _finding_lines(review: "Review") -> Iterator[str]:
    from ftops.cli.render_findings import brief_lines
    from ftops.datasets.checks import Level

    for level, word in ((Level.WARNING, "Warning"), (Level.ADVICE, "Advice")):
        groups = [group for group in review.groups if group.level is level]
        yield from (f"{word}: {line}" for line in brief_lines(groups))


def _about_selected(notices: "Sequence[ManifestNotice]", checked: "CheckedPaths") -> "Iterator[ManifestNotice]":
    """Leaves out what is said of a file that isn't selected."""
    files = frozenset((*checked.named, *(file for files in checked.named.values() for file in files)))
    others = files - checked.take(files)
    return (notice for notice in notices if notice.file not in others)


def _print_text(
    checked: "CheckedPaths",
    names: Sequence[str],
    problems: Sequence["Problem"],
    remarks: Sequence[str],
    others: Sequence["Problem"],
) -> None:
    for remark in remarks:
        tell(remark)
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
