"""People's labels: how pairs are laid out, which choices are believed, and what becomes of them."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fakes import FakeLedger, FakeOutputs
from ftops.application.contests import Contest, SideBySide, kept_side_by_side
from ftops.application.labels import Sheet, lay_out, record_labels, take_choices, to_dpo_rows, to_records
from ftops.application.measurements import Item, Measurement, output_digest
from ftops.domain.desired import Dataset, DeclaredEval, Measures
from ftops.domain.events import Evaluated
from ftops.domain.manifest import BackendName, EvalSpec, FineTuneName, ModelId
from ftops.domain.records import FineTuneRecord, LedgerState
from ftops.domain.scores import EvaluationRecord, ItemScore, Outcome
from ftops.errors import FtopsError, Invalid, Refused
from ftops.evaluation.choices import Blinding, Choice
from ftops.ports import ChatAnswer, ChatRequest
from ftops.ports.pairs import MadeChoice

AT, SHA, LAB = datetime(2026, 11, 21, tzinfo=UTC), "a" * 64, BackendName("lab")
GRADER = {"type": "string_check", "operation": "eq", "input": "{{sample.output_text}}", "reference": "x"}
CALL = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
ROUTER = FineTuneName("router")


def answer(text: str, **changes: Any) -> ChatAnswer:
    values: dict[str, Any] = {"tool_calls": (), "outcome": Outcome.OK, "input_tokens": 1, "output_tokens": 1}
    return ChatAnswer(**{**values, "text": text, "seconds": 0.0, **changes})


def measurement(model: str) -> Measurement:
    dataset = Dataset(path="d.jsonl", sha256=SHA, size=1, rows=1, measure=lambda: Measures(tokens=1))
    declared = DeclaredEval(spec=EvalSpec(name="tone", dataset="d.jsonl", grader=GRADER), digest=SHA, dataset=dataset)
    about: dict[str, Any] = {"revision": None, "for_model": None, "sent": SHA, "trained_on": frozenset}
    return Measurement(declared=declared, model=ModelId(model), backend=LAB, **about)


def item(n: int, model: str, **asked: Any) -> Item:
    messages = asked.pop("messages", [{"role": "user", "content": f"question {n}"}])
    request = ChatRequest(model=ModelId(model), messages=tuple(messages), sampling={}, extra=asked)
    return Item(
        digest=f"{n:016x}", context={}, request=request, key=f"{model} {n}", asked={"messages": messages, **asked}
    )


def scores(model: str, answers: Sequence[ChatAnswer]) -> EvaluationRecord:
    items = tuple(ItemScore(f"{n:016x}", 1.0, output_digest(said)) for n, said in enumerate(answers))
    about = {"name": "tone", "digest": SHA, "sent": SHA, "grader": SHA, "backend": "lab", "at": AT}
    return EvaluationRecord(**about, model=model, items=items)


class World:
    """A contest over some answers, all of them kept."""

    def __init__(self, *answers: tuple[ChatAnswer, ChatAnswer], **asked: Any) -> None:
        ours, theirs = zip(*answers, strict=True)
        self.outputs = FakeOutputs()
        self.contest = Contest(
            candidate=measurement("ft:1"),
            baseline=measurement("base"),
            ours=scores("ft:1", ours),
            theirs=scores("base", theirs),
        )
        self.items = {model: [item(n, model, **asked) for n in range(len(ours))] for model in ("ft:1", "base")}
        for model, said in (("ft:1", ours), ("base", theirs)):
            for n, one in enumerate(said):
                self.outputs.put(f"{model} {n}", one)

    def sides(self) -> tuple[SideBySide, ...]:
        ours, theirs = self.items["ft:1"], self.items["base"]
        return tuple(kept_side_by_side(self.contest.pairs, ours=ours, theirs=theirs, outputs=self.outputs))

    def sheet(self, key: bytes = bytes(32)) -> Sheet:
        return lay_out([(self.contest, self.sides())], Blinding(key=key))


def many(count: int = 20) -> World:
    return World(*((answer(f"ours {n}"), answer(f"theirs {n}")) for n in range(count)))


def choose(sheet: Sheet, name: str, choice: Choice, *, annotator: str = "ada", **changed: str) -> MadeChoice:
    pair = sheet.shown[name].blind if name in sheet.shown else next(iter(sheet.shown.values())).blind
    values = {"id": name, "prompt": pair.prompt, "a": pair.a, "b": pair.b, **changed}
    return MadeChoice(pair=type(pair)(**values), choice=choice, annotator=annotator, file="f.jsonl", line=7)


def for_us(sheet: Sheet, name: str) -> Choice:
    return Choice.A if sheet.shown[name].blind.a.startswith("ours") else Choice.B


class TestSheet:
    def test_every_pair_is_there_once_and_no_side_is_the_candidates(self) -> None:
        sheet = many(60).sheet()
        texts = [{shown.blind.a, shown.blind.b} for shown in sheet.shown.values()]
        assert sorted(map(sorted, texts)) == sorted([f"ours {n}", f"theirs {n}"] for n in range(60))
        sides = [shown.blind.a.startswith("ours") for shown in sheet.shown.values()]
        assert 15 < sum(sides) < 45
        numbers = [int(shown.blind.prompt.split()[-1]) for shown in sheet.shown.values()]
        assert numbers != sorted(numbers)

    def test_answers_that_are_gone_or_others_now_are_left_out_and_known(self) -> None:
        world = many(4)
        del world.outputs.answers["base 1"]
        world.outputs.put("ft:1 2", answer("said since"))
        sheet = world.sheet()
        assert (len(sheet.shown), len(sheet.gone)) == (2, 2)
        with pytest.raises(Invalid) as caught:
            take_choices(sheet, [choose(sheet, min(sheet.gone), Choice.A)])
        assert "are not kept on this machine any more" in str(caught.value.problems[0])

    def test_what_was_asked_and_called_is_readable(self) -> None:
        turns = [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        ]
        called = answer("", tool_calls=(CALL,))
        (shown,) = World((called, answer("Hello")), messages=turns).sheet().shown.values()
        assert shown.blind.prompt == "system: Be brief.\n\nuser: Hi"
        assert {shown.blind.a, shown.blind.b} == {'look({"at": 1})', "Hello"}


class TestChoices:
    def test_choices_become_wins_of_the_candidate(self) -> None:
        sheet = many().sheet()
        votes = take_choices(sheet, [choose(sheet, name, for_us(sheet, name)) for name in sheet.shown])
        assert set(votes.wins.values()) == {(1.0,)}
        assert (votes.people, votes.agreement) == (1, None)

    def test_whatever_is_wrong_is_told_at_once(self) -> None:
        sheet = many().sheet()
        first, second, *_ = sheet.shown
        made = [
            choose(sheet, first, Choice.A),
            choose(sheet, first, Choice.B),
            choose(sheet, second, Choice.A, b="another text"),
            choose(sheet, "\x1b[2J", Choice.A),
        ]
        with pytest.raises(Invalid) as caught:
            take_choices(sheet, made)
        told = [str(problem) for problem in caught.value.problems]
        assert len(told) == 3
        assert any(f"/id: expected one choice of each annotator for pair '{first}'" in one for one in told)
        assert any("/b: expected the text as it was exported" in one for one in told)
        assert any("got '\\x1b[2J'" in one for one in told)

    def test_another_clones_key_knows_no_pair(self) -> None:
        world = many()
        ours, other = world.sheet(), world.sheet(key=b"1" * 32)
        with pytest.raises(Invalid):
            take_choices(ours, [choose(other, name, Choice.A) for name in other.shown])

    def test_several_people_are_a_majority(self) -> None:
        sheet = many().sheet()
        first, second, *_ = sheet.shown
        ours, theirs = for_us(sheet, first), Choice.A if for_us(sheet, first) is Choice.B else Choice.B
        who = (("ada", ours), ("bob", ours), ("eve", theirs))
        made = [choose(sheet, first, choice, annotator=name) for name, choice in who]
        votes = take_choices(sheet, [*made, choose(sheet, second, Choice.TIE)])
        (record,) = to_records(sheet, votes, at=AT)
        assert sorted((one.win, one.votes) for one in record.items) == [(0.5, 1), (1.0, 3)]
        assert (record.annotators, record.grader) == (3, None)
        assert record.agreement == pytest.approx(1 / 3)
        assert "ada" not in str(msgspec.to_builtins(record)), "the ledger holds no names"


class TestSeveralBaselines:
    def test_each_has_a_record_of_its_own(self) -> None:
        first, second = many(3), many(3)
        other = dataclasses.replace(
            second.contest, theirs=msgspec.structs.replace(second.contest.theirs, model="gpt-4.1-2025-04-14")
        )
        sheet = lay_out([(first.contest, first.sides()), (other, second.sides())], Blinding(key=bytes(32)))
        assert len(sheet.shown) == 6, "the same texts against another model are another pair"
        records = to_records(sheet, take_choices(sheet, [choose(sheet, n, Choice.A) for n in sheet.shown]), at=AT)
        assert {(record.baseline, len(record.items)) for record in records} == {("base", 3), ("gpt-4.1-2025-04-14", 3)}


class TestRows:
    def test_choices_become_rows_and_ties_do_not(self) -> None:
        world = World(
            (answer("ours 0"), answer("theirs 0")),
            (answer("ours 1"), answer("theirs 1")),
            (answer("ours 2"), answer("theirs 2")),
            (answer(""), answer("theirs 3", outcome=Outcome.LENGTH)),
            tools=[{"type": "function", "function": {"name": "look"}}],
            response_format={"type": "json_object"},
        )
        sheet = world.sheet()
        by_number = {int(shown.sides.pair.row, 16): name for name, shown in sheet.shown.items()}
        lost = Choice.A if for_us(sheet, by_number[1]) is Choice.B else Choice.B
        choices = {0: for_us(sheet, by_number[0]), 1: lost, 2: Choice.TIE, 3: Choice.A}
        votes = take_choices(sheet, [choose(sheet, by_number[n], choice) for n, choice in choices.items()])
        rows, without = to_dpo_rows(sheet, votes)
        assert without == 2
        wanted = {"question 0": ("ours 0", "theirs 0"), "question 1": ("theirs 1", "ours 1")}
        for row in rows:
            preferred, other = wanted.pop(row["input"]["messages"][0]["content"])
            assert row["preferred_output"] == [{"role": "assistant", "content": preferred}]
            assert row["non_preferred_output"] == [{"role": "assistant", "content": other}]
            assert set(row["input"]) == {"messages", "tools"}
        assert not wanted

    def test_tool_calls_stay_calls(self) -> None:
        tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
        sheet = World((answer("", tool_calls=(CALL,)), answer("Hello")), tools=tools).sheet()
        (name,) = sheet.shown
        called = Choice.A if sheet.shown[name].blind.a.startswith("look") else Choice.B
        rows, _ = to_dpo_rows(sheet, take_choices(sheet, [choose(sheet, name, called)]))
        assert rows[0]["preferred_output"] == [{"role": "assistant", "tool_calls": [CALL]}]


class TestRecording:
    def test_labels_are_recorded_unless_the_scores_changed_meanwhile(self) -> None:
        world = many(3)
        sheet = world.sheet()
        records = to_records(sheet, take_choices(sheet, [choose(sheet, n, Choice.A) for n in sheet.shown]), at=AT)
        seen = FineTuneRecord(format_version="1", name=ROUTER, evaluations=(world.contest.ours, world.contest.theirs))
        ledger = FakeLedger(LedgerState(fine_tunes={ROUTER: seen}))
        record_labels(ledger, ROUTER, records, seen, at=AT)
        assert ledger.state.fine_tunes[ROUTER].preferences == records

        newer = msgspec.structs.replace(world.contest.ours, at=datetime(2026, 11, 22, tzinfo=UTC), left_out=1)
        event = Evaluated(at=AT, fine_tune=ROUTER, evaluation=newer)
        ledger.before_record.append(lambda other: other.record([event], None))
        with pytest.raises(Refused, match="evaluated anew"):
            record_labels(ledger, ROUTER, records, ledger.state.fine_tunes[ROUTER], at=AT)

    def test_a_fine_tune_that_is_gone_takes_none(self) -> None:
        seen = FineTuneRecord(format_version="1", name=ROUTER)
        with pytest.raises(FtopsError):
            record_labels(FakeLedger(LedgerState()), ROUTER, (), seen, at=AT)
