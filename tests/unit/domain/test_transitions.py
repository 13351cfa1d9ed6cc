"""What each event does to a ledger: tables of events -> state, and the rules that refuse some."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.domain.attempts import Attempt, CancelReason, CheckpointRecord, Closed, JobStatus
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    BackendSeen,
    CancelRecorded,
    CommitApplied,
    Compared,
    Evaluated,
    EventRefused,
    FileGone,
    FileUploaded,
    GatesPassed,
    Intended,
    IntentClosed,
    JobObserved,
    JobRecorded,
    Preferred,
    Renamed,
    RevisionDeclared,
    Started,
    TrainingBlocked,
)
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.preferences import PreferenceRecord
from ftops.domain.records import DatasetRecord, FileRecord, FineTuneRecord, LedgerState, ProjectRecord, Target
from ftops.domain.scores import Comparison, EvaluationRecord, ItemScore
from ftops.domain.transitions import apply_event

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
NAME, OPENAI = FineTuneName("ticket-router"), BackendName("openai")
REVISION = Revision("3f9a1c2b7d10")
TRAIN = DatasetRecord(path="train.jsonl", sha256="a" * 64, rows=3)
TARGET = Target(backend="openai", revision=REVISION, model="ft:1")
FILE = FileRecord(id="file-1", name="x", size=3, uploaded_at=AT)

STARTED = Started(at=AT, project="acme", ledger_id="L1")
SEEN = BackendSeen(at=AT, backend=OPENAI, base_url="https://api.openai.com/v1")
DECLARED = RevisionDeclared(at=AT, fine_tune=NAME, revision=REVISION, spec={"seed": 1}, train=TRAIN, commit="c0")
ABOUT: dict[str, Any] = {"at": AT, "fine_tune": NAME, "revision": REVISION, "backend": OPENAI, "attempt": 1}
INTENDED = Intended(**ABOUT, intent="i1", owner="ada", estimate_usd=2.0)
RECORDED = JobRecorded(**ABOUT, job="ftjob-1", status=JobStatus.QUEUED, intent="i1")
BASE = (STARTED, SEEN, DECLARED)


def after(*events: AnyEvent) -> LedgerState:
    state = LedgerState()
    for event in events:
        state = apply_event(state, event)
    return state


def record(*events: AnyEvent, name: str = NAME) -> FineTuneRecord:
    return after(*BASE, *events).fine_tunes[name]


def attempt(*events: AnyEvent) -> Attempt:
    found = record(*events).revisions[REVISION].latest(OPENAI)
    assert found is not None
    return found


def project(*events: AnyEvent) -> ProjectRecord:
    found = after(STARTED, SEEN, *events).project
    assert found is not None
    return found


def changed(event: AnyEvent, **values: Any) -> Any:
    return msgspec.structs.replace(event, **values)


class TestProject:
    def test_who_loses_the_start_takes_the_winners_id(self) -> None:
        assert project(changed(STARTED, ledger_id="L2")).ledger_id == "L1"

    @pytest.mark.parametrize(
        "event",
        [
            SEEN,
            CommitApplied(at=AT, commit="c1", owner="ada"),
            FileUploaded(at=AT, backend=OPENAI, sha256="a" * 64, file=FILE),
            FileGone(at=AT, backend=OPENAI, sha256="a" * 64),
            TrainingBlocked(at=AT, backend=OPENAI, message="no"),
        ],
        ids=lambda event: type(event).__name__,
    )
    def test_nothing_comes_before_the_start(self, event: AnyEvent) -> None:
        with pytest.raises(EventRefused, match="not been started"):
            after(event)

    def test_last_applied_commit(self) -> None:
        applied = project(
            CommitApplied(at=AT, commit="c1", owner="ada"),
            CommitApplied(at=LATER, commit="c2", owner="bob", run_url="https://ci/1"),
        ).applied
        assert applied is not None
        assert (applied.commit, applied.at, applied.owner, applied.run_url) == ("c2", LATER, "bob", "https://ci/1")

    @pytest.mark.parametrize(
        ("second", "outcome"),
        [
            ({}, None),
            ({"organization": "org-1"}, "org-1"),
            ({"base_url": "https://evil.example"}, "openai is https://api.openai.com/v1 in the ledger"),
        ],
    )
    def test_backend_identity(self, second: dict[str, str], outcome: str | None) -> None:
        event = changed(SEEN, **second)
        if "base_url" in second:
            with pytest.raises(EventRefused, match=outcome):
                project(event)
        else:
            assert project(event).backends[OPENAI].organization == outcome

    def test_organisation_does_not_change(self) -> None:
        known = changed(SEEN, organization="org-1")
        assert project(known, SEEN).backends[OPENAI].organization == "org-1"
        with pytest.raises(EventRefused, match="org-1 in the ledger, and this key to org-2"):
            project(known, changed(SEEN, organization="org-2"))

    def test_files_come_and_go(self) -> None:
        uploaded = FileUploaded(at=AT, backend=OPENAI, sha256="a" * 64, file=FILE)
        gone = FileGone(at=AT, backend=OPENAI, sha256="a" * 64)
        assert project(uploaded).backends[OPENAI].files == {"a" * 64: FILE}
        assert project(uploaded, gone, gone).backends[OPENAI].files == {}
        with pytest.raises(EventRefused, match="no backend gpu-box"):
            project(changed(uploaded, backend="gpu-box"))

    def test_blocked_and_let_again(self) -> None:
        event = TrainingBlocked(at=AT, backend=OPENAI, message="not any more")
        blocked = project(event).backends[OPENAI].blocked
        assert blocked is not None
        assert (blocked.at, blocked.message) == (AT, "not any more")
        assert project(event, changed(event, message=None)).backends[OPENAI].blocked is None


class TestDeclaring:
    def test_first_declaration_stays_but_protection_follows_the_manifest(self) -> None:
        again = changed(DECLARED, at=LATER, commit="c9", spec={"seed": 2}, is_protected=True)
        found = record(again)
        assert found.is_protected
        assert found.revisions[REVISION].declared_at == AT
        assert found.revisions[REVISION].commit == "c0"
        assert found.revisions[REVISION].spec == {"seed": 1}

    @pytest.mark.parametrize(
        ("events", "words"),
        [
            ((Renamed(at=AT, fine_tune=FineTuneName("b"), former=FineTuneName("a")),), "no fine-tune a"),
            ((changed(INTENDED, fine_tune="other"),), "no fine-tune other"),
            ((changed(INTENDED, revision="0" * 12),), "no revision 000000000000"),
            (
                (changed(DECLARED, fine_tune="b"), Renamed(at=AT, fine_tune=FineTuneName("b"), former=NAME)),
                "already has a fine-tune b",
            ),
        ],
    )
    def test_unknown_or_taken_names(self, events: tuple[AnyEvent, ...], words: str) -> None:
        with pytest.raises(EventRefused, match=words):
            after(*BASE, *events)

    def test_rename_keeps_the_history(self) -> None:
        there = Renamed(at=AT, fine_tune=FineTuneName("router"), former=NAME)
        back = Renamed(at=AT, fine_tune=NAME, former=FineTuneName("router"))
        moved = after(*BASE, INTENDED, there)
        assert set(moved.fine_tunes) == {"router"}
        assert moved.fine_tunes["router"].former_names == (NAME,)
        assert moved.named(NAME) is moved.fine_tunes["router"]
        assert apply_event(moved, there) is moved
        assert apply_event(moved, back).fine_tunes[NAME].former_names == ("router",)
        recorded = apply_event(moved, RECORDED).fine_tunes["router"]
        assert [job.id for *_, job in recorded.jobs()] == ["ftjob-1"], "events by a former name reach it"


class TestClaims:
    def test_first_claim_wins(self) -> None:
        intent = attempt(INTENDED).open_intent
        assert intent is not None
        assert (intent.id, intent.number, intent.owner, intent.estimate_usd) == ("i1", 1, "ada", 2.0)
        with pytest.raises(EventRefused, match="ada is about to create this job") as caught:
            record(INTENDED, changed(INTENDED, intent="i2", owner="bob"))
        assert caught.value.claim_lost

    def test_claim_again_is_the_same_claim(self) -> None:
        assert record(INTENDED, INTENDED) == record(INTENDED)
        assert record(INTENDED, RECORDED, INTENDED) == record(INTENDED, RECORDED)

    def test_no_claim_where_a_job_is(self) -> None:
        with pytest.raises(EventRefused, match="job ftjob-1 exists already") as caught:
            record(INTENDED, RECORDED, changed(INTENDED, intent="i2"))
        assert caught.value.claim_lost

    def test_next_claim_after_one_that_made_no_job(self) -> None:
        closing = IntentClosed(**ABOUT, intent="i1", closed=Closed.REJECTED, message="400")
        found = attempt(INTENDED, closing, changed(INTENDED, intent="i2"))
        assert [(i.id, i.number, i.closed, i.message) for i in found.intents] == [
            ("i1", 1, Closed.REJECTED, "400"),
            ("i2", 2, None, None),
        ]

    def test_take_over(self) -> None:
        found = attempt(INTENDED, changed(INTENDED, intent="i2", owner="bob", takes_over="i1"))
        assert [(i.id, i.closed) for i in found.intents] == [("i1", Closed.TAKEN_OVER), ("i2", None)]

    @pytest.mark.parametrize(
        "before", [(), (INTENDED, IntentClosed(**ABOUT, intent="i1", closed=Closed.LOST))], ids=["none", "closed"]
    )
    def test_take_over_of_what_is_not_open(self, before: tuple[AnyEvent, ...]) -> None:
        with pytest.raises(EventRefused, match="closed meanwhile") as caught:
            record(*before, changed(INTENDED, intent="i2", takes_over="i1"))
        assert caught.value.claim_lost

    def test_closing(self) -> None:
        closing = IntentClosed(**ABOUT, intent="i1", closed=Closed.LOST)
        assert attempt(INTENDED, closing).intents[0].closed is Closed.LOST
        assert attempt(INTENDED, closing, changed(closing, closed=Closed.REJECTED)).intents[0].closed is Closed.LOST
        with pytest.raises(EventRefused, match="no intent i1"):
            record(closing)

    @pytest.mark.parametrize(
        ("limit", "backend", "is_refused"),
        [(None, OPENAI, False), (5.0, OPENAI, False), (3.9, OPENAI, True), (3.9, "rehearsal", False)],
    )
    def test_budget_of_the_month(self, limit: float | None, backend: str, *, is_refused: bool) -> None:
        claim = changed(INTENDED, intent="i2", attempt=2, backend=backend, limit_usd=limit, rehearsals=("rehearsal",))
        if not is_refused:
            record(INTENDED, claim)
            return
        with pytest.raises(
            EventRefused, match=r"over budget: \$2.00 spent this month and \$2.00 planned, of \$3.90"
        ) as e:
            record(INTENDED, claim)
        assert not e.value.claim_lost

    def test_budget_without_an_estimate(self) -> None:
        claim = changed(INTENDED, intent="i2", attempt=2, estimate_usd=None, limit_usd=1.0)
        with pytest.raises(EventRefused, match=r"\$0.00 planned"):
            record(INTENDED, claim)


class TestJobs:
    def test_first_job_is_the_job(self) -> None:
        found = attempt(INTENDED, RECORDED, changed(RECORDED, job="ftjob-2", intent=None), RECORDED)
        assert found.job is not None
        assert found.job.id == "ftjob-1"
        assert [job.id for job in found.surplus] == ["ftjob-2"]
        assert found.intents[0].closed is Closed.JOB

    def test_same_job_again_changes_nothing(self) -> None:
        surplus = changed(RECORDED, job="ftjob-2", intent=None)
        once = record(INTENDED, RECORDED, surplus)
        assert record(INTENDED, RECORDED, surplus, RECORDED, surplus) == once

    def test_adopted_job_ends_everybodys_claims(self) -> None:
        found = attempt(INTENDED, changed(RECORDED, intent=None, is_adopted=True))
        assert found.intents[0].closed is Closed.ABANDONED
        assert found.job is not None
        assert found.job.is_adopted

    def test_attempts_stay_in_order(self) -> None:
        second = changed(RECORDED, attempt=2, job="ftjob-2", intent=None)
        attempts = record(second, changed(RECORDED, intent=None)).revisions[REVISION].on(OPENAI)
        assert [(a.number, a.job.id if a.job else "") for a in attempts] == [(1, "ftjob-1"), (2, "ftjob-2")]

    def test_observed_until_it_ends(self) -> None:
        done = JobObserved(
            **ABOUT,
            job="ftjob-1",
            status=JobStatus.SUCCEEDED,
            model="ft:1",
            trained_tokens=9,
            cost_usd=1.5,
            finished_at=LATER,
            checkpoints=(CheckpointRecord(step=1, model="ft:1:ckpt"),),
        )
        job = attempt(INTENDED, RECORDED, done, changed(done, status=JobStatus.FAILED, model=None)).job
        assert job is not None
        assert (job.status, job.model, job.trained_tokens, job.cost_usd) == (JobStatus.SUCCEEDED, "ft:1", 9, 1.5)
        assert (job.finished_at, job.checkpoints) == (LATER, done.checkpoints)

    def test_surplus_job_observed(self) -> None:
        others = [changed(RECORDED, job=f"ftjob-{n}", intent=None) for n in (2, 3)]
        seen = JobObserved(**ABOUT, job="ftjob-3", status=JobStatus.CANCELLED)
        found = attempt(RECORDED, *others, seen)
        assert [job.status for job in found.surplus] == [JobStatus.QUEUED, JobStatus.CANCELLED]
        assert found.job is not None
        assert found.job.status is JobStatus.QUEUED

    @pytest.mark.parametrize("before", [(), (RECORDED,)], ids=["no attempt", "another job"])
    def test_unknown_job(self, before: tuple[AnyEvent, ...]) -> None:
        with pytest.raises(EventRefused, match="no job ftjob-9"):
            record(*before, JobObserved(**ABOUT, job="ftjob-9", status=JobStatus.RUNNING))

    def test_cancel_and_its_withdrawal(self) -> None:
        cancel = CancelRecorded(**ABOUT, job="ftjob-1", reason=CancelReason.SUPERSEDED)
        job = attempt(RECORDED, cancel).job
        assert job is not None
        assert (job.cancel, job.cancel_at) == (CancelReason.SUPERSEDED, AT)
        job = attempt(RECORDED, cancel, changed(cancel, reason=None)).job
        assert job is not None
        assert (job.cancel, job.cancel_at) == (None, None)


EVALUATION = EvaluationRecord(
    name="exact",
    digest="d" * 64,
    sent="e" * 64,
    grader="f" * 64,
    model="ft:1",
    backend="openai",
    at=AT,
    items=(ItemScore("0" * 12, 1.0, None),),
)
COMPARISON = Comparison(candidate="ft:1", digest="d" * 64, form="e" * 64, model="gpt", backend="openai", sent="e" * 64)
BETWEEN = {"candidate": "ft:1", "backend": "openai", "baseline": "gpt", "baseline_backend": "openai"}
PREFERENCES = PreferenceRecord(
    name="exact", digest="d" * 64, **BETWEEN, sent="e" * 64, baseline_sent="e" * 64, at=AT, annotators=1
)


class TestScores:
    def test_newest_scores_of_the_same_thing_replace_older_ones(self) -> None:
        other = msgspec.structs.replace(EVALUATION, model="ft:2")
        newer = msgspec.structs.replace(EVALUATION, at=LATER)
        events = [Evaluated(at=AT, fine_tune=NAME, evaluation=e) for e in (EVALUATION, other, newer)]
        assert record(*events).evaluations == (other, newer)

    def test_comparison_is_kept_per_candidate_and_evaluation(self) -> None:
        other = msgspec.structs.replace(COMPARISON, candidate="ft:2")
        newer = msgspec.structs.replace(COMPARISON, model="gpt-2")
        events = [Compared(at=AT, fine_tune=NAME, comparison=c) for c in (COMPARISON, other, newer)]
        assert record(*events).comparisons == (other, newer)

    def test_newest_preferences_about_the_same_replace_older_ones(self) -> None:
        judged = msgspec.structs.replace(PREFERENCES, grader="f" * 64)
        newer = msgspec.structs.replace(PREFERENCES, annotators=3)
        events = [Preferred(at=AT, fine_tune=NAME, preferences=p) for p in (PREFERENCES, judged, newer)]
        assert record(*events).preferences == (judged, newer)

    def test_a_model_passes_once(self) -> None:
        event = GatesPassed(at=AT, fine_tune=NAME, revision=REVISION, backend=OPENAI, model="ft:1")
        found = record(event, changed(event, at=LATER), changed(event, model="ft:2")).passed
        assert [(p.model, p.at) for p in found] == [("ft:1", AT), ("ft:2", AT)]


class TestAliases:
    MOVE = AliasMoved(at=AT, fine_tune=NAME, alias=AliasName("prod"), target=TARGET, was=None, reason="gates passed")
    NEXT = msgspec.structs.replace(TARGET, model="ft:2")

    @pytest.mark.parametrize(
        ("moves", "targets"),
        [
            ((MOVE,), [TARGET]),
            ((MOVE, MOVE), [TARGET]),
            ((MOVE, changed(MOVE, target=NEXT, was=TARGET)), [TARGET, NEXT]),
            ((MOVE, changed(MOVE, target=None, was=TARGET)), [TARGET, None]),
            ((MOVE, changed(MOVE, target=None, was=TARGET), changed(MOVE, target=None)), [TARGET, None]),
            ((MOVE, changed(MOVE, target=None, was=TARGET), MOVE), [TARGET, None, TARGET]),
            ((changed(MOVE, target=None),), [None]),
        ],
    )
    def test_history(self, moves: tuple[AnyEvent, ...], targets: list[Target | None]) -> None:
        assert [move.target for move in record(*moves).aliases["prod"].history] == targets

    @pytest.mark.parametrize("was", [None, NEXT])
    def test_moved_meanwhile(self, was: Target | None) -> None:
        third = msgspec.structs.replace(TARGET, model="ft:3")
        with pytest.raises(EventRefused, match="moved meanwhile"):
            record(self.MOVE, changed(self.MOVE, target=third, was=was))


NAMES = st.sampled_from([FineTuneName("a"), FineTuneName("b"), FineTuneName("c")])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
JOBS = st.sampled_from(["ftjob-1", "ftjob-2"])
INTENTS = st.sampled_from(["i1", "i2", "i3"])
TARGETS = st.none() | st.just(TARGET)
TEXTS = st.text(max_size=10)
USD = st.none() | st.floats(0, 100)
TRAINING: dict[str, Any] = {
    "at": MOMENTS,
    "fine_tune": NAMES,
    "revision": st.just(REVISION),
    "backend": st.just(OPENAI),
    "attempt": st.integers(1, 2),
}
EVENTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(Started, at=MOMENTS, project=st.just("acme"), ledger_id=INTENTS),
    st.builds(
        BackendSeen,
        at=MOMENTS,
        backend=st.just(OPENAI),
        base_url=st.just("http://127.0.0.1:8400/v1"),
        organization=st.none() | INTENTS,
    ),
    st.builds(CommitApplied, at=MOMENTS, commit=st.none() | INTENTS, owner=TEXTS, run_url=st.none() | TEXTS),
    st.builds(
        RevisionDeclared,
        at=MOMENTS,
        fine_tune=NAMES,
        revision=st.just(REVISION),
        spec=st.dictionaries(TEXTS, st.integers(-9, 9) | TEXTS | st.none() | st.booleans(), max_size=3),
        train=st.just(TRAIN),
        validation=st.none() | st.just(TRAIN),
        commit=st.none() | INTENTS,
        is_protected=st.booleans(),
    ),
    st.builds(FileUploaded, at=MOMENTS, backend=st.just(OPENAI), sha256=st.just("a" * 64), file=st.just(FILE)),
    st.builds(FileGone, at=MOMENTS, backend=st.just(OPENAI), sha256=st.just("a" * 64)),
    st.builds(
        Intended,
        **TRAINING,
        intent=INTENTS,
        owner=TEXTS,
        run_url=st.none() | TEXTS,
        estimate_usd=USD,
        takes_over=st.none() | INTENTS,
        limit_usd=USD,
        rehearsals=st.just(()),
    ),
    st.builds(IntentClosed, **TRAINING, intent=INTENTS, closed=st.sampled_from(Closed), message=st.none() | TEXTS),
    st.builds(
        JobRecorded,
        **TRAINING,
        job=JOBS,
        status=st.sampled_from(JobStatus),
        intent=st.none() | INTENTS,
        created_at=st.none() | MOMENTS,
        is_adopted=st.booleans(),
    ),
    st.builds(
        JobObserved,
        **TRAINING,
        job=JOBS,
        status=st.sampled_from(JobStatus),
        model=st.none() | st.just("ft:1"),
        trained_tokens=st.none() | st.integers(0, 2**40),
        cost_usd=USD,
        finished_at=st.none() | MOMENTS,
        error_code=st.none() | TEXTS,
        error_message=st.none() | TEXTS,
        checkpoints=st.just(()) | st.just((CheckpointRecord(step=1, model="m", valid_loss=0.5),)),
    ),
    st.builds(CancelRecorded, **TRAINING, job=JOBS, reason=st.none() | st.sampled_from(CancelReason)),
    st.builds(Evaluated, at=MOMENTS, fine_tune=NAMES, evaluation=st.just(EVALUATION)),
    st.builds(Preferred, at=MOMENTS, fine_tune=NAMES, preferences=st.just(PREFERENCES)),
    st.builds(Compared, at=MOMENTS, fine_tune=NAMES, comparison=st.just(COMPARISON)),
    st.builds(
        GatesPassed, at=MOMENTS, fine_tune=NAMES, revision=st.just(REVISION), backend=st.just(OPENAI), model=JOBS
    ),
    st.builds(
        AliasMoved,
        at=MOMENTS,
        fine_tune=NAMES,
        alias=st.just("prod"),
        target=TARGETS,
        was=TARGETS,
        reason=TEXTS,
        commit=st.none() | INTENTS,
        override=st.none() | TEXTS,
    ),
    st.builds(Renamed, at=MOMENTS, fine_tune=NAMES, former=NAMES),
    st.builds(TrainingBlocked, at=MOMENTS, backend=st.just(OPENAI), message=st.none() | TEXTS),
)


def play(events: list[AnyEvent]) -> LedgerState:
    state = LedgerState()
    for event in events:
        try:
            state = apply_event(state, event)
        except EventRefused:
            continue
    return state


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=25))
def test_every_state_encodes_and_decodes_to_itself(events: list[AnyEvent]) -> None:
    state = play(events)
    assert msgspec.json.decode(msgspec.json.encode(state, order="sorted"), type=LedgerState) == state
    for record in state.fine_tunes.values():
        for revision in record.revisions.values():
            for attempts in revision.attempts.values():
                assert [a.number for a in attempts] == sorted({a.number for a in attempts})
                for found in attempts:
                    still_open = [intent for intent in found.intents if intent.closed is None]
                    assert len(still_open) <= (0 if found.job else 1), (
                        "a claim is exclusive, and none stands beside a job"
                    )
                    assert len({job.id for job in found.surplus}) == len(found.surplus)


@settings(max_examples=100)
@given(st.lists(EVENTS, max_size=15), EVENTS)
def test_an_event_written_twice_changes_nothing_more(events: list[AnyEvent], event: AnyEvent) -> None:
    """A connection can die after the update, and pending events may have been written after all."""
    try:
        once = apply_event(play(events), event)
    except EventRefused:
        return
    try:
        twice = apply_event(once, event)
    except EventRefused:
        # A claim over a budget that it now uses up itself, or that was taken over by itself: refused, not doubled.
        assert isinstance(event, Intended | Renamed)
        return
    if not isinstance(event, Renamed):
        assert twice == once
