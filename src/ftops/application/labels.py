"""People's preferences: pairs laid out blinded for them, and what they chose, for the ledger or as training rows.

Owns which choices can be believed: each is about a pair that was laid out here, with the very texts that were laid out. It
touches no file and asks no model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ftops.application.contests import Contest, SideBySide, preference_record
from ftops.datasets.checks import CHECKS
from ftops.datasets.formats import Use, row_findings
from ftops.domain.events import EventRefused, Preferred
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import FineTuneName
from ftops.domain.preferences import PairItem, PreferenceRecord
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.scores import Outcome
from ftops.errors import FtopsError, Invalid, Problem, Refused
from ftops.evaluation.choices import Agreement, Blinding, agreement, majority
from ftops.graders.samples import text_of
from ftops.ports import ChatAnswer, LedgerWriter
from ftops.ports.pairs import BlindPair, MadeChoice

_DPO_INPUT: Final = ("messages", "tools", "parallel_tool_calls")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """One pair as people see it, and what only this machine knows of it."""

    contest: Contest
    sides: SideBySide
    blind: BlindPair


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """All pairs that are laid out, by their ids, in the order of the file; ``gone`` are ids whose texts are not kept here."""

    shown: Mapping[str, Shown]
    gone: frozenset[str]
    blinding: Blinding


@dataclass(frozen=True, kw_only=True, slots=True)
class Votes:
    """What people chose: each pair's wins of the candidate, one for each annotator, by the pair's id."""

    wins: Mapping[str, tuple[float, ...]]
    annotators: Mapping[str, frozenset[str]]

    @property
    def agreement(self) -> Agreement | None:
        """How far the annotators agree; None where no pair was chosen for twice."""
        return agreement(self.wins.values())

    @property
    def people(self) -> int:
        """How many annotators there are."""
        return len(frozenset().union(*self.annotators.values()))


def lay_out(contests: Iterable[tuple[Contest, Sequence[SideBySide]]], blinding: Blinding) -> Sheet:
    """Lays out pairs in an order, and each with sides, that only the key explains. The same key lays them out alike."""
    shown: dict[str, Shown] = {}
    gone: set[str] = set()
    for contest, kept in contests:
        ids = {pair: blinding.pair_id(pair, contest.between) for pair in contest.pairs}
        texts = {sides.pair: sides for sides in kept}
        gone.update(name for pair, name in ids.items() if pair not in texts)
        for pair, sides in texts.items():
            name = ids[pair]
            a, b = _said(sides.ours.text, sides.ours.tool_calls), _said(sides.theirs.text, sides.theirs.tool_calls)
            if blinding.is_turned(name):
                a, b = b, a
            shown[name] = Shown(contest=contest, sides=sides, blind=BlindPair(id=name, prompt=_prompt(sides), a=a, b=b))
    ordered = sorted(shown, key=blinding.place)
    return Sheet(shown={name: shown[name] for name in ordered}, gone=frozenset(gone), blinding=blinding)


def take_choices(sheet: Sheet, made: Iterable[MadeChoice]) -> Votes:
    """Takes choices about the pairs of a sheet.

    Raises Invalid with every choice about an unknown pair, about texts that are not those laid out, or made twice by one
    annotator.
    """
    problems: list[Problem] = []
    wins: dict[str, list[float]] = {}
    annotators: dict[str, set[str]] = {}
    for one in made:
        wrong = _wrong(sheet, one, annotators)
        if wrong is not None:
            problems.append(wrong)
            continue
        wins.setdefault(one.pair.id, []).append(sheet.blinding.win(one.pair.id, one.choice))
        annotators.setdefault(one.pair.id, set()).add(one.annotator)
    if problems:
        raise Invalid(problems)
    return Votes(
        wins={name: tuple(values) for name, values in wins.items()},
        annotators={name: frozenset(who) for name, who in annotators.items()},
    )


def to_records(sheet: Sheet, votes: Votes, *, at: datetime) -> tuple[PreferenceRecord, ...]:
    """Gives what the ledger keeps: each contest's majorities. Names of annotators stay outside."""
    contests: dict[tuple[str, ...], list[str]] = {}
    for name in sheet.shown:
        if name in votes.wins:
            contest = sheet.shown[name].contest
            contests.setdefault((contest.candidate.declared.digest, *contest.between), []).append(name)
    return tuple(_record(sheet, votes, names, at) for names in contests.values())


