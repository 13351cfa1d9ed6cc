"""The ledger's invariants: each is broken in one way, and told of by its name and in words."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes import EPOCH
from ftops.domain.attempts import (
    Attempt,
    CancelReason,
    CheckpointRecord,
    Closed,
    Intent,
    JobRecord,
    JobStatus,
    Request,
    RequestKind,
)
from ftops.domain.findings import Invariant
from ftops.domain.invariants import broken_invariants
from ftops.domain.ledger_losses import losses
from ftops.domain.manifest import Method
from ftops.domain.preferences import PreferenceRecord
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    BackendRecord,
    DatasetRecord,
    FileRecord,
    FineTuneRecord,
    LedgerState,
    Passed,
    ProjectRecord,
    RevisionRecord,
    Target,
)
from ftops.domain.revision import revision_of
from ftops.domain.scores import Comparison, EvaluationRecord

SHA = "a" * 64
SPEC = {"base_model": "gpt-4.1-mini-2025-04-14", "seed": 7, "method": {"hyperparameters": {"n_epochs": 2}}}
REVISION = revision_of(
    base_model="gpt-4.1-mini-2025-04-14",
    method=Method(hyperparameters={"n_epochs": 2}),
    seed=7,
    train_sha256=SHA,
    validation_sha256=None,
)
MODEL = "ft:gpt-4.1-mini:acme:router:1"
TARGET = Target(backend="openai", revision=REVISION, model=MODEL)


def intent(name: str = "i1", **changes: Any) -> Intent:
    values: dict[str, Any] = {"id": name, "number": 1, "owner": "ada", "at": EPOCH, "closed": Closed.JOB}
    return Intent(**{**values, **changes})


def job(name: str = "ftjob-1", **changes: Any) -> JobRecord:
    values: dict[str, Any] = {
        "id": name,
        "status": JobStatus.SUCCEEDED,
        "seen_at": EPOCH,
        "intent": "i1",
        "model": MODEL,
        "cost_usd": 1.5,
    }
    return JobRecord(**{**values, **changes})


def attempt(**changes: Any) -> Attempt:
    return Attempt(**{"number": 1, "intents": (intent(),), "job": job(), **changes})


def evaluation(**changes: Any) -> EvaluationRecord:
    values: dict[str, Any] = {"name": "exact", "digest": SHA, "sent": SHA, "grader": SHA, "model": MODEL}
    return EvaluationRecord(**{**values, "backend": "openai", "revision": REVISION, "at": EPOCH, **changes})


def comparison(**changes: Any) -> Comparison:
    values = {"candidate": MODEL, "digest": SHA, "form": SHA, "model": "gpt-4.1", "backend": "openai", "sent": SHA}
    return Comparison(**{**values, **changes})


def preferences(**changes: Any) -> PreferenceRecord:
    ours = {"candidate": MODEL, "backend": "openai", "sent": SHA}
    theirs = {"baseline": "gpt-4.1", "baseline_backend": "openai", "baseline_sent": SHA}
    return PreferenceRecord(**{"name": "exact", "digest": SHA, **ours, **theirs, "at": EPOCH, **changes})


def revision(*attempts: Attempt, **changes: Any) -> RevisionRecord:
    values: dict[str, Any] = {
        "spec": SPEC,
        "train": DatasetRecord(path="train.jsonl", sha256=SHA, rows=3),
        "declared_at": EPOCH,
        "attempts": {"openai": attempts or (attempt(),)},
    }
    return RevisionRecord(**{**values, **changes})


def record(**changes: Any) -> FineTuneRecord:
    values: dict[str, Any] = {
        "format_version": "1",
        "name": "router",
        "former_names": ("old",),
        "revisions": {REVISION: revision()},
        "evaluations": (evaluation(), evaluation(model="gpt-4.1", revision=None)),
        "comparisons": (comparison(),),
        "preferences": (preferences(),),
        "passed": (Passed(backend="openai", revision=REVISION, model=MODEL, at=EPOCH),),
        "aliases": {"production": AliasRecord(history=(move(), move(None), move()))},
    }
    return FineTuneRecord(**{**values, **changes})


def move(target: Target | None = TARGET, *, days: float = 0) -> AliasMove:
    return AliasMove(at=EPOCH + timedelta(days=days), target=target, reason="pinned")


def project(**changes: Any) -> ProjectRecord:
    file = FileRecord(id="file-1", name="n", size=1, uploaded_at=EPOCH)
    backend = BackendRecord(base_url="https://api.openai.com/v1", files={SHA: file})
    values: dict[str, Any] = {"format_version": "1", "name": "acme", "ledger_id": "L1", "backends": {"openai": backend}}
    return ProjectRecord(**{**values, **changes})


def state(*records: FineTuneRecord, of: ProjectRecord | None = None) -> LedgerState:
    return LedgerState(project=of or project(), fine_tunes={r.name: r for r in records or (record(),)})


def broken(it: LedgerState) -> list[tuple[str, str | None, str]]:
    found = broken_invariants(it, project="acme", now=EPOCH)
    return [(finding.invariant.value, finding.fine_tune, finding.says) for finding in found]


def attempts(*some: Attempt, **changes: Any) -> LedgerState:
    """A ledger with these attempts of its one revision, and nothing that depends on its models."""
    bare: dict[str, Any] = {"evaluations": (), "comparisons": (), "preferences": (), "passed": (), "aliases": {}}
    return state(record(revisions={REVISION: revision(*some)}, **{**bare, **changes}))


WHERE = f"revision {REVISION} on openai"


def test_a_ledger_in_order() -> None:
    assert broken(state()) == []
    assert broken(LedgerState()) == []


def test_the_project_and_its_folder() -> None:
    assert broken(LedgerState(fine_tunes={"router": record()})) == [
        ("project", None, "records of fine-tunes (1) are there, and none of the project")
    ]
    assert broken(state(of=project(name="other"))) == [
        ("project", None, "the project's record is of other, and lies in the folder of acme")
    ]


def test_a_name_means_one_fine_tune() -> None:
    other = FineTuneRecord(format_version="1", name="old", former_names=("older",))
    third = FineTuneRecord(format_version="1", name="third", former_names=("third", "older"))
    assert broken(state(record(), other, third)) == [
        ("names", "third", "its former names hold its present one"),
        ("names", "old", "the name old belongs to old and router"),
        ("names", "old", "the name older belongs to old and third"),
    ]


def test_a_revision_is_the_digest_of_what_is_recorded() -> None:
    changed = revision(spec={**SPEC, "seed": 8})
    ((invariant, name, says),) = broken(state(record(revisions={REVISION: changed})))
    assert (invariant, name) == ("revision-ids", "router")
    assert says.startswith(f"revision {REVISION} is recorded with the content of ")
    with_validation = revision(validation=DatasetRecord(path="v", sha256="b" * 64, rows=1))
    assert [found[0] for found in broken(state(record(revisions={REVISION: with_validation})))] == ["revision-ids"]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {**SPEC, "base_model": 3},
        {**SPEC, "method": ["supervised"]},
        {**SPEC, "method": {"hyperparameters": []}},
        {**SPEC, "method": {"type": "unheard of"}},
        {**SPEC, "method": {"type": []}},
        {**SPEC, "method": {"type": "reinforcement", "grader": {"type": "python", "source": {"file": "g.py"}}}},
        {**SPEC, "seed": "7"},
        {**SPEC, "seed": 2**60},
    ],
    ids=str,
)
def test_a_revision_of_which_too_little_is_recorded_is_let_be(spec: dict[str, Any]) -> None:
    assert broken(state(record(revisions={REVISION: revision(spec=spec)}))) == []


def test_a_revision_that_was_imported_is_let_be() -> None:
    adopted = revision(attempt(job=job(is_imported=True)), spec={**SPEC, "seed": 8})
    assert broken(state(record(revisions={REVISION: adopted}))) == []


def test_nothing_in_a_snapshot_is_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    spec = {**SPEC, "method": {"hyperparameters": {"n_epochs": deep}}}
    assert broken(state(record(revisions={REVISION: revision(spec=spec)}))) == []


def test_a_revision_without_a_seed_or_a_method() -> None:
    name = revision_of(base_model="m", method=Method(), seed=None, train_sha256=SHA, validation_sha256=None)
    bare = FineTuneRecord(
        format_version="1", name="bare", revisions={name: revision(spec={"base_model": "m"}, attempts={})}
    )
    assert broken(state(record(), bare)) == []


def test_attempts_and_intents_are_numbered() -> None:
    lost = intent("i2", closed=Closed.LOST)
    bare = attempt(number=1, job=None, intents=())
    for some, shown in (((2, 1), "2, 1"), ((1, 1), "1, 1"), ((0,), "0")):
        held = [msgspec.structs.replace(bare, number=number) for number in some]
        assert broken(attempts(*held)) == [
            ("attempt-numbers", "router", f"the attempts of {WHERE} are numbered {shown}")
        ]
    wrong = attempt(intents=(intent(), lost))
    assert broken(attempts(wrong)) == [
        ("attempt-numbers", "router", f"the intents of attempt 1 of {WHERE} are numbered 1, 1")
    ]
    assert broken(attempts(attempt(intents=(intent(), msgspec.structs.replace(lost, number=2))))) == []


def test_claims() -> None:
    standing = intent(closed=None), intent("i2", number=2, closed=None)
    first = f"attempt 1 of {WHERE}"
    assert broken(attempts(attempt(job=None, intents=standing))) == [
        ("claims", "router", f"{first} has 2 open intents: i1, i2")
    ]
    assert broken(attempts(attempt(intents=standing[:1]))) == [
        ("claims", "router", f"{first} has an open intent, i1, beside job ftjob-1")
    ]
    assert broken(attempts(attempt(job=None, intents=(), surplus=(job(),)))) == [
        ("claims", "router", f"{first} has surplus jobs, and none that counts")
    ]
    assert broken(attempts(attempt(job=None))) == [
        ("claims", "router", f"intent i1 of {first} was closed with a job, and there is none of it")
    ]


def test_ids_are_recorded_once() -> None:
    again = attempt(number=2, job=job("ftjob-1", model=None, status=JobStatus.FAILED))
    twice = f"is recorded twice: for router ({WHERE}) and router ({WHERE})"
    assert broken(attempts(attempt(), again)) == [
        ("intent-ids", "router", f"intent i1 {twice}"),
        ("job-ids", "router", f"job ftjob-1 on openai {twice}"),
    ]


def test_one_job_lives() -> None:
    second = attempt(number=2, intents=(intent("i2"),), job=job("ftjob-2", intent="i2", model="m2"))
    assert broken(attempts(attempt(), second)) == [
        ("one-living-job", "router", f"{WHERE} has 2 living jobs: ftjob-1, ftjob-2")
    ]
    for changes in (
        {"status": JobStatus.FAILED, "model": None},
        {"cancel": CancelReason.DUPLICATE, "cancel_at": EPOCH},
        {"missed_at": EPOCH},
        {"is_imported": True},
        {"deleting_at": EPOCH},
    ):
        assert broken(attempts(attempt(job=job(**changes)), second)) == []


def test_what_is_recorded_of_a_job_fits_its_status() -> None:
    made = (CheckpointRecord(step=1, model="c"),)
    for status in (JobStatus.RUNNING, JobStatus.PAUSED):
        early = job(status=status, checkpoints=made, finished_at=EPOCH)
        expected = [f"job ftjob-1 is running, and has {what}" for what in ("a model", "checkpoints", "an end")]
        assert [says for *_, says in broken(attempts(attempt(job=early)))] == (
            expected if status is JobStatus.RUNNING else []
        )
    assert broken(attempts(attempt(job=job(status=JobStatus.RUNNING, model=None)))) == []
    for changes, says in (
        ({"cancel": CancelReason.REQUESTED}, "has a cancellation without its reason or its time"),
        ({"cancel_at": EPOCH}, "has a cancellation without its reason or its time"),
        ({"gone_at": EPOCH}, "has a model that is gone, and was never missed"),
        ({"missed": "ft:1"}, "names a missed checkpoint, and none of its own was missed"),
        ({"missed": "ft:other", "missed_at": EPOCH}, "names a missed checkpoint, and none of its own was missed"),
        ({"model": None, "deleted_at": EPOCH}, "has a deleted model, and never made one"),
    ):
        assert broken(attempts(attempt(job=job(**changes)))) == [("statuses", "router", f"job ftjob-1 {says}")]


def test_a_model_was_made_by_one_job() -> None:
    surplus = job("ftjob-2", cancel=CancelReason.DUPLICATE, cancel_at=EPOCH)
    ((invariant, name, says),) = broken(attempts(attempt(surplus=(surplus,))))
    assert (invariant, name) == ("models", "router")
    assert says.startswith(f"model {MODEL} on openai is recorded twice")


def test_requests_are_about_what_is_recorded() -> None:
    def asked(**changes: Any) -> Request:
        values: dict[str, Any] = {"kind": RequestKind.CANCEL, "revision": REVISION, "backend": "openai", "attempt": 1}
        return Request(**{**values, "job": "ftjob-1", "at": EPOCH, "owner": "ada", **changes})

    retry = asked(kind=RequestKind.RETRY, job=None)
    assert broken(attempts(attempt(), requests=(asked(), retry, asked(kind=RequestKind.RETRY, attempt=0)))) == []
    assert broken(attempts(attempt(), requests=(asked(attempt=2), asked(job="ftjob-9")))) == [
        ("requests", "router", f"a cancel of attempt 2 of {WHERE} is asked for, which is not recorded"),
        ("requests", "router", f"the cancellation of ftjob-9 is asked for, which is no job of attempt 1 of {WHERE}"),
    ]


def test_aliases_point_to_recorded_models() -> None:
    nowhere = [
        msgspec.structs.replace(TARGET, **change)
        for change in ({"model": "else"}, {"backend": "embedded"}, {"revision": "0" * 12})
    ]
    for target in nowhere:
        aliases = {"production": AliasRecord(history=(move(target),)), "staging": AliasRecord()}
        ((*_, says), empty) = broken(state(record(aliases=aliases)))
        assert says == (
            f"alias production points to {target.model}, which no recorded job of revision {target.revision} "
            f"on {target.backend} made"
        )
        assert empty == ("aliases", "router", "alias staging has no history")
    checkpoint = job(checkpoints=(CheckpointRecord(step=1, model="step-1"),))
    aliases = {"production": AliasRecord(history=(move(msgspec.structs.replace(TARGET, model="step-1")),))}
    assert broken(state(record(aliases=aliases, revisions={REVISION: revision(attempt(job=checkpoint))}))) == []


def test_scores_are_about_recorded_models() -> None:
    found = broken(
        state(
            record(
                passed=(Passed(backend="openai", revision=REVISION, model="p", at=EPOCH),),
                evaluations=(evaluation(model="e"),),
                comparisons=(comparison(candidate="c"),),
                preferences=(preferences(candidate="d"),),
            )
        )
    )
    assert found == [
        ("scores", "router", "p passed its gates, and no recorded job made it"),
        ("scores", "router", f"evaluation exact of revision {REVISION} is of e, which it did not make"),
        ("scores", "router", "c is compared with gpt-4.1, and no recorded job made it"),
        ("scores", "router", "d is preferred or not to gpt-4.1, and no recorded job made it"),
    ]


def test_a_file_has_one_content() -> None:
    file = FileRecord(id="file-1", name="n", size=1, uploaded_at=EPOCH)
    twice = BackendRecord(base_url="embedded", files={SHA: file, "b" * 64: file})
    assert broken(state(of=project(backends={"lab": twice}))) == [
        ("files", None, "file file-1 at lab is recorded with the contents aaaaaaaaaaaa and bbbbbbbbbbbb")
    ]


def test_amounts_are_finite_and_not_negative() -> None:
    path = f"revisions.{REVISION}.attempts.openai.0"
    for changes, says in (
        ({"job": job(cost_usd=float("inf"))}, f"{path}.job.cost_usd is inf"),
        ({"job": job(cost_usd=float("nan"))}, f"{path}.job.cost_usd is nan"),
        ({"job": job(cost_usd=-0.5)}, f"{path}.job.cost_usd is negative: -0.5"),
        ({"intents": (intent(estimate_usd=-2.0),)}, f"{path}.intents.0.estimate_usd is negative: -2"),
    ):
        assert broken(attempts(attempt(**changes))) == [("amounts", "router", says)]
    fine = job(checkpoints=(CheckpointRecord(step=1, model="m", valid_loss=-0.5),))
    assert broken(attempts(attempt(job=fine))) == []
    assert broken(state(record(revisions={REVISION: revision(spec={**SPEC, "seconds": -1.0})}))) == []


def test_what_was_spent_on_the_forgotten_is_not_negative() -> None:
    from ftops.domain.records import Forgotten, ForgottenCost

    forgotten = (Forgotten(name="gone", at=EPOCH, costs=(ForgottenCost(job="j1", at=EPOCH, usd=-3.0),)),)
    assert broken(state(of=project(forgotten=forgotten))) == [
        ("amounts", None, "forgotten.0.costs.0.usd is negative: -3")
    ]


def test_digests_of_inputs_are_of_training_sets() -> None:
    train = record().revisions[REVISION].train.sha256
    assert broken(msgspec.structs.replace(state(), inputs=frozenset({train}))) == []
    assert broken(msgspec.structs.replace(state(), inputs=frozenset({train, "0" * 64}))) == [
        ("inputs", None, f"digests of inputs are kept of {'0' * 64}, which no recorded revision was trained on")
    ]


def test_clocks() -> None:
    ahead = EPOCH + timedelta(days=1, seconds=1)
    assert broken(attempts(attempt(job=job(seen_at=ahead)))) == [
        (
            "clocks",
            "router",
            f"revisions.{REVISION}.attempts.openai.0.job.seen_at is in the future: {ahead:%Y-%m-%d %H:%M} UTC",
        )
    ]
    assert broken(attempts(attempt(job=job(seen_at=EPOCH + timedelta(days=1))))) == []
    aliases = {"production": AliasRecord(history=(move(), move(days=-2), move(days=-2.5)))}
    assert broken(state(record(aliases=aliases))) == [
        ("clocks", "router", "alias production moved on 2026-11-19, after a move of 2026-11-21")
    ]


def test_findings_come_in_the_order_of_the_list() -> None:
    both = attempts(attempt(job=job(cost_usd=-1.0)), attempt(number=1, job=None, intents=()))
    assert [found[0] for found in broken(both)] == ["attempt-numbers", "amounts"]
    listed = [invariant.value for invariant in Invariant]
    assert listed.index("attempt-numbers") < listed.index("amounts")


def test_what_a_rewrite_loses() -> None:
    before, after = state(record(is_protected=True)), state(record(is_protected=True))
    assert losses(before, after) == ()
    emptied = record(
        revisions={},
        evaluations=(),
        preferences=(),
        aliases={"production": AliasRecord(history=(move(),))},
        is_protected=False,
    )
    running = attempt(number=2, intents=(), job=job("ftjob-2", status=JobStatus.RUNNING, model=None))
    before = state(record(is_protected=True, revisions={REVISION: revision(attempt(), running)}))
    assert losses(before, state(emptied, of=project(ledger_id="L2"))) == (
        "the ledger's id, L1: jobs that carry it are strangers to another ledger",
        f"job ftjob-1 of router: {WHERE}, attempt 1, which made {MODEL}",
        f"job ftjob-2 of router: {WHERE}, attempt 2",
        "2 moves of alias production of router",
        f"the scores of {MODEL} under exact, of router",
        "the scores of gpt-4.1 under exact, of router",
        f"the preferences between {MODEL} and gpt-4.1 under exact, of router",
        "the protection of router",
    )
    assert losses(before, LedgerState())[:2] == (
        "the ledger's id, L1: jobs that carry it are strangers to another ledger",
        "fine-tune router",
    )
    assert losses(LedgerState(), before) == ()
    one_move = state(record(aliases={"production": AliasRecord(history=(move(),))}))
    assert losses(one_move, state(record(aliases={}))) == ("1 move of alias production of router",)


def test_a_rewrite_loses_what_training_sets_held() -> None:
    before = msgspec.structs.replace(state(), inputs=frozenset({"0" * 64, "1" * 64}))
    assert losses(before, msgspec.structs.replace(before, inputs=frozenset({"1" * 64}))) == (
        "what training set 000000000000 held: no evaluation row is left out for it",
    )


def test_a_rewrite_loses_claims_that_may_have_made_a_job() -> None:
    claims = attempt(job=None, intents=(intent("i1", closed=Closed.LOST), intent("i2", owner="bob", closed=None)))
    before, emptied = attempts(claims), record(revisions={}, evaluations=())
    assert losses(before, state(emptied)) == (
        f"claim i2 of bob to create a job of router: {WHERE}, attempt 1; that job may exist",
    )
    settled = attempts(attempt(job=None, intents=(intent("i2", closed=Closed.LOST),)))
    assert losses(before, settled) == ()
    assert losses(before, attempts(attempt(intents=(), job=job(intent="i2")))) == ()


def test_the_documented_list_is_the_list() -> None:
    page = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == [invariant.value for invariant in Invariant]
