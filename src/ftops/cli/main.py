"""The ``ftops`` command: global options, commands loaded when they are called, and the one error boundary."""

import gc
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click

from ftops.cli.style import choose_color, print_error
from ftops.version import __version__

# Group → command → module; a module's ``command`` is loaded when it is called, so that --help stays instant.
_GROUPS: Final = {
    "Declare": {
        "validate": ("ftops.cli.validate", "Check manifests and datasets, offline."),
        "data": ("ftops.cli.data", "Find what would spoil a training file, and look into it."),
        "import": ("ftops.cli.import_", "Write manifests for jobs that exist already, and adopt them."),
    },
    "Change": {
        "plan": ("ftops.cli.plan", "Show what would change, why, and at which cost."),
        "apply": ("ftops.cli.apply", "Carry the plan out: upload, train, evaluate, promote."),
        "retry": ("ftops.cli.retry", "Ask for another attempt, after a failed job or a lost model."),
        "cancel": ("ftops.cli.cancel", "Ask for a running job to be cancelled."),
        "forget": ("ftops.cli.forget", "Let the ledger go of a fine-tune; nothing is deleted."),
        "prune": ("ftops.cli.prune", "Delete what retention and missing manifests leave over."),
    },
    "Look": {
        "status": ("ftops.cli.status", "Show all fine-tunes at a glance."),
        "show": ("ftops.cli.show", "Show one fine-tune: revisions, scores, aliases."),
        "eval": ("ftops.cli.eval", "Run a fine-tune's evaluations against any model."),
        "resolve": ("ftops.cli.resolve", "Print the model id an application should call."),
        "history": ("ftops.cli.history", "Show what happened, from the ledger."),
    },
    "Run and mend": {
        "serve": ("ftops.cli.serve", "Run the embedded OpenAI-compatible server."),
        "ledger": ("ftops.cli.ledger", "Verify the ledger, or take it as it is after a rewrite."),
    },
}
_COMMANDS: Final = {name: entry for group in _GROUPS.values() for name, entry in group.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Globals:
    """What the words before the command say."""

    directory: Path
    is_verbose: bool


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in _COMMANDS:
            near = get_close_matches(name, _COMMANDS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise click.UsageError(f"there is no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for title, commands in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ftops")
@click.option(
    "-C",
    "directory",
    metavar="DIR",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Run as if started in DIR.",
)
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR in the environment does the same.")
@click.option("-v", "--verbose", is_flag=True, help="Tell more of what is being done.")
@click.pass_context
def cli(ctx: click.Context, directory: Path, *, no_color: bool, verbose: bool) -> None:
    """Declare fine-tuned models in git; plan, train once, evaluate, promote.

    \b
    Examples:
      ftops plan                      what would change, and what it would cost
      ftops apply --auto-approve      carry it out
      ftops resolve my-model          the model id to call
    """
    choose_color(is_wanted=False if no_color else None)
    ctx.obj = Globals(directory=directory, is_verbose=verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    # A command makes a great many values and keeps them: looking through all of them for cycles, as often as Python does by
    # default, took a third of a plan.
    gc.set_threshold(200_000)
    code = run(arguments)
    gc.freeze()  # nor are they looked through once more at the end
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit code: the one place that turns errors into sentences."""
    try:
        result: Any = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print_error("interrupted")
        return 130
    except BrokenPipeError:
        if sys.stderr is not None:
            sys.stderr.close()
        return 1
    except OSError as error:
        return _report(_local_error(error))
    except Exception as error:  # noqa: BLE001  (the one boundary)
        return _report(error)
    return result if isinstance(result, int) else 0


def _local_error(error: OSError) -> Exception:
    """Says what the operating system refused: writing what the command tells, or a file."""
    from ftops.errors import FtopsError, local_storage_failed

    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is not None and at.tb_frame.f_code is click.echo.__code__:
        return FtopsError(f"standard output can't be written: {error.strerror or error}")
    return local_storage_failed(error)


def _report(error: Exception) -> int:
    from ftops.errors import FtopsError, Invalid

    if isinstance(error, Invalid):
        for problem in error.problems:
            click.echo(str(problem), err=True)
    if isinstance(error, FtopsError):
        print_error(error.message, remedy=error.remedy)
        return error.exit_code
    context = click.get_current_context(silent=True)
    if "-v" in sys.argv or "--verbose" in sys.argv or context is not None:
        import traceback

        traceback.print_exception(error)
    print_error(
        f"unexpected {type(error).__name__}: {error}",
        remedy="this is a fault in ftops; run it with -v for the details, and please report them",
    )
    return 1
