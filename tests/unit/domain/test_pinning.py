"""Which revision ``promote`` and ``rollback`` mean, and what an apply would do with a pin to it."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ftops.domain.desired import Declared
from ftops.domain.judgement import Judgement, Missing, MissingReason, Verdict
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, ModelId, Revision
from ftops.domain.pinning import Outlook, Pinnable, back_from, is_free, newest_passed, pinnable, revisions_named
from ftops.domain.plan import Plan, Promote, Train
from ftops.domain.planner import build_plan
from ftops.domain.records import FineTuneRecord, Target
from plan_cases import make_case, make_declared, sha

PRODUCTION = AliasName("production")
A, B, C, D = (Revision(letter * 12) for letter in "abcd")
DAYS = {A: "01", B: "02", C: "03", D: "04"}


def attempt(revision: Revision, number: int = 1, **facts: Any) -> dict[str, Any]:
    job = {
        "id": f"ftjob-{revision[:1]}{number}",
        "status": "succeeded",
        "seen_at": f"2026-11-{DAYS[revision]}T10:00:00Z",
        "finished_at": f"2026-11-{DAYS[revision]}T09:00:00Z",
        "model": f"ft:{revision[:1]}",
    }
    return {"number": number, "job": {**job, **facts}}


def record(
    *revisions: Revision, line: str = "", backend: str = "openai", passed: str = "", **changed: dict[str, Any]
) -> FineTuneRecord:
    """Revisions with a model each, ``line`` the letters that production pointed to (``-`` retired), ``passed`` likewise."""

    def target(letter: str) -> dict[str, Any] | None:
        return None if letter == "-" else {"backend": backend, "revision": letter * 12, "model": f"ft:{letter}"}

    at = "2026-11-10T08:00:00Z"
    plain = {
        "format_version": "1",
        "name": "router",
        "revisions": {
            revision: {
                "spec": {},
                "train": {"path": "data/x.jsonl", "sha256": sha("x"), "rows": 100},
                "declared_at": "2026-11-01T08:00:00Z",
                "attempts": {backend: [attempt(revision, **changed.get(revision[:1], {}))]},
            }
            for revision in revisions
        },
        "aliases": {"production": {"history": [{"at": at, "target": target(x), "reason": "pinned"} for x in line]}},
        "passed": [{**(target(letter) or {}), "at": at} for letter in passed],
    }
    return msgspec.convert(plain, FineTuneRecord)


def declared(revision: Revision = D, *, gate: str = "min", **facts: Any) -> Declared:
    evals = [{"name": "intent", "gate": gate}]
    return make_declared({"name": "router", "revision": revision, "evals": evals, "aliases": {}, **facts})


def judged(**verdicts: str) -> dict[Revision, Judgement]:
    """What scores say of revisions, by letter; ``again`` is an error whose items are to be asked again."""
    return {
        Revision(letter * 12): Judgement(
            model=ModelId(f"ft:{letter}"),
            revision=Revision(letter * 12),
            backend=BackendName("openai"),
            verdict=Verdict("error" if verdict == "again" else verdict),
            has_gate=True,
            missing=(Missing(eval="intent", reason=MissingReason.EVALUATION_ERROR),) if verdict == "again" else (),
        )
        for letter, verdict in verdicts.items()
    }


def one(known: FineTuneRecord | None, revision: Revision, about: Declared | None = None, **verdicts: str) -> Pinnable:
    choices = pinnable(known, about or declared(), PRODUCTION, judged(**verdicts))
    return next(choice for choice in choices if choice.revision == revision)


def test_the_newest_model_comes_first_and_what_has_none_last() -> None:
    choices = pinnable(record(C, A, B), declared(), PRODUCTION, {})
    assert [choice.revision for choice in choices] == [C, B, A, D]


def test_of_those_that_passed_the_newest_is_promoted() -> None:
    choices = pinnable(record(A, B, C), declared(C), PRODUCTION, judged(a="pass", b="pass", c="fail"))
    found = newest_passed(choices)
    assert found is not None
    assert (found.revision, found.why, found.verdict) == (B, "its gates pass", Verdict.PASS)
    assert newest_passed(choices[:1]) is None


def test_what_passed_earlier_evals_counts_until_the_present_ones_say_otherwise() -> None:
    known = record(A, passed="a")
    unmeasured, failed = one(known, A), one(known, A, a="fail")
    assert (unmeasured.has_passed, unmeasured.outlook) == (True, Outlook.MOVES)
    assert unmeasured.why == "it passed on 2026-11-10"
    # A pin to it moves all the same: that is how it is said to a plan.
    assert (failed.has_passed, failed.outlook) == (False, Outlook.MOVES)
    assert failed.why == "it passed on 2026-11-10; by the present gates it is fail"


def test_without_an_enforced_gate_a_model_is_enough() -> None:
    found = one(record(A), A, declared(gate="shadow"), a="pass")
    assert (found.has_passed, found.outlook, found.why, found.verdict) == (
        True,
        Outlook.MOVES,
        "no gate is enforced",
        None,
    )


@pytest.mark.parametrize("verdict", ["fail", "insufficient_evidence", "error"])
def test_what_did_not_pass_is_withheld(verdict: str) -> None:
    found = one(record(A), A, a=verdict)
    assert (found.outlook, found.why, found.has_passed) == (Outlook.WITHHELD, f"its gates say {verdict}", False)


def test_an_override_lets_it_move() -> None:
    about = declared(policy={"override": {"revision": A, "why": "the old one is worse"}})
    assert one(record(A, B), A, about, a="fail").why == "spec.policy.override names it: the old one is worse"
    assert one(record(A, B), B, about, b="fail").outlook is Outlook.WITHHELD
    assert not one(record(A), A, about, a="fail").has_passed


def test_where_the_alias_pointed_before_it_may_go_back() -> None:
    found = one(record(A, line="ab"), A, a="fail")
    assert (found.outlook, found.why) == (
        Outlook.MOVES,
        "production pointed to it before; by the present gates it is fail",
    )
    assert one(record(A, line="ab"), A).why == "production pointed to it before"
    assert one(record(A, line="ba"), A, a="fail").why == "production points to it; by the present gates it is fail"


def test_what_ended_in_error_is_asked_again() -> None:
    found = one(record(A), A, a="again")
    assert (found.outlook, found.verdict, found.has_passed) == (Outlook.WAITS, Verdict.ERROR, False)
    assert "apply asks again" in found.why
    assert one(record(A, line="ab"), A, a="again").outlook is Outlook.MOVES


def test_what_is_not_measured_waits_for_that() -> None:
    found = one(record(A), A)
    assert found.outlook is Outlook.WAITS
    assert "apply does that first" in found.why


@pytest.mark.parametrize(
    ("revision", "facts", "outlook", "why"),
    [
        (A, {"status": "running", "model": None}, Outlook.WAITS, "job ftjob-a1 trains it (running)"),
        (
            A,
            {"status": "failed", "model": None, "error_message": "bad row"},
            Outlook.IMPOSSIBLE,
            "job ftjob-a1 failed: bad row",
        ),
        (A, {"status": "cancelled", "model": None, "cancel": "superseded"}, Outlook.IMPOSSIBLE, "ftjob-a1 cancelled"),
        (A, {"gone_at": "2026-11-09T10:00:00Z"}, Outlook.IMPOSSIBLE, "is gone at openai, last seen on 2026-11-01"),
        (A, {"missed_at": "2026-11-09T10:00:00Z"}, Outlook.IMPOSSIBLE, "was not found at openai"),
        (A, {"model": None}, Outlook.IMPOSSIBLE, "succeeded without a model"),
    ],
)
def test_what_has_no_model(revision: Revision, facts: dict[str, Any], outlook: Outlook, why: str) -> None:
    found = one(record(revision, **{revision[:1]: facts}), revision, a="pass")
    assert found.outlook is outlook
    assert why in found.why
    assert (found.model, found.has_passed) == (None, False)


def test_a_superseded_revision_that_is_declared_again_is_trained_by_the_next_apply() -> None:
    known = record(A, a={"status": "cancelled", "model": None, "cancel": "superseded"})
    assert one(known, A, declared(A)).outlook is Outlook.WAITS


def test_the_declared_revision_can_be_pinned_before_it_is_trained() -> None:
    for known in (None, record(A)):
        assert one(known, D).why == "it is declared: the next apply trains it"


def test_what_was_trained_elsewhere_has_no_model_here() -> None:
    found = one(record(A, backend="gpu-box"), A)
    assert (found.outlook, found.why) == (Outlook.IMPOSSIBLE, "it was never trained on openai")


def test_an_attempt_without_a_job_is_no_training() -> None:
    known = msgspec.to_builtins(record(A))
    known["revisions"][A]["attempts"]["openai"] = [{"number": 1}]
    found = one(msgspec.convert(known, FineTuneRecord), A)
    assert (found.outlook, found.why) == (Outlook.IMPOSSIBLE, "its training was not begun on openai")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ab", A),
        ("abc", B),
        ("aab", A),
        ("abca", None),  # rolled back from c and b: nothing is before a
        ("abab", A),  # forward again
        ("abcb", A),
        ("ab-", B),  # retired: it points to nothing now, and did to b
        ("a", None),
        ("", None),
    ],
)
def test_a_rollback_goes_to_the_one_before(line: str, expected: Revision | None) -> None:
    known = record(A, B, C, line=line)
    choices = pinnable(known, declared(), PRODUCTION, {})
    found = back_from(known.aliases["production"], declared(), choices)
    assert (found.to.revision if found.to else None) == expected
    assert not found.passed_over


def test_a_rollback_goes_on_past_what_is_gone() -> None:
    known = record(A, B, C, line="abc", b={"gone_at": "2026-11-09T10:00:00Z"})
    back = back_from(known.aliases["production"], declared(), pinnable(known, declared(), PRODUCTION, {}))
    assert back.to is not None
    assert (back.to.revision, [passed.revision for passed in back.passed_over]) == (A, [B])


def test_a_rollback_with_nothing_left_says_what_it_passed_over() -> None:
    known = record(A, B, line="ab", a={"gone_at": "2026-11-09T10:00:00Z"})
    back = back_from(known.aliases["production"], declared(), pinnable(known, declared(), PRODUCTION, {}))
    assert back.to is None
    assert [passed.revision for passed in back.passed_over] == [A]


def test_a_rollback_knows_no_other_backend() -> None:
    known = record(A, B, line="ab", backend="gpu-box")
    about = declared()
    assert back_from(known.aliases["production"], about, pinnable(known, about, PRODUCTION, {})).to is None
    # What it points to elsewhere is not what it pointed to here.
    move = known.aliases["production"].history[0]
    here = msgspec.structs.replace(move, target=Target(backend="openai", revision=C, model="ft:c"))
    mixed = msgspec.structs.replace(known.aliases["production"], history=(here, *known.aliases["production"].history))
    trained = pinnable(record(C, line="c"), about, PRODUCTION, {})
    back = back_from(mixed, about, trained)
    assert back.to is not None
    assert back.to.revision == C


def test_a_rollback_leaves_out_what_the_ledger_no_longer_knows() -> None:
    known = record(B, line="ab")
    assert back_from(known.aliases["production"], declared(), pinnable(known, declared(), PRODUCTION, {})).to is None
    assert back_from(None, declared(), ()).to is None


def test_another_model_of_the_revision_is_not_free() -> None:
    known = record(A, line="a", passed="a")
    assert is_free(known, PRODUCTION, Target(backend="openai", revision=A, model="ft:a"))
    assert not is_free(known, PRODUCTION, Target(backend="openai", revision=A, model="ft:other"))
    assert not is_free(record(A), AliasName("staging"), Target(backend="openai", revision=A, model="ft:a"))


def test_a_prefix_of_four_digits_or_more_names_a_revision() -> None:
    known = [Revision("abcd00000000"), Revision("abcd11111111"), Revision("abce00000000")]
    assert revisions_named("ABCD1", known).only == "abcd11111111"
    assert revisions_named("abcd", known).found == (known[0], known[1])
    assert revisions_named("abcd", known).only is None
    assert revisions_named("abc", known).found == ()
    assert revisions_named("abcd00000000", known).only == known[0]


JOBS: dict[str, dict[str, Any]] = {
    "trained": {},
    "running": {"status": "running", "model": None},
    "failed": {"status": "failed", "model": None},
    "superseded": {"status": "cancelled", "model": None, "cancel": "superseded"},
    "gone": {"gone_at": "2026-11-09T10:00:00Z"},
    "missed": {"missed_at": "2026-11-09T10:00:00Z"},
}


@pytest.mark.parametrize("verdict", [None, "pass", "fail", "insufficient_evidence", "error", "again"])
@pytest.mark.parametrize("known", ["never", "passed", "pointed", "override"])
@pytest.mark.parametrize("gate", ["min", "shadow"])
@pytest.mark.parametrize("pinned", [A, D])
@pytest.mark.parametrize("job", JOBS)
def test_what_is_said_of_a_pin_is_what_a_plan_does_with_it(
    job: str, pinned: Revision, gate: str, known: str, verdict: str | None
) -> None:
    letter = pinned[:1]
    line, passed = f"{letter}b" if known == "pointed" else "b", letter * (known == "passed")
    history = record(pinned, B, line=line, passed=passed, **{letter: JOBS[job]})
    policy = {"override": {"revision": pinned, "why": "better"}} if known == "override" else {}
    about = declared(D, gate=gate, policy=policy)
    judgements = judged(**{letter: verdict}) if verdict and job == "trained" else {}
    if gate == "shadow":  # a model without an enforced gate passes
        judgements = judged(**{letter: "pass"}) if judgements else {}
    said = {choice.revision: choice for choice in pinnable(history, about, PRODUCTION, judgements)}[pinned].outlook
    assert said is outlook_of(planned(history, pinned, gate, policy, judgements))


def planned(
    history: FineTuneRecord,
    pinned: Revision,
    gate: str,
    policy: dict[str, Any],
    judgements: dict[Revision, Judgement],
) -> Plan:
    wanted = {
        "name": "router",
        "revision": D,
        "evals": [{"name": "intent", "gate": gate}],
        "aliases": {"production": pinned},
        "policy": policy,
    }
    project = {"format_version": "1", "name": "acme", "ledger_id": "L1"}
    ledger = {"project": project, "fine_tunes": {"router": msgspec.to_builtins(history)}}
    case = make_case({"fine_tunes": [wanted]}, {"ledgers": {"shared": ledger}})
    found = {(FineTuneName("router"), one, BackendName("openai")): said for one, said in judgements.items()}
    return build_plan(case.desired, replace(case.observed, judgements=found), case.policy, case.today)


def outlook_of(plan: Plan) -> Outlook:
    moves = [a for a in plan.actions if isinstance(a, Promote) and a.alias == PRODUCTION]
    is_asked_again = any(a.is_conditional for a in moves)
    if any(entry.alias == PRODUCTION for entry in plan.withheld) and not is_asked_again:
        return Outlook.WITHHELD
    if (
        moves
        and not moves[0].is_conditional
        and not any(isinstance(a, Train) for a in plan.actions if a.revision == moves[0].revision)
    ):
        return Outlook.MOVES
    if moves or any(entry.what == "promotion of production" for entry in plan.deferred):
        return Outlook.WAITS
    return Outlook.IMPOSSIBLE
