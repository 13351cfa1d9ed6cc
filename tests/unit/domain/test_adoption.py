"""Which jobs are imported, which are one fine-tune, and what it is called."""

from typing import Any

import pytest

from ftops.domain.adoption import LeftOut, Wanted, choose, counted, kins_of, name_kins
from ftops.domain.events import JobRecorded, Renamed, RevisionDeclared, Started
from ftops.domain.manifest import AdoptedDataset
from ftops.domain.past_job import PastJob
from ftops.domain.records import DatasetRecord, LedgerState
from ftops.domain.transitions import apply_event
from past_jobs import BEGAN, MINI, ours, past_job
from plan_cases import make_desired

NOTHING = LedgerState()
R = "aaaaaaaaaaaa"


def desired(*names: str, **facts: Any):
    return make_desired({"fine_tunes": [{"name": name, "revision": R, **facts} for name in names]})


def ledger(*jobs: PastJob, name: str = "router", renamed: str | None = None) -> LedgerState:
    """A ledger that has those jobs as a fine-tune's."""
    state = apply_event(NOTHING, Started(at=BEGAN, project="acme", ledger_id="L1"))
    train = DatasetRecord(path="t", sha256="a" * 64, rows=10)
    events: list[Any] = [RevisionDeclared(at=BEGAN, fine_tune=name, revision=R, spec={}, train=train)]
    events += [
        JobRecorded(
            at=BEGAN, fine_tune=name, revision=R, backend="openai", attempt=n, job=past.id, status=past.job.status
        )
        for n, past in enumerate(jobs, 1)
    ]
    events += [Renamed(at=BEGAN, fine_tune=renamed, former=name)] if renamed else []
    for event in events:
        state = apply_event(state, event)
    return state


def chosen(*listing: PastJob, wanted: Wanted | None = None, state: LedgerState = NOTHING, manifests=()) -> list[str]:
    found = choose(listing, wanted or Wanted(), state, desired(*manifests))
    return [past.id.removeprefix("ftjob-") for past in found.chosen]


def left_out(*listing: PastJob, wanted: Wanted | None = None, **world: Any) -> dict[str, str]:
    found = choose(listing, wanted or Wanted(), world.get("state", NOTHING), desired(*world.get("manifests", ())))
    return {one.job.removeprefix("ftjob-"): one.why for one in found.left_out}


def named(*ids: str) -> Wanted:
    return Wanted(jobs=tuple(f"ftjob-{name}" for name in ids))


def test_all_are_those_of_ours_and_of_nobody():
    listing = (past_job("a"), ours("b"), ours("c", project="other"), past_job("d", metadata={"team": "x"}))
    assert chosen(*listing) == ["a", "b", "d"]
    assert left_out(*listing) == {}  # of another project: nobody's business


@pytest.mark.parametrize(
    ("past", "why"),
    [
        (past_job("a", status="running"), "it has not ended (running): import it when it has"),
        (ours("a", status="queued"), "it has not ended (queued): import it when it has"),
        (past_job("a", status="failed"), "it made no model (failed)"),
        (past_job("a", base_model="a model"), "its base model is none that a manifest can name"),
        (past_job("a", metadata={"ftops_name": "x"}), "it bears metadata of ftops without a project's name"),
    ],
)
def test_what_can_not_be_imported(past, why):
    assert left_out(past) == {"a": why}
    assert left_out(past, wanted=named("a")) == {"a": why}


def test_of_jobs_named_what_is_wrong_is_said_of_each():
    listing = (ours("other", project="other"), ours("failed", status="failed"), past_job("good"), past_job("not-asked"))
    assert chosen(*listing, wanted=named("other", "failed", "good", "none")) == ["good"]
    assert left_out(*listing, wanted=named("other", "failed", "good", "none")) == {
        "other": "it is of the project 'other'",
        "failed": "it made no model (failed)",
        "none": "there is no such job",
    }


def test_jobs_of_ours_that_ended_without_a_model_are_history():
    assert chosen(ours("a", status="failed"), ours("b", status="cancelled")) == ["a", "b"]


def test_a_filter_goes_by_suffix_or_by_the_name_that_ftops_gave():
    listing = (past_job("a", suffix="support-x"), past_job("b", suffix="Support"), past_job("c"), ours("d"))
    assert chosen(*listing, wanted=Wanted(suffixes=("support-*",))) == ["a"]
    assert chosen(*listing, wanted=Wanted(suffixes=("rout*", "Sup*"))) == ["b", "d"]


def test_what_the_ledger_has_is_chosen_again_only_without_a_manifest():
    past = past_job("a")
    assert left_out(past, state=ledger(past), manifests=("router",)) == {"a": "the ledger has it already, as router"}
    assert chosen(past, state=ledger(past)) == ["a"]


def kins(*listing: PastJob, state: LedgerState = NOTHING, all_jobs: tuple[PastJob, ...] = (), **world: Any):
    wanted = desired(*world.pop("manifests", ()), **world)
    return [
        (kin.label, [past.id.removeprefix("ftjob-") for past in kin.jobs], kin.owner)
        for kin in kins_of(listing, all_jobs or listing, state, wanted)
    ]


