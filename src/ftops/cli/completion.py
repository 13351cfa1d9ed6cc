"""``ftops completion SHELL``: the script that completes commands, options and names in a shell."""

import os
from pathlib import PurePath

import click

from ftops.errors import UsageProblem


@click.command("completion")
@click.argument("shell", required=False, type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, *, shell: str | None) -> int:
    """Print the script that completes ftops in a shell; without SHELL, in the one that $SHELL names.

    It completes commands, options, fine-tunes, NAME@ALIAS, backends, evaluations, labels, revisions and the words of
    --allow, from the manifests and the ledger's local copy. It reads no network and writes nothing.

    \b
    Examples, each once, to have it in every new shell:
      bash  echo 'eval "$(ftops completion bash)"' >> ~/.bashrc
      zsh   echo 'eval "$(ftops completion zsh)"' >> ~/.zshrc    after compinit
      fish  ftops completion fish > ~/.config/fish/completions/ftops.fish
    """
    from ftops.cli.completion_words import SHELLS, script

    shell = shell or PurePath(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise UsageProblem("which shell?", remedy=f"ftops completion {'|'.join(SHELLS)}")
    click.echo(script(context.find_root().command, shell), nl=False)
    return 0