def to_dpo_rows(sheet: Sheet, votes: Votes) -> tuple[tuple[Mapping[str, Any], ...], int]:
    """Gives rows for preference training, and how many pairs make none.

    Left out are ties, answers that were refused, cut off or empty, and what a training file may not hold.
    """
    rows: list[Mapping[str, Any]] = []
    for name, shown in sheet.shown.items():
        if name not in votes.wins:
            continue
        row = _dpo_row(shown.sides, majority(votes.wins[name]))
        if row is not None and not any(CHECKS[found.code].is_format for found in row_findings(row, Use.DPO)):
            rows.append(row)
    return tuple(rows), len(votes.wins) - len(rows)


def _wrong(sheet: Sheet, one: MadeChoice, annotators: Mapping[str, set[str]]) -> Problem | None:
    shown = sheet.shown.get(one.pair.id)
    if one.pair.id in sheet.gone:
        expected = f"the answers of pair {quoted(one.pair.id)} are not kept on this machine any more"
        return one.wrong(expected, field="/id", hint="what they said can't be compared with this file")
    if shown is None:
        hint = "it was exported in another clone, for another model, or before an answer changed"
        return one.wrong(f"expected a pair of these models, got {quoted(one.pair.id)}", field="/id", hint=hint)
    for field in ("prompt", "a", "b"):
        if getattr(one.pair, field) != getattr(shown.blind, field):
            return one.wrong("expected the text as it was exported", field=f"/{field}", hint="only choice is filled in")
    if one.annotator in annotators.get(one.pair.id, ()):
        return one.wrong(f"expected one choice of each annotator for pair {quoted(one.pair.id)}", field="/id")
    return None


def _record(sheet: Sheet, votes: Votes, names: Sequence[str], at: datetime) -> PreferenceRecord:
    items = []
    for name in names:
        pair = sheet.shown[name].sides.pair
        items.append(
            PairItem(
                row=pair.row,
                repeat=pair.repeat,
                candidate=pair.candidate,
                baseline=pair.baseline,
                win=majority(votes.wins[name]),
                votes=len(votes.wins[name]),
            )
        )
    agreed = agreement(votes.wins[name] for name in names)
    people = frozenset().union(*(votes.annotators[name] for name in names))
    contest = sheet.shown[names[0]].contest
    ordered = sorted(items, key=lambda item: (item.row, item.repeat))
    return preference_record(
        contest, ordered, at=at, annotators=len(people), agreement=None if agreed is None else agreed.share
    )


def _prompt(sides: SideBySide) -> str:
    """Gives what was asked as people read it: the only message's text, or each message after its role."""
    messages = (sides.item.asked or {}).get("messages", ())
    texts = [_said(text_of(message) or "", message.get("tool_calls") or ()) for message in messages]
    if len(texts) == 1:
        return texts[0]
    return "\n\n".join(f"{message.get('role')}: {text}" for message, text in zip(messages, texts, strict=True))


def _said(text: str, tool_calls: Sequence[Mapping[str, Any]]) -> str:
    """Gives what was said as people read it: the text, then each tool call on a line."""
    called = (call.get("function", {}) for call in tool_calls)
    calls = (f"{function.get('name')}({function.get('arguments')})" for function in called)
    return "\n".join(part for part in (text, *calls) if part)


def _dpo_row(sides: SideBySide, win: float) -> Mapping[str, Any] | None:
    answers = sides.ours, sides.theirs
    if win == 0.5 or any(answer.outcome is not Outcome.OK for answer in answers):
        return None
    preferred, other = answers if win == 1 else answers[::-1]
    asked = sides.item.asked or {}
    return {
        "input": {key: asked[key] for key in _DPO_INPUT if key in asked},
        "preferred_output": [_assistant(preferred)],
        "non_preferred_output": [_assistant(other)],
    }


def _assistant(answer: ChatAnswer) -> Mapping[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    if answer.text or not answer.tool_calls:
        message["content"] = answer.text
    if answer.tool_calls:
        message["tool_calls"] = [dict(call) for call in answer.tool_calls]
    return message


def record_labels(
    ledger: LedgerWriter,
    name: FineTuneName,
    records: Sequence[PreferenceRecord],
    seen: FineTuneRecord,
    *,
    at: datetime,
) -> None:
    """Writes people's preferences to the ledger.

    Raises LedgerError, and Refused where what was compared is not what the ledger has now: an evaluation ended meanwhile.
    """

    def check(newest: LedgerState) -> None:
        known = newest.named(name)
        if known is None or (known.evaluations, known.comparisons) != (seen.evaluations, seen.comparisons):
            raise Refused(f"{name} was evaluated anew in the ledger meanwhile", remedy="ask again")

    events = [Preferred(at=at, fine_tune=name, preferences=record) for record in records]
    try:
        ledger.record(events, check)
    except EventRefused as error:
        raise FtopsError(str(error), remedy="ask again") from error
