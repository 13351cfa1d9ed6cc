"""The ``ftops`` command: global options, commands loaded when they are called, and the one error boundary."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from ftops.cli.commands import HELP_WIDTH, Commands, global_options
from ftops.cli.commands import Globals as Globals  # noqa: PLC0414  (commands take it from here)
from ftops.cli.style import choose_color, never_fail_to_encode, print_error
from ftops.version import __version__

COMPLETE_VARIABLE: Final = "_FTOPS_COMPLETE"

# Group → command → module; a module's ``command`` is loaded when it is called, so that --help stays instant.
_GROUPS: Final = {
    "Declare": {
        "init": ("ftops.cli.init", "Write a project that works at once: an example, and CI workflows."),
        "validate": ("ftops.cli.validate", "Check manifests and datasets, offline."),
        "data": ("ftops.cli.data", "Find what would spoil a training file, and look into it."),
        "import": ("ftops.cli.import_", "Write manifests for jobs that exist already, and adopt them."),
        "schema": ("ftops.cli.schema", "Print the schemas of manifests and plans, for editors."),
    },
    "Change": {
        "plan": ("ftops.cli.plan", "Show what would change, why, and at which cost."),
        "apply": ("ftops.cli.apply", "Carry the plan out: upload, train, evaluate, promote."),
        "approved": ("ftops.cli.approved", "Bring the plans that merged pull requests were approved with."),
        "comment": ("ftops.cli.comment", "Show a plan, or what became of an apply, in a pull request."),
        "promote": ("ftops.cli.promote", "Pin an alias to a revision that passed, in the manifest."),
        "rollback": ("ftops.cli.rollback", "Pin an alias to the revision before, in the manifest."),
        "retry": ("ftops.cli.retry", "Ask for another attempt, after a failed job or a lost model."),
        "cancel": ("ftops.cli.cancel", "Ask for a running job to be cancelled."),
        "forget": ("ftops.cli.forget", "Let the ledger go of a fine-tune; nothing is deleted."),
        "prune": ("ftops.cli.prune", "Delete what retention and missing manifests leave over."),
    },
    "Look": {
        "status": ("ftops.cli.status", "Show all fine-tunes at a glance."),
        "show": ("ftops.cli.show", "Show one fine-tune: revisions, scores, aliases."),
        "logs": ("ftops.cli.logs", "Show what the backend said of a fine-tune's jobs."),
        "eval": ("ftops.cli.eval", "Run a fine-tune's evaluations against any model."),
        "resolve": ("ftops.cli.resolve", "Print the model id an application should call."),
        "history": ("ftops.cli.history", "Show what happened, from the ledger."),
    },
    "Run and mend": {
        "doctor": ("ftops.cli.doctor", "Find what would keep plan or apply from working, and its mend."),
        "serve": ("ftops.cli.serve", "Run the embedded OpenAI-compatible server."),
        "ledger": ("ftops.cli.ledger", "Verify the ledger, or take it as it is after a rewrite."),
        "completion": ("ftops.cli.completion", "Print what makes a shell complete words."),
    },
}
_COMMANDS: Final = {name: entry for group in _GROUPS.values() for name, entry in group.items()}
_EPILOG: Final = """\b
Exit codes:
  0 done                        5 refused by a guard
  1 failed                      6 the plan is stale
  2 wrong usage or manifest     7 a job failed
  3 changes are pending         8 a job still runs
  4 a gate did not pass         9 no key, or no permission
                              130 interrupted

ftops help COMMAND tells how a command is used.
"""


@click.command(
    cls=Commands,
    groups=_GROUPS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)
@click.version_option(__version__, prog_name="ftops")
@click.pass_context
def cli(ctx: click.Context, *, directory: Path | None, no_color: bool, verbose: bool) -> None:
    """Declare fine-tuned models in git; plan, train once, evaluate, promote.

    \b
    Examples:
      ftops plan                      what would change, and what it would cost
      ftops apply --auto-approve      carry it out
      ftops status                    where every fine-tune stands
      ftops resolve my-model          the model id to call
    """
    choose_color(is_wanted=False if no_color else None)
    if directory is None:
        _check_here()
    ctx.obj = Globals(directory=directory or Path(), is_verbose=verbose)


cli.params += global_options()


def _check_here() -> None:
    """Raises UsageProblem where the working folder was deleted: every look into it would fail by itself."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        from ftops.errors import UsageProblem

        raise UsageProblem("the folder that this was started in is gone", remedy="cd to another one") from error


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
    if os.environ.get(COMPLETE_VARIABLE):
        from ftops.cli.completion_words import answer

        return answer(cli)
    never_fail_to_encode()
    words = list(arguments) if arguments is not None else None
    try:
        result: Any = cli.main(args=words, prog_name="ftops", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        from ftops.cli.usage import show_usage_error

        show_usage_error(error)
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
