"""``ftops eval --export-pairs`` and ``--import-labels`` on a real repository, with answers that are kept, and no backend."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.evaluation_files import EvaluationFiles
from ftops.adapters.output_files import OutputFiles
from ftops.application.baselines import Candidate
from ftops.application.evaluate import Evaluations
from ftops.bootstrap import load_desired, open_catalog
from ftops.bootstrap_place import find_place
from ftops.cli.main import run
from ftops.datasets.inputs import input_digest
from ftops.domain.attempts import JobStatus
from ftops.domain.events import BackendSeen, Intended, JobObserved, JobRecorded, RevisionDeclared, Started
from ftops.domain.judgement import Judgement, Verdict
from ftops.domain.manifest import BackendName, FineTuneName, ModelId
from ftops.domain.records import DatasetRecord, FineTuneRecord
from ftops.domain.scores import Outcome
from ftops.ports import ChatAnswer, ChatRequest, LedgerWriter
from scratch_project import GRADER, LABELS, Scratch, make_project

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LAB, ROUTER, MODEL = BackendName("lab"), FineTuneName("router"), ModelId("ft:base:acme:router:one")
AGAINST_BASE = "{metric: win_rate, baseline: {base: true}, test: superiority, confidence: 0.95}"
PAIRWISE = """{type: label_model, model: j, labels: [first, second], passing_labels: [first], input: [{role: user, content:
        '{{first.output_text}} {{second.output_text}}'}]}"""


class Chat:
    """A tuned model that knows the labels, and a base model that knows none."""

    base_url = "http://lab.invalid/v1"

    def open_chat(self) -> "Chat":
        return self

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        await asyncio.sleep(0)
        text = label_of(str(request.messages[-1]["content"])) if request.model == MODEL else "I don't know."
        return ChatAnswer(text=text, tool_calls=(), outcome=Outcome.OK, input_tokens=1, output_tokens=1, seconds=0.0)

    async def close(self) -> None:
        pass


def label_of(prompt: str) -> str:
    return next(label for label, words in LABELS.items() if words in prompt)


class Project:
    """A project whose model was trained and evaluated, but for what people are to say."""

    def __init__(self, folder: Path, gate: str = f"[{AGAINST_BASE}]", grader: str = GRADER) -> None:
        self.scratch: Scratch = make_project(folder, "http://127.0.0.1:9/v1")
        self.folder = folder
        manifest = self.scratch.root / "finetunes/router.yaml"
        text = manifest.read_text().replace(GRADER, grader).replace("gate: [{min: 0.6}]", f"gate: {gate}")
        manifest.write_text(text)
        self.place = find_place(self.scratch.root)
        (self.declared,) = load_desired(self.place, backend=None).fine_tunes
        about: dict[str, Any] = {"at": AT, "fine_tune": ROUTER, "revision": self.declared.revision}
        job: dict[str, Any] = {**about, "backend": LAB, "attempt": 1}
        train = self.declared.train
        data = DatasetRecord(path=train.path, sha256=train.sha256, rows=train.rows)
        self.ledger.record(
            [
                Started(at=AT, project=self.scratch.project_name, ledger_id="L1"),
                BackendSeen(at=AT, backend=LAB, base_url="http://127.0.0.1:9/v1"),
                RevisionDeclared(**about, spec={}, train=data),
                Intended(**job, intent="i", owner="ada"),
                JobRecorded(**job, job="ftjob-1", status=JobStatus.QUEUED, intent="i"),
                JobObserved(**job, job="ftjob-1", status=JobStatus.SUCCEEDED, model=MODEL, finished_at=AT),
            ],
            None,
        )
        self.with_evaluations(
            lambda it: self.ledger.record(it.evaluate(self.record, self.declared, candidate=self.candidate), None)
        )

    @property
    def ledger(self) -> LedgerWriter:
        catalog = open_catalog(self.place, backend=None)
        return catalog.ledgers.of(catalog.project.backends[LAB])

    @property
    def record(self) -> FineTuneRecord:
        return self.ledger.read().state.fine_tunes[ROUTER]

    @property
    def candidate(self) -> Candidate:
        return Candidate(model=MODEL, backend=LAB, revision=self.declared.revision)

    def with_evaluations(self, do: Callable[[Evaluations], Any]) -> Any:
        with closing(OutputFiles(self.place.ftops_dir / "outputs")) as outputs:
            return do(
                Evaluations(
                    files=EvaluationFiles(self.place.root, DatasetFiles(self.place.root)),
                    outputs=outputs,
                    sessions={LAB: Chat()},  # type: ignore[dict-item]
                    clock=StillClock(),  # type: ignore[arg-type]
                    input_digest=input_digest,
                )
            )

    def judge(self) -> Judgement:
        found: Judgement = self.with_evaluations(
            lambda it: it.judgement(self.record, self.declared, candidate=self.candidate)
        )
        return found

    def eval(self, *words: Any) -> int:
        return run(["-C", str(self.scratch.root), "eval", "router", *map(str, words)])

    def export(self, name: str = "pairs.jsonl") -> Path:
        file = self.folder / name
        assert self.eval("--export-pairs", file) == 0
        return file


class StillClock:
    def now(self) -> datetime:
        return AT


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def choose(file: Path, how: Callable[[dict[str, Any]], str | None]) -> None:
    file.write_text("".join(json.dumps({**pair, "choice": how(pair)}) + "\n" for pair in lines(file)))


def knowing(pair: dict[str, Any]) -> str:
    return "a" if pair["a"] == label_of(pair["prompt"]) else "b"


def test_people_choose_and_the_gate_counts_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = project.judge()
    assert before.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert "--export-pairs FILE" in before.evals[0].conditions[0].sentence

    pairs, again = project.export(), project.export("again.jsonl")
    assert pairs.read_text() == again.read_text(), "the same key lays the same pairs out alike"
    assert len(lines(pairs)) == 12
    assert "ft:" not in pairs.read_text()
    assert pairs.stat().st_mode & 0o77 == 0

    unsure = lines(pairs)[0]["id"]
    choose(pairs, knowing)
    choose(again, lambda pair: "tie" if pair["id"] == unsure else knowing(pair))
    capsys.readouterr()
    assert project.eval("--import-labels", pairs, "--import-labels", again) == 0
    told = capsys.readouterr().out
    assert f"router, intent: 12 pairs: 11 for {MODEL}, 0 for gpt-4.1-mini-2025-04-14, 1 tied" in told
    assert "2 people agree in 92 % of choices on 12 pairs" in told
    after = project.judge()
    assert after.verdict is Verdict.PASS
    assert "won 11 and lost 0 of 12 items" in after.evals[0].conditions[0].sentence
    assert "chosen by people, 24 choices" in after.evals[0].conditions[0].sentence

    # Given anew, they replace what was there.
    choose(pairs, lambda pair: "b" if knowing(pair) == "a" else "a")
    assert project.eval("--import-labels", pairs, "--json") == 0
    assert json.loads(capsys.readouterr().out)["comparisons"][0]["lost"] == 12
    assert (project.judge().verdict, len(project.record.preferences)) == (Verdict.FAIL, 1)


def test_choices_become_rows_that_can_be_trained_on(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    pairs, rows = project.export(), project.folder / "rows.jsonl"
    unsure = lines(pairs)[0]["id"]
    choose(pairs, lambda pair: None if pair["id"] == unsure else knowing(pair))
    before = project.record
    words = ("--import-labels", pairs, "--as", "dpo", "--output", rows)
    assert project.eval(*words) == 0
    told = capsys.readouterr()
    assert "11 rows written to" in told.out
    assert "Take these rows out of finetunes/data/test.jsonl before you train on them" in told.err
    assert [row["preferred_output"][0]["content"] in LABELS for row in lines(rows)] == [True] * 11
    assert project.record == before
    assert run(["data", "check", str(rows), "--method", "dpo"]) == 0
    assert project.eval(*words) == 2, "what is there already stays"
    assert project.eval(*words, "--overwrite", "--json") == 0


def test_what_is_wrong_with_choices_is_told_and_nothing_recorded(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = project.export()
    assert project.eval("--import-labels", pairs) == 1
    assert "nobody has chosen anything" in capsys.readouterr().err
    first, second, third, *_ = lines(pairs)
    broken = [{**first, "id": "f" * 16}, {**second, "a": "other"}, third, third]
    pairs.write_text("".join(json.dumps({**pair, "choice": "a"}) + "\n" for pair in broken))
    assert project.eval("--import-labels", pairs) == 2
    told = capsys.readouterr().err
    for line in (":1:1 /id: expected a pair", ":2:1 /a: expected the text", ":4:1 /id: expected one choice"):
        assert f"pairs.jsonl{line}" in told
    assert project.record.preferences == ()


def test_another_clone_cannot_tell_who_is_who(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = project.export()
    choose(pairs, knowing)
    (project.place.ftops_dir / "pairs.key").unlink()
    assert project.eval("--import-labels", pairs) == 1
    assert "in the clone that exported the pairs" in capsys.readouterr().err


def test_some_answers_that_are_gone_are_told_of(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(project.place.ftops_dir / "outputs/outputs.sqlite3")) as kept, kept:
        kept.execute("DELETE FROM output WHERE key = (SELECT min(key) FROM output)")
    project.export()
    told = capsys.readouterr()
    assert "11 pairs written to" in told.out
    assert "1 pair left out: their answers are not kept" in told.err
    assert project.eval("--export-pairs", project.folder / "more.jsonl", "--json") == 0
    counted = json.loads(capsys.readouterr().out)
    assert (counted["pairs"], counted["gone"]) == (11, 1)


def test_ties_alone_make_no_rows(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = project.export()
    choose(pairs, lambda _pair: "tie")
    assert project.eval("--import-labels", pairs, "--as", "dpo", "--output", project.folder / "rows.jsonl") == 1
    assert "no choice makes a row" in capsys.readouterr().err


def test_answers_that_are_gone_cannot_be_shown(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (project.place.ftops_dir / "outputs").iterdir():
        file.unlink()
    assert project.eval("--export-pairs", project.folder / "pairs.jsonl") == 1
    assert "none of the 12 pairs of answers is kept on this machine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--export-pairs", "x", "--model", "gpt"), "leave --model out"),
        (("--export-pairs", "x", "--import-labels", __file__), "give one of them"),
        (("--as", "dpo"), "give --as dpo --output FILE"),
        (("--as", "dpo", "--output", "x"), "give --import-labels FILE too"),
        (("--export-pairs", "x", "--prompt", __file__), "leave --prompt"),
        (("--export-pairs", "nowhere/x"), "no folder"),
        (("--eval", "other", "--export-pairs", "x"), "has no evaluation 'other'"),
    ],
)
def test_words_that_do_not_go_together(
    words: Sequence[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_project(tmp_path, "http://127.0.0.1:9/v1")
    monkeypatch.chdir(tmp_path / "clone")
    assert run(["eval", "router", *words]) == 2
    assert told in capsys.readouterr().err


def test_nothing_trained_has_nothing_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scratch = make_project(tmp_path, "http://127.0.0.1:9/v1")
    assert run(["-C", str(scratch.root), "eval", "router", "--export-pairs", str(tmp_path / "x")]) == 1
    assert "there are no answers to compare" in capsys.readouterr().err


def test_no_baseline_has_nothing_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = Project(tmp_path, gate="[{min: 0.6}]")
    assert project.eval("--export-pairs", tmp_path / "x") == 1
    assert "give the gate {metric: win_rate" in capsys.readouterr().err


def test_where_a_model_judges_peoples_choices_would_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(tmp_path, grader=PAIRWISE)
    pairs = project.export()
    choose(pairs, knowing)
    assert project.eval("--import-labels", pairs) == 2
    assert "judged by a model: people's choices would not count" in capsys.readouterr().err
    assert project.eval("--import-labels", pairs, "--as", "dpo", "--output", tmp_path / "rows.jsonl") == 0
