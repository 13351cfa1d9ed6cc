"""Models that judge and embed: asked several at a time, kept, asked again where nobody can read what they say."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from fakes import FakeOutputs
from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.application.grading import asks_somebody, grade_all
from ftops.application.line import Patience
from ftops.domain.scores import Outcome
from ftops.errors import BackendError, Interrupted, LocalStorageFailed, Unreachable
from ftops.evaluation.graders import parse_grader
from ftops.graders.grading import Grade
from ftops.graders.samples import sample_context
from ftops.ports import BackendSession, ChatAnswer, ChatRequest, Embedding
from server_process import start_server

JUDGE = "gpt-4.1-2025-04-14"
SCORE = {
    "type": "score_model",
    "model": JUDGE,
    "input": [{"role": "user", "content": "Rate: {{sample.output_text}}"}],
    "range": [0, 10],
    "sampling_params": {"max_completions_tokens": 40, "temperature": 0},
}
COSINE = {
    "type": "text_similarity",
    "evaluation_metric": "cosine",
    "embedding_model": "text-embedding-3-small",
    "input": "{{sample.output_text}}",
    "reference": "{{item.right}}",
}
QUICK = Patience(tries=2, pause=0.001)

Replies = Callable[[ChatRequest, int], str | ChatAnswer | BackendError]


@dataclass
class JudgingSession:
    """A backend whose judges say what ``replies`` gives for a request and how often it was asked."""

    replies: Replies
    base_url: str = "http://judges.invalid/v1"
    requests: list[ChatRequest] = field(default_factory=list)
    embedded: list[str] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    def open_chat(self) -> "JudgingSession":
        return self

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        times = sum(one.messages == request.messages for one in self.requests)
        self.requests.append(request)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        given = self.replies(request, times)
        if isinstance(given, BackendError):
            raise given
        return given if isinstance(given, ChatAnswer) else said(given)

    async def embed(self, model: str, text: str) -> Embedding:
        self.embedded.append(text)
        return Embedding(vector=(1.0, float(len(text))), tokens=2)

    async def close(self) -> None:
        pass


def said(text: str, outcome: Outcome = Outcome.OK) -> ChatAnswer:
    return ChatAnswer(text=text, tool_calls=(), outcome=outcome, input_tokens=9, output_tokens=3, seconds=0.1)


def context(text: str) -> Mapping[str, Any]:
    return {"item": {"right": "right"}, "sample": sample_context(text, ())}


def graded(
    session: JudgingSession | None,
    outputs: FakeOutputs | None = None,
    *,
    texts: tuple[str, ...] = ("an answer",),
    grader: Mapping[str, Any] = SCORE,
    **more: Any,
) -> list[Grade]:
    work = [(text, parse_grader(grader), context(text)) for text in texts]
    given = cast("BackendSession | None", session)
    grades = grade_all(work, session=given, outputs=outputs or FakeOutputs(), patience=QUICK, **more)
    assert list(grades) == list(dict.fromkeys(texts))
    return list(grades.values())


def test_judges_are_asked_side_by_side_and_each_once() -> None:
    session, outputs = JudgingSession(lambda request, _: '{"result": 7, "steps": []}'), FakeOutputs()
    texts = tuple(f"answer {n}" for n in range(40))
    assert [grade.score for grade in graded(session, outputs, texts=texts)] == [7.0] * 40
    assert session.most > 1
    assert session.requests[0].sampling == {"temperature": 0, "max_completion_tokens": 40}
    assert "response_format" in session.requests[0].extra
    assert [grade.score for grade in graded(session, outputs, texts=texts)] == [7.0] * 40
    assert len(session.requests) == 40


def test_what_an_undated_judge_said_counts_for_one_candidate() -> None:
    session, outputs = JudgingSession(lambda request, _: "5"), FakeOutputs()
    undated = {**SCORE, "model": "gpt-4.1"}
    for candidate in ("one", "one", "two"):
        graded(session, outputs, grader=undated, asked_for=candidate)
    assert len(session.requests) == 2


def test_an_answer_that_cannot_be_read_is_asked_for_again_and_not_kept() -> None:
    session, outputs = JudgingSession(lambda request, times: "7" if times == 2 else "rather good"), FakeOutputs()
    for _ in range(2):
        (grade,) = graded(session, outputs)
        assert (grade.score, len(session.requests), len(outputs.answers)) == (7.0, 3, 1)


def test_one_that_never_can_be_read_is_an_error() -> None:
    session, outputs = JudgingSession(lambda request, _: "rather good"), FakeOutputs()
    (grade,) = graded(session, outputs)
    assert (grade.score, len(session.requests), outputs.answers) == (None, 3, {})
    assert "no number" in grade.why


@pytest.mark.parametrize("how", [Outcome.LENGTH, Outcome.CONTENT_FILTER])
def test_an_answer_that_was_cut_off_is_no_answer_whatever_it_looks_like(how: Outcome) -> None:
    session, outputs = JudgingSession(lambda request, times: said("1", how) if times < 2 else "10"), FakeOutputs()
    assert graded(session, outputs)[0].score == 10.0
    session, outputs = JudgingSession(lambda request, _: said("1", how)), FakeOutputs()
    (grade,) = graded(session, outputs)
    assert (grade.score, grade.why, outputs.answers) == (None, f"{JUDGE}: the judge's answer was cut off ({how})", {})


def test_a_refusal_is_an_error_and_not_asked_for_again() -> None:
    session = JudgingSession(lambda request, _: said("I won't", Outcome.REFUSAL))
    (grade,) = graded(session)
    assert (grade.score, grade.why, len(session.requests)) == (None, "the judge refused to answer", 1)


def test_a_judge_that_fails_is_tried_again_then_an_error() -> None:
    session = JudgingSession(lambda request, times: Unreachable("down") if times == 0 else "3")
    assert graded(session)[0].score == 3.0
    session = JudgingSession(lambda request, _: Unreachable("down"))
    (grade,) = graded(session)
    assert (grade.score, grade.why) == (None, f"{JUDGE}: down")


def test_nobody_can_be_asked() -> None:
    (grade,) = graded(None)
    assert (grade.score, grade.why) == (None, f"{JUDGE}: the backend can't be called in this run")


def test_texts_are_embedded_once() -> None:
    session, outputs = JudgingSession(lambda request, _: ""), FakeOutputs()
    (grade,) = graded(session, outputs, grader=COSINE, texts=("wrong",))
    assert grade.score == pytest.approx(1.0)
    graded(session, outputs, grader=COSINE, texts=("wrong",))
    assert sorted(session.embedded) == ["right", "wrong"]
    (grade,) = graded(None, grader=COSINE)
    assert "can't be called" in grade.why


def test_an_interrupt_frees_who_waits_for_a_judge() -> None:
    stop = threading.Event()

    class Hanging(JudgingSession):
        async def complete(self, request: ChatRequest) -> ChatAnswer:
            stop.set()
            await asyncio.Event().wait()
            raise AssertionError

    with pytest.raises(Interrupted):
        graded(Hanging(lambda request, _: ""), stop=stop)


def test_a_full_disk_ends_the_run() -> None:
    class Full(FakeOutputs):
        def put(self, key: str, answer: ChatAnswer) -> None:
            raise LocalStorageFailed("no space left")

    with pytest.raises(LocalStorageFailed):
        graded(JudgingSession(lambda request, _: "7"), Full())


@pytest.mark.parametrize(
    ("grader", "asks"),
    [
        (SCORE, True),
        (COSINE, True),
        ({"type": "label", "input": "a", "reference": "b"}, False),
        ({"type": "python", "source": "def grade(sample, item):\n    return 1.0\n"}, True),
        ({"type": "multi", "graders": {"a": {**SCORE, "name": "a"}}, "calculate_output": "a"}, True),
    ],
)
def test_who_asks_somebody(grader: Mapping[str, Any], asks: bool) -> None:
    assert asks_somebody(parse_grader(grader)) is asks


def test_judges_of_a_real_server(tmp_path: Path) -> None:
    labelled = {
        "type": "label_model",
        "model": "gpt-4.1-mini-2025-04-14",
        "input": [{"role": "user", "content": "Is this a greeting? {{sample.output_text}}"}],
        "labels": ["yes", "no"],
        "passing_labels": ["yes"],
    }
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults:\n  - {fault: status, status: 500, match: {path: /v1/chat/completions}, count: 2}\n")
    with start_server(tmp_path, "--faults", str(faults)) as server:
        session = OpenAIBackend(Address(base_url=server.base_url, key=NO_KEY, is_loopback=True))
        work = [(f"{n}", parse_grader(labelled), context(f"Hello number {n}!")) for n in range(10)]
        outputs = FakeOutputs()
        first = grade_all(work, session=session, outputs=outputs, patience=QUICK, backend="lab")
        again = grade_all(work, session=None, outputs=outputs, backend="lab")
        session.close()
    assert all(grade.score is not None for grade in first.values()), json.dumps([g.why for g in first.values()])
    assert {key: grade.score for key, grade in again.items()} == {key: grade.score for key, grade in first.items()}
