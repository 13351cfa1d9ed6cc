"""What golden plans don't reach: counts, costs, guards by themselves, request bodies, and the plan's JSON."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ftops.domain.attempts import JobStatus
from ftops.domain.events import EventRefused, Intended, RevisionDeclared
from ftops.domain.guard import Policy
from ftops.domain.judgement import ConditionResult, EvalJudgement, Judgement, Verdict
from ftops.domain.manifest import BackendName, Condition, FineTuneName, ModelId, Price, Revision
from ftops.domain.observed import ObservedState, is_same_ledger
from ftops.domain.plan import Plan, Reason, Train, describe
from ftops.domain.plan_json import judgement_to_json, plan_to_json
from ftops.domain.planner import build_plan
from ftops.domain.records import DatasetRecord, LedgerState, ProjectRecord
from ftops.domain.scores import Outcome
from ftops.domain.spending import spent_usd
from ftops.domain.training_steps import attempt_of
from ftops.domain.transitions import apply_event
from plan_cases import TODAY, make_case

ROOT = Path(__file__).parents[3]
A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
SCHEMA = json.loads((ROOT / "schemas" / "plan.v1.json").read_text(encoding="utf-8"))


def plan_of(wanted: dict[str, Any], seen: dict[str, Any] | None = None) -> Plan:
    case = make_case(wanted, seen or {})
    return build_plan(case.desired, case.observed, case.policy, case.today)


class TestPlan:
    def test_counts_and_cost(self) -> None:
        plan = plan_of({"fine_tunes": [{"name": "a", "revision": A}, {"name": "b", "revision": B}]})
        assert plan.count(Train) == 2
        assert plan.cost_usd == pytest.approx(6.0)
        assert plan.has_changes
        assert plan.is_complete

    def test_one_unknown_cost_makes_the_sum_unknown(self) -> None:
        wanted = {"fine_tunes": [{"name": "a", "revision": A}, {"name": "b", "revision": B, "backend": "gpu-box"}]}
        assert plan_of(wanted).cost_usd is None

    def test_a_plan_of_nothing_costs_nothing(self) -> None:
        plan = Plan(project="acme", today=TODAY, commit=None)
        assert (plan.cost_usd, plan.has_changes, plan.is_complete) == (0.0, False, True)

    def test_the_same_plan_is_the_same_json_after_reading_it_back(self) -> None:
        data = plan_to_json(plan_of({"fine_tunes": [{"name": "a", "revision": A, "aliases": {"s": "latest"}}]}))
        assert json.loads(json.dumps(data)) == data

    def test_a_price_without_input_leaves_an_evaluations_cost_unknown(self) -> None:
        case = make_case({"fine_tunes": [{"name": "a", "revision": A, "evals": [{"name": "e"}]}]}, {})
        one = case.desired.fine_tunes[0]
        priced = dataclasses.replace(
            one, backend=dataclasses.replace(one.backend, price=Price(training=1.0, output=1.0))
        )
        desired = dataclasses.replace(case.desired, fine_tunes=(priced,))
        plan = build_plan(desired, case.observed, case.policy, case.today)
        assert plan.cost_usd is None

    def test_a_dataset_without_rows_is_planned_all_the_same(self) -> None:
        one = {
            "name": "a",
            "revision": A,
            "train": {"rows": 0, "tokens": 0},
            "evals": [{"name": "e", "gate": "few-shot"}],
        }
        assert plan_of({"fine_tunes": [one]}).cost_usd == pytest.approx(10_000 * (0.8 + 0.4) / 1e6)


class TestTrainedModels:
    def test_without_a_judgement_a_gate_is_measured_first(self) -> None:
        job = {"id": "j1", "status": "succeeded", "model": "ft:1", "seen_at": "2026-11-10T08:00:00Z"}
        record = {
            "format_version": "1",
            "name": "a",
            "revisions": {
                A: {
                    "spec": {},
                    "train": {"path": "t", "sha256": "0" * 64, "rows": 1},
                    "declared_at": "2026-11-10T08:00:00Z",
                    "attempts": {"openai": [{"number": 1, "job": job}]},
                }
            },
            "aliases": {},
        }
        wanted = {"fine_tunes": [{"name": "a", "revision": A, "evals": [{"name": "e"}], "aliases": {"s": "latest"}}]}
        ledger = {"project": {"format_version": "1", "name": "acme", "ledger_id": "L"}, "fine_tunes": {"a": record}}
        plan = plan_of(wanted, {"ledgers": {"shared": ledger}})
        evaluate, promote = plan.actions
        assert (evaluate.reason, promote.after) == (Reason.NOT_EVALUATED, (evaluate.id,))
        move = {
            "at": "2026-11-10T08:00:00Z",
            "target": {"backend": "openai", "revision": A, "model": "ft:1"},
            "reason": "pinned",
        }
        record["aliases"] = {"s": {"history": [move]}}
        assert plan_of(wanted, {"ledgers": {"shared": ledger}}).actions == ()

    @pytest.mark.parametrize(("stated", "number"), [("2", 2), ("", 1), ("x", 1), ("²", 1), ("123456", 1)])
    def test_the_attempt_that_a_job_names(self, stated: str, number: int) -> None:
        case = make_case(
            {"fine_tunes": []},
            {"backends": {"openai": {"found": [{"id": "f", "status": "running", "attempt": stated}]}}},
        )
        assert attempt_of(case.observed.backends[BackendName("openai")].found[0]) == number


def test_who_takes_over_an_intent_is_not_charged_twice() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    about: dict[str, Any] = {"at": at, "fine_tune": "a", "revision": A, "backend": "openai", "owner": "ada"}
    limit = {"limit_usd": 4.0, "estimate_usd": 3.0}
    data = DatasetRecord(path="t", sha256="0" * 64, rows=1)
    state = apply_event(LedgerState(), RevisionDeclared(at=at, fine_tune="a", revision=A, spec={}, train=data))
    state = apply_event(state, Intended(**about, **limit, attempt=1, intent="i1"))
    taken = apply_event(state, Intended(**about, **limit, attempt=1, intent="i2", takes_over="i1"))
    assert spent_usd(taken, month=(2026, 11), rehearsals=frozenset()) == 3.0
    with pytest.raises(EventRefused, match="over budget"):
        apply_event(state, Intended(**about, **limit, attempt=2, intent="i3"))


class TestObserved:
    def test_a_ledger_read_twice_is_one_ledger(self) -> None:
        def ledger(id_: str) -> LedgerState:
            return LedgerState(project=ProjectRecord(format_version="1", name="acme", ledger_id=id_))

        one, again, other, empty = ledger("L1"), ledger("L1"), ledger("L2"), LedgerState()
        names = map(BackendName, ("d", "c", "b", "a"))
        state = ObservedState(ledgers=dict(zip(names, (one, again, other, empty), strict=True)), backends={})
        assert [name for name, _ in state.distinct_ledgers] == ["a", "b", "c"]
        assert is_same_ledger(empty, empty)
        assert not is_same_ledger(empty, LedgerState())

    def test_policy_selects_all_or_some(self) -> None:
        name = FineTuneName("a")
        assert Policy().selects(name)
        assert not Policy(selected=frozenset()).selects(name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a b", "a b"),
        ([1, "x"], "[1, x]"),
        ((), "[]"),
        ({"a": None, "b": [False]}, "{a: null, b: [false]}"),
        (0.1, "0.1"),
    ],
)
def test_values_in_a_plan(value: object, text: str) -> None:
    assert describe(value) == text


class TestJson:
    def test_a_judgement_with_its_conditions(self) -> None:
        from jsonschema import Draft202012Validator

        condition = ConditionResult(
            condition=Condition(min=0.9), verdict=Verdict.FAIL, observed=0.5, threshold=0.9, n=50, sentence="0.5 < 0.9"
        )
        judged = EvalJudgement(
            name="e",
            digest="d",
            is_measured=True,
            conditions=(condition,),
            n=50,
            outcomes={Outcome.REFUSAL: 2},
            mean=0.5,
        )
        judgement = Judgement(
            model=ModelId("ft:1"),
            revision=Revision(A),
            backend=BackendName("openai"),
            evals=(judged,),
            verdict=Verdict.FAIL,
            has_gate=True,
        )
        data = judgement_to_json(judgement)
        assert data["evals"][0]["conditions"][0]["sentence"] == "0.5 < 0.9"
        assert data["evals"][0]["outcomes"] == {"refusal": 2}
        schema = {"$ref": "#/$defs/judgement", "$defs": SCHEMA["$defs"]}
        assert not list(Draft202012Validator(schema).iter_errors(data))

    def test_the_schema_is_one_and_knows_the_codes_words(self) -> None:
        from jsonschema import Draft202012Validator

        from ftops.domain.judgement import MissingReason
        from ftops.domain.plan import Action, word_for

        Draft202012Validator.check_schema(SCHEMA)
        defs = SCHEMA["$defs"]
        assert defs["reason"]["enum"] == [reason.value for reason in Reason]
        assert defs["verdict"]["enum"] == [verdict.value for verdict in Verdict]
        kinds = [word_for(kind) for kind in Action.__args__]
        assert [part["$ref"].rpartition("/")[2] for part in SCHEMA["properties"]["actions"]["items"]["oneOf"]] == kinds
        assert [defs[kind]["properties"]["kind"]["const"] for kind in kinds] == kinds
        missing = defs["judgement"]["properties"]["missing"]["items"]["properties"]["reason"]["enum"]
        assert missing == [reason.value for reason in MissingReason]

    def test_every_object_of_the_schema_is_closed_and_described(self) -> None:
        def walk(part: Any, path: str) -> None:
            if isinstance(part, dict):
                if part.get("type") == "object" and "properties" in part:
                    assert part["additionalProperties"] is False, path
                    for name, field in part["properties"].items():
                        assert "description" in field or "$ref" in field, f"{path}/{name}"
                for key, value in part.items():
                    walk(value, f"{path}/{key}")
            elif isinstance(part, list):
                for index, value in enumerate(part):
                    walk(value, f"{path}/{index}")

        walk(SCHEMA, "")


class TestPage:
    page = (
        (ROOT / "docs" / "planning.md").read_text(encoding="utf-8") if (ROOT / "docs" / "planning.md").exists() else ""
    )

    @pytest.mark.parametrize("reason", [*Reason])
    def test_each_reason_has_its_row(self, reason: Reason) -> None:
        assert f"`{reason.value}`" in self.page

    @pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.PAUSED])
    def test_how_a_job_can_stand_is_told(self, status: JobStatus) -> None:
        assert status.value in self.page

    def test_cases_that_the_page_names_exist(self) -> None:
        import re

        named = set(re.findall(r"`tests/plans/([a-z-]+)`", self.page))
        assert named
        assert not [name for name in named if not (ROOT / "tests" / "plans" / name / "plan.json").exists()]
