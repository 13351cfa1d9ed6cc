"""Asking a judge about pairs: both orders, only what is open, and what a failing judge leaves."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fakes import FakeOutputs
from ftops.application.contests import Contest, SideBySide
from ftops.application.measurements import Item, Measurement, output_digest
from ftops.application.pairwise import Judging, judge_pairs, unjudged
from ftops.domain.desired import Dataset, DeclaredEval, Measures
from ftops.domain.manifest import BackendName, EvalSpec, ModelId
from ftops.domain.preferences import Pair, PreferenceRecord
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.errors import Rejected
from ftops.ports import ChatAnswer, ChatRequest

AT, SHA, LAB = datetime(2026, 11, 21, tzinfo=UTC), "a" * 64, BackendName("lab")
GRADER: dict[str, Any] = {
    "type": "label_model",
    "model": "judge-2026-01-01",
    "input": [{"role": "user", "content": "{{first.output_text}}|{{second.output_text}}"}],
    "labels": ["first", "second", "tie"],
    "passing_labels": ["first"],
}


def answer(text: str, outcome: Outcome = Outcome.OK) -> ChatAnswer:
    return ChatAnswer(text=text, tool_calls=(), outcome=outcome, input_tokens=4, output_tokens=1, seconds=0.0)


class Session:
    """A backend whose chat answers as a judge."""

    base_url = "http://lab.invalid/v1"

    def __init__(self, judge: Callable[[str, str], ChatAnswer]) -> None:
        self.judge = judge
        self.asked: list[str] = []

    def open_chat(self) -> "Session":
        return self

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        prompt = str(request.messages[-1]["content"])
        self.asked.append(prompt)
        await asyncio.sleep(0)
        return self.judge(*prompt.split("|"))

    async def close(self) -> None:
        pass


def contest(texts: list[tuple[str, str]], grader: dict[str, Any]) -> Contest:
    dataset = Dataset(path="d.jsonl", sha256=SHA, size=1, rows=len(texts), measure=lambda: Measures(tokens=1))
    spec = EvalSpec(name="tone", dataset="d.jsonl", grader=grader)
    about: dict[str, Any] = {"revision": None, "for_model": None, "sent": SHA, "trained_on": frozenset, "backend": LAB}
    declared = DeclaredEval(spec=spec, digest=SHA, dataset=dataset)
    candidate, baseline = (Measurement(declared=declared, model=ModelId(m), **about) for m in ("ft:1", "base"))
    records = []
    for side, measurement in enumerate((candidate, baseline)):
        items = tuple(ItemScore(f"{n:016x}", None, output_digest(answer(t[side]))) for n, t in enumerate(texts))
        where = {"name": "tone", "digest": SHA, "sent": SHA, "grader": SHA, "backend": LAB, "at": AT}
        records.append(EvaluationRecord(**where, model=measurement.model, items=items))
    return Contest(candidate=candidate, baseline=baseline, ours=records[0], theirs=records[1])


def judged(
    session: Session | None,
    *texts: tuple[str, str],
    before: tuple[PreferenceRecord, ...] = (),
    gone: frozenset[int] = frozenset(),
    grader: dict[str, Any] = GRADER,
    heard: list[tuple[int, int]] | None = None,
    outputs: FakeOutputs | None = None,
) -> PreferenceRecord:
    one = contest(list(texts), grader)
    known = one.known(before)
    sides = [
        SideBySide(pair=pair, item=Item(digest=pair.row, context={}), ours=answer(t[0]), theirs=answer(t[1]))
        for n, (pair, t) in enumerate(zip(one.pairs, texts, strict=True))
        if n not in gone and pair in unjudged(one.pairs, known)
    ]
    judging = Judging(
        backend=LAB,
        session=session,  # type: ignore[arg-type]
        outputs=outputs or FakeOutputs(),
        asked_for="ft:1",
        progress=None if heard is None else lambda done, total: heard.append((done, total)),
    )
    return judge_pairs(one, known, sides, judging, at=AT)


def longer(first: str, second: str) -> ChatAnswer:
    if len(first) == len(second):
        return answer("tie")
    return answer("first" if len(first) > len(second) else "second")


def test_each_pair_is_asked_about_in_both_orders() -> None:
    session, heard = Session(longer), []
    record = judged(session, ("long one", "short"), ("no", "yes!"), ("abc", "xyz"), heard=heard)
    assert sorted(session.asked) == sorted(
        ["long one|short", "short|long one", "no|yes!", "yes!|no", "abc|xyz", "xyz|abc"]
    )
    assert [(item.win, item.is_order_dependent) for item in record.items] == [(1.0, False), (0.0, False), (0.5, False)]
    assert (record.judge_calls, record.judge_input_tokens, record.judge_output_tokens) == (6, 24, 6)
    assert record.error is None
    assert heard[-1] == (3, 3)


def test_a_judge_that_goes_by_the_place_prefers_nobody() -> None:
    record = judged(Session(lambda _first, _second: answer("second")), ("a", "b"))
    assert [(item.win, item.is_order_dependent) for item in record.items] == [(0.5, True)]


def test_two_answers_that_are_the_same_are_a_tie_without_asking() -> None:
    session = Session(longer)
    record = judged(session, ("same", "same"))
    assert ([item.win for item in record.items], session.asked) == ([0.5], [])


@pytest.mark.parametrize("said", ["neither of them", ""])
def test_an_answer_that_is_no_label_is_an_error_and_no_tie(said: str) -> None:
    session = Session(lambda first, second: answer(said) if "bad" in first + second else longer(first, second))
    record = judged(session, ("bad", "b"), ("longer", "c"))
    assert [item.win for item in record.items] == [None, 1.0]
    assert record.error is not None
    assert record.error.startswith("1 of 2 pairs without a judgement: ")


def test_a_refusal_and_a_failing_backend_are_errors() -> None:
    refused = judged(Session(lambda _first, _second: answer("I won't", Outcome.REFUSAL)), ("a", "b"))
    assert "refused" in (refused.error or "")

    def fail(_first: str, _second: str) -> ChatAnswer:
        raise Rejected("no such model", status=404)

    assert "no such model" in (judged(Session(fail), ("a", "b")).error or "")
    assert "can't be called" in (judged(None, ("a", "b")).error or "")


def test_the_next_run_asks_about_what_failed_alone_and_counts_on() -> None:
    flaky = Session(lambda first, second: answer("?") if "bad" in first + second else longer(first, second))
    first = judged(flaky, ("bad", "b"), ("longer", "c"))
    session = Session(longer)
    second = judged(session, ("bad", "b"), ("longer", "c"), before=(first,))
    assert sorted(session.asked) == sorted(["bad|b", "b|bad"])
    assert [item.win for item in second.items] == [1.0, 1.0]
    assert second.error is None
    assert second.judge_calls == first.judge_calls + 2


def test_what_a_judge_replied_is_kept() -> None:
    outputs, session = FakeOutputs(), Session(longer)
    texts = ("long one", "short")
    judged(session, texts, outputs=outputs)
    again = judged(session, texts, outputs=outputs)
    assert (len(session.asked), again.items[0].win) == (2, 1.0)


def test_texts_that_are_gone_are_an_error() -> None:
    record = judged(Session(longer), ("long one", "short"), ("x", "yy"), gone=frozenset({1}))
    assert [item.win for item in record.items] == [1.0, None]
    assert "not kept on this machine" in (record.error or "")


def test_a_grader_that_cannot_work_is_an_error() -> None:
    record = judged(Session(longer), ("a", "bb"), grader={**GRADER, "labels": ["first", "tie"]})
    assert "labels" in (record.error or "")
    assert record.items == ()


def test_only_pairs_without_a_preference_are_open() -> None:
    one = contest([("a", "bb"), ("c", "dd")], GRADER)
    record = judged(Session(longer), ("a", "bb"), ("c", "dd"))
    assert unjudged(one.pairs, one.known((record,))) == ()
    assert unjudged(one.pairs, one.known(())) == one.pairs
    assert all(isinstance(pair, Pair) for pair in one.pairs)
