"""What holds of every deletion, whatever is declared and observed; the rules are written a second time here, and apart."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from test_planner_properties import WHEN, World, cases, plan_of, reordered

from ftops.domain.attempts import JobRecord, JobStatus
from ftops.domain.deletion_transitions import targets_before
from ftops.domain.desired import Declared
from ftops.domain.events import Protected
from ftops.domain.guard import MASS_DELETE, NO_RETRAIN, Policy
from ftops.domain.judgement import Verdict
from ftops.domain.manifest import FineTuneName
from ftops.domain.plan import DeleteFile, DeleteModel, Plan
from ftops.domain.plan_json import plan_to_json
from ftops.domain.planner import build_plan
from ftops.domain.records import FineTuneRecord, LedgerState
from plan_cases import NOW, Case, make_case, sha

ALONG = Policy(is_pruning=True, allow=frozenset((MASS_DELETE, NO_RETRAIN)))
ONLY = Policy(is_pruning=True, only_prunes=True, allow=frozenset((MASS_DELETE, NO_RETRAIN)))


@st.composite
def pruned(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A case with retention, protections, imports, comparisons, files and half-done deletions in it."""
    wanted, seen = draw(cases())
    for wish in wanted["fine_tunes"]:
        wish["retention"] = {
            "keep": draw(st.integers(0, 4)),
            "files": draw(st.sampled_from(["keep", "delete"])),
            "protect": draw(st.sampled_from([False, False, False, True])),
        }
        if draw(st.booleans()):
            model = f"ft:{draw(st.sampled_from(['router', 'older']))}-bb-1"
            wish["evals"].append({"name": "versus", "gate": "model", "model": model})
    ledger = seen["ledgers"]["shared"]
    for record in ledger["fine_tunes"].values():
        record["is_protected"] = draw(st.sampled_from([False, False, False, True]))
        for revision, known in record["revisions"].items():
            known["train"]["sha256"] = sha(draw(st.sampled_from(["x", "y", revision])))
            for attempt in known["attempts"]["openai"]:
                for job in (*([attempt["job"]] if "job" in attempt else ()), *attempt.get("surplus", ())):
                    spoil(draw, job)
    ledger["project"]["backends"]["openai"]["files"] = {
        sha(text): {"id": f"file-{text}", "name": "f", "size": 1, "uploaded_at": WHEN}
        for text in draw(st.lists(st.sampled_from(["x", "y", "aaaaaaaaaaaa", "bbbbbbbbbbbb"]), unique=True))
    }
    return wanted, seen


def spoil(draw: st.DrawFn, job: dict[str, Any]) -> None:
    job["is_imported"] = draw(st.sampled_from([False] * 5 + [True]))
    if "model" in job:
        job |= draw(st.sampled_from([{}] * 5 + [{"gone_at": WHEN}, {"deleting_at": WHEN}, {"deleted_at": WHEN}]))
        job["finished_at"] = f"2026-11-{draw(st.integers(1, 9)):02d}T08:00:00Z"


def deletions(plan: Plan) -> list[DeleteModel]:
    return [action for action in plan.actions if isinstance(action, DeleteModel)]


def alive(record: FineTuneRecord) -> Iterator[tuple[str, JobRecord]]:
    for revision, _, _, job in record.jobs():
        if job.status is JobStatus.SUCCEEDED and job.model and not job.is_model_lost:
            yield revision, job


def untouchable(record: FineTuneRecord, declared: Declared | None, case: Case) -> set[str]:
    """The revisions that are never deleted, by the contract's words."""
    compared = {
        condition.baseline.model
        for one in case.desired.fine_tunes
        for spec in one.fine_tune.evals
        for condition in spec.gate
        if condition.baseline and condition.baseline.model
    }
    targets = [t for a in record.aliases.values() for t in (a.target, *targets_before(a)) if t is not None]
    never = {target.revision for target in targets}
    never |= {rev for rev, *_, job in record.jobs() if job.is_imported or job.model in compared}
    if declared is not None:
        tune = declared.fine_tune
        never |= {declared.revision, *tune.aliases.values()}
        never |= {tune.policy.override.revision} if tune.policy.override else set()
    return never


@given(pruned(), st.sampled_from([ALONG, ONLY]))
@settings(max_examples=120)
def test_nothing_that_somebody_needs_is_deleted(drawn: Any, policy: Policy) -> None:
    case = make_case(*drawn)
    ledger = case.observed.ledgers[next(iter(case.observed.ledgers))]
    plan = plan_of(case, policy)
    for action in deletions(plan):
        name = action.fine_tune
        former = next((a.former for a in plan.actions if a.fine_tune == name and hasattr(a, "former")), name)
        record, declared = ledger.fine_tunes[former], case.desired.named(name)
        job = next(job for *_, job in record.jobs() if job.id == action.job)
        assert job.model == action.model
        assert not job.is_imported
        if declared is not None:
            assert not declared.fine_tune.retention.protect
            assert not declared.fine_tune.policy.suspend
        else:
            assert not record.is_protected
        if not action.after:
            assert action.revision not in untouchable(record, declared, case)


