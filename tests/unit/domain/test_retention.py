"""Prune never picks what somebody needs, whatever the history; ``tests/plans/prune-*`` have a case for each rule."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.domain.attempts import Attempt, DeletionStage, JobRecord, JobStatus
from ftops.domain.events import EventRefused, ModelDeletion
from ftops.domain.guard import MASS_DELETE, Policy
from ftops.domain.manifest import BackendName, FineTuneName, Revision
from ftops.domain.plan import DeleteFile, DeleteModel, Plan
from ftops.domain.planner import build_plan
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    BackendRecord,
    DatasetRecord,
    FileRecord,
    FineTuneRecord,
    LedgerState,
    ProjectRecord,
    RevisionRecord,
    Target,
)
from ftops.domain.retention import backends_of, models_of
from ftops.domain.transitions import apply_event
from plan_cases import make_case, sha

AT = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
REVISIONS = tuple(letter * 12 for letter in "abcdef")
BACKENDS = ("openai", "gpu-box")
PRUNING = Policy(allow=frozenset({MASS_DELETE}), is_pruning=True, only_prunes=True)


@st.composite
def jobs(draw: st.DrawFn, name: str) -> JobRecord:
    at = AT + timedelta(hours=draw(st.integers(0, 400)))
    status = draw(st.sampled_from([JobStatus.SUCCEEDED] * 5 + [JobStatus.FAILED, JobStatus.RUNNING]))
    return JobRecord(
        id=name,
        status=status,
        seen_at=at,
        finished_at=draw(st.sampled_from([None, at])),
        model=f"ft:{name}" if status is JobStatus.SUCCEEDED else None,
        is_imported=draw(st.integers(0, 7)) == 0,
        gone_at=at if draw(st.integers(0, 9)) == 0 else None,
        deleting_at=at if draw(st.integers(0, 9)) == 0 else None,
    )


@st.composite
def records(draw: st.DrawFn, name: str) -> FineTuneRecord:
    revisions = {}
    for revision in draw(st.lists(st.sampled_from(REVISIONS), unique=True, max_size=6)):
        attempts = {
            backend: tuple(
                Attempt(number=n + 1, job=draw(jobs(f"{name}-{revision[0]}-{backend}-{n + 1}")))
                for n in range(draw(st.integers(1, 2)))
            )
            for backend in draw(st.lists(st.sampled_from(BACKENDS), unique=True, max_size=2))
        }
        train = DatasetRecord(path="x.jsonl", sha256=sha(draw(st.sampled_from("12345"))), rows=3)
        spec = {"retention": {"files": draw(st.sampled_from(["keep", "delete"]))}}
        revisions[revision] = RevisionRecord(spec=spec, train=train, declared_at=AT, attempts=attempts)
    record = FineTuneRecord(
        format_version="1", name=name, revisions=revisions, is_protected=draw(st.integers(0, 7)) == 0
    )
    models = [Target(backend=m.backend, revision=m.revision, model=m.id) for m in models_of(record)]
    histories = st.lists(st.sampled_from([*models, None]) if models else st.none(), max_size=4)
    moves = {alias: draw(histories) for alias in ("production", "staging")}
    aliases = {
        alias: AliasRecord(history=tuple(AliasMove(at=AT, target=t, reason="pinned") for t in targets))
        for alias, targets in moves.items()
    }
    return FineTuneRecord(
        format_version="1", name=name, revisions=revisions, is_protected=record.is_protected, aliases=aliases
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, Any], LedgerState]:
    fine_tunes = {name: draw(records(name)) for name in ("one", "two")}
    files = {
        sha(content): FileRecord(id=f"file-{content}", name="x", size=1, uploaded_at=AT)
        for content in draw(st.lists(st.sampled_from("12345"), unique=True))
    }
    backends = {
        "openai": BackendRecord(base_url="https://openai.example/v1", files=files),
        "gpu-box": BackendRecord(base_url="http://127.0.0.1:8400/v1"),
    }
    project = ProjectRecord(format_version="1", name="acme", ledger_id="L1", backends=backends)
    declared = {
        "name": "one",
        "revision": draw(st.sampled_from(REVISIONS)),
        "train": {"content": draw(st.sampled_from("12345"))},
        "aliases": draw(
            st.dictionaries(
                st.sampled_from(["production", "staging"]), st.sampled_from(["latest", *REVISIONS]), max_size=2
            )
        ),
        "retention": {"keep": draw(st.integers(0, 3)), "files": draw(st.sampled_from(["keep", "delete"]))},
        "policy": {"override": {"revision": draw(st.sampled_from(REVISIONS)), "why": "x"}, "on_superseded": "finish"},
    }
    return declared, LedgerState(project=project, fine_tunes=fine_tunes)


def planned(declared: dict[str, Any], ledger: LedgerState, policy: Policy = PRUNING) -> Plan:
    case = make_case({"fine_tunes": [declared]}, {"backends": {name: {} for name in BACKENDS}})
    observed = case.observed
    for name in BACKENDS:
        observed.ledgers[BackendName(name)] = ledger  # type: ignore[index]
    return build_plan(case.desired, observed, policy, date(2026, 11, 21))


@given(worlds())
@settings(max_examples=100)
def test_what_somebody_needs_is_never_picked(world: tuple[dict[str, Any], LedgerState]) -> None:
    declared, ledger = world
    deleted = [a for a in planned(declared, ledger).actions if isinstance(a, DeleteModel)]
    for action in deleted:
        record = ledger.fine_tunes[action.fine_tune]
        job = next(job for *_, job in record.jobs() if job.id == action.job)
        assert job.model == action.model
        assert not record.is_protected
        assert not job.is_imported
        assert job.gone_at is None
        for alias in record.aliases.values():
            assert alias.target is None or alias.target.model != action.model
        if action.fine_tune == "one":
            wanted = {declared["revision"], declared["policy"]["override"]["revision"], *declared["aliases"].values()}
            assert action.revision not in wanted
            # Beside a model that stays, a revision may have one whose deletion was begun.
            others = {m.revision for m in models_of(record) if m.id not in {a.model for a in deleted}}
            assert len(others) >= min(declared["retention"]["keep"], len({m.revision for m in models_of(record)})) or (
                job.deleting_at is not None
            )
        # The ledger has the last word, and it agrees.
        about = ModelDeletion(
            at=AT,
            fine_tune=FineTuneName(action.fine_tune),
            revision=Revision(action.revision),
            backend=action.backend,
            attempt=action.attempt,
            job=action.job,
            stage=DeletionStage.BEGUN,
        )
        try:
            apply_event(ledger, about)
        except EventRefused as error:
            raise AssertionError(str(error)) from error


@given(worlds())
@settings(max_examples=60)
def test_files_in_use_are_never_picked(world: tuple[dict[str, Any], LedgerState]) -> None:
    declared, ledger = world
    plan = planned(declared, ledger)
    models = {a.model for a in plan.actions if isinstance(a, DeleteModel)}
    for action in plan.actions:
        if not isinstance(action, DeleteFile):
            continue
        assert action.sha256 != sha(declared["train"]["content"])
        for record in ledger.fine_tunes.values():
            for revision, known in record.revisions.items():
                if known.train.sha256 == action.sha256:
                    left = {m.id for m in models_of(record) if m.revision == revision} - models
                    assert not left
                    assert all(a.job is None or a.job.status.is_final for on in known.attempts.values() for a in on)


@given(worlds())
@settings(max_examples=100)
def test_nothing_is_picked_unasked(world: tuple[dict[str, Any], LedgerState]) -> None:
    declared, ledger = world
    actions = planned(declared, ledger, Policy()).actions
    assert not [a for a in actions if isinstance(a, DeleteModel | DeleteFile)]


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_the_order_of_records_does_not_matter(
    world: tuple[dict[str, Any], LedgerState], shuffler: random.Random
) -> None:
    declared, ledger = world
    turned = {}
    for name in shuffler.sample(sorted(ledger.fine_tunes), 2):
        record = ledger.fine_tunes[name]
        revisions = {r: record.revisions[r] for r in shuffler.sample(sorted(record.revisions), len(record.revisions))}
        turned[name] = FineTuneRecord(
            format_version="1",
            name=name,
            revisions=revisions,
            is_protected=record.is_protected,
            aliases=record.aliases,
        )
    assert planned(declared, ledger) == planned(declared, LedgerState(project=ledger.project, fine_tunes=turned))


def test_a_ledger_without_a_project_has_no_files() -> None:
    record = FineTuneRecord(format_version="1", name="one")
    assert not planned({"name": "one", "revision": "a" * 12}, LedgerState(fine_tunes={"one": record})).count(DeleteFile)


def test_the_backends_that_something_is_left_on() -> None:
    made = JobRecord(id="j", status=JobStatus.SUCCEEDED, seen_at=AT, model="ft:j")
    begun = JobRecord(id="k", status=JobStatus.SUCCEEDED, seen_at=AT, model="ft:k", deleting_at=AT)
    gone = JobRecord(id="l", status=JobStatus.SUCCEEDED, seen_at=AT, model="ft:l", gone_at=AT)
    attempts = {name: (Attempt(number=1, job=job),) for name, job in (("made", made), ("begun", begun), ("gone", gone))}
    train = DatasetRecord(path="x.jsonl", sha256=sha("1"), rows=3)
    revisions = {"a" * 12: RevisionRecord(spec={}, train=train, declared_at=AT, attempts=attempts)}
    tunes = {"one": FineTuneRecord(format_version="1", name="one", revisions=revisions)}
    file = FileRecord(id="file-1", name="x", size=1, uploaded_at=AT)
    backends = {
        "files": BackendRecord(base_url="embedded", files={sha("1"): file}),
        "empty": BackendRecord(base_url="embedded"),
    }
    project = ProjectRecord(format_version="1", name="acme", ledger_id="L1", backends=backends)
    assert backends_of(LedgerState(project=project, fine_tunes=tunes)) == {"made", "begun", "files"}
    assert backends_of(LedgerState()) == frozenset()
