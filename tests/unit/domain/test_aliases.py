"""What an alias answers, by the name it has now and by those it had."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ftops.domain.aliases import NoAnswer, resolve
from ftops.domain.attempts import Attempt, JobRecord, JobStatus
from ftops.domain.manifest import AliasName, BackendName, FineTune, FineTuneName
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    DatasetRecord,
    FineTuneRecord,
    LedgerState,
    RevisionRecord,
    Target,
)
from plan_cases import make_declared

AT = datetime(2026, 11, 1, tzinfo=UTC)
OPENAI = BackendName("openai")


def alias(*models: str | None, backend: str = "openai") -> AliasRecord:
    return AliasRecord(
        history=tuple(
            AliasMove(
                at=AT, target=Target(backend=backend, revision="aaaaaaaaaaaa", model=m) if m else None, reason="pinned"
            )
            for m in models
        )
    )


def ledger(name: str = "router", former: tuple[str, ...] = (), **aliases: AliasRecord) -> LedgerState:
    record = FineTuneRecord(format_version="1", name=name, former_names=former, aliases=aliases)
    return LedgerState(fine_tunes={name: record})


def manifest(name: str = "router", **more: Any) -> FineTune:
    return make_declared({"name": name, "revision": "aaaaaaaaaaaa", **more}).fine_tune


def ask(state: LedgerState, *manifests: FineTune, name: str = "router", of: str | None = None) -> Any:
    return resolve(state, manifests, FineTuneName(name), AliasName(of) if of else None, OPENAI)


def test_the_only_alias() -> None:
    found = ask(ledger(production=alias("ft:0", "ft:1"), old=alias("ft:0", None)), manifest())
    assert (found.name, found.alias, found.model, found.backend) == ("router", "production", "ft:1", "openai")
    assert (found.revision, found.warnings) == ("aaaaaaaaaaaa", ())


def test_the_alias_that_is_named() -> None:
    state = ledger(production=alias("ft:1"), staging=alias("ft:2"))
    assert ask(state, manifest(), of="staging").model == "ft:2"


def test_without_a_manifest_the_ledger_answers() -> None:
    assert ask(ledger(production=alias("ft:1"))).model == "ft:1"


@pytest.mark.parametrize(
    ("state", "manifests"),
    [
        (ledger("dispatcher", ("router",), production=alias("ft:1")), [manifest("dispatcher")]),
        (ledger("dispatcher", ("router",), production=alias("ft:1")), [manifest("dispatcher", moved_from=["router"])]),
        (ledger("router", production=alias("ft:1")), [manifest("dispatcher", moved_from=["router"])]),
    ],
    ids=["the line dropped", "after the move", "before the move"],
)
def test_a_former_name_answers_with_a_warning(state: LedgerState, manifests: list[FineTune]) -> None:
    found = ask(state, *manifests)
    assert (found.name, found.model, found.warnings) == ("dispatcher", "ft:1", ("router is called dispatcher now",))


def test_the_new_name_answers_before_the_move() -> None:
    found = ask(ledger(production=alias("ft:1")), manifest("dispatcher", moved_from=["router"]), name="dispatcher")
    assert (found.name, found.warnings) == ("dispatcher", ())


def test_an_alias_on_another_backend_is_warned_of() -> None:
    found = ask(ledger(production=alias("ft:1", backend="gpu-box")), manifest())
    assert found.backend == "gpu-box"
    assert found.warnings == ("production points to backend gpu-box; the manifest wants openai",)


@pytest.mark.parametrize(
    ("state", "manifests", "of", "message", "is_usage"),
    [
        (LedgerState(), [manifest()], None, "router was never applied on openai", False),
        (LedgerState(), [], None, "there is no fine-tune router; there are none", True),
        (ledger("xx"), [manifest("more")], None, "there are more, xx", True),
        (ledger(), [manifest()], None, "nothing of router was promoted yet", False),
        (ledger(a=alias("x", None)), [manifest()], None, "nothing of router was promoted yet", False),
        (ledger(a=alias("x"), b=alias("y")), [manifest()], None, "several aliases; name one: a, b", True),
        (ledger(a=alias("x")), [manifest()], "b", "no model under b: there are a", True),
        (ledger(), [], "b", "no model under b: there are none", True),
        (ledger(), [manifest(aliases={"b": "latest"})], "b", "nothing was promoted to it yet", False),
        (ledger(b=alias()), [manifest(aliases={"b": "latest"})], "b", "nothing was promoted to it yet", False),
        (ledger(b=alias("x", None)), [manifest()], "b", "alias b of router is retired", False),
    ],
)
def test_no_answer_says_why(
    state: LedgerState, manifests: list[FineTune], of: str | None, message: str, is_usage: bool
) -> None:
    with pytest.raises(NoAnswer, match=message) as caught:
        ask(state, *manifests, of=of)
    assert caught.value.is_usage is is_usage


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ({"missed_at": AT, "gone_at": AT}, "is gone at openai, last seen on 2026-11-01"),
        ({"missed_at": AT}, "was not found at openai"),
        ({"deleting_at": AT, "deleted_at": AT}, "was deleted at openai by ftops on 2026-11-01"),
        ({}, None),
    ],
)
def test_a_model_that_was_lost_is_warned_about(lost: dict[str, Any], said: str | None) -> None:
    job = JobRecord(id="ftjob-1", status=JobStatus.SUCCEEDED, seen_at=AT, model="ft:1", **lost)
    other = JobRecord(id="ftjob-0", status=JobStatus.SUCCEEDED, seen_at=AT, model="ft:0", gone_at=AT)
    known = RevisionRecord(
        spec={},
        train=DatasetRecord(path="t.jsonl", sha256="a" * 64, rows=1),
        declared_at=AT,
        attempts={"openai": (Attempt(number=1, job=other), Attempt(number=2, job=job))},
    )
    record = FineTuneRecord(
        format_version="1", name="router", revisions={"aaaaaaaaaaaa": known}, aliases={"production": alias("ft:1")}
    )
    warnings = ask(LedgerState(fine_tunes={"router": record}), manifest()).warnings
    assert len(warnings) == (0 if said is None else 1)
    assert said is None or said in warnings[0]
