"""The group of all commands: loaded when they are called, with near misses, and global options at any place of the line.

Owns how a command is found and what every command understands besides its own options. What there is stands in ``cli.main``.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from ftops.cli.style import choose_color

HELP_WIDTH: Final = 80
# What scripts branch on, of the commands that have more than done, failed and wrong usage; the list is in the main help.
_EXIT_CODES: Final = {
    "validate": "2 where a file is wrong",
    "plan": "2 where a manifest is wrong, 3 with --detailed-exitcode where there is something to do",
    "apply": (
        "2 where a manifest is wrong, 4 where a gate did not pass, 5 where a guard refuses, 6 where the plan is stale, "
        "7 where a job failed, 8 where one still runs, 9 without key or permission"
    ),
    "prune": "5 where a guard refuses, 9 without key or permission",
    "eval": "4 where an enforced gate did not pass, 9 without key or permission",
    "promote": "1 where nothing is trained, 2 where a manifest is wrong, 4 where what was asked for did not pass",
    "rollback": "1 where there is nothing before, 2 where a manifest is wrong",
    "resolve": "1 where there is no model, 2 where it isn't clear which",
}
# Group → command → (module, one line that says what it does).
Groups = Mapping[str, Mapping[str, tuple[str, str]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Globals:
    """What the options say that every command understands."""

    directory: Path
    is_verbose: bool


class Commands(click.Group):
    """Commands in groups. A module's ``command`` is loaded when it is called, so that --help stays instant."""

    def __init__(self, *arguments: Any, groups: Groups, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._groups = groups
        self._known = {name: entry for group in groups.values() for name, entry in group.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Gives the names of the commands."""
        return list(self._known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command; None where there is none of that name."""
        if cmd_name not in self._known:
            return None
        command: click.Command = importlib.import_module(self._known[cmd_name][0]).command
        return with_global_options(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the words name; ``help COMMAND`` is its ``--help``. Raises click.UsageError."""
        if args and args[0] == "help":
            args = [*args[1:], "--help"]
        name = args[0] if args else ""
        if name == "--help":
            click.echo(ctx.get_help())
            ctx.exit()
        if name and not name.startswith("-") and name not in self._known:
            from ftops.domain.near_misses import did_you_mean

            raise click.UsageError(f"there is no command {name!r}{did_you_mean(name, self._known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands, group by group."""
        width = max(map(len, self._known))
        for title, commands in self._groups.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Gives the commands that begin so, without loading any of them; and this group's own options."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=text) for name, (_, text) in self._known.items() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


def global_options() -> list[click.Option]:
    """Gives the options that may stand before and after a command, to be called with values of their own."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    return [
        click.Option(["-C", "directory"], metavar="DIR", type=folder, help="Run as if started in DIR."),
        click.Option(
            ["--no-color"],
            is_flag=True,
            help="No colours, as with NO_COLOR in the environment; FORCE_COLOR wants them.",
        ),
        click.Option(["-v", "--verbose"], is_flag=True, help="Tell more of what is being done."),
    ]


def with_global_options(command: click.Command) -> click.Command:
    """Gives a command that takes the global options, too, and knows near misses of its choices; so its own commands."""
    if any(option.callback is _take for option in command.params):
        return command
    taken = {word for option in command.params for word in option.opts}
    added = [option for option in global_options() if taken.isdisjoint(option.opts)]
    for option in added:
        option.hidden, option.expose_value, option.callback = True, False, _take
        command.params.append(option)
    for parameter in command.params:
        if isinstance(parameter.type, click.IntRange | click.FloatRange):
            parameter.metavar = parameter.metavar or "N"
        if type(parameter.type) is click.Choice:
            parameter.type = _Choice(parameter.type.choices, case_sensitive=parameter.type.case_sensitive)
    command.epilog = command.epilog or _epilog(command, added)
    if isinstance(command, click.Group):
        for one in command.commands.values():
            with_global_options(one)
    return command


def _epilog(command: click.Command, added: Sequence[click.Option]) -> str:
    words = [f"{option.opts[0]} {option.metavar}" if option.metavar else option.opts[0] for option in added]
    anywhere = f"{', '.join(words[:-1])} and {words[-1]} may stand before or after the command." if words[1:] else ""
    codes = _EXIT_CODES.get(command.name or "")
    return f"Exit codes: {codes}.\n\n{anywhere}" if codes else anywhere


class _Choice(click.Choice[Any]):
    """A choice that knows what was probably meant."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Says that there is no such choice, and what was meant or what there is."""
        from ftops.domain.foreign_text import quoted
        from ftops.domain.near_misses import hint

        return f"{quoted(str(value))} is not known; {hint(str(value), map(str, self.choices))}"


def _take(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    """Takes a global option that stands after the command; it counts instead of one that stands before it."""
    if not value:
        return
    if option.name == "directory":
        ctx.meta["ftops.directory"] = value  # for completion, which runs no command
    known = ctx.find_object(Globals)
    if known is None:
        return
    match option.name:
        case "directory":
            ctx.obj = replace(known, directory=value)
        case "verbose":
            ctx.obj = replace(known, is_verbose=True)
        case _:
            choose_color(is_wanted=False)
