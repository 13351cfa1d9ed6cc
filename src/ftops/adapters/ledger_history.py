"""What the branch's commits say of a project's folder: whether it is what the recorded events made of it, step by step.

Replays every commit's events and holds the result against the files that the commit has, so that an edit by hand shows, and
in which commit. Scores of single items are in the files alone, not in the events, and are taken from there where they appear
first. Reads only; whoever forges a whole history, events and all, is not found out here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from ftops.adapters.git_process import GitProcess, OutputTooLarge
from ftops.adapters.ledger_diffs import Changes, changes_of
from ftops.adapters.ledger_files import changed_files, name_in_path, train_in_path
from ftops.adapters.ledger_messages import Message, Unreadable, decode_message
from ftops.adapters.ledger_objects import commit_messages, state_of
from ftops.adapters.ledger_survey import AnyRecord, LedgerSurvey
from ftops.domain.events import AnyEvent, Evaluated, EventRefused, InputsKept, Preferred
from ftops.domain.findings import Finding, Invariant
from ftops.domain.foreign_text import visible
from ftops.domain.preferences import PreferenceRecord
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.scores import EvaluationRecord
from ftops.domain.trained_inputs import file_digest
from ftops.domain.transitions import apply_event
from ftops.errors import LedgerCorrupt

_COMMITS_AT_ONCE: Final = 200

_Itemised = TypeVar("_Itemised", EvaluationRecord, PreferenceRecord)


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What was found in the commits of a branch, oldest first, and how many there are."""

    commits: int = 0
    findings: tuple[Finding, ...] = ()


def read_history(git: GitProcess, survey: LedgerSurvey, *, folder: str, tip: str, since: str | None) -> History:
    """Goes through the commits that lead to ``tip``, after ``since`` where that is one of them. Raises GitFailed."""
    is_known = since is not None and git.succeeds("merge-base", "--is-ancestor", since, tip)
    after = (f"^{since}",) if is_known else ()
    listing = git.line("rev-list", "--reverse", "--topo-order", "--parents", tip, *after, "--").splitlines()
    parents = {commit: tuple(others) for commit, *others in (line.split() for line in listing)}
    replay = _Replay(
        survey=survey, folder=folder, state=survey.at(since).state if is_known and since else LedgerState()
    )
    commits = list(parents)
    for start in range(0, len(commits), _COMMITS_AT_ONCE):
        some = commits[start : start + _COMMITS_AT_ONCE]
        try:
            changes = changes_of(git, some)
        except OutputTooLarge:
            return History(commits=len(commits), findings=(*replay.findings, _too_much(some[0])))
        for commit, message in commit_messages(git, some):
            replay.take(commit, parents[commit], changes[commit], message)
    return History(commits=len(commits), findings=tuple(replay.findings))


def _too_much(commit: str) -> Finding:
    says = "changes more files than ftops ever did, or one near it does: nothing from there on was checked"
    return Finding(invariant=Invariant.ONLY_LEDGERS, says=says, commit=commit)


