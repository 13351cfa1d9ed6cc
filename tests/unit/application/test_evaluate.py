"""Evaluating candidates and baselines: what is called, what is used again, and what comes back for the ledger."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from ftops.application.baselines import Candidate
from ftops.application.evaluate import Evaluations
from ftops.application.line import Patience
from ftops.cli.render_judgement import render_judgement
from ftops.domain.desired import Dataset, Declared, DeclaredEval, Measures
from ftops.domain.events import Compared, Evaluated
from ftops.domain.judgement import Judgement, MissingReason, Verdict
from ftops.domain.manifest import (
    AliasName,
    Backend,
    BackendName,
    BackendType,
    Baseline,
    Condition,
    DatasetPaths,
    EvalSpec,
    FewShot,
    FineTune,
    FineTuneName,
    ModelId,
    PromptFile,
    Revision,
    Test,
)
from ftops.domain.records import (
    AliasMove,
    AliasRecord,
    DatasetRecord,
    FineTuneRecord,
    LedgerState,
    RevisionRecord,
    Target,
)
from ftops.domain.revision import digest
from ftops.domain.scores import Outcome
from ftops.domain.transitions import apply_event
from ftops.errors import AnswerLost, BackendError, Interrupted, NotFound, Rejected
from ftops.evaluation.judging import judge_evaluations
from ftops.ports import BackendSession, ChatAnswer, ChatRequest

NOW = datetime(2026, 11, 21, tzinfo=UTC)
GPU, OTHER = BackendName("gpu"), BackendName("other")
MODEL, OLD = ModelId("ft:base:acme:router:two"), ModelId("ft:base:acme:router:one")
REVISION, EARLIER = Revision("b" * 12), Revision("a" * 12)
GRADER = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "{{reference}}"}
AGAINST_BASE = Condition(baseline=Baseline(base=True), test=Test.SUPERIORITY)

Responder = Callable[[ChatRequest], str | BackendError]


def changed(spec: EvalSpec, **changes: Any) -> EvalSpec:
    return dataclasses.replace(spec, **changes)


def question(n: int) -> dict[str, Any]:
    asked = {"role": "user", "content": f"Question number {n}, about something?"}
    return {"messages": [asked, {"role": "assistant", "content": f"answer {n}"}]}


def right_answer(request: ChatRequest) -> str:
    return f"answer {request.messages[-1]['content'].split()[2].rstrip(',')}"


@dataclass
class MemoryChat:
    respond: Responder
    requests: list[ChatRequest] = field(default_factory=list)
    is_closed: bool = False

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        self.requests.append(request)
        await asyncio.sleep(0)
        answer = self.respond(request)
        if isinstance(answer, BackendError):
            raise answer
        outcome = Outcome.OK if answer else Outcome.EMPTY
        return ChatAnswer(text=answer, tool_calls=(), outcome=outcome, input_tokens=5, output_tokens=2, seconds=0.5)

    async def close(self) -> None:
        self.is_closed = True


class MemorySession:
    def __init__(self, respond: Responder) -> None:
        self.chats: list[MemoryChat] = []
        self.respond = respond

    def open_chat(self) -> MemoryChat:
        self.chats.append(MemoryChat(self.respond))
        return self.chats[-1]

    @property
    def requests(self) -> list[ChatRequest]:
        return [request for chat in self.chats for request in chat.requests]


class MemoryOutputs:
    def __init__(self) -> None:
        self.kept: dict[str, ChatAnswer] = {}
        self.vectors: dict[str, tuple[float, ...]] = {}

    def get(self, key: str) -> ChatAnswer | None:
        return self.kept.get(key)

    def get_all(self, keys: Sequence[str]) -> dict[str, ChatAnswer]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    def put(self, key: str, answer: ChatAnswer) -> None:
        self.kept[key] = answer

    def get_vector(self, key: str) -> tuple[float, ...] | None:
        return self.vectors.get(key)

    def put_vector(self, key: str, vector: Sequence[float]) -> None:
        self.vectors[key] = tuple(vector)


class StillClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError


@dataclass
class MemoryFiles:
    datasets: dict[str, Sequence[Mapping[str, Any]]]
    texts: dict[str, str] = field(default_factory=dict)

    def rows(self, dataset: Dataset) -> Sequence[Mapping[str, Any]]:
        return self.datasets[dataset.path]

    def each_row(self, dataset: Dataset) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows(dataset))

    def text(self, path: str) -> str:
        return self.texts[path]


def input_digest(row: Mapping[str, Any]) -> str:
    asked = [message for message in row.get("messages", ()) if message["role"] != "assistant"]
    return digest(asked)[:16]


class World:
    """A fine-tune with one evaluation of ten rows, its ledger record, and a backend that answers right."""

    def __init__(self, *gate: Condition, rows: Sequence[Mapping[str, Any]] | None = None, **spec: Any) -> None:
        self.files = MemoryFiles({"test": rows or [question(n) for n in range(10)], "train": []})
        self.outputs = MemoryOutputs()
        self.session = MemorySession(right_answer)
        self.sessions = {GPU: self.session}
        self.trained: frozenset[str] = frozenset()
        self.base_model = "base-2025-04-14"
        self.spec = EvalSpec(name="intent", dataset="test", **{"grader": GRADER, **spec}, gate=gate)
        self.state = LedgerState(fine_tunes={"router": self.first_record()})
        self.candidate = Candidate(model=MODEL, backend=GPU, revision=REVISION)
        self.trained_inputs: dict[str, frozenset[str]] = {}
        self.training_sets: dict[str, str] = {}
        self.train = "2" * 64

    @staticmethod
    def first_record() -> FineTuneRecord:
        def revision(base: str, sha256: str) -> RevisionRecord:
            train = DatasetRecord(path="train", sha256=sha256, rows=10)
            return RevisionRecord(spec={"base_model": base}, train=train, declared_at=NOW)

        revisions = {EARLIER: revision("older-2025-01-01", "1" * 64), REVISION: revision("x", "2" * 64)}
        return FineTuneRecord(format_version="1", name="router", revisions=revisions)

    @property
    def record(self) -> FineTuneRecord:
        return self.state.fine_tunes["router"]

    def _measures(self) -> Measures:
        return Measures(input_digests=self.trained)

    @property
    def declared(self) -> Declared:
        dataset = Dataset(path="test", sha256=digest(self.files.datasets["test"]), size=1, rows=10)
        identity = {
            "d": dataset.sha256,
            "s": self.spec.sampling,
            "i": self.spec.input,
            "g": self.spec.grader,
            "c": self.spec.cluster_by,
            "r": self.spec.repeats,
        }
        return Declared(
            fine_tune=FineTune(
                name=FineTuneName("router"),
                base_model=self.base_model,
                dataset=DatasetPaths(train="train"),
                path="m.yaml",
            ),
            backend=Backend(name=GPU, type=BackendType.OPENAI),
            revision=REVISION,
            train=Dataset(path="train", sha256=self.train, size=1, rows=10, measure=self._measures),
            evals=(DeclaredEval(spec=self.spec, dataset=dataset, digest=digest(identity)),),
        )

    @property
    def evaluations(self) -> Evaluations:
        return Evaluations(
            files=self.files,
            outputs=self.outputs,
            sessions=cast("dict[BackendName, BackendSession]", self.sessions),
            clock=StillClock(),
            input_digest=input_digest,
            trained_inputs=self.trained_inputs.get,
            training_set=lambda _, model: self.training_sets.get(model),
            patience=Patience(tries=2, pause=0.001),
            concurrency=4,
        )

    def evaluate(self, **more: Any) -> list[Evaluated | Compared]:
        events = self.evaluations.evaluate(self.record, self.declared, candidate=self.candidate, **more)
        for event in events:
            self.state = apply_event(self.state, event)
        return list(events)

    def judge(self) -> Judgement:
        return self.evaluations.judgement(self.record, self.declared, candidate=self.candidate)

    def to_call(self) -> int:
        return self.evaluations.rows_to_call(self.record, self.declared, candidate=self.candidate)

    def point(self, alias: str, *targets: Target | None) -> None:
        moves = tuple(AliasMove(at=NOW, target=target, reason="promote") for target in targets)
        record = msgspec.structs.replace(self.record, aliases={alias: AliasRecord(history=moves)})
        self.state = LedgerState(fine_tunes={"router": record})


def scores_of(events: Sequence[Evaluated | Compared]) -> list[Evaluated]:
    return [event for event in events if isinstance(event, Evaluated)]


def test_a_candidate_is_measured_once() -> None:
    world = World(Condition(min=0.9))
    before = world.judge()
    assert (before.verdict, [lack.reason for lack in before.missing]) == (None, [MissingReason.NOT_EVALUATED])
    assert world.to_call() == 10
    seen: list[tuple[str, int, int]] = []
    (event,) = scores_of(world.evaluate(progress=lambda *told: seen.append(told)))
    measured = event.evaluation
    assert [item.score for item in measured.items] == [1.0] * 10
    assert (measured.input_tokens, measured.output_tokens, measured.seconds) == (50, 20, 5.0)
    assert (measured.error, measured.revision, measured.for_model) == (None, REVISION, None)
    assert seen[-1] == (f"intent of {MODEL}", 10, 10)
    assert [r.messages[0]["content"] for r in world.session.requests] == [
        question(n)["messages"][0]["content"] for n in range(10)
    ]
    assert all(chat.is_closed for chat in world.session.chats)
    after = world.judge()
    assert (after.verdict, after.missing) == (Verdict.PASS, ())
    assert world.evaluate() == []
    assert world.to_call() == 0


def test_a_fine_tune_that_the_ledger_does_not_know_lacks_everything() -> None:
    world = World(AGAINST_BASE)
    judgement = world.evaluations.judgement(None, world.declared, candidate=world.candidate)
    assert [lack.baseline for lack in judgement.missing] == [None, Baseline(base=True)]


def test_only_the_named_evaluation_is_measured() -> None:
    world = World(Condition(min=0.9))
    assert world.evaluate(evaluation="tone") == []
    assert len(world.evaluate(evaluation="intent")) == 1


def test_sampling_and_request_fields_are_sent_as_they_are() -> None:
    rows = [{**question(0), "tools": [{"type": "function"}], "topic": "x"}]
    world = World(Condition(min=0.9), rows=rows, sampling={"temperature": 0})
    world.evaluate()
    (request,) = world.session.requests
    assert (request.model, request.sampling, request.extra) == (
        MODEL,
        {"temperature": 0},
        {"tools": [{"type": "function"}]},
    )


def test_rows_that_stand_twice_are_asked_once() -> None:
    world = World(Condition(min=0.9), rows=[question(0), question(1), question(0)])
    (event,) = scores_of(world.evaluate())
    assert len(world.session.requests) == 2
    assert [item.score for item in event.evaluation.items] == [1.0] * 3


def test_a_failure_is_an_error_and_never_a_smaller_n() -> None:
    world = World(Condition(min=0.9))
    world.session.respond = lambda r: AnswerLost("dropped") if "number 3" in str(r.messages) else right_answer(r)
    (event,) = scores_of(world.evaluate())
    assert event.evaluation.error == "1 of 10 items without a score: dropped"
    failed = event.evaluation.items[3]
    assert (failed.score, failed.output, failed.outcome) == (None, None, Outcome.ERROR)
    judgement = world.judge()
    assert judgement.verdict is Verdict.ERROR
    assert [lack.reason for lack in judgement.missing] == [MissingReason.EVALUATION_ERROR]
    assert world.to_call() == 1
    world.session.respond = right_answer
    (event,) = scores_of(world.evaluate())
    assert len(world.session.requests) == 12  # the one that failed was asked twice, and is the only one asked again
    assert (event.evaluation.error, event.evaluation.input_tokens) == (None, 50)
    assert world.judge().verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (NotFound("no such model", status=404), 4),
        (AnswerLost("down"), 56),
        (Rejected("unknown parameter: temperature", status=400), 28),
    ],
)
def test_a_backend_that_is_down_is_not_asked_for_ever(error: BackendError, asked: int) -> None:
    world = World(Condition(min=0.9), rows=[question(n) for n in range(100)])
    world.session.respond = lambda _: error
    (event,) = scores_of(world.evaluate())
    assert len(world.session.requests) <= asked
    assert len(event.evaluation.items) == 100
    assert event.evaluation.error == f"100 of 100 items without a score: {error}"


def test_an_answer_that_is_empty_is_graded_and_counted_apart() -> None:
    world = World(Condition(min=0.9))
    world.session.respond = lambda _: ""
    world.evaluate()
    judgement = world.judge()
    assert (judgement.verdict, judgement.evals[0].outcomes) == (Verdict.FAIL, {Outcome.EMPTY: 10})


def test_a_grader_that_fails_is_an_error_and_keeps_the_output() -> None:
    world = World(Condition(min=0.9), grader={**GRADER, "reference": "{{item.label}}"})
    (event,) = scores_of(world.evaluate())
    assert event.evaluation.error == "10 of 10 items without a score: {{item.label}} is missing"
    assert all(item.output and item.outcome is Outcome.ERROR for item in event.evaluation.items)
    assert world.to_call() == 0


def test_a_grader_that_this_version_does_not_know_is_an_error() -> None:
    world = World(Condition(min=0.9), grader={"type": "oracle"})
    (event,) = scores_of(world.evaluate())
    assert "oracle" in (event.evaluation.error or "")


def test_a_row_that_cannot_be_sent_is_an_error() -> None:
    world = World(Condition(min=0.9), rows=[question(0), {"q": "free"}])
    (event,) = scores_of(world.evaluate())
    assert "1 of 2 items without a score: a row without messages" in (event.evaluation.error or "")


def test_a_changed_grader_grades_kept_outputs_again() -> None:
    world = World(Condition(min=0.9))
    world.evaluate()
    world.spec = changed(world.spec, grader={**GRADER, "operation": "ne"})
    judgement = world.judge()
    assert (judgement.verdict, judgement.missing[0].reason) == (None, MissingReason.EVAL_CHANGED)
    assert world.to_call() == 0
    (event,) = scores_of(world.evaluate())
    assert [item.score for item in event.evaluation.items] == [0.0] * 10
    assert len(world.session.requests) == 10


def test_an_answer_of_another_rows_class_is_marked_with_that_class() -> None:
    world = World(Condition(min=0.9), rows=[question(0), question(1), question(2)], grader={"type": "label"})
    world.session.respond = lambda request: "Answer 1" if "2" in str(request.messages) else "none of them"
    (event,) = scores_of(world.evaluate())
    assert [(item.score, item.mark, item.expected) for item in event.evaluation.items] == [
        (0.0, "(none)", "answer 0"),
        (0.0, "(none)", "answer 1"),
        (0.0, "answer 1", "answer 2"),
    ]


def test_without_kept_outputs_a_changed_grader_calls_the_model_again() -> None:
    world = World(Condition(min=0.9))
    world.evaluate()
    world.outputs.kept.clear()
    world.spec = changed(world.spec, grader={**GRADER, "operation": "ne"})
    assert world.to_call() == 10


def test_new_rows_are_called_alone_and_scores_of_the_others_come_from_the_ledger() -> None:
    world = World(Condition(min=0.9))
    world.evaluate()
    world.outputs.kept.clear()
    world.files.datasets["test"] = [question(n) for n in range(5, 13)]
    assert world.to_call() == 3
    (event,) = scores_of(world.evaluate())
    assert [item.score for item in event.evaluation.items] == [1.0] * 8
    assert len(world.session.requests) == 13


def test_changed_sampling_calls_every_row_again() -> None:
    world = World(Condition(min=0.9))
    world.evaluate()
    world.spec = changed(world.spec, sampling={"temperature": 1})
    assert world.to_call() == 10


def test_the_base_model_is_the_baseline_and_is_resolved_once() -> None:
    world = World(AGAINST_BASE)
    world.session.respond = lambda r: right_answer(r) if r.model == MODEL else "no idea"
    events = world.evaluate()
    (compared,) = [event.comparison for event in events if isinstance(event, Compared)]
    assert (compared.candidate, compared.model, compared.backend, compared.note) == (
        MODEL,
        "base-2025-04-14",
        GPU,
        None,
    )
    assert [event.evaluation.model for event in scores_of(events)] == [MODEL, "base-2025-04-14"]
    judgement = world.judge()
    assert judgement.verdict is Verdict.PASS
    assert judgement.evals[0].conditions[0].baseline_model == "base-2025-04-14"
    assert world.evaluate() == []


def test_a_dated_base_model_serves_every_candidate_and_an_undated_one_only_its_own() -> None:
    for base, calls in (("base-2025-04-14", 10), ("base", 20)):
        world = World(AGAINST_BASE)
        world.base_model = base
        world.evaluate()
        world.candidate = dataclasses.replace(world.candidate, model=ModelId("ft:base:acme:router:three"))
        assert world.to_call() == calls
        events = scores_of(world.evaluate())
        assert {e.evaluation.for_model for e in events if e.evaluation.model == base} <= {
            None,
            world.candidate.model,
        }
        assert world.judge().verdict is not None


def test_what_an_undated_base_model_answered_is_not_graded_anew() -> None:
    changed_grader = {**GRADER, "operation": "ilike"}
    for base, calls in (("base-2025-04-14", 0), ("base", 10)):
        world = World(AGAINST_BASE)
        world.base_model = base
        world.evaluate()
        assert world.to_call() == 0
        world.spec = changed(world.spec, grader=changed_grader)
        assert world.to_call() == calls
        scores_of(world.evaluate())
        world.spec = changed(world.spec, grader=GRADER)
        assert world.to_call() == 0  # recorded


def test_another_revision_has_the_base_model_that_it_was_trained_from() -> None:
    world = World(AGAINST_BASE)
    world.candidate = dataclasses.replace(world.candidate, revision=EARLIER, model=OLD)
    assert [e.evaluation.model for e in scores_of(world.evaluate())] == [OLD, "older-2025-01-01"]


def target(model: str, revision: str = EARLIER, backend: str = GPU) -> Target:
    return Target(backend=backend, revision=revision, model=model)


BY_ALIAS = Condition(baseline=Baseline(alias=AliasName("production")), test=Test.NON_INFERIORITY)


@pytest.mark.parametrize(
    ("targets", "model", "note"),
    [
        ((), "base-2025-04-14", "has no model yet"),
        ((target(OLD), None), "base-2025-04-14", "has no model yet"),
        ((target(OLD),), OLD, None),
        ((target(OLD), target(MODEL, REVISION)), OLD, "points to the candidate"),
        ((target(MODEL, REVISION),), "base-2025-04-14", "never pointed to another model"),
    ],
)
def test_an_alias_as_baseline(targets: Sequence[Target | None], model: str, note: str | None) -> None:
    world = World(BY_ALIAS)
    if targets:
        world.point("production", *targets)
    (compared,) = [event.comparison for event in world.evaluate() if isinstance(event, Compared)]
    assert compared.model == model
    assert (note or "") in (compared.note or "")
    assert (compared.note is None) == (note is None)


def test_an_alias_that_moves_later_judges_nothing_again() -> None:
    world = World(BY_ALIAS)
    world.point("production", target(OLD))
    world.evaluate()
    world.point("production", target(OLD), target("ft:base:acme:router:zero"))
    assert world.judge().missing == ()
    assert world.evaluate() == []
    # A changed grader makes a new evaluation; it is still compared with the same model.
    world.spec = changed(world.spec, grader={**GRADER, "operation": "like"})
    (compared,) = [event.comparison for event in world.evaluate() if isinstance(event, Compared)]
    assert compared.model == OLD


def test_an_alias_is_called_where_it_points_to() -> None:
    world = World(BY_ALIAS)
    world.point("production", target(OLD, backend=OTHER))
    elsewhere = MemorySession(right_answer)
    world.sessions[OTHER] = elsewhere
    world.evaluate()
    assert {request.model for request in elsewhere.requests} == {OLD}
    assert {request.model for request in world.session.requests} == {MODEL}


def test_a_backend_that_cannot_be_called_makes_the_baseline_an_error() -> None:
    world = World(BY_ALIAS)
    world.point("production", target(OLD, backend=OTHER))
    world.evaluate()
    assert world.judge().verdict is Verdict.ERROR
    assert "backend other can't be called: not in this run" in world.judge().evals[0].conditions[0].sentence


@pytest.mark.parametrize(
    ("model", "resolved", "for_model"),
    [
        ("ft:x:acme:y:z", "ft:x:acme:y:z", None),
        ("some-model", "some-model", MODEL),
        (MODEL, "base-2025-04-14", None),
    ],
)
def test_a_model_as_baseline(model: str, resolved: str, for_model: str | None) -> None:
    world = World(Condition(baseline=Baseline(model=ModelId(model), backend=GPU), test=Test.NON_INFERIORITY))
    events = world.evaluate()
    assert [(e.evaluation.model, e.evaluation.for_model) for e in scores_of(events)][1] == (resolved, for_model)


def test_rows_that_were_trained_on_are_no_evidence_for_either() -> None:
    world = World(BY_ALIAS)
    world.point("production", target(OLD))
    world.trained = frozenset({input_digest(question(0))})
    world.trained_inputs["1" * 64] = frozenset({input_digest(question(1)), input_digest(question(2))})
    events = scores_of(world.evaluate())
    assert [(len(e.evaluation.items), e.evaluation.left_out) for e in events] == [(9, 1), (8, 2)]
    (evaluation,) = world.judge().evals
    assert (evaluation.left_out, evaluation.conditions[0].n) == (1, 7)
    assert evaluation.conditions[0].note == "the baseline was trained on 2 rows, left out for both"
    assert not evaluation.is_training_unknown


def test_a_baseline_whose_training_set_nobody_knows_is_told_of() -> None:
    world = World(BY_ALIAS)
    world.point("production", target(OLD))
    (ours, theirs) = scores_of(world.evaluate())
    assert (ours.evaluation.is_training_unknown, theirs.evaluation.is_training_unknown) == (False, True)
    (evaluation,) = world.judge().evals
    assert evaluation.is_training_unknown
    assert any("perhaps trained on" in line for line in render_judgement(world.judge()))


def test_the_data_of_an_adopted_job_is_not_known() -> None:
    world = World(Condition(min=0.9))
    world.train = "job:ftjob-1"
    (ours,) = scores_of(world.evaluate())
    assert ours.evaluation.is_training_unknown


def test_a_baseline_that_another_fine_tune_made() -> None:
    foreign = Condition(baseline=Baseline(model=ModelId("ft:other"), backend=GPU), test=Test.NON_INFERIORITY)
    world = World(foreign)
    world.training_sets["ft:other"] = "3" * 64
    world.trained_inputs["3" * 64] = frozenset({input_digest(question(3))})
    events = scores_of(world.evaluate())
    assert [(e.evaluation.left_out, e.evaluation.is_training_unknown) for e in events] == [(0, False), (1, False)]
    stranger = World(foreign)
    assert [e.evaluation.is_training_unknown for e in scores_of(stranger.evaluate())] == [False, True]
    based = World(AGAINST_BASE)
    assert not any(e.evaluation.is_training_unknown for e in scores_of(based.evaluate()))


def test_what_is_sent_counts_where_input_replaces_the_row() -> None:
    template = ({"role": "user", "content": "{{item.q}}"},)
    rows = [{"q": "Where?", "label": "a"}, {"q": "When?", "label": "b"}, {"label": "no question"}]
    world = World(Condition(min=0.9), rows=rows, input=template, grader={**GRADER, "reference": "{{item.label}}"})
    world.session.respond = lambda _: "b"
    world.trained = frozenset({input_digest({"messages": [{"role": "user", "content": "Where?"}]})})
    (event,) = scores_of(world.evaluate())
    assert (event.evaluation.left_out, len(event.evaluation.items)) == (1, 2)


def test_a_prompt_file_replaces_the_baselines_system_messages() -> None:
    world = World(
        Condition(baseline=Baseline(base=True, prompt=PromptFile(path="long.json")), test=Test.SUPERIORITY),
        AGAINST_BASE,
    )
    world.files.texts["long.json"] = '[{"role": "system", "content": "You are a router."}]'
    world.evaluate()
    prompted = [r for r in world.session.requests if r.messages[0]["role"] == "system"]
    assert (len(prompted), len(world.session.requests)) == (10, 30)
    assert world.judge().missing == ()
    world.files.texts["long.json"] = '[{"role": "system", "content": "You are another router."}]'
    assert [lack.reason for lack in world.judge().missing] == [MissingReason.EVAL_CHANGED]


def test_a_prompt_file_without_messages_makes_the_baseline_an_error() -> None:
    world = World(Condition(baseline=Baseline(base=True, prompt=PromptFile(path="long.txt")), test=Test.SUPERIORITY))
    world.files.texts["long.txt"] = "You are a router."
    assert world.to_call() == 10
    _, failed = scores_of(world.evaluate())
    assert (failed.evaluation.error or "").startswith("long.txt: a prompt file is a JSON list")
    assert world.judge().verdict is Verdict.ERROR


def test_few_shot_examples_are_the_same_before_every_row() -> None:
    world = World(Condition(baseline=Baseline(base=True, prompt=FewShot(k=2, seed=7)), test=Test.SUPERIORITY))
    world.files.datasets["test"] = [*world.files.datasets["test"], {"q": "can't be sent"}]
    topics = ["fees at home", "cards abroad", "transfers on Sunday"]
    world.files.datasets["train"] = [
        {"messages": [{"role": "user", "content": t}, {"role": "assistant", "content": t[:4]}]} for t in topics
    ]
    world.evaluate()
    shots = [request.messages for request in world.session.requests if len(request.messages) > 1]
    assert len(shots) == 10
    assert {len(messages) for messages in shots} == {5}
    assert all(messages[:4] == shots[0][:4] for messages in shots)
    assert world.judge().evals[0].conditions[0].note is None


def test_fewer_examples_than_declared_are_told_of() -> None:
    world = World(Condition(baseline=Baseline(base=True, prompt=FewShot(k=4, seed=7)), test=Test.SUPERIORITY))
    turns = [{"role": "user", "content": "fees at home"}, {"role": "assistant", "content": "fees"}]
    world.files.datasets["train"] = [{"messages": turns}]
    world.evaluate()
    assert (world.judge().evals[0].conditions[0].note or "").startswith("only 1 of 4 examples")


def test_an_interrupted_run_goes_on_where_it_stopped() -> None:
    world = World(Condition(min=0.9), rows=[question(n) for n in range(100)])
    stop = threading.Event()

    def respond(request: ChatRequest) -> str:
        if len(world.outputs.kept) >= 40:
            stop.set()
        return right_answer(request)

    world.session.respond = respond
    with pytest.raises(Interrupted):
        world.evaluate(stop=stop)
    kept = len(world.outputs.kept)
    assert 40 <= kept < 100
    assert all(chat.is_closed for chat in world.session.chats)
    world.session.respond = right_answer
    (event,) = scores_of(world.evaluate())
    assert len(world.session.chats[-1].requests) == 100 - kept
    assert (len(event.evaluation.items), event.evaluation.input_tokens) == (100, 500)


def test_a_call_that_hangs_does_not_hold_up_an_interrupt() -> None:
    stop = threading.Event()
    world = World(Condition(min=0.9))

    class Hanging(MemoryChat):
        async def complete(self, request: ChatRequest) -> ChatAnswer:
            stop.set()
            await asyncio.Event().wait()
            raise AssertionError

    world.session.open_chat = lambda: Hanging(right_answer)  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        world.evaluate(stop=stop)


def test_repeats_are_asked_and_recorded_apart() -> None:
    world = World(Condition(min=0.9), repeats=3)
    assert world.to_call() == 30
    (event,) = scores_of(world.evaluate())
    assert len(world.session.requests) == len(world.outputs.kept) == 30
    items = event.evaluation.items
    assert [item.repeat for item in items] == [0, 1, 2] * 10
    assert [item.row for item in items[:3]] == [items[0].row] * 3
    assert world.evaluate() == []


def test_an_interrupted_repeat_is_asked_again_alone() -> None:
    world = World(Condition(min=0.9), repeats=2)
    answers = [0]

    def respond(request: ChatRequest) -> str | BackendError:
        answers[0] += 1
        return Rejected("no", status=400) if answers[0] == 4 else right_answer(request)

    world.session.respond = respond
    (failed,) = scores_of(world.evaluate())
    assert (failed.evaluation.error, len(failed.evaluation.items)) == ("1 of 20 items without a score: no", 20)
    assert world.to_call() == 1
    world.session.respond = right_answer
    (event,) = scores_of(world.evaluate())
    assert (event.evaluation.error, len(world.session.requests)) == (None, 21)


def test_items_bear_the_cluster_of_their_row() -> None:
    rows = [{**question(n), "doc": {"id": n // 2}} for n in range(10)]
    world = World(Condition(min=0.9), rows=rows, cluster_by="doc.id")
    (event,) = scores_of(world.evaluate())
    clusters = [item.cluster for item in event.evaluation.items]
    assert clusters[::2] == clusters[1::2]
    assert len(set(clusters)) == 5


def test_clusters_that_come_later_call_nothing() -> None:
    rows = [{**question(n), "doc": n // 2} for n in range(10)]
    world = World(Condition(min=0.9), rows=rows)
    world.evaluate()
    world.spec = changed(world.spec, cluster_by="doc")
    (event,) = scores_of(world.evaluate())
    assert len(world.session.requests) == 10
    assert len({item.cluster for item in event.evaluation.items}) == 5


def test_a_row_without_its_cluster_is_an_error() -> None:
    world = World(Condition(min=0.9), rows=[{**question(0), "doc": 1}, question(1)], cluster_by="doc")
    (event,) = scores_of(world.evaluate())
    assert event.evaluation.error == "1 of 2 items without a score: cluster_by: the row has no doc"


def test_equal_rows_are_asked_once_however_far_apart() -> None:
    rows = [question(n % 100) for n in range(300)]
    world = World(Condition(min=0.9), rows=rows)
    (event,) = scores_of(world.evaluate())
    assert len(world.session.requests) == 100
    assert (len(event.evaluation.items), event.evaluation.input_tokens) == (300, 500)


def test_costs_are_judged_by_the_prices_of_each_models_backend() -> None:
    world = World(
        Condition(metric="usd_per_1k", max=1.0),
        Condition(metric="usd_per_1k", baseline=Baseline(base=True), test=Test.SUPERIORITY),
    )
    world.base_model = "gpt-4.1-2025-04-14"
    world.candidate = Candidate(model=ModelId("ft:gpt-4.1-mini-2025-04-14:acme:x:1"), backend=GPU, revision=REVISION)
    world.evaluate()
    alone, against = world.judge().evals[0].conditions
    tuned, untuned = (5 * 0.80 + 2 * 3.20) / 1_000, (5 * 2.0 + 2 * 8.0) / 1_000
    assert (alone.verdict, alone.observed) == (Verdict.PASS, pytest.approx(tuned))
    assert (against.verdict, against.observed) == (Verdict.PASS, pytest.approx(tuned - untuned))


def test_a_model_that_these_items_chose_is_judged_more_strictly() -> None:
    world = World(Condition(min=0.5, confidence=0.95))
    world.evaluate()
    subject = world.evaluations.subject(world.record, world.declared, world.candidate)
    (measured,) = (subject.measured(one) for one in world.declared.evals)
    assert (measured.compared, measured.price) == (1, None)
    chosen = dataclasses.replace(measured, compared=3)
    judgement = judge_evaluations([chosen], model=world.candidate.model, revision=REVISION, backend=GPU)
    assert "these items chose one of 3 models" in judgement.evals[0].conditions[0].sentence


JUDGING = {
    "type": "score_model",
    "model": "gpt-4.1-2025-04-14",
    "input": [{"role": "user", "content": "Rate {{sample.output_text}}"}],
    "range": [0, 1],
}


def test_what_judges_take_is_counted_apart() -> None:
    world = World(Condition(min=0.9), grader=JUDGING)
    world.session.respond = lambda r: "1" if r.model == JUDGING["model"] else right_answer(r)
    (event,) = scores_of(world.evaluate())
    measured = event.evaluation
    assert (measured.error, [item.score for item in measured.items]) == (None, [1.0] * 10)
    assert (measured.input_tokens, measured.output_tokens) == (50, 20)
    assert (measured.judge_calls, measured.judge_input_tokens, measured.judge_output_tokens) == (10, 50, 20)


def test_a_judge_that_cannot_be_read_is_an_error_and_asked_again_by_the_next_run() -> None:
    world = World(Condition(min=0.9), grader=JUDGING)
    world.session.respond = lambda r: "well" if r.model == JUDGING["model"] else right_answer(r)
    (failed,) = scores_of(world.evaluate())
    assert (failed.evaluation.error or "").startswith(
        "10 of 10 items without a score: the judge's answer has no number"
    )
    assert (failed.evaluation.error or "").endswith("; judges were asked again 20 times")
    assert world.judge().verdict is Verdict.ERROR
    asked = len(world.session.requests)
    world.session.respond = lambda r: "1" if r.model == JUDGING["model"] else right_answer(r)
    (event,) = scores_of(world.evaluate())
    assert {request.model for request in world.session.requests[asked:]} == {JUDGING["model"]}
    assert (event.evaluation.error, event.evaluation.judge_calls) == (None, 40)


def test_a_changed_judge_asks_judges_alone() -> None:
    world = World(Condition(min=0.9), grader=JUDGING)
    world.session.respond = lambda r: "1" if r.model == JUDGING["model"] else right_answer(r)
    world.evaluate()
    asked = len(world.session.requests)
    world.spec = changed(world.spec, grader={**JUDGING, "range": [0, 2]})
    world.evaluate()
    assert len(world.session.requests) == asked
    world.spec = changed(
        world.spec, grader={**JUDGING, "input": [{"role": "user", "content": "{{sample.output_text}}?"}]}
    )
    world.evaluate()
    assert [request.model for request in world.session.requests[asked:]] == [JUDGING["model"]] * 10


def test_a_model_that_is_gone_is_a_baseline_by_what_is_kept_of_it() -> None:
    gone = ModelId("ft:base:acme:router:gone")
    against = Condition(baseline=Baseline(model=gone, backend=GPU), test=Test.NON_INFERIORITY, margin=0.1)
    world = World(against)
    world.evaluate()
    world.session.respond = lambda r: NotFound("gone", status=404) if r.model == gone else right_answer(r)
    world.spec = changed(world.spec, grader={**GRADER, "operation": "like"})
    world.evaluate()
    assert world.judge().verdict in {Verdict.PASS, Verdict.INSUFFICIENT_EVIDENCE}
    world.outputs.kept.clear()
    world.spec = changed(world.spec, grader={**GRADER, "operation": "ilike"})
    world.evaluate()
    judged = world.judge()
    assert judged.verdict is Verdict.ERROR
    assert "gone" in str(judged)
