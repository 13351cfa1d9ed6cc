"""What a shell is answered when somebody presses Tab, and the scripts by which it asks.

Owns the protocol with each shell; what may stand at a place is ``completing``'s and the commands'. Whatever goes wrong, no
error is written: it would land in the middle of somebody's prompt.
"""

import os
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Final

import click
from click.shell_completion import (
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

VARIABLE: Final = "_FTOPS_COMPLETE"

# Click's own script splits words where bash does, also at @ and =, and a name with its alias is one word to us: so the line
# is asked about as it was typed, and of an answer bash is given what takes the place of the word that it completes ($2).
_BASH: Final = """\
%(complete_func)s() {
    local kind word
    COMPREPLY=()
    while IFS=, read -r kind word; do
        case $kind in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain) COMPREPLY+=("$word") ;;
        esac
    done < <(COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_WORD="$2" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""


class _Bash(ShellComplete):
    name = "bash"
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_WORDS", "")
        words = split_arg_string(line)
        return (words[1:], "") if line[-1:].isspace() else (words[1:-1], words[-1] if words[1:] else "")

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        found = super().get_completions(args, incomplete)
        value = incomplete.partition("=")[2] if incomplete.startswith("--") else incomplete
        replaced = os.environ.get("COMP_WORD", value)
        kept = value.removesuffix(replaced) if value.endswith(replaced) else ""
        return [CompletionItem(item.value.removeprefix(kept), type=item.type, help=item.help) for item in found]

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.type},{item.value}"


class _WholeWords(ShellComplete):
    """Of ``--option=value`` click completes the value; these shells put what they are given in place of all of it."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        found = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if not equals or not option.startswith("--"):
            return found
        return [CompletionItem(f"{option}={item.value}", type=item.type, help=item.help) for item in found]


class _Zsh(_WholeWords, ZshComplete):
    pass


class _Fish(_WholeWords, FishComplete):
    pass


SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def script(cli: click.Command, shell: str) -> str:
    """Gives the script that makes a shell ask ftops."""
    return SHELLS[shell](cli, {}, "ftops", VARIABLE).source()


def answer(cli: click.Command) -> int:
    """Writes what may stand where the cursor is, as the environment tells. Gives the exit code: 1 where that can't be told."""
    shell, _, what = os.environ.get(VARIABLE, "").partition("_")
    if what != "complete" or shell not in SHELLS:
        return 1
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            text = SHELLS[shell](cli, {}, "ftops", VARIABLE).complete()
        click.echo(text.encode(), nl=bool(text))
    except (Exception, SystemExit, KeyboardInterrupt):  # noqa: BLE001  (no word of it may reach the prompt)
        return 1
    return 0


def items(words: Sequence[str], incomplete: str) -> list[CompletionItem]:
    """Gives those words that begin so and that a shell can take as they are: foreign ones may hold anything."""
    return [CompletionItem(word) for word in words if word.startswith(incomplete) and _is_plain(word)]


def _is_plain(word: str) -> bool:
    return word.isascii() and bool(word) and all(sign.isalnum() or sign in "._@=:/+-" for sign in word)