@dataclass(kw_only=True, slots=True)
class _Replay:
    """The folder's state as the events so far make it, put right by what the files say wherever the two part."""

    survey: LedgerSurvey
    folder: str
    state: LedgerState
    findings: list[Finding] = field(default_factory=list)
    _writes: dict[str, str] = field(default_factory=dict)

    def take(self, commit: str, parents: Sequence[str], changes: Changes, message: bytes | None) -> None:
        """Takes the next commit: checks it, and goes on from what its files hold."""
        if len(parents) > 1:
            self._find(Invariant.CHAIN, commit, "is a merge, and the ledger is never merged")
            self.state = self.survey.at(commit).state
            return
        ours = {path: blob for path, blob in changes.items() if path.startswith(f"{self.folder}/")}
        foreign = next((path for path in changes if not path.startswith("projects/")), None)
        if foreign is not None:
            self._find(Invariant.ONLY_LEDGERS, commit, f"changes {visible(foreign)!r}, which is no ledger's")
        if not ours:
            return
        decoded = self._decoded(commit, message)
        events = decoded.events if decoded is not None else None
        self._compare(commit, self._after(commit, events), ours, events or ())

    def _find(self, invariant: Invariant, commit: str, says: str, *, fine_tune: str | None = None) -> None:
        self.findings.append(Finding(invariant=invariant, says=says, fine_tune=fine_tune, commit=commit))

    def _decoded(self, commit: str, message: bytes | None) -> Message | None:
        if message is None:
            self._find(Invariant.WRITTEN_BY_FTOPS, commit, "has a message that is too long to be read")
            return None
        decoded = decode_message(message)
        if decoded.write_id is None:
            self._find(Invariant.WRITTEN_BY_FTOPS, commit, f"was not written by ftops: {decoded.subject}")
        elif decoded.write_id in self._writes:
            says = f"bears the random id of {self._writes[decoded.write_id][:12]}"
            self._find(Invariant.RANDOM_IDS, commit, says)
        else:
            self._writes[decoded.write_id] = commit
        return decoded

    def _after(self, commit: str, events: Sequence[AnyEvent | Unreadable] | None) -> LedgerState:
        """Gives the state after a commit's events, as far as they can follow."""
        state = self.state
        for event in events or ():
            if isinstance(event, Unreadable):
                self._find(Invariant.EVENTS_TELL_ALL, commit, f"holds {event.text}")
                continue
            try:
                state = apply_event(state, event)
            except EventRefused as error:
                tag = type(event).__struct_config__.tag
                self._find(Invariant.EVENTS_TELL_ALL, commit, f"holds an event that can't follow ({tag}): {error}")
        return state

    def _compare(
        self, commit: str, expected: LedgerState, ours: Changes, events: Sequence[AnyEvent | Unreadable]
    ) -> None:
        """Holds what events made against what the files are, and goes on from the files."""
        kept = {train: blob for path, blob in ours.items() if (train := train_in_path(self.folder, path)) is not None}
        inputs = self._kept_inputs(commit, expected, kept, events)
        ours = {path: blob for path, blob in ours.items() if train_in_path(self.folder, path) is None}
        wanted = changed_files(self.folder, self.state, msgspec.structs.replace(expected, inputs=self.state.inputs))
        same = {path for path, blob in ours.items() if path in wanted and self.survey.blob_of(wanted[path]) == blob}
        read = self.survey.files({path: blob for path, blob in ours.items() if path not in same})
        records: dict[str | None, AnyRecord | None] = {None: expected.project}
        records.update(expected.fine_tunes)
        for path in sorted({*wanted, *ours} - same):
            name = self._name(path)
            now, wrong = _judged(
                made=records.get(name),
                now=read[path] if path in ours else _record_at(self.state, name),
                is_told=path in wanted,
                is_done=path in ours,
                events=events,
            )
            records[name] = now
            if wrong:
                says = f"parts from its events at {visible(path)}: {wrong}"
                self._find(Invariant.EVENTS_TELL_ALL, commit, says, fine_tune=name)
        self.state = state_of([record for record in records.values() if record is not None], inputs=inputs)

    def _kept_inputs(
        self, commit: str, expected: LedgerState, ours: Changes, events: Sequence[AnyEvent | Unreadable]
    ) -> frozenset[str]:
        """Holds files of inputs' digests, by training set, against what events say; gives those that are there then."""
        gone = {train for train, blob in ours.items() if blob is None}
        now = (self.state.inputs | ours.keys()) - gone
        told = {event.train: event.digest for event in events if isinstance(event, InputsKept)}
        for train in sorted({*ours, *(expected.inputs ^ now)}):
            wrong = self._wrong_inputs(
                ours.get(train), told.get(train), is_due=train in expected.inputs, is_in=train in now
            )
            if wrong:
                says = f"parts from its events at the inputs of training set {train[:12]}: {wrong}"
                self._find(Invariant.EVENTS_TELL_ALL, commit, says)
        return now

    def _wrong_inputs(self, blob: str | None, told: str | None, *, is_due: bool, is_in: bool) -> str:
        """Says what is wrong with one such file; nothing where its events put it there, or took it away, as it is."""
        if is_due != is_in:
            return "its events keep them, and the commit does not" if is_due else "no event of it keeps them"
        if blob is None:
            return ""
        try:
            is_told = file_digest(self.survey.content(blob)) == told
        except LedgerCorrupt as error:
            return error.message
        return "" if is_told else "they are not those that an event of it keeps"

    def _name(self, path: str) -> str | None:
        """Gives the fine-tune of a path; a path that is nobody's is no fine-tune's name either."""
        try:
            return name_in_path(self.folder, path)
        except LedgerCorrupt:
            return path


def _record_at(state: LedgerState, name: str | None) -> AnyRecord | None:
    return state.project if name is None else state.fine_tunes.get(name)


def _judged(
    *,
    made: AnyRecord | None,
    now: AnyRecord | LedgerCorrupt | None,
    is_told: bool,
    is_done: bool,
    events: Sequence[AnyEvent | Unreadable],
) -> tuple[AnyRecord | None, str]:
    """Gives the record to go on from, and what is wrong with it; nothing where it is what the events ``made``."""
    if isinstance(now, LedgerCorrupt):
        return made, now.message
    made = _with_items(made, now, events)
    if made == now:
        return now, ""
    if not is_done:
        return now, "its events change it, and the commit does not"
    if not is_told:
        return now, f"the commit changes it, and no event of it does{_where(made, now)}"
    return now, f"it is not what its events make of it{_where(made, now)}"


def _with_items(
    made: AnyRecord | None,
    now: AnyRecord | None,
    events: Sequence[AnyEvent | Unreadable],
) -> AnyRecord | None:
    """Gives a record with the items of what these events recorded of scores and preferences, which only the file has."""
    if not isinstance(made, FineTuneRecord) or not isinstance(now, FineTuneRecord):
        return made
    scored = {event.evaluation for event in events if isinstance(event, Evaluated)}
    preferred = {event.preferences for event in events if isinstance(event, Preferred)}
    return msgspec.structs.replace(
        made,
        evaluations=_filled(made.evaluations, now.evaluations, scored),
        preferences=_filled(made.preferences, now.preferences, preferred),
    )


def _filled(made: Sequence[_Itemised], now: Sequence[_Itemised], fresh: Collection[_Itemised]) -> tuple[_Itemised, ...]:
    items = {msgspec.structs.replace(record, items=()): record.items for record in now}
    return tuple(
        msgspec.structs.replace(record, items=items.get(record, ())) if record in fresh else record for record in made
    )


def _where(made: AnyRecord | None, now: AnyRecord | None) -> str:
    """Names the fields that two records differ in."""
    if made is None or now is None:
        return ""
    fields: Iterator[str] = (name for name in now.__struct_fields__ if getattr(made, name, None) != getattr(now, name))
    return f" ({', '.join(fields)})"
