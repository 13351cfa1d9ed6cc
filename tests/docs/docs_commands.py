"""Writes ``docs/commands.md``: every command with its help, as the command line prints it at 80 columns.

``make docs-outputs`` writes it anew; a test compares.
"""

from collections.abc import Iterator

import click
from click.testing import CliRunner
from docs_page import ROOT

from ftops.cli import main as command_line

PAGE = ROOT / "docs/commands.md"
_HEAD = """\
# Commands

`ftops COMMAND --help` prints what stands here; this page is written from it, and a test compares. Data goes to stdout,
progress to stderr; `--json` prints data. `-C DIR` runs a command as if it was started in another folder.

## Exit codes

| code | means |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage, or an invalid manifest or dataset |
| 3 | changes are pending (`plan --detailed-exitcode`), or rows differ (`data diff --detailed-exitcode`) |
| 4 | a gate did not pass, of a fine-tune that this run worked on or whose manifest is new to it |
| 5 | refused by a guard |
| 6 | the plan is stale, is more than was approved, or a newer commit was applied meanwhile |
| 7 | a job failed |
| 8 | a job still runs (`--no-wait`, `--timeout`, `--continue`) |
| 9 | no key, no permission, or the wrong organisation |
| 130 | interrupted |

Of several the gravest is given. Programs go by the code, or by `--json`, never by sentences.
"""


def page_of_commands() -> str:
    """Gives the whole page."""
    parts = [_HEAD, _section("##", "ftops", ())]
    for group, commands in command_line._GROUPS.items():
        parts.append(f"## {group}\n")
        parts += [section for name in commands for section in _sections((name,))]
    return "\n".join(parts)


def _sections(path: tuple[str, ...]) -> Iterator[str]:
    yield _section("###", f"ftops {' '.join(path)}", path)
    command: click.Command | None = command_line.cli
    context = click.Context(command_line.cli, info_name="ftops")
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(context, name)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _sections((*path, name))


def _section(level: str, title: str, path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(command_line.cli, [*path, "--help"], prog_name="ftops", terminal_width=80)
    assert done.exit_code == 0, done.output
    return f"{level} {title}\n\n```text\n{done.output.rstrip()}\n```\n"
