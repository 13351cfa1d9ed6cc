"""What ``promote`` and ``rollback`` share: finding the alias, writing its line, and telling what is to be committed.

Decides nothing: which revision is meant is ``domain.pinning``'s to say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ftops.application.pins import Pins
from ftops.bootstrap_pins import PinsAtHand, open_pins
from ftops.bootstrap_place import find_place
from ftops.cli.live import PlainProgress
from ftops.cli.options import print_json
from ftops.cli.render_edit import add_command, coloured, commit_command, diff_lines, shell_line
from ftops.cli.render_judgement import render_judgement
from ftops.cli.style import echo, echo_data, safe, tell
from ftops.domain.desired import Declared
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import LATEST, AliasName, FineTuneName
from ftops.domain.near_misses import hint, listed
from ftops.domain.pinning import Outlook, Pinnable
from ftops.errors import NotPassed, UsageProblem
from ftops.ports import ManifestEdit


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the command line asks for."""

    directory: Path
    name: str
    alias: str
    backend: str | None
    is_cached: bool
    is_dry: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the alias's line is to say, and why: ``to`` is a revision or ``latest``. ``passed_over`` would have come before."""

    to: str
    why: str
    message: str
    one: Pinnable | None = None
    passed_over: tuple[Pinnable, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The alias that was asked for, as manifest and ledger have it."""

    wanted: Wanted
    at_hand: PinsAtHand
    pins: Pins

    @property
    def declared(self) -> Declared:
        """The fine-tune."""
        return self.pins.declared

    @property
    def stated(self) -> str | None:
        """What the manifest says of the alias now; None where it has no line."""
        return self.declared.fine_tune.aliases.get(self.pins.alias)

    @property
    def present(self) -> str | None:
        """The revision that the alias points to by the ledger; None where it points nowhere on the backend in force."""
        target = self.pins.record.target_of(self.pins.alias) if self.pins.record else None
        return target.revision if target and target.backend == self.declared.backend.name else None


def find(wanted: Wanted, *, is_new: bool | None) -> Found:
    """Finds fine-tune and alias. ``is_new``: an alias without a line is fine (None: only where it is like no other one).

    Raises Invalid, UsageProblem, LedgerError.
    """
    at_hand = open_pins(find_place(wanted.directory), backend=wanted.backend)
    declared = _declared(at_hand, wanted)
    alias = _alias(declared, wanted.alias, is_new=is_new)
    state, caveats = at_hand.ledger(declared, is_cached=wanted.is_cached)
    for caveat in caveats:
        tell(f"Warning: {safe(caveat)}")
    own = declared.fine_tune.backend or at_hand.desired.project.backend
    if declared.backend.name != own:
        tell(f"Warning: verdicts and models are those of backend {declared.backend.name}; the manifest wants {own}")
    if declared.fine_tune.policy.suspend:
        tell(f"Warning: {declared.name} is suspended (spec.policy.suspend): no alias moves until it isn't any more")
    return Found(wanted=wanted, at_hand=at_hand, pins=at_hand.pins(state, declared, alias, PlainProgress()))


def require_pinnable(found: Found, one: Pinnable) -> None:
    """Raises NotPassed where the gates don't allow it, UsageProblem where there is nothing to promote."""
    match one.outlook:
        case Outlook.MOVES | Outlook.WAITS:
            return
        case Outlook.WITHHELD:
            for line in render_judgement(found.pins.judgements[one.revision]):
                tell(line)
            override = f'spec.policy: {{override: {{revision: "{one.revision}", why: "…"}}}}'
            remedy = f"to promote it all the same, the manifest has to say so: {override}"
            raise NotPassed(f"{one.revision} of {found.declared.name} did not pass: {one.why}", remedy=remedy)
        case Outlook.IMPOSSIBLE:
            tell_choices(found)
            raise UsageProblem(f"{found.pins.alias} can't be pinned to {one.revision}: {one.why}")


def tell_choices(found: Found) -> None:
    """Writes what the alias can be pinned to to standard error, the newest first."""
    for line in _table(found, [one for one in found.pins.choices if one.outlook is not Outlook.IMPOSSIBLE]):
        tell(line)


def carry_out(found: Found, choice: Choice) -> int:
    """Writes the line where it says something else, and tells what was done. Raises what the edit raises."""
    is_there = found.stated == choice.to
    edit = None
    if not is_there:
        edit = found.at_hand.edits.propose(found.declared.fine_tune, found.pins.alias, choice.to)
        if not found.wanted.is_dry:
            found.at_hand.edits.write(edit)
    if found.wanted.as_json:
        print_json(_to_json(found, choice, edit))
        return 0
    for line in _lines(found, choice, edit):
        echo(line)
    for line in _to_copy(found, choice, edit) if edit else ():
        echo_data(line)
    return 0


def _declared(at_hand: PinsAtHand, wanted: Wanted) -> Declared:
    name = FineTuneName(wanted.name)
    tunes = at_hand.desired.fine_tunes
    present = next((one for one in tunes if one.name == name), None)
    present = present or next((one for one in tunes if name in one.fine_tune.moved_from), None)
    if present is None:  # a former name that no manifest lists any more
        states = (at_hand.ledger(one, is_cached=True)[0] for one in _one_for_each_ledger(tunes))
        known = (state.named(name) for state in states)
        present = next(
            (d for record in known if record and (d := at_hand.desired.named(FineTuneName(record.name)))), None
        )
    if present is None:
        names = [one.name for one in tunes]
        raise UsageProblem(f"no manifest declares {quoted(wanted.name)}", remedy=hint(wanted.name, names))
    if present.name != name:
        tell(f"Warning: {safe(name)} is called {present.name} now")
    return present


def _one_for_each_ledger(tunes: Sequence[Declared]) -> Iterator[Declared]:
    yield from {one.backend.is_rehearsal: one for one in tunes}.values()


def _alias(declared: Declared, alias: str, *, is_new: bool | None) -> AliasName:
    known = declared.fine_tune.aliases
    if alias in known or is_new:
        return AliasName(alias)
    like = hint(alias, known)
    if is_new is False or like.startswith("did you mean"):
        remedy = like if is_new is False else f"{like} Or add it with --new"
        raise UsageProblem(f"the manifest of {declared.name} has no alias {quoted(alias)}", remedy=remedy)
    return AliasName(alias)


def _lines(found: Found, choice: Choice, edit: ManifestEdit | None) -> Iterator[str]:
    name, alias, stated = found.declared.name, found.pins.alias, found.stated
    if edit is None:
        yield f"{alias} of {name} {_standing(choice)} already: no change.{_still_to_move(found, choice)}"
        return
    yield f"{alias} of {name}: {stated or 'nothing'} → {choice.to}"
    yield f"  {safe(choice.why)}"
    yield from (f"  not {one.revision}: {safe(one.why)}" for one in choice.passed_over)
    if stated not in {None, LATEST, found.present} and found.present not in {None, choice.to}:
        yield f"  {alias} points to {found.present} now; that line was not applied yet"
    if stated == LATEST:
        back = f"ftops promote {name} --to {alias} --revision latest"
        yield f"  it follows the declared revision no more; {back} brings that back"


def _to_copy(found: Found, choice: Choice, edit: ManifestEdit) -> Iterator[str]:
    """Gives what no terminal's width may break: the difference, and the command that commits it."""
    yield ""
    yield from map(coloured, diff_lines(edit))
    yield ""
    if found.wanted.is_dry:
        yield "Nothing was written (--dry-run)."
        return
    yield f"Written. Commit it{_then(choice)}:"
    for words in filter(None, (_add(found, edit), _commit(found, choice, edit))):
        yield f"  {shell_line(words)}"


def _then(choice: Choice) -> str:
    """What becomes of the alias after that, where it can be said."""
    if choice.one is None:
        return ""
    moves = choice.one.outlook is Outlook.MOVES
    return "; the next apply moves the alias" if moves else "; the alias moves when that is done and its gates pass"


def _still_to_move(found: Found, choice: Choice) -> str:
    moves = choice.one is not None and choice.one.outlook is Outlook.MOVES
    is_elsewhere = found.present != choice.to
    return " The next apply moves it there." if moves and choice.to != LATEST and is_elsewhere else ""


def _standing(choice: Choice) -> str:
    if choice.to != LATEST:
        return f"is pinned to {choice.to}"
    return "follows the declared revision" + (f", and that way {choice.one.revision}," if choice.one else "")


def _add(found: Found, edit: ManifestEdit) -> tuple[str, ...] | None:
    return add_command(edit, found.at_hand.place.top)


def _commit(found: Found, choice: Choice, edit: ManifestEdit) -> tuple[str, ...]:
    return commit_command(edit, found.at_hand.place.top, choice.message)


def _to_json(found: Found, choice: Choice, edit: ManifestEdit | None) -> dict[str, Any]:
    one = choice.one
    return {
        "fine_tune": found.declared.name,
        "alias": found.pins.alias,
        "backend": found.declared.backend.name,
        "was": found.stated,
        "to": choice.to,
        "why": choice.why,
        "model": one.model if one else None,
        "verdict": one.verdict.value if one and one.verdict else None,
        "outlook": one.outlook.value if one else None,
        "passed_over": [{"revision": other.revision, "why": other.why} for other in choice.passed_over],
        "changed": edit is not None,
        "written": edit is not None and not found.wanted.is_dry,
        "file": edit.path if edit else None,
        "line": edit.line if edit else None,
        "diff": "".join(f"{line}\n" for line in diff_lines(edit)) if edit else None,
        "add": _add(found, edit) if edit else None,
        "commit": list(_commit(found, choice, edit)) if edit else None,
    }


def _table(found: Found, choices: Sequence[Pinnable]) -> Iterator[str]:
    record, now = found.pins.record, datetime.now(UTC)
    pointing: dict[str, list[str]] = {}
    for alias, known in sorted(record.aliases.items()) if record else ():
        if known.target is not None and known.target.backend == found.declared.backend.name:
            pointing.setdefault(known.target.revision, []).append(alias)
    for one in choices:
        words = [safe(one.why)]
        if one.revision == found.declared.revision and "declared" not in one.why:
            words.append("declared")
        if others := [alias for alias in pointing.get(one.revision, ()) if f"{alias} points to it" not in one.why]:
            words.append(f"{listed(others)} there now")
        age = _age(now - one.made_at) if one.made_at else "no model yet"
        yield f"  {one.revision}  {age:<14}  {'; '.join(words)}"


def _age(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    for size, word in ((24, "day"), (1, "hour")):
        if hours >= size:
            number = int(hours // size)
            return f"{number} {word}{'' if number == 1 else 's'} ago"
    return "just now"
