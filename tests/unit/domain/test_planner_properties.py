"""What holds of every plan, whatever is declared and observed; and that applying a plan leads somewhere."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, assert_never

from hypothesis import given, settings
from hypothesis import strategies as st

from ftops.domain.attempts import CancelReason, DeletionStage, JobStatus
from ftops.domain.desired import Declared
from ftops.domain.draft import Draft
from ftops.domain.events import (
    AliasMoved,
    AnyEvent,
    CancelRecorded,
    FileDeletion,
    FileUploaded,
    Intended,
    JobObserved,
    JobRecorded,
    ModelDeletion,
    Renamed,
    RevisionDeclared,
)
from ftops.domain.guard import Policy, apply_guards
from ftops.domain.judgement import Judgement, Missing, MissingReason, Verdict
from ftops.domain.manifest import BackendName, FineTuneName
from ftops.domain.observed import ObservedState
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Plan,
    Promote,
    Reason,
    Train,
    Upload,
)
from ftops.domain.plan_json import plan_to_json
from ftops.domain.planner import build_plan
from ftops.domain.records import DatasetRecord, FileRecord
from ftops.domain.transitions import apply_event
from plan_cases import NOW, Case, make_case, sha

NAMES = ("router", "sorter", "writer")
REVISIONS = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")
STATUSES = ("queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled")
VERDICTS = ("pass", "fail", "insufficient_evidence", "error", None)
WHEN = "2026-11-10T08:00:00Z"


@st.composite
def jobs(draw: st.DrawFn, id_: str) -> dict[str, Any]:
    status = draw(st.sampled_from(STATUSES))
    job: dict[str, Any] = {"id": id_, "status": status, "seen_at": WHEN}
    if status == "succeeded":
        job["model"] = f"ft:{id_}"
        lost = {"missed_at": WHEN, "gone_at": WHEN, "deleting_at": WHEN}
        job |= {key: lost[key] for key in draw(st.sampled_from([[], [], [], [*lost][:1], [*lost][:2], [*lost][2:]]))}
    if status == "failed":
        job["error_code"] = draw(st.sampled_from(["server_error", "invalid"]))
    if status == "cancelled":
        job["cancel"] = draw(st.sampled_from(["superseded", "requested"]))
    return job


@st.composite
def attempts(draw: st.DrawFn, name: str, revision: str) -> list[dict[str, Any]]:
    found = []
    for number in range(1, draw(st.integers(0, 2)) + 1):
        key = f"{name}-{revision[:2]}-{number}"
        attempt: dict[str, Any] = {"number": number}
        if draw(st.booleans()):
            attempt["job"] = draw(jobs(key))
            attempt["surplus"] = [draw(jobs(f"{key}-s"))] if draw(st.booleans()) else []
        else:
            closed = draw(st.sampled_from([None, "lost", "rejected"]))
            intent = {"id": f"i-{key}", "number": 1, "owner": "ada", "at": WHEN, "estimate_usd": 2.0}
            attempt["intents"] = [intent | ({"closed": closed} if closed else {})]
        found.append(attempt)
    return found


@st.composite
def requests(draw: st.DrawFn, name: str, revision: str) -> dict[str, Any]:
    asked = {"revision": revision, "backend": "openai", "attempt": draw(st.integers(0, 2)), "at": WHEN, "owner": "ada"}
    if draw(st.booleans()):
        return asked | {"kind": "retry"}
    return asked | {"kind": "cancel", "job": f"{name}-{revision[:2]}-1" + draw(st.sampled_from(["", "-s"]))}


@st.composite
def records(draw: st.DrawFn, name: str) -> dict[str, Any]:
    revisions = {
        revision: {
            "spec": {"seed": index},
            "train": {"path": "t.jsonl", "sha256": sha("t"), "rows": 10},
            "declared_at": WHEN,
            "attempts": {"openai": draw(attempts(name, revision))},
        }
        for index, revision in enumerate(REVISIONS)
        if draw(st.booleans())
    }
    models = [
        (revision, attempt["job"]["model"])
        for revision, known in revisions.items()
        for attempt in known["attempts"]["openai"]
        if attempt.get("job", {}).get("model")
    ]
    record: dict[str, Any] = {"format_version": "1", "name": name, "revisions": revisions}
    record["requests"] = [draw(requests(name, revision)) for revision in revisions if draw(st.booleans())]
    if models:
        target = st.sampled_from(models)
        moves = draw(st.lists(st.none() | target, max_size=3))
        record["aliases"] = {
            "staging": {
                "history": [
                    {
                        "at": WHEN,
                        "target": m and {"backend": "openai", "revision": m[0], "model": m[1]},
                        "reason": "pinned",
                    }
                    for m in moves
                ]
            }
        }
        if draw(st.booleans()):
            revision, model = draw(target)
            record["passed"] = [{"backend": "openai", "revision": revision, "model": model, "at": WHEN}]
    return record


@st.composite
def wishes(draw: st.DrawFn, name: str) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "on_superseded": draw(st.sampled_from(["cancel", "finish"])),
        "retries": draw(st.integers(0, 2)),
        "suspend": draw(st.sampled_from([False, False, False, True])),
    }
    if draw(st.booleans()):
        policy["override"] = {"revision": draw(st.sampled_from(REVISIONS)), "why": "urgent"}
    wish: dict[str, Any] = {
        "name": name,
        "revision": draw(st.sampled_from(REVISIONS)),
        "train": {"content": draw(st.sampled_from(["x", "y"]))},
        "evals": [{"name": f"e{i}", "gate": g} for i, g in enumerate(draw(st.lists(gates, max_size=2)))],
        "aliases": draw(
            st.dictionaries(st.sampled_from(["staging", "production"]), st.sampled_from(["latest", *REVISIONS]))
        ),
        "policy": policy,
    }
    if draw(st.booleans()):
        wish["budget"] = draw(st.sampled_from([1, 10]))
    return wish


gates = st.sampled_from(["min", "shadow", "none", "baseline"])


@st.composite
def found_jobs(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "id": f"found-{draw(st.integers(0, 3))}",
        "status": draw(st.sampled_from(STATUSES)),
        "name": draw(st.sampled_from([*NAMES, "older"])),
        "revision": draw(st.sampled_from(REVISIONS)),
        "attempt": draw(st.sampled_from([1, 2, "x"])),
        "intent": f"i-{draw(st.sampled_from(NAMES))}-aa-1",
    }


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    declared = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    known = draw(st.lists(st.sampled_from([*NAMES, "older"]), unique=True))
    wanted: dict[str, Any] = {"fine_tunes": [draw(wishes(name)) for name in declared]}
    if draw(st.booleans()):
        wanted["fine_tunes"][0]["moved_from"] = ["older"]
    if draw(st.booleans()):
        wanted["budget"] = draw(st.sampled_from([0, 4, 7]))
    blocked = draw(st.sampled_from([None, None, None, {"at": WHEN, "message": "no"}]))
    openai = {"base_url": "https://api.openai.com/v1", "files": {}} | ({"blocked": blocked} if blocked else {})
    ledger = {
        "project": {"format_version": "1", "name": "acme", "ledger_id": "L1", "backends": {"openai": openai}},
        "fine_tunes": {name: draw(records(name)) for name in known},
    }
    judgements = [
        {
            "fine_tune": wish["name"],
            "revision": revision,
            "model": attempt["job"]["model"],
            **_verdict(draw(st.sampled_from(VERDICTS)), wish["evals"]),
        }
        for wish in wanted["fine_tunes"]
        for owner in (wish["name"], *wish.get("moved_from", ()))
        if owner in ledger["fine_tunes"]
        for revision, record in ledger["fine_tunes"][owner]["revisions"].items()
        for attempt in record["attempts"]["openai"]
        if attempt.get("job", {}).get("model") and revision in {wish["revision"], *wish["aliases"].values()}
    ]
    found = draw(st.lists(found_jobs(), max_size=3, unique_by=lambda job: job["id"]))
    dates = draw(st.sampled_from([{}, {}, {"gpt-4.1-mini-2025-04-14": "2026-12-01"}]))
    backends = {"openai": {"found": found, "shutdown_dates": dates}}
    return wanted, {"ledgers": {"shared": ledger}, "backends": backends, "judgements": judgements}


def _verdict(verdict: str | None, evals: list[dict[str, Any]]) -> dict[str, Any]:
    """A judgement that fits the evaluations: without a gate it passes, and only what is missing leaves it open."""
    gated = [e["name"] for e in evals if e["gate"] in {"min", "baseline"}]
    if not gated:
        return {"verdict": "pass", "has_gate": False}
    reason = {None: "not_evaluated", "error": "evaluation_error"}.get(verdict)
    return {"verdict": verdict, "missing": {gated[0]: reason} if reason else {}}


def plan_of(case: Case, policy: Policy | None = None) -> Plan:
    return build_plan(case.desired, case.observed, policy or case.policy, case.today)


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_no_order_of_inputs_changes_a_plan(drawn: Any, random: Any) -> None:
    wanted, seen = drawn
    one = make_case(wanted, seen)
    shuffled = make_case(
        {**wanted, "fine_tunes": random.sample(wanted["fine_tunes"], len(wanted["fine_tunes"]))},
        reordered(seen, random),
    )
    assert json.dumps(plan_to_json(plan_of(one))) == json.dumps(plan_to_json(plan_of(shuffled)))


def reordered(value: Any, random: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        keys = random.sample(list(value), len(value))
        return {k: reordered(value[k], random, k) for k in keys}
    if isinstance(value, list):
        items = [reordered(item, random) for item in value]
        return random.sample(items, len(items)) if key in {"found", "judgements"} else items
    return value


@given(cases())
@settings(max_examples=100)
def test_what_an_action_waits_for_stands_before_it(drawn: Any) -> None:
    plan = plan_of(make_case(*drawn))
    seen: set[str] = set()
    for action in plan.actions:
        assert seen.issuperset(action.after)
        assert action.id not in seen
        seen.add(action.id)


@given(cases())
@settings(max_examples=100)
def test_guards_only_take_away(drawn: Any) -> None:
    case = make_case(*drawn)
    free = make_case(*drawn)
    unlimited = dataclasses.replace(
        free.desired,
        project=dataclasses.replace(free.desired.project, training_budget_usd=None),
        fine_tunes=tuple(
            dataclasses.replace(d, fine_tune=dataclasses.replace(d.fine_tune, training_budget_usd=None))
            for d in free.desired.fine_tunes
        ),
    )
    guarded = {a.id for a in plan_of(case).actions}
    without_budgets = {a.id for a in build_plan(unlimited, free.observed, free.policy, free.today).actions}
    assert guarded <= without_budgets
    draft = Draft(actions=list(plan_of(case).actions))
    before = list(draft.actions)
    apply_guards(draft, case.desired, case.observed, case.policy, case.today)
    assert [a for a in before if a in draft.actions] == draft.actions


@given(cases())
@settings(max_examples=150)
def test_no_alias_moves_to_a_model_that_nothing_lets_pass(drawn: Any) -> None:
    case = make_case(*drawn)
    for action in plan_of(case).actions:
        if not isinstance(action, Promote) or action.target is None or action.after:
            continue
        declared = case.desired.named(action.fine_tune)
        assert declared is not None
        judgement = case.observed.judgements.get((action.fine_tune, action.revision, action.backend))
        record = case.observed.ledgers[action.backend].named(action.fine_tune) or case.observed.ledgers[
            action.backend
        ].named(FineTuneName("older"))
        assert record is not None
        history = record.aliases[action.alias].history if action.alias in record.aliases else ()
        is_pinned = declared.fine_tune.aliases[action.alias] != "latest"
        assert (
            (judgement is not None and judgement.is_passed)
            or not any(e.spec.is_enforced for e in declared.evals)
            or (action.override is not None and action.reason is Reason.OVERRIDE)
            or (is_pinned and any(move.target == action.target for move in history))
            or (is_pinned and any(passed.model == action.target.model for passed in record.passed))
        )


@given(cases(), st.sampled_from(["succeeded", "failed", "cancelled"]), st.sampled_from(list(Verdict)))
@settings(max_examples=100)
def test_applying_and_planning_again_comes_to_an_end(drawn: Any, ends: str, verdict: Verdict) -> None:
    case = make_case(*drawn)
    world = World(case=case, ends=JobStatus(ends), verdict=verdict)
    for _ in range(15):
        plan = build_plan(case.desired, world.observed, case.policy, case.today)
        # A measurement that ends in error again is made once in each apply, and what waits for it with it.
        todo = [a for a in plan.actions if not world.is_vain(a)]
        if not todo:
            break
        for action in todo:
            if not {a.id for a in todo}.intersection(action.after):
                world.carry_out(action)
        world.end_jobs()
    assert not todo
    again = build_plan(case.desired, world.observed, case.policy, case.today)
    assert plan_to_json(again) == plan_to_json(plan)


class World:
    """A backend and a ledger that do at once what an action asks for."""

    def __init__(self, *, case: Case, ends: JobStatus, verdict: Verdict) -> None:
        self.desired = case.desired
        self.observed: ObservedState = case.observed
        self.ends = ends
        self.verdict = verdict
        self.measured: set[str] = set()

    def is_vain(self, action: Action) -> bool:
        return any(id_ in self.measured for id_ in (action.id, *action.after))

    def carry_out(self, action: Action) -> None:
        declared = self.desired.named(action.fine_tune)
        for event in events_of(action, declared, self.observed):
            self.record(action.backend, event)
        if isinstance(action, Adopt):
            view = self.observed.backends[action.backend]
            found = tuple(job for job in view.found if job.id != action.job)
            views = {**self.observed.backends, action.backend: dataclasses.replace(view, found=found)}
            self.observed = dataclasses.replace(self.observed, backends=views)
        if isinstance(action, Evaluate):
            self._judge(action)

    def record(self, backend: BackendName, event: AnyEvent) -> None:
        before = self.observed.ledgers[backend]
        after = apply_event(before, event)
        self.observed = dataclasses.replace(
            self.observed, ledgers={n: after if s is before else s for n, s in self.observed.ledgers.items()}
        )

    def _judge(self, action: Evaluate) -> None:
        key = action.fine_tune, action.revision, action.backend
        known = self.observed.judgements.get(key)
        missing = tuple(m for m in known.missing if m.eval != action.evaluation) if known else ()
        if self.verdict is Verdict.ERROR:
            missing = (*missing, Missing(eval=action.evaluation, reason=MissingReason.EVALUATION_ERROR))
            self.measured.add(action.id)
        declared = self.desired.named(action.fine_tune)
        assert declared is not None
        assert action.model is not None
        has_gate = any(e.spec.is_enforced for e in declared.evals)
        judgement = Judgement(
            model=action.model,
            revision=action.revision,
            backend=action.backend,
            verdict=self.verdict if has_gate else Verdict.PASS,
            has_gate=has_gate,
            missing=missing,
        )
        self.observed = dataclasses.replace(self.observed, judgements={**self.observed.judgements, key: judgement})

    def end_jobs(self) -> None:
        for name, record in self.observed.ledgers[BackendName("openai")].fine_tunes.items():
            for revision, backend, attempt, job in list(record.jobs()):
                if job.status.is_final or job.status in {JobStatus.PAUSED, JobStatus.PAUSING}:
                    continue
                status = JobStatus.CANCELLED if job.cancel else self.ends
                event = JobObserved(
                    at=NOW,
                    fine_tune=FineTuneName(name),
                    revision=revision,
                    backend=backend,
                    attempt=attempt.number,
                    job=job.id,
                    status=status,
                    model=f"ft:{job.id}" if status is JobStatus.SUCCEEDED else None,
                    error_code="server_error" if status is JobStatus.FAILED else None,
                )
                self.record(backend, event)


def events_of(action: Action, declared: Declared | None, observed: ObservedState) -> Iterator[AnyEvent]:
    """The events that carrying out an action writes."""
    about: dict[str, Any] = {"at": NOW, "fine_tune": action.fine_tune, "backend": action.backend}
    match action:
        case Move():
            yield Renamed(at=NOW, fine_tune=action.fine_tune, former=action.former)
        case Adopt():
            job = next(j for j in observed.backends[action.backend].found if j.id == action.job)
            status = JobStatus.RUNNING if job.status.is_final else job.status
            intent = job.metadata.get("ftops_intent")
            about |= {"revision": action.revision, "attempt": action.attempt, "job": action.job}
            if declared is not None and declared.revision == action.revision:
                yield declaration_of(action, declared)
            yield JobRecorded(**about, status=status, intent=intent, is_adopted=True)
        case Cancel():
            reason = CancelReason(action.reason.value)
            about |= {"revision": action.revision, "attempt": action.attempt, "job": action.job}
            yield CancelRecorded(**about, reason=reason)
            yield JobObserved(**about, status=JobStatus.CANCELLED)
        case Upload():
            file = FileRecord(id="file-1", name="f", size=1, uploaded_at=NOW)
            yield FileUploaded(at=NOW, backend=action.backend, sha256=action.sha256, file=file)
        case Train():
            assert declared is not None
            yield declaration_of(action, declared)
            about |= {"revision": action.revision, "attempt": action.attempt}
            intent = f"{action.fine_tune}-{action.attempt}"
            yield Intended(
                **about, intent=intent, owner="ada", takes_over=action.takes_over, estimate_usd=action.estimate.usd
            )
            job_id = f"new-{action.fine_tune}-{action.revision[:2]}-{action.attempt}"
            yield JobRecorded(**about, job=job_id, status=JobStatus.QUEUED, intent=intent)
        case Evaluate():
            pass  # scores are the world's business
        case Promote():
            yield AliasMoved(**about_alias(action), reason=action.reason.value)
        case DeleteModel():
            about |= {"revision": action.revision, "attempt": action.attempt, "job": action.job}
            yield ModelDeletion(**about, stage=DeletionStage.BEGUN)
            yield ModelDeletion(**about, stage=DeletionStage.DONE)
        case DeleteFile():
            deletion = {"at": NOW, "backend": action.backend, "sha256": action.sha256, "file": action.file}
            yield FileDeletion(**deletion, stage=DeletionStage.BEGUN)
            yield FileDeletion(**deletion, stage=DeletionStage.DONE)
        case _:
            assert_never(action)


def declaration_of(action: Action, declared: Declared) -> RevisionDeclared:
    data = DatasetRecord(path=declared.train.path, sha256=declared.train.sha256, rows=declared.train.rows)
    return RevisionDeclared(at=NOW, fine_tune=action.fine_tune, revision=action.revision, spec={}, train=data)


def about_alias(action: Promote) -> dict[str, Any]:
    return {
        "at": NOW,
        "fine_tune": action.fine_tune,
        "alias": action.alias,
        "target": action.target,
        "was": action.was,
    }
