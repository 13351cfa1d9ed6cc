"""Imports against a backend in memory and real files: what is written, what is recorded, and that the next plan is empty."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from apply_world import Said
from fake_world import Content, Entry
from fakes import FakeBackend, FakeClock, FakeLedger
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.import_files import ImportFiles
from ftops.adapters.manifest_files import load
from ftops.application.declare import declare
from ftops.application.import_jobs import Importing, Report, import_jobs
from ftops.datasets.inputs import input_digest
from ftops.domain.adoption import Wanted
from ftops.domain.attempts import JobStatus
from ftops.domain.events import AliasMoved, JobObserved, JobRecorded, RevisionDeclared, Started
from ftops.domain.guard import Policy
from ftops.domain.manifest import AliasName, JobId, ModelId
from ftops.domain.observed import BackendView, Job, ModelInfo, ObservedState
from ftops.domain.planner import build_plan
from ftops.domain.records import DatasetRecord
from ftops.errors import AnswerLost, FtopsError, Unauthorized
from ftops.ports import StoredFile

MINI = "gpt-4.1-mini-2025-04-14"
BEGAN = datetime(2025, 3, 1, 8, 0, tzinfo=UTC)
PROJECT = "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\nspec: {backend: openai}\n"
GRADER = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{item.answer}}"}


def rows(word: str, count: int = 12) -> bytes:
    turns = [
        [{"role": "user", "content": f"{word} {n}"}, {"role": "assistant", "content": "yes"}] for n in range(count)
    ]
    return "".join(json.dumps({"messages": messages}) + "\n" for messages in turns).encode()


@dataclass
class Place:
    """A project, its ledger and a backend with old jobs."""

    root: Any
    backend: FakeBackend
    ledger: FakeLedger
    said: Said

    def job(
        self,
        name: str,
        *,
        suffix: str | None = None,
        day: int = 0,
        data: bytes | None = None,
        valid: bytes | None = None,
        status: str = "succeeded",
        base_model: str = MINI,
        metadata: dict[str, str] | None = None,
        is_gone: bool = False,
        **body: Any,
    ) -> None:
        world = self.backend.world
        files = {"training_file": rows(name) if data is None else data, "validation_file": valid}
        for part, content in files.items():
            if content is not None:
                file = f"file-{name}-{part[:5]}"
                stored = StoredFile(id=file, name="d.jsonl", size=len(content), created_at=BEGAN)
                world.files[file] = Content(file=stored, data=content)
                body.setdefault(part, file)
        ended = JobStatus(status)
        model = ModelId(f"ft:{base_model}:org:{suffix or ''}:{name}") if ended is JobStatus.SUCCEEDED else None
        if model and not is_gone:
            world.models[model] = ModelInfo(id=model)
        job = Job(
            id=JobId(f"ftjob-{name}"),
            status=ended,
            base_model=base_model,
            created_at=BEGAN + timedelta(days=day),
            metadata=metadata or {},
            model=model,
            organization="org-fake",
            trained_tokens=1000,
        )
        world.jobs.append(Entry(job=job, body={"suffix": suffix, **body}))

    def desired(self):
        return declare(load(self.root), DatasetFiles(self.root))

    def importing(self) -> Importing:
        desired = self.desired()
        return Importing(
            desired=desired,
            backend=desired.project.backends["openai"],
            address=self.backend.base_url,
            session=self.backend,
            ledger=self.ledger,
            files=ImportFiles(self.root, self.root / ".ftops", desired.project),
            clock=FakeClock(),
            progress=self.said,
            new_id=lambda: "new-id",
        )

    def run(self, *jobs: str, alias: str | None = None, is_dry_run: bool = False, suffixes=()) -> Report:
        ids = tuple(JobId(f"ftjob-{job}") for job in jobs) if jobs else None
        wanted = Wanted(jobs=ids, suffixes=tuple(suffixes))
        return import_jobs(self.importing(), wanted, alias=AliasName(alias) if alias else None, is_dry_run=is_dry_run)

    def manifest(self, name: str) -> dict[str, Any]:
        return yaml.safe_load((self.root / f"finetunes/{name}.yaml").read_text())

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def plan(self):
        desired = self.desired()
        backend = desired.project.backends["openai"]
        view = BackendView(backend=backend, is_online=True)
        observed = ObservedState(ledgers={backend.name: self.ledger.state}, backends={backend.name: view})
        return build_plan(desired, observed, Policy(), date(2026, 11, 21))

    def jobs_of(self, name: str) -> dict[str, list[tuple[int, str, bool]]]:
        """By revision: attempt, job, whether it is surplus."""
        record = self.ledger.state.fine_tunes[name]
        found: dict[str, list[tuple[int, str, bool]]] = {}
        for revision, _, attempt, job in record.jobs():
            found.setdefault(revision, []).append((attempt.number, job.id, job is not attempt.job))
        return found

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in (self.root / "finetunes").rglob("*.*"))


@pytest.fixture
def place(tmp_path) -> Place:
    (tmp_path / "ftops.yaml").write_text(PROJECT)
    return Place(root=tmp_path, backend=FakeBackend(), ledger=FakeLedger(), said=Said())


def ours(revision: str | None = None, *, name: str = "router", project: str = "acme", **more: str) -> dict[str, str]:
    found = {"ftops_project": project, "ftops_name": name, "ftops_ledger": "old1"} | more
    return found | ({"ftops_revision": revision} if revision else {})


def reasons(report: Report) -> dict[str, str]:
    return {one.job: one.why for one in report.left_out}


HYPER = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": 2}}}


def test_jobs_of_one_suffix_are_one_fine_tune_and_the_next_plan_is_empty(place):
    place.job("old", suffix="Ticket Router", method=HYPER, seed=1)
    place.job("new", suffix="Ticket Router", day=1, method=HYPER, seed=2)
    place.job("none", day=2)
    report = place.run()
    assert [(one.label, one.name, one.jobs) for one in report.imported] == [
        ("", "gpt-4-1-mini-2025-04-14", ("ftjob-none",)),
        ("Ticket Router", "ticket-router", ("ftjob-old", "ftjob-new")),
    ]
    assert place.manifest("ticket-router") == {
        "apiVersion": "ftops/v1",
        "kind": "FineTune",
        "metadata": {"name": "ticket-router"},
        "spec": {
            "base_model": MINI,
            "method": {"type": "supervised", "hyperparameters": {"n_epochs": 3, "batch_size": 2}},
            "seed": 2,
            "dataset": {"train": "data/ticket-router.train.jsonl"},
        },
    }
    assert (place.root / "finetunes/data/ticket-router.train.jsonl").read_bytes() == rows("new")
    (declared,) = [one for one in place.desired().fine_tunes if one.name == "ticket-router"]
    assert place.jobs_of("ticket-router")[declared.revision] == [(1, "ftjob-new", False)]
    assert len(place.jobs_of("ticket-router")) == 2
    record = place.ledger.state.fine_tunes["ticket-router"].revisions[declared.revision]
    assert record.spec == declared.fine_tune.spec
    assert (record.train.path, record.declared_at) == (declared.train.path, BEGAN + timedelta(days=1))
    assert all(job.is_imported for *_, job in place.ledger.state.fine_tunes["ticket-router"].jobs())
    plan = place.plan()
    assert (plan.actions, plan.notices, plan.blockers) == ((), (), ())
    assert place.ledger.state.project.applied is None
    assert not (place.root / ".ftops/import").exists()


def test_twice_is_once(place):
    place.job("a", suffix="x")
    place.run()
    before, files, calls = place.ledger.entries[:], place.files(), len(place.backend.calls)
    report = place.run()
    assert (report.imported, reasons(report)) == ((), {"ftjob-a": "the ledger has it already, as x"})
    assert (place.ledger.entries, place.files()) == (before, files)
    assert place.backend.calls[calls:] == ["list_past"]
    assert all(one.is_known for one in report.left_out)


def test_a_dry_run_writes_nothing_and_says_the_same(place):
    place.job("a", suffix="x")
    place.job("b", suffix="y", is_gone=True)
    seen = place.run(is_dry_run=True)
    assert (place.ledger.entries, (place.root / "finetunes").exists()) == ([], False)
    assert place.run() == seen
    assert place.backend.calls.count("file_content") == 1  # kept from the dry run


def test_an_import_killed_before_the_files_were_written_is_made_good(place, monkeypatch):
    place.job("a", suffix="x")
    place.job("b", suffix="y")
    with monkeypatch.context() as patch:
        patch.setattr(ImportFiles, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            place.run()
    events = len(place.ledger.events)
    assert [one.name for one in place.run().imported] == ["x", "y"]
    assert len(place.ledger.events) == events
    assert place.plan().actions == ()


def test_a_manifest_whose_ledger_was_lost_is_joined(place):
    place.job("a", suffix="x", seed=3)
    place.run()
    place.ledger = FakeLedger()
    report = place.run()
    assert [(one.name, one.path) for one in report.imported] == [("x", None)]
    assert (place.plan().actions, place.files()) == ((), ["finetunes/data/x.train.jsonl", "finetunes/x.yaml"])


def test_a_manifest_of_gone_data_is_joined_by_its_job(place):
    place.job("a", suffix="x", training_file="file-gone")
    place.run()
    assert place.manifest("x")["spec"]["dataset"] == {"adopted_job": "ftjob-a"}
    place.ledger = FakeLedger()
    place.job("b", suffix="x", day=1)
    (one,) = place.run().imported
    assert (one.name, one.path, one.jobs) == ("x", None, ("ftjob-a", "ftjob-b"))
    assert place.plan().actions == ()


def test_a_stranger_of_the_same_name_takes_another(place):
    text = "apiVersion: ftops/v1\nkind: FineTune\nmetadata: {name: NAME}\nspec: {base_model: g, dataset: {adopted_job: j}}\n"
    place.write("finetunes/x.yaml", text.replace("NAME", "x"))
    place.write("finetunes/x-2.yaml", text.replace("NAME", "else"))
    place.job("a", suffix="x")
    (one,) = place.run().imported
    assert (one.name, one.path) == ("x-2", "finetunes/x-2-2.yaml")


def test_later_jobs_of_a_suffix_become_history(place):
    place.job("a", suffix="x")
    place.run(alias="production")
    place.job("b", suffix="x", day=5)
    (one,) = place.run().imported
    assert (one.name, one.path, one.jobs) == ("x", None, ("ftjob-b",))
    assert place.plan().actions == ()
    # The very same training once more stands beside the first: nothing that is called changes.
    place.job("c", suffix="x", day=9, data=rows("a"))
    place.run()
    (declared,) = place.desired().fine_tunes
    assert place.jobs_of("x")[declared.revision] == [(1, "ftjob-a", False), (1, "ftjob-c", True)]
    assert place.plan().actions == ()


def test_the_same_training_twice_is_two_attempts_and_the_newest_counts(place):
    place.job("a", suffix="x", data=rows("same"))
    place.job("b", suffix="x", data=rows("same").replace(b"\n", b"\r\n"), day=1)
    place.run(alias="production")
    (attempts,) = place.jobs_of("x").values()
    assert attempts == [(1, "ftjob-a", False), (2, "ftjob-b", False)]
    assert place.ledger.state.fine_tunes["x"].target_of("production").model.endswith(":b")
    assert (place.root / "finetunes/data/x.train.jsonl").read_bytes() == rows("same")
    assert place.plan().actions == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"prompt": "a", "completion": "b"}\n' * 12, "expected a row with messages"),
        (rows("few", 9), "has 9 rows, fewer than 10"),
        (b"", "expected rows, the file is empty"),
    ],
)
def test_data_that_would_not_pass_is_not_declared(place, data, why):
    place.job("a", suffix="x", data=data)
    (one,) = place.run().imported
    assert why in one.notes[0]
    assert place.manifest("x")["spec"]["dataset"] == {"adopted_job": "ftjob-a"}
    assert (place.files(), place.plan().actions) == (["finetunes/x.yaml"], ())


def test_rows_that_would_not_pass_are_quoted_nowhere(place):
    place.job("a", suffix="x", data=b'"a secret of ours"\n' * 12)
    (one,) = place.run().imported
    assert one.notes == ("no training data: file-a-train:1: expected a JSON object, and more",)
    assert "secret" not in (place.root / "finetunes/x.yaml").read_text()


@pytest.mark.parametrize(("old", "new"), [("0a1b", "0a1b"), ("é1", "new-id"), ("x" * 65, "new-id"), ("a b", "new-id")])
def test_only_an_id_can_be_a_ledgers_again(place, old, new):
    place.job("a", suffix="router", metadata=ours("a" * 12, ftops_ledger=old))
    place.run()
    assert place.ledger.state.project.ledger_id == new


def test_data_that_the_backend_keeps_to_itself(place):
    place.job("a", suffix="x")
    place.backend.answer_status("file_content", 400)
    assert place.run().imported[0].notes == (
        "no training data: the backend does not give file file-a-train: refused (400)",
    )
    place.job("b", suffix="y")
    place.backend.world.files["file-b-train"] = replace_size(place.backend.world.files["file-b-train"], 513_000_000)
    (one,) = place.run().imported
    assert "513,000,000 bytes, more than a dataset may have" in one.notes[0]


def replace_size(content: Content, size: int) -> Content:
    return Content(file=replace(content.file, size=size), data=content.data)


def test_a_job_without_a_file(place):
    place.job("a", suffix="x", training_file=None)
    assert place.run().imported[0].notes == ("no training data: the job names no training file",)


def test_what_may_be_had_later_is_waited_for(place):
    place.job("a", suffix="x")
    place.backend.inject("file_content", AnswerLost("dropped"))
    with pytest.raises(AnswerLost):
        place.run()
    assert place.ledger.entries == []


def test_validation_data(place):
    place.job("a", suffix="x", valid=rows("valid", 3))
    place.run()
    assert place.manifest("x")["spec"]["dataset"] == {
        "train": "data/x.train.jsonl",
        "validation": "data/x.valid.jsonl",
    }
    place.job("b", suffix="y", validation_file="file-gone")
    assert place.run().imported[0].notes == ("no validation data: file file-gone is gone",)
    assert place.manifest("y")["spec"]["dataset"] == {"train": "data/y.train.jsonl"}
    assert place.plan().actions == ()


def rft(grader: Any) -> dict[str, Any]:
    return {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": {"n_epochs": 2}}}


def asked(word: str) -> bytes:
    row = {"messages": [{"role": "user", "content": word}], "answer": "a"}
    return (json.dumps(row) + "\n").encode() * 12


def test_reinforcement(place):
    place.job("a", suffix="x", data=asked("t"), valid=asked("v"), method=rft(GRADER))
    place.run()
    method = place.manifest("x")["spec"]["method"]
    assert method == {"type": "reinforcement", "grader": GRADER, "hyperparameters": {"n_epochs": 2}}
    assert place.plan().actions == ()


def test_reinforcement_without_validation_data_is_not_declared(place):
    place.job("a", suffix="x", data=asked("t"), method=rft(GRADER))
    place.job("b", suffix="y", data=asked("t"), validation_file="file-gone", method=rft(GRADER))
    notes = [one.notes[0] for one in place.run().imported]
    assert notes == [
        "no training data: the job names no validation file",
        "no training data: file file-gone is gone",
    ]
    assert place.plan().actions == ()


def test_a_grader_that_no_manifest_may_have(place):
    place.job("a", suffix="x", data=asked("t"), valid=asked("v"), method=rft({"type": "endpoint", "url": "https://x"}))
    (one,) = place.run().imported
    assert one.notes[0].startswith("a manifest can't state the method: finetunes/x.yaml")
    assert "method" not in place.manifest("x")["spec"]
    assert place.plan().actions == ()


def test_a_method_that_no_manifest_has(place):
    place.job("a", suffix="x", method={"type": "magic", "magic": {}})
    assert place.run().imported[0].notes == ("a manifest can't state method 'magic'",)
    assert place.plan().actions == ()


def test_what_no_manifest_can_declare_at_all(place):
    place.job("a", suffix="x", integrations=[{"type": "wandb", "wandb": {"project": 7}}])
    report = place.run()
    assert report.imported == ()
    assert reasons(report)["ftjob-a"].startswith("no manifest can declare it: finetunes/x.yaml:")


def test_models_that_are_gone_are_not_imported(place):
    place.job("a", suffix="x", is_gone=True)
    place.job("b", suffix="y")
    place.job("c", suffix="y", day=1, is_gone=True)
    report = place.run()
    assert reasons(report) == {"ftjob-a": "its model is gone", "ftjob-c": "its model is gone"}
    assert [one.jobs for one in report.imported] == [("ftjob-b",)]
    assert "file-a-train" not in str(place.backend.calls)


def test_an_alias_points_to_the_newest_and_pins_it(place):
    place.job("a", suffix="x")
    (one,) = place.run(alias="production").imported
    assert place.manifest("x")["spec"]["aliases"] == {"production": one.revision}
    target = place.ledger.state.fine_tunes["x"].target_of("production")
    assert (target.revision, target.model) == (one.revision, f"ft:{MINI}:org:x:a")
    assert [event.reason for event in place.ledger.events if isinstance(event, AliasMoved)] == ["imported"]
    assert (place.plan().actions, place.plan().notices) == ((), ())


def declared_router(place: Place, *, aliases: str = "{production: latest}", seed: int = 7) -> str:
    place.write("finetunes/data/router.jsonl", rows("router").decode())
    place.write("finetunes/router.yaml", f"apiVersion: ftops/v1\nkind: FineTune\nmetadata: {{name: router}}\nspec:\n"
                f"  base_model: {MINI}\n  seed: {seed}\n  dataset: {{train: data/router.jsonl}}\n"
                f"  retention: {{protect: true}}\n  aliases: {aliases}\n")  # fmt: skip
    return next(one.revision for one in place.desired().fine_tunes if one.name == "router")


def test_a_lost_ledger_comes_back_under_its_id_without_a_training(place):
    revision = declared_router(place)
    place.job("old", suffix="router", metadata=ours("a" * 12, ftops_attempt="2"), training_file="file-gone")
    place.job("fail", suffix="router", status="failed", metadata=ours(revision, ftops_attempt="1"), day=1)
    place.job("now", suffix="router", metadata=ours(revision, ftops_attempt="2"), day=2)
    place.job("runs", suffix="router", metadata=ours(revision, ftops_attempt="3"), day=3, status="running")
    report = place.run(alias="production")
    assert (report.is_recovery, [one.path for one in report.imported]) == (True, [None])
    assert place.jobs_of("router") == {
        "a" * 12: [(2, "ftjob-old", False)],
        revision: [(1, "ftjob-fail", False), (2, "ftjob-now", False)],
    }
    assert place.ledger.state.project.ledger_id == "old1"
    record = place.ledger.state.fine_tunes["router"]
    assert record.revisions[revision].train.path == "finetunes/data/router.jsonl"
    assert record.is_protected
    assert record.target_of("production").revision == revision
    assert (place.plan().actions, place.plan().notices) == ((), ())


def test_an_alias_of_a_lost_ledger_goes_where_the_manifest_pins_it(place):
    revision = declared_router(place, aliases=f'{{production: "{"a" * 12}", staging: latest}}')
    place.job("old", suffix="router", metadata=ours("a" * 12))
    place.job("now", suffix="router", metadata=ours(revision), day=2)
    place.run(alias="production")
    record = place.ledger.state.fine_tunes["router"]
    assert record.target_of("production").revision == "a" * 12
    assert record.target_of("staging") is None


def test_a_job_of_ours_without_a_manifest_has_one_that_makes_its_revision(place):
    revision = declared_router(place)  # nothing stated but the seed
    (place.root / "finetunes/router.yaml").unlink()
    place.job("a", suffix="router", data=rows("router"), metadata=ours(revision), method=HYPER, seed=7)
    (one,) = place.run().imported
    assert (one.name, one.revision, one.notes) == ("router", revision, ())
    assert place.manifest("router")["spec"]["method"] == {"type": "supervised", "hyperparameters": {}}


def test_a_job_of_ours_whose_revision_can_not_be_made_out(place):
    place.job("a", suffix="router", metadata=ours("a" * 12), method=HYPER)
    (one,) = place.run().imported
    assert one.revision != "a" * 12
    assert "can't be made out again" in one.notes[0]
    assert place.plan().actions == ()


def test_a_fine_tune_of_ours_without_any_model(place):
    place.job("a", suffix="router", status="failed", metadata=ours("a" * 12))
    assert reasons(place.run()) == {"ftjob-a": "no job of its fine-tune made a model"}


def test_a_lost_model_of_ours_is_remembered_as_missed(place):
    revision = declared_router(place)
    place.job("a", suffix="router", metadata=ours(revision), is_gone=True)
    place.run()
    (job,) = [job for *_, job in place.ledger.state.fine_tunes["router"].jobs()]
    assert (job.status, job.missed_at is not None) == (JobStatus.SUCCEEDED, True)


def test_two_jobs_of_one_attempt_and_one_that_failed_before(place):
    revision = declared_router(place)
    place.job("a", suffix="router", metadata=ours(revision, ftops_attempt="1"), status="cancelled")
    place.job("b", suffix="router", metadata=ours(revision, ftops_attempt="1"), day=1)
    place.run()
    assert place.jobs_of("router")[revision] == [(1, "ftjob-b", False), (1, "ftjob-a", True)]


def test_a_better_job_does_not_hide_behind_a_failed_one(place):
    revision = declared_router(place)
    place.job("a", suffix="router", metadata=ours(revision, ftops_attempt="1"), status="failed")
    place.run()
    place.job("b", suffix="router", metadata=ours(revision, ftops_attempt="1"), day=1)
    place.run()
    assert place.jobs_of("router")[revision] == [(1, "ftjob-a", False), (2, "ftjob-b", False)]


def test_data_that_went_after_the_import_can_not_be_written_again(place):
    place.job("a", suffix="x")
    place.run()
    for path in place.files():
        (place.root / path).unlink()
    place.backend.world.files.clear()
    report = place.run()
    assert reasons(report) == {
        "ftjob-a": "its data is gone since it was imported; ftops forget x, then import it again"
    }
    assert place.files() == []


def test_another_backend_than_the_projects_is_named(place):
    (place.root / "ftops.yaml").write_text(PROJECT.replace("backend: openai", "backend: embedded"))
    place.job("a", suffix="x")
    place.run()
    assert list(place.manifest("x")["spec"])[:2] == ["backend", "base_model"]
    assert place.plan().actions == ()


def test_a_key_of_another_organisation(place):
    place.job("a", suffix="x")
    place.run()
    place.job("b", suffix="y")
    place.backend.world.jobs[-1].job = replace(place.backend.world.jobs[-1].job, organization="org-else")
    with pytest.raises(Unauthorized, match="belongs to organisation org-fake"):
        place.run()
    assert "finetunes/y.yaml" not in place.files()


def test_a_ledger_that_changed_meanwhile(place):
    place.job("a", suffix="x")
    place.run()
    place.job("b", suffix="y")
    before = place.ledger.state

    def lose_its_start(ledger: FakeLedger) -> None:
        ledger.state = replace_project(before)

    place.ledger.before_record.append(lose_its_start)
    with pytest.raises(FtopsError, match="the ledger was changed meanwhile"):
        place.run()
    assert "finetunes/y.yaml" not in place.files()


def replace_project(state):
    import msgspec

    return msgspec.structs.replace(state, project=None)


def test_a_hundred_fine_tunes_are_few_commits(place):
    for n in range(120):
        place.job(f"n{n:03}", suffix=f"s{n:03}", day=n)
    place.run()
    assert len({entry.commit for entry in place.ledger.entries}) == 3
    kinds = [type(event) for event in place.ledger.events]
    assert [kinds.count(kind) for kind in (Started, RevisionDeclared, JobRecorded, JobObserved)] == [1, 120, 120, 120]
    assert place.plan().actions == ()
    assert ("import", "importing") in place.said.phases


def test_checkpoints_are_kept_and_a_backend_without_them_is_borne(place):
    place.job("a", suffix="x")
    place.job("b", suffix="y")
    place.backend.answer_status("checkpoints", 404)
    place.run()
    counts = [len(job.checkpoints) for record in place.ledger.state.fine_tunes.values() for *_, job in record.jobs()]
    assert sorted(counts) == [0, 3]
    place.job("c", suffix="z")
    place.backend.answer_status("checkpoints", 403)
    with pytest.raises(Unauthorized):
        place.run()


def test_what_imported_jobs_were_trained_on_is_kept(place):
    place.job("a", suffix="x")
    place.job("b", suffix="y", day=1, training_file="file-gone")
    place.job("c", suffix="z", day=2)
    place.run()
    trains = {
        record.name: r.train.sha256
        for record in place.ledger.state.fine_tunes.values()
        for r in record.revisions.values()
    }
    assert place.ledger.state.inputs == {sha for sha in trains.values() if not sha.startswith("job:")}
    found = {json.loads(line)["messages"][0]["content"]: json.loads(line) for line in rows("a").splitlines()}
    digests = [place.ledger.inputs(sha) for sha in place.ledger.state.inputs]
    assert frozenset(map(input_digest, found.values())) in digests


def test_history_keeps_what_it_was_trained_on_by_digest(place):
    place.job("a", suffix="x", valid=rows("valid", 3), method=rft(GRADER), seed=4)
    place.job("b", suffix="x", day=1, training_file="file-gone")
    place.job("c", suffix="x", day=2)
    place.run()
    (record,) = place.ledger.state.fine_tunes.values()
    first, second, _ = sorted(record.revisions.values(), key=lambda known: known.declared_at)
    assert (first.train.path, first.train.rows, first.validation.rows) == ("file-a-train", 12, 3)
    assert first.spec == {
        "base_model": MINI,
        "method": {"type": "reinforcement", "hyperparameters": {"n_epochs": 2}, "grader": GRADER},
        "dataset": {"train": "file-a-train", "validation": "file-a-valid"},
        "seed": 4,
    }
    assert second.train == DatasetRecord(path="job:ftjob-b", sha256="job:ftjob-b", rows=0)
    assert second.spec["dataset"] == {"adopted_job": "ftjob-b"}
