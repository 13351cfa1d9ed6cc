"""``ftops history``: each kind of event has a sentence that says what it is about."""

from datetime import UTC, datetime
from types import UnionType
from typing import Any, get_args

import msgspec
import pytest

from ftops.cli.event_sentences import sentence
from ftops.domain import events as e
from ftops.domain.attempts import CancelReason, Choice, Closed, DeletionStage, JobStatus, RequestKind
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, Revision
from ftops.domain.preferences import PreferenceRecord
from ftops.domain.records import DatasetRecord, FileRecord, Target
from ftops.domain.scores import Comparison, EvaluationRecord

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LAB, TUNE, REV, SHA = BackendName("lab"), FineTuneName("router"), Revision("3f9a1c2b7d10"), "a" * 64
ABOUT: dict[str, Any] = {"at": AT, "fine_tune": TUNE, "revision": REV, "backend": LAB, "attempt": 1}
OLD, NEW = (Target(backend="lab", revision=r, model=f"ft:{r[0]}") for r in ("1" * 12, "2" * 12))
TRAIN = DatasetRecord(path="t.jsonl", sha256=SHA, rows=60)
FILE = FileRecord(id="file-1", name="x", size=1234, uploaded_at=AT)
SCORED = EvaluationRecord(name="intent", digest=SHA, sent=SHA, grader=SHA, model="ft:1", backend="lab", at=AT)
COMPARED = Comparison(candidate="ft:1", digest=SHA, form=SHA, model="base", backend="lab", sent=SHA)
BETWEEN = {"candidate": "ft:1", "backend": "lab", "baseline": "base", "baseline_backend": "lab"}
SAID = PreferenceRecord(name="intent", digest=SHA, **BETWEEN, sent=SHA, baseline_sent=SHA, at=AT, annotators=2)
DELETION = e.ModelDeletion(**ABOUT, job="ftjob-1", stage=DeletionStage.BEGUN)
ALIAS = e.AliasMoved(at=AT, fine_tune=TUNE, alias=AliasName("production"), target=NEW, was=OLD, reason="pinned")
FILE_GOES = e.FileDeletion(at=AT, backend=LAB, sha256=SHA, file="file-1", stage=DeletionStage.DONE)