@given(pruned())
@settings(max_examples=120)
def test_never_more_than_asked(drawn: Any) -> None:
    case = make_case(*drawn)
    ledger = case.observed.ledgers[next(iter(case.observed.ledgers))]
    gone = {(a.fine_tune, a.revision) for a in deletions(plan_of(case, ONLY))}
    for name, record in ledger.fine_tunes.items():
        declared = case.desired.named(FineTuneName(name))
        if declared is None:
            continue
        models = list(alive(record))
        counted = {rev for rev, _ in models} - untouchable(record, declared, case)
        left = {rev for rev in counted if (name, rev) not in gone}
        assert len(left) >= min(declared.fine_tune.retention.keep, len(counted))
        newest = {rev: max(j.finished_at for r, j in models if r == rev and j.finished_at) for rev in counted}
        unfinished = {rev for rev, *_, attempt, job in record.jobs() if attempt.open_intent or not job.status.is_final}
        unfinished |= {rev for rev, known in record.revisions.items() if any(a.open_intent for a in known.on("openai"))}
        unfinished |= {job.metadata.get("ftops_revision", "") for job in case.observed.backends["openai"].found}
        for rev in counted - left:
            assert all((newest[rev], rev) < (newest[other], other) for other in left - unfinished)


@given(pruned(), st.randoms(use_true_random=False), st.sampled_from([ALONG, ONLY]))
@settings(max_examples=80)
def test_no_order_of_inputs_changes_what_is_deleted(drawn: Any, random: Any, policy: Policy) -> None:
    wanted, seen = drawn
    shuffled = {**wanted, "fine_tunes": random.sample(wanted["fine_tunes"], len(wanted["fine_tunes"]))}
    one, other = make_case(wanted, seen), make_case(shuffled, reordered(seen, random))
    assert json.dumps(plan_to_json(plan_of(one, policy))) == json.dumps(plan_to_json(plan_of(other, policy)))


@given(pruned())
@settings(max_examples=80)
def test_files_that_a_training_or_a_manifest_needs_stay(drawn: Any) -> None:
    case = make_case(*drawn)
    ledger = case.observed.ledgers[next(iter(case.observed.ledgers))]
    for action in plan_of(case, ONLY).actions:
        if not isinstance(action, DeleteFile):
            continue
        assert all(action.sha256 != one.train.sha256 for one in case.desired.fine_tunes)
        for record in users_of(ledger, action.sha256):
            declared = case.desired.named(FineTuneName(record.name))
            assert declared is None or declared.fine_tune.retention.files == "delete"
            assert not record.is_protected or declared is None or not declared.fine_tune.retention.protect


def users_of(ledger: LedgerState, sha256: str) -> list[FineTuneRecord]:
    return [
        record
        for record in ledger.fine_tunes.values()
        if any(revision.train.sha256 == sha256 for revision in record.revisions.values())
    ]


@given(pruned(), st.sampled_from(["succeeded", "failed"]))
@settings(max_examples=80)
def test_applying_with_deletions_comes_to_an_end_and_the_ledger_refuses_none(drawn: Any, ends: str) -> None:
    case = make_case(*drawn)
    world = World(case=case, ends=JobStatus(ends), verdict=Verdict.PASS)
    for declared in case.desired.fine_tunes:  # what an apply records before anything else
        for name in (declared.name, *declared.fine_tune.moved_from):
            if name in world.observed.ledgers[declared.backend.name].fine_tunes:
                is_protected = declared.fine_tune.retention.protect
                world.record(declared.backend.name, Protected(at=NOW, fine_tune=name, is_protected=is_protected))
    for _ in range(15):
        plan = build_plan(case.desired, world.observed, ALONG, case.today)
        todo = [a for a in plan.actions if not {b.id for b in plan.actions}.intersection(a.after)]
        if not todo:
            break
        for action in todo:
            world.carry_out(action)
        world.end_jobs()
    assert not todo
    for _, ledger in world.observed.distinct_ledgers:
        for record in ledger.fine_tunes.values():
            lost = {job.model for *_, job in record.jobs() if job.deleted_at}
            for alias in record.aliases.values():
                assert alias.target is None or alias.target.model not in lost or was_lost(case, alias.target.model)


def was_lost(case: Case, model: str) -> bool:
    """Whether a model had been deleted before: a ledger that was drawn may begin with such a lie."""
    ledgers = case.observed.ledgers.values()
    jobs = [job for ledger in ledgers for record in ledger.fine_tunes.values() for *_, job in record.jobs()]
    return any(job.model == model and job.is_model_lost for job in jobs)
