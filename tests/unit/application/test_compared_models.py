"""Win rates in a run of apply: models are measured, a judge compares them, and what is missing is asked for again."""

import dataclasses
from typing import Any

from apply_world import BASE_MODEL, EVAL_ROWS, World
from fakes import FakeOutputs
from ftops.application.declare import eval_digest
from ftops.domain.desired import Declared
from ftops.domain.events import Preferred
from ftops.domain.judgement import Verdict
from ftops.domain.manifest import Baseline, Condition, ModelId, Test
from ftops.domain.plan import Evaluate, Promote
from ftops.domain.preferences import PairItem, PreferenceRecord
from ftops.ports import ChatRequest

JUDGE = "gpt-4.1-2025-04-14"
PAIRWISE = {
    "type": "label_model",
    "model": JUDGE,
    "input": [{"role": "user", "content": "{{first.output_text}}|{{second.output_text}}"}],
    "labels": ["first", "second", "tie"],
    "passing_labels": ["first"],
}
AT_LEAST_HALF = Condition(metric="win_rate", min=0.5)
AGAINST_BASE = Condition(metric="win_rate", baseline=Baseline(base=True), test=Test.SUPERIORITY)


class Models:
    """A tuned model that says more than its base model, and a judge that likes that."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.unreadable = ""
        self.ending = ""

    def answer(self, request: ChatRequest) -> str:
        text = str(request.messages[-1]["content"])
        self.asked.append((request.model, text))
        if request.model != JUDGE:
            return f"{text} at length{self.ending}" if request.model.startswith("ft:") else f"{text}{self.ending}"
        if self.unreadable and self.unreadable in text:
            return "?"
        first, second = text.split("|")
        return "tie" if len(first) == len(second) else "first" if len(first) > len(second) else "second"

    def take(self) -> dict[str, int]:
        """Gives how often each kind of model was asked since the last look."""
        kinds = ["judge" if m == JUDGE else "tuned" if m.startswith("ft:") else "base" for m, _ in self.asked]
        self.asked.clear()
        return {kind: kinds.count(kind) for kind in dict.fromkeys(sorted(kinds))}


def declared(world: World, *gate: Condition, grader: dict[str, Any] | None = None) -> Declared:
    one = world.declare()
    spec = dataclasses.replace(one.evals[0].spec, gate=gate, grader=grader or one.evals[0].spec.grader)
    digest = eval_digest(spec, one.evals[0].dataset.sha256)
    return dataclasses.replace(one, evals=(dataclasses.replace(one.evals[0], spec=spec, digest=digest),))


def test_a_judge_compares_what_was_measured_and_the_better_model_is_promoted() -> None:
    models = Models()
    world = World(answer=models.answer)
    one = declared(world, AGAINST_BASE, AT_LEAST_HALF, grader=PAIRWISE)
    assert world.apply(one).code == 0
    assert models.take() == {"base": EVAL_ROWS, "judge": 2 * EVAL_ROWS, "tuned": EVAL_ROWS}
    (said,) = world.record().preferences
    assert {item.win for item in said.items} == {1.0}
    assert (said.judge_calls, said.baseline, said.error) == (2 * EVAL_ROWS, BASE_MODEL, None)
    assert world.target() == one.revision
    assert world.plan(one).actions == ()


def test_a_win_rate_without_a_baseline_calls_the_base_model_and_plans_that() -> None:
    models = Models()
    world = World(answer=models.answer)
    one = declared(world, AT_LEAST_HALF, grader=PAIRWISE)
    (action,) = [a for a in world.plan(one).actions if isinstance(a, Evaluate)]
    assert action.calls == 2 * EVAL_ROWS
    assert world.apply(one).code == 0
    assert models.take()["base"] == EVAL_ROWS


def test_pairs_that_a_judge_failed_at_are_an_error_and_asked_about_alone_again() -> None:
    models = Models()
    world = World(answer=models.answer)
    one = declared(world, AGAINST_BASE, grader=PAIRWISE)
    models.unreadable = "test 3"
    assert world.apply(one).code == 4
    (said,) = world.record().preferences
    assert said.error is not None
    assert said.error.startswith(f"1 of {EVAL_ROWS} pairs without a judgement")
    assert world.target() is None

    models.take()
    models.unreadable = ""
    assert world.apply(one).code == 0
    assert models.take() == {"judge": 2}
    assert world.target() is not None


def test_answers_that_are_gone_are_asked_for_again_before_they_are_compared() -> None:
    models = Models()
    world = World(answer=models.answer)
    one = declared(world, AGAINST_BASE, grader=PAIRWISE)
    models.unreadable = "test 3"
    world.apply(one)
    before = {e.model: e.items for e in world.record().evaluations}
    models.take()

    # Another machine, on which nothing is kept; and the models say something else by now.
    models.unreadable, models.ending = "", " now"
    assert world.apply(one, outputs=FakeOutputs()).code == 0
    assert models.take() == {"base": 1, "judge": 2, "tuned": 1}
    for record in world.record().evaluations:
        changed = [new.output != old.output for new, old in zip(record.items, before[record.model], strict=True)]
        assert changed == [n == 3 for n in range(EVAL_ROWS)]
    (said,) = world.record().preferences
    assert ({item.win for item in said.items}, said.error) == ({1.0}, None)


def test_people_are_waited_for_and_their_choices_promote() -> None:
    models = Models()
    world = World(answer=models.answer)
    one = declared(world, AGAINST_BASE)
    withheld = world.apply(one)
    assert withheld.code == 4
    assert "judge" not in models.take()
    assert [a for a in world.plan(one).actions if isinstance(a, Evaluate)] == [], "nobody is asked by ftops"

    candidate, baseline = world.record().evaluations
    items = tuple(
        PairItem(ours.row, 0, ours.output or "", theirs.output or "", 1.0, votes=1)
        for ours, theirs in zip(candidate.items, baseline.items, strict=True)
    )
    said = PreferenceRecord(
        name=candidate.name,
        digest=candidate.digest,
        candidate=candidate.model,
        backend=candidate.backend,
        sent=candidate.sent,
        baseline=baseline.model,
        baseline_backend=baseline.backend,
        baseline_sent=baseline.sent,
        at=world.clock.now(),
        items=items,
        annotators=1,
    )
    world.ledger.record([Preferred(at=world.clock.now(), fine_tune=one.name, preferences=said)])
    assert [type(a) for a in world.plan(one).actions] == [Promote]
    assert world.apply(one).code == 0
    judgement = world.workspace(one).judge(world.record(), one, one.revision, ModelId(candidate.model))
    assert judgement.verdict is Verdict.PASS
