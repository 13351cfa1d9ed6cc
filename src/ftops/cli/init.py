"""``ftops init [DIR]``: writes a project that works at once, and nothing over what is there."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftops.cli.main import Globals
from ftops.cli.options import json_option, print_json
from ftops.cli.style import echo, echo_data, paint, safe, tell

if TYPE_CHECKING:
    from ftops.application.new_project import Started


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="The project's name. Default: made of the folder's name.")
@click.option(
    "--backend",
    type=click.Choice(["embedded", "openai"]),
    help="Where to train by default. [default: embedded, which needs no key and costs nothing]",
)
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "none"]),
    help="Whose workflows to write. [default: by the remote's host, else github]",
)
@json_option
@click.pass_obj
def command(
    context: Globals, *, folder: Path, name: str | None, backend: str | None, ci: str | None, as_json: bool
) -> int:
    """Write a project that works at once: ftops.yaml, an example with data, and CI workflows.

    What exists is left as it is, and named; called again, it writes what is missing. Where there is no git
    repository, one is started; nothing is staged, and nothing committed. Needs no key.

    \b
    Examples:
      ftops init && ftops apply         an empty folder to a promoted model
      ftops init models --ci gitlab     in a folder of this name
      ftops init --backend openai       for training at OpenAI
    """
    from ftops.bootstrap_init import start
    from ftops.domain.new_project import Ci, Wishes

    wishes = Wishes(name=name, backend=backend, ci=Ci(ci) if ci else None)
    started = start(context.directory / folder, wishes)
    if started.survey.stated is not None and (name or backend):
        tell("Warning: ftops.yaml was there and is left as it is: --name and --backend change nothing")
    steps = [(_entering(folder), ""), *_next_steps(started)][folder == Path() :]
    if as_json:
        print_json(_data(started, [command_line for command_line, _ in steps]))
        return 0
    _tell_written(started, folder)
    width = max(len(command_line) for command_line, what in steps if what) + 3
    echo("\nNext:")
    for command_line, what in steps:
        echo_data(f"  {paint(safe(command_line).ljust(width), bold=True)}{what}".rstrip())
    if started.survey.stated is None and started.blueprint.backend.is_rehearsal:
        echo("\nftops.yaml tells how to move to OpenAI: by one word, and a key.")
    return 0


def _tell_written(started: "Started", folder: Path) -> None:
    plan, placed = started.blueprint, started.placed
    if not placed.written:
        echo(f"Nothing to write: project {plan.name} has all that ftops init writes.")
    else:
        where = "" if folder == Path() else f" in {safe(str(folder))}"
        echo(f"Project {paint(plan.name, bold=True)}{where}, trained on backend {plan.backend.name}. Written:")
        for path in _shallow_first(placed.written):
            echo(f"  {paint('+', 'green')} {safe(path)}")
        if placed.kept:
            echo("There already, and left as it was:")
            for path in _shallow_first(placed.kept):
                echo(f"    {safe(path)}")
    for note in plan.notes:
        echo(f"Note: {safe(note)}")
    if not started.survey.has_repository:
        echo("Started a git repository; nothing is committed yet.")


def _shallow_first(paths: Iterable[str]) -> list[str]:
    return sorted(paths, key=lambda path: (path.count("/"), path))


def _entering(folder: Path) -> str:
    words = str(folder)
    return f"cd {shlex.quote(f'./{words}' if words.startswith('-') else words)}"


def _next_steps(started: "Started") -> list[tuple[str, str]]:
    """Gives command lines, each with what it is for; an empty text where it says so itself."""
    backend = started.blueprint.backend
    adding = [(f"git add {_to_add(started)}", ""), ("git commit -m 'Start with ftops'", "")]
    commit = adding if started.placed.written else []
    look = ("ftops plan", "what would be done, and what it would cost")
    if not backend.is_rehearsal:
        key = [(f"export {backend.api_key_env}=…", f"the key of backend {backend.name}")] if backend.api_key_env else []
        return [("ftops apply --backend embedded", "rehearse on this machine: no key, no cost"), *commit, *key, look]
    if not started.has_new_example:  # manifests that somebody wrote may name another backend
        return [look, ("ftops apply", "carry it out"), *commit]
    train = ("ftops apply", "train and promote on this machine: seconds, no key, no cost")
    return [train, ("ftops status", "what there is now"), *commit]


def _to_add(started: "Started") -> str:
    """Gives what ``git add`` takes, inside the project's folder, to stage what was written and nothing else."""
    below = f"{started.survey.folder}/" if started.survey.folder else ""
    made = [f"{folder}/" for folder in started.placed.folders if not below.startswith(f"{folder}/")]
    whole = {next((f[:-1] for f in made if path.startswith(f)), path) for path in started.placed.written}
    inside = sorted(path.removeprefix(below) for path in whole if path.startswith(below))
    return " ".join(inside + sorted(f":/{path}" for path in whole if not path.startswith(below)))


def _data(started: "Started", commands: list[str]) -> dict[str, object]:
    return {
        "name": started.blueprint.name,
        "backend": started.blueprint.backend.name,
        "ci": started.blueprint.ci,
        "folder": started.survey.folder or ".",
        "written": list(started.placed.written),
        "kept": list(started.placed.kept),
        "has_started_repository": not started.survey.has_repository,
        "notes": list(started.blueprint.notes),
        "next": commands,
    }