SENTENCES: list[tuple[Any, str]] = [
    (e.Started(at=AT, project="acme", ledger_id="L1"), "ledger L1 of project acme started"),
    (e.BackendSeen(at=AT, backend=LAB, base_url="http://x/v1"), "backend lab: http://x/v1"),
    (
        e.BackendSeen(at=AT, backend=LAB, base_url="http://x/v1", organization="org"),
        "backend lab: http://x/v1, organisation org",
    ),
    (e.CommitApplied(at=AT, commit=None, owner="ada"), "commit none applied by ada"),
    (
        e.CommitApplied(at=AT, commit="c" * 40, owner="ada", run_url="https://ci/1"),
        "commit cccccccccccc applied by https://ci/1",
    ),
    (
        e.RevisionDeclared(at=AT, fine_tune=TUNE, revision=REV, spec={}, train=TRAIN),
        f"router: revision {REV} declared, 60 rows to train on",
    ),
    (
        e.InputsKept(at=AT, train=SHA, digest=SHA),
        "the digests of the inputs of training set aaaaaaaaaaaa kept",
    ),
    (e.Protected(at=AT, fine_tune=TUNE, is_protected=True), "router: protected: nothing of it is deleted"),
    (e.Protected(at=AT, fine_tune=TUNE, is_protected=False), "router: no longer protected"),
    (e.FileUploaded(at=AT, backend=LAB, sha256=SHA, file=FILE), "file file-1 (1,234 bytes) at lab"),
    (e.FileGone(at=AT, backend=LAB, sha256=SHA), "the file with content aaaaaaaaaaaa is gone from lab"),
    (FILE_GOES, "file file-1 at lab deleted"),
    (msgspec.structs.replace(FILE_GOES, stage=DeletionStage.WITHDRAWN), "file file-1 at lab kept after all"),
    (e.Intended(**ABOUT, intent="i", owner="ada"), f"router: ada is about to create the job of {REV}"),
    (
        e.Intended(**ABOUT, intent="i", owner="ada", estimate_usd=1.5),
        f"router: ada is about to create the job of {REV}, about $1.50",
    ),
    (e.IntentClosed(**ABOUT, intent="i", closed=Closed.LOST), f"router: no job for {REV}: lost"),
    (e.IntentClosed(**ABOUT, intent="i", closed=Closed.UNSENT), f"router: no job for {REV}: unsent"),
    (
        e.IntentClosed(**ABOUT, intent="i", closed=Closed.REJECTED, message="no"),
        f"router: no job for {REV}: rejected no",
    ),
    (e.JobRecorded(**ABOUT, job="ftjob-1", status=JobStatus.QUEUED), f"router: job ftjob-1 of {REV} created"),
    (
        e.CheckpointChosen(
            **ABOUT,
            job="ftjob-1",
            choice=Choice(policy="evaluate", model="ft:1:ckpt-step-10", step=10, among=3, why="it scored best"),
        ),
        f"router: ft:1:ckpt-step-10 stands for revision {REV} (evaluate): it scored best",
    ),
    (
        e.JobRecorded(**ABOUT, job="ftjob-1", status=JobStatus.QUEUED, is_adopted=True),
        f"router: job ftjob-1 of {REV} found",
    ),
    (
        e.JobRecorded(**ABOUT, job="ftjob-1", status=JobStatus.QUEUED, is_imported=True),
        f"router: job ftjob-1 of {REV} imported",
    ),
    (
        e.JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.SUCCEEDED, model="ft:1", cost_usd=2.0),
        "router: job ftjob-1 succeeded, made ft:1, $2.00",
    ),
    (
        e.JobObserved(**ABOUT, job="ftjob-1", status=JobStatus.FAILED, error_message="oh"),
        "router: job ftjob-1 failed: oh",
    ),
    (
        e.CancelRecorded(**ABOUT, job="ftjob-1", reason=CancelReason.DUPLICATE),
        "router: job ftjob-1 cancelled as duplicate",
    ),
    (e.CancelRecorded(**ABOUT, job="ftjob-1", reason=None), "router: job ftjob-1 kept after all"),
    (
        e.Requested(**ABOUT, kind=RequestKind.RETRY, owner="ada"),
        f"router: ada asked for another attempt at {REV} on lab",
    ),
    (
        e.Requested(**ABOUT, kind=RequestKind.CANCEL, owner="ada", run_url="https://ci/1", job="ftjob-1"),
        f"router: https://ci/1 asked to cancel job ftjob-1 of {REV}",
    ),
    (
        e.ModelMissed(**ABOUT, job="ftjob-1"),
        f"router: the model of job ftjob-1 ({REV}) is not found at a first look at lab",
    ),
    (e.ModelMissed(**ABOUT, job="ftjob-1", is_gone=True), f"router: the model of job ftjob-1 ({REV}) is gone at lab"),
    (
        e.ModelMissed(**ABOUT, job="ftjob-1", is_gone=True, model="ft:1:ckpt-step-10"),
        f"router: checkpoint ft:1:ckpt-step-10 of job ftjob-1 ({REV}) is gone at lab",
    ),
    (e.ModelSeen(**ABOUT, job="ftjob-1"), f"router: the model of job ftjob-1 ({REV}) is there again at lab"),
    (DELETION, f"router: the model of job ftjob-1 ({REV}) at lab is about to be deleted"),
    (e.Evaluated(at=AT, fine_tune=TUNE, evaluation=SCORED), "router: ft:1 measured under intent"),
    (
        e.Evaluated(at=AT, fine_tune=TUNE, evaluation=msgspec.structs.replace(SCORED, error="oh")),
        "router: ft:1 measured under intent, error: oh",
    ),
    (e.Preferred(at=AT, fine_tune=TUNE, preferences=SAID), "router: 2 people compared ft:1 with base under intent"),
    (
        e.Preferred(at=AT, fine_tune=TUNE, preferences=msgspec.structs.replace(SAID, annotators=1)),
        "router: a person compared ft:1 with base under intent",
    ),
    (
        e.Preferred(at=AT, fine_tune=TUNE, preferences=msgspec.structs.replace(SAID, grader=SHA, error="oh")),
        "router: a judge compared ft:1 with base under intent, error: oh",
    ),
    (e.Compared(at=AT, fine_tune=TUNE, comparison=COMPARED), "router: ft:1 is compared with base"),
    (
        e.GatesPassed(at=AT, fine_tune=TUNE, revision=REV, backend=LAB, model="ft:1"),
        f"router: revision {REV} passed its gates (ft:1)",
    ),
    (ALIAS, "router: production 111111111111 → 222222222222 (ft:2) [pinned]"),
    (
        msgspec.structs.replace(ALIAS, was=None, override="now"),
        "router: production nothing → 222222222222 (ft:2) [pinned, override: now]",
    ),
    (msgspec.structs.replace(ALIAS, target=None), "router: production retired"),
    (e.Renamed(at=AT, fine_tune=TUNE, former=FineTuneName("old")), "router: was old"),
    (e.Forgot(at=AT, fine_tune=TUNE), "router forgotten; nothing was deleted"),
    (e.TrainingBlocked(at=AT, backend=LAB, message="no more"), "lab: no more"),
    (e.TrainingBlocked(at=AT, backend=LAB, message=None), "lab lets this organisation train again"),
]


@pytest.mark.parametrize(("event", "said"), SENTENCES, ids=lambda value: value if isinstance(value, str) else "")
def test_sentence(event: Any, said: str) -> None:
    assert sentence(event) == said


def test_no_kind_of_event_is_left_out() -> None:
    assert isinstance(e.AnyEvent, UnionType)
    assert set(get_args(e.AnyEvent)) == {type(event) for event, _ in SENTENCES}
