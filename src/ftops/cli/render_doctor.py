"""The doctor's findings as text: a line for each group that is well, and what is wrong with its mend.

Owns the layout. Only sentences are broken to fit a terminal: what is to be copied stays in one line.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from ftops.cli.style import echo, echo_data, has_color, paint, safe, typed
from ftops.domain.diagnosis import Finding, Group, State, counted, exit_code, listed
from ftops.domain.doctor_catalogue import group_of
from ftops.domain.foreign_text import shell_word

_SIGNS: Final = {State.WELL: "✓", State.WARNING: "!", State.WRONG: "✗", State.NOT_ASKED: "–"}
_COLORS: Final = {State.WELL: "green", State.WARNING: "yellow", State.WRONG: "red", State.NOT_ASKED: None}
_WORDS: Final = {
    State.WRONG: "wrong",
    State.WARNING: "to look at",
    State.WELL: "well",
    State.NOT_ASKED: "not asked",
}
_WORST: Final = (State.WRONG, State.WARNING, State.WELL, State.NOT_ASKED)


@contextmanager
def asking() -> Iterator[None]:
    """Says on a terminal that answers are waited for, and takes it back: a host that hangs takes seconds."""
    if not (has_color(sys.stderr) and sys.stderr.isatty()):
        yield
        return
    click.echo("Asking git, ledger and backends …", err=True, nl=False)
    try:
        yield
    finally:
        click.echo("\r\x1b[K", err=True, nl=False, color=True)


def print_findings(findings: Sequence[Finding], *, folder: Path, is_verbose: bool) -> None:
    """Prints each group in a line, what is wrong in it, and with ``is_verbose`` every check.

    ``folder`` is the project's, in which the mends are right.
    """
    backends = len({one.backend for one in findings if one.backend is not None})
    for group in Group:
        own = [one for one in findings if group_of(one.check) is group]
        if own:
            _print_group(group, own, is_verbose=is_verbose, names_backend=backends > 1)
    echo()
    echo(_summary(findings))
    if folder != Path.cwd() and any(one.mends for one in findings):
        echo("Paths in the mends are those of the project's folder:")
        echo_data(typed(f"    → {paint(safe(f'cd {shell_word(os.path.relpath(folder))}'), bold=True)}", sys.stdout))
    unasked = _count(findings, State.NOT_ASKED)
    if unasked and not is_verbose:
        echo(paint(f"{counted(unasked, 'check')} not made; -v tells why.", dim=True))


def _print_group(group: Group, findings: Sequence[Finding], *, is_verbose: bool, names_backend: bool) -> None:
    worst = next(state for state in _WORST if any(one.state is state for one in findings))
    if worst is State.WELL and _count(findings, State.NOT_ASKED) > _count(findings, State.WELL):
        worst = State.NOT_ASKED  # no tick for a group of which hardly anything is known
    said = ", ".join(f"{count} {_WORDS[state]}" for state in _WORST if (count := _count(findings, state)))
    why = {one.says for one in findings}
    if len(why) == 1 and worst is State.NOT_ASKED:
        said = f"not asked: {safe(why.pop())}"
    echo(f"{_sign(worst)} {paint(f'{group.value:<8}', bold=True)} {said}")
    shown = [one for one in findings if is_verbose or one.state in {State.WRONG, State.WARNING}]
    # One look that failed says the same of all that hung on it.
    for _, alike in groupby(enumerate(shown), lambda item: (item[1].says, item[1].mends, item[0] * is_verbose)):
        _print_findings([one for _, one in alike], names_backend=names_backend)


def _print_findings(alike: Sequence[Finding], *, names_backend: bool) -> None:
    one = alike[0]
    about = listed(
        f"{each.check.value} of {each.backend}" if names_backend and each.backend else each.check.value
        for each in alike
    )
    echo(f"  {_sign(one.state)} {about}: {safe(one.says)}")
    for mend in one.mends:
        echo_data(typed(f"    → {paint(safe(mend), bold=True)}", sys.stdout))


def _sign(state: State) -> str:
    return paint(_SIGNS[state], _COLORS[state], bold=state is State.WRONG)


def _summary(findings: Sequence[Finding]) -> str:
    wrong, doubtful = _count(findings, State.WRONG), _count(findings, State.WARNING)
    if wrong:
        more = f", {doubtful} to look at" if doubtful else ""
        return f"{paint(f'{wrong} wrong', 'red', bold=True)}{more}: apply would end in exit {exit_code(findings)}."
    return f"Nothing is wrong; {doubtful} to look at." if doubtful else paint("All is well.", "green")


def _count(findings: Sequence[Finding], state: State) -> int:
    return sum(one.state is state for one in findings)
