"""``ftops data``: datasets alone, in a project or without one; offline, and no key needed.

Owns the group. Each of its commands is a module of its own, which loads what it needs when it is called.
"""

import click

from ftops.cli.data_check import command as check_command
from ftops.cli.data_diff import command as diff_command
from ftops.cli.data_stats import command as stats_command


@click.group("data")
def command() -> None:
    """Check datasets and look into them, offline, before a cent is spent on training.

    \b
    Examples:
      ftops data check                        all datasets of the manifests
      ftops data stats train.jsonl
      ftops data diff HEAD:train.jsonl train.jsonl
    """


command.add_command(check_command)
command.add_command(stats_command)
command.add_command(diff_command)
