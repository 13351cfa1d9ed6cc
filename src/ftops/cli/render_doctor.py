"""The doctor's findings as text: a line for each group that is well, and what is wrong with its mend.

Owns the layout, which fits 80 columns. Only sentences are wrapped: what is to be copied stays in one line.
"""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from ftops.cli.style import echo, paint, safe
from ftops.domain.diagnosis import Finding, Group, State, counted, exit_code
from ftops.domain.doctor_catalogue import group_of

_SIGNS: Final = {State.WELL: "✓", State.WARNING: "!", State.WRONG: "✗", State.NOT_ASKED: "–"}
_COLORS: Final = {State.WELL: "green", State.WARNING: "yellow", State.WRONG: "red", State.NOT_ASKED: None}
_WORDS: Final = {
    State.WRONG: "wrong",
    State.WARNING: "to look at",
    State.WELL: "well",
    State.NOT_ASKED: "not asked",
}
_WORST: Final = (State.WRONG, State.WARNING, State.WELL, State.NOT_ASKED)
_WIDEST: Final = 100
# GitHub's runner takes a line that begins so for a command, blanks before it or not.
_COMMAND: Final = "::"


def print_findings(findings: Sequence[Finding], *, is_verbose: bool) -> None:
    """Prints each group in a line, what is wrong in it, and with ``is_verbose`` every check."""
    backends = len({one.backend for one in findings if one.backend is not None})
    for group in Group:
        own = [one for one in findings if group_of(one.check) is group]
        if own:
            _print_group(group, own, is_verbose=is_verbose, names_backend=backends > 1)
    echo()
    echo(_summary(findings, is_verbose=is_verbose))


def _print_group(group: Group, findings: Sequence[Finding], *, is_verbose: bool, names_backend: bool) -> None:
    worst = next(state for state in _WORST if any(one.state is state for one in findings))
    said = ", ".join(f"{count} {_WORDS[state]}" for state in _WORST if (count := _count(findings, state)))
    why = {one.says for one in findings}
    if worst is State.NOT_ASKED and len(why) == 1:
        said = f"not asked: {safe(why.pop())}"
    echo(f"{_sign(worst)} {paint(f'{group.value:<8}', bold=True)} {said}")
    for one in findings:
        if is_verbose or one.state in {State.WRONG, State.WARNING}:
            _print_finding(one, names_backend=names_backend)


def _print_finding(one: Finding, *, names_backend: bool) -> None:
    about = f"{one.check.value} of {one.backend}" if names_backend and one.backend else one.check.value
    first, *others = _wrapped(f"{about}: {safe(one.says)}", indent=4)
    echo(f"  {_sign(one.state)} {first}")
    for line in others:
        echo(f"    {line}")
    for mend in one.mends:
        echo(f"    → {paint(safe(mend), bold=True)}")


def _sign(state: State) -> str:
    return paint(_SIGNS[state], _COLORS[state], bold=state is State.WRONG)


def _wrapped(text: str, *, indent: int) -> Iterator[str]:
    """Gives lines of which none begins as a runner's command does, whoever wrote the words in it."""
    width = max(40, min(_WIDEST, shutil.get_terminal_size().columns)) - indent
    held = ""
    for line in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False):
        if held and not line.startswith(_COMMAND):
            yield held
            held = line
        else:
            held = f"{held} {line}".strip()
    yield held


def _summary(findings: Sequence[Finding], *, is_verbose: bool) -> str:
    wrong, doubtful = _count(findings, State.WRONG), _count(findings, State.WARNING)
    unasked = _count(findings, State.NOT_ASKED)
    hint = "" if is_verbose or not unasked else f" {counted(unasked, 'check')} not made: -v tells why."
    if wrong:
        more = f", {doubtful} to look at" if doubtful else ""
        code = exit_code(findings)
        return f"{paint(f'{wrong} wrong', 'red', bold=True)}{more}: apply would end in exit {code}.{hint}"
    if doubtful:
        return f"Nothing is wrong; {doubtful} to look at.{hint}"
    return f"{paint('All is well.', 'green')}{hint}"


def _count(findings: Sequence[Finding], state: State) -> int:
    return sum(one.state is state for one in findings)
