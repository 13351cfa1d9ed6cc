"""``ftops data check``: everything that spoils a training file, before a cent is spent on it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cli.checking_progress import counting_bytes
from ftops.cli.main import Globals
from ftops.cli.options import Selection, json_option, print_json, selection_options
from ftops.cli.style import echo, safe, tell

if TYPE_CHECKING:
    from ftops.application.data_reviews import Review
    from ftops.bootstrap_place import Place
    from ftops.cli.checked_data import Checked
    from ftops.datasets.checks import Level

_FILE = click.Path(path_type=Path, readable=False)  # what cannot be read is a finding


@click.command("check")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=_FILE)
@click.option(
    "--method",
    metavar="METHOD",
    type=click.Choice(("supervised", "dpo", "reinforcement")),
    help="What FILE trains: supervised, dpo or reinforcement; else its manifest or its rows tell.",
)
@click.option("--validation", type=_FILE, metavar="FILE", help="Compare this validation file with the one FILE.")
@click.option(
    "--eval", "evaluations", type=_FILE, metavar="FILE", multiple=True, help="Compare a test set with it (repeatable)."
)
@click.option(
    "--level",
    "least",
    type=click.Choice(("error", "warning", "advice")),
    default="advice",
    show_default=True,
    help="The least level that is shown.",
)
@click.option("--with-graders", is_flag=True, help="Ask the evaluations' graders of the training answers too.")
@click.option("--strict", is_flag=True, help="Exit with 2 for warnings too.")
@click.option("--baseline", type=_FILE, metavar="FILE", help="Leave out the findings that this file has as known.")
@click.option("--write-baseline", is_flag=True, help="Write what is found to the baseline: from now on it is known.")
@click.option(
    "--annotations",
    type=click.Choice(("auto", "none", "github", "gitlab")),
    default="auto",
    show_default=True,
    help="Mark lines in code review; auto does so where GITHUB_ACTIONS is true.",
)
@json_option
@selection_options
@click.pass_obj
def command(
    context: Globals,
    *,
    files: tuple[Path, ...],
    method: str | None,
    validation: Path | None,
    evaluations: tuple[Path, ...],
    least: str,
    with_graders: bool,
    strict: bool,
    baseline: Path | None,
    write_baseline: bool,
    annotations: str,
    as_json: bool,
    selection: Selection,
) -> int:
    """Find everything that would spoil training on a file; offline.

    Without FILE all datasets of the project's manifests are checked. A FILE that a manifest names is checked as that
    manifest uses it, any other one by itself: in a project or outside of one. Exit 2 where there are errors.

    \b
    Examples:
      ftops data check
      ftops data check train.jsonl --eval test.jsonl
      ftops data check --baseline data/known.json --write-baseline
    """
    _check_words(files, selection, has_others=bool(validation or evaluations), method=method)
    from ftops.cli.checked_data import Wanted, check_data
    from ftops.datasets.checks import Level
    from ftops.domain.manifest import MethodType

    place = _place(context.directory)
    wanted = Wanted(
        folder=context.directory,
        place=place,
        files=files,
        validation=validation,
        evaluations=evaluations,
        method=MethodType(method) if method else None,
        has_graders=with_graders,
        selection=selection,
    )
    with counting_bytes() as told:
        checked = check_data(wanted, told)
    review = _beside_baseline(checked, place, context.directory, baseline, is_writing=write_baseline)
    _print(review, checked, place, Level(least), annotations=annotations, as_json=as_json)
    for why in checked.unasked:
        tell(f"Not asked of training answers: {safe(why)}")
    if checked.wrong:
        tell("Manifests are wrong, and their datasets are left out: ftops validate says what is wrong with them.")
    bad = (Level.ERROR, Level.WARNING) if strict else (Level.ERROR,)
    return 2 if checked.wrong or any(review.count(level) for level in bad) else 0


def _check_words(files: tuple[Path, ...], selection: Selection, *, has_others: bool, method: str | None) -> None:
    if has_others and len(files) != 1:
        raise click.UsageError("--validation and --eval are compared with one FILE")
    if method and not files:
        raise click.UsageError("--method is for a FILE: without one the manifests tell")
    if files and selection.is_asking:
        raise click.UsageError("--target, --exclude and --label select manifests: leave FILE away")


def _place(folder: Path) -> "Place | None":
    """Gives the project around a folder, None where there is no git repository."""
    from ftops.bootstrap_place import find_place
    from ftops.errors import UsageProblem

    try:
        return find_place(folder)
    except UsageProblem:
        return None


def _beside_baseline(
    checked: "Checked", place: "Place | None", folder: Path, baseline: Path | None, *, is_writing: bool
) -> "Review":
    """Takes away what a baseline on the command line knows; or writes what is found as known."""
    from ftops.adapters.baseline_files import read_baseline, write_baseline
    from ftops.datasets.findings import Baseline, baseline_of
    from ftops.errors import UsageProblem

    review = checked.review
    if not is_writing:
        known = Baseline() if baseline is None else read_baseline(folder / baseline, shown=str(baseline))
        return review.without_known(known)
    own = [(path, place.root / path) for path in checked.baselines] if place else []
    if baseline is None and len(own) != 1:
        raise UsageProblem("it isn't said which baseline to write", remedy="name it with --baseline FILE")
    shown, file = own[0] if baseline is None else (str(baseline), folder / baseline)
    is_own = any(file.resolve() == path.resolve() for _, path in own)
    fresh = baseline_of((*review.groups, *review.known) if is_own else review.groups)
    before = read_baseline(file, shown=shown) if file.exists() else Baseline()
    looked_at = {one.findings.file for one in review.files}
    kept = {key: count for key, count in before.known.items() if key[0] not in looked_at}
    write_baseline(file, Baseline(known={**kept, **fresh.known}), shown=shown)
    tell(f"{sum(fresh.known.values()):,} findings are known from now on: {safe(shown)}")
    return review.without_known(fresh)


def _print(
    review: "Review", checked: "Checked", place: "Place | None", least: "Level", *, annotations: str, as_json: bool
) -> None:
    from ftops.cli.annotations import Annotations, chosen_annotations, github_lines, gitlab_report
    from ftops.cli.render_findings import finding_lines, is_at_least, review_to_json

    groups = [one for one in review.groups if is_at_least(one.level, least)]

    def path_of(file: str) -> str:
        top, real = (place.top.resolve() if place else Path.cwd()), checked.places[file].resolve()
        return real.relative_to(top).as_posix() if real.is_relative_to(top) else file

    if as_json:
        print_json({"format_version": "1", **review_to_json(review, least=least)})
        return
    chosen = chosen_annotations(Annotations(annotations), os.environ.get)
    if chosen is Annotations.GITLAB:
        print_json(gitlab_report(groups, path_of=path_of))
        return
    for line in finding_lines(review, least=least):
        echo(line)
    if chosen is Annotations.GITHUB:
        for line in github_lines(groups, path_of=path_of):
            echo(line)
