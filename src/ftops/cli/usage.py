"""Says in a sentence what is wrong with a command's words, and where to read how they should be.

Owns the translation of what click refuses. Words that came from the command line are foreign: they are shown escaped.
"""

import click

from ftops.cli.style import print_error


def show_usage_error(error: click.ClickException) -> None:
    """Writes what click refuses to standard error; for a group without a command its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    remedy = f"{context.command_path} --help tells how it is used" if context is not None else None
    if isinstance(error, click.NoSuchOption) and context is not None and context.parent is None:
        remedy = f"what belongs to a command stands after it: ftops COMMAND {error.option_name}; {remedy}"
    print_error(_sentence(error), remedy=remedy)


def _sentence(error: click.ClickException) -> str:
    from ftops.domain.foreign_text import quoted
    from ftops.domain.near_misses import did_you_mean

    match error:
        case click.NoSuchOption():
            context = error.ctx
            known = [
                word
                for option in (context.command.get_params(context) if context else ())
                if isinstance(option, click.Option)
                for word in (*option.opts, *option.secondary_opts)
                if word.startswith("--")
            ]
            return f"there is no option {error.option_name}{did_you_mean(error.option_name, known)}"
        case click.MissingParameter(param=click.Argument(human_readable_name=name)):
            return f"{_bare(name)} is missing"
        case click.MissingParameter(param=click.Option() as option):
            return f"{option.opts[-1]} {option.metavar or ''}".rstrip() + " is missing"
        case click.BadParameter(param=click.Option() as option, message=message):
            return f"{option.opts[-1]}: {_ended(message)}"
        case click.BadParameter(param=click.Argument(human_readable_name=name), message=message):
            return f"{_bare(name)}: {_ended(message)}"
        case click.UsageError(ctx=click.Context(command=click.Group() as group)) if hasattr(error, "command_name"):
            name = str(error.command_name)
            return f"there is no command {quoted(name)}{did_you_mean(name, group.commands)}"
        case _:
            return _ended(error.format_message())


def _bare(metavar: str) -> str:
    return metavar.strip("[].") if metavar.startswith("[") else metavar.rstrip(".")


def _ended(sentence: str) -> str:
    """Gives a sentence in this house's form: no capital, no full stop; a file's name or option keeps its letters."""
    first, rest = sentence[:1], sentence[1:]
    return (first.lower() if rest[:1].islower() else first) + rest.removesuffix(".")