def test_jobs_of_one_suffix_and_base_model_are_one_fine_tune():
    listing = (
        past_job("a", suffix="x", day=3),
        past_job("b", suffix="x", day=1),
        past_job("c", suffix="x", base_model="gpt-4o", day=2),
        past_job("d", day=9),
        past_job("e", day=8),
    )
    assert kins(*listing) == [("", ["e", "d"], None), ("x", ["b", "a"], None), ("x", ["c"], None)]


def test_ours_go_by_their_name():
    strange = ours("b", more={"ftops_name": "No Label"}, day=1)
    assert kins(ours("a"), strange) == [("router", ["b"], None), ("router", ["a"], "router")]


def test_ours_go_where_their_name_went():
    assert kins(ours("a"), state=ledger(name="router", renamed="desk")) == [("router", ["a"], "desk")]
    assert kins(ours("a"), manifests=("desk",), moved_from=("router",)) == [("router", ["a"], "desk")]
    assert kins(ours("a"), manifests=("desk",)) == [("router", ["a"], "router")]


def test_later_jobs_go_where_their_kind_went():
    before = past_job("a", suffix="Router!")
    after = past_job("b", suffix="Router!", day=1)
    assert kins(after, state=ledger(before, name="desk"), all_jobs=(after, before)) == [("Router!", ["b"], "desk")]


def names(*listing: PastJob, state: LedgerState = NOTHING, revisions: Any = None, wanted: Any = None) -> list[str]:
    wanted = wanted or desired()
    found = name_kins(kins_of(listing, listing, state, wanted), revisions or {}, state, wanted)
    return [f"{kin.label}@{kin.base_model} {kin.owner}" for kin in found]


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        ("Ticket Router", "ticket-router"),
        ("--x__y--", "x-y"),
        ("Grüße", "grusse"),
        ("票", "gpt-4-1-mini-2025-04-14"),
        ("", "gpt-4-1-mini-2025-04-14"),
        ("x" * 64, "x" * 40),
        ("x" * 39 + "-y", "x" * 39),
    ],
)
def test_a_name_is_a_label_of_the_suffix(suffix, name):
    assert names(past_job("a", suffix=suffix)) == [f"{suffix}@{MINI} {name}"]


def test_a_base_model_without_a_letter():
    assert names(past_job("a", base_model="0:-")) == ["@0:- 0"]
    assert names(past_job("a", base_model="X")) == ["@X x"]


def test_the_newest_has_the_plain_name_and_base_models_tell_the_others_apart():
    listing = [
        past_job(model, suffix="x", base_model=model, day=n) for n, model in enumerate(("gpt-4o-2024-08-06", MINI))
    ]
    assert names(*listing) == [f"x@{MINI} x", "x@gpt-4o-2024-08-06 x-gpt-4o"]


def test_numbers_tell_apart_what_nothing_else_does():
    listing = [past_job(suffix, suffix=suffix, day=n) for n, suffix in enumerate(("a b", "A-B", "a.b"))]
    assert names(*listing) == [f"a.b@{MINI} a-b", f"A-B@{MINI} a-b-2", f"a b@{MINI} a-b-3"]
    assert names(past_job("c"), state=ledger(name="gpt-4-1-mini-2025-04-14")) == [f"@{MINI} gpt-4-1-mini-2"]


def test_names_that_are_or_were_used_are_taken():
    past = past_job("a", suffix="router")
    assert names(past, wanted=desired("router")) == [f"router@{MINI} router-2"]
    assert names(past, wanted=desired("desk", moved_from=("router",))) == [f"router@{MINI} router-2"]
    assert names(past, state=ledger(name="router", renamed="desk")) == [f"router@{MINI} router-2"]
    assert names(ours("b", day=1), past) == ["router@gpt-4.1-mini-2025-04-14 router", f"router@{MINI} router-2"]


def test_a_manifest_that_declares_one_of_the_revisions_is_theirs():
    past = past_job("a", suffix="router")
    assert names(past, wanted=desired("router"), revisions={past.id: R}) == [f"router@{MINI} router"]
    assert names(past, wanted=desired("router"), revisions={past.id: "b" * 12}) == [f"router@{MINI} router-2"]


def test_a_manifest_that_names_one_of_the_jobs_is_theirs():
    past = past_job("a", suffix="router")
    for job, name in ((past.id, "router"), ("ftjob-other", "router-2")):
        wanted = desired("router", dataset=AdoptedDataset(job=job))
        assert names(past, wanted=wanted, revisions={past.id: R}) == [f"router@{MINI} {name}"]


def test_the_newest_of_a_kin_has_a_model():
    (kin,) = kins_of((ours("a"), ours("b", status="failed", day=1)), (), NOTHING, desired())
    assert kin.newest.id == "ftjob-a"
    (kin,) = kins_of((ours("b", status="failed", day=1),), (), NOTHING, desired())
    assert kin.newest is None


def test_reasons_are_counted():
    reasons = [LeftOut(job=job, why=why) for job, why in (("1", "b"), ("2", "a"), ("3", "b"), ("4", "c"))]
    assert list(counted(reasons).items()) == [("b", 2), ("a", 1), ("c", 1)]
