"""What manifests demand of the rows that they train on."""

import pytest

from ftops.application.data_checks import demands_of, examinees
from ftops.datasets.formats import NO_DEMANDS, Demands, Use
from ftops.domain.manifest import DatasetPaths, EvalSpec, FineTune, FineTuneName, Method, MethodType

CHECK = {
    "type": "string_check",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer.text}}",
}
OTHER = {"type": "text_similarity", "evaluation_metric": "fuzzy_match", "input": "{{item.unit}}", "reference": "x"}


def tune(grader=None, *, base="gpt-4o-mini-2024-07-18", evals=()):
    kind = MethodType.SUPERVISED if grader is None else MethodType.REINFORCEMENT
    return FineTune(
        name=FineTuneName("f"),
        path="f.yaml",
        base_model=base,
        dataset=DatasetPaths(train="t.jsonl", validation="v.jsonl"),
        method=Method(type=kind, grader=grader),
        evals=evals,
    )


@pytest.mark.parametrize(
    ("grader", "paths"),
    [
        (None, ()),
        (CHECK, ("answer.text",)),
        ({"type": "multi", "graders": {"a": CHECK, "b": OTHER}, "calculate_output": "a + b"}, ("answer.text", "unit")),
        ({"type": "python", "source": "def grade(sample, item):\n    return 1.0\n"}, ()),
        ({"type": "no such grader"}, ()),
    ],
)
def test_the_fields_that_the_grader_names(grader, paths):
    assert demands_of(tune(grader)).item_paths == paths


def test_demands_are_made_of_what_is_trained_and_validated_on_alone():
    spec = EvalSpec(name="e", dataset="e.jsonl", grader=CHECK)
    train, (validation, evaluation) = examinees(tune(CHECK, evals=(spec,)))
    demands = Demands(base_model="gpt-4o-mini-2024-07-18", item_paths=("answer.text",))
    assert train is not None
    assert (train.demands, validation.demands, evaluation.demands) == (demands, demands, NO_DEMANDS)
    assert (train.use, evaluation.use) == (Use.REINFORCEMENT, Use.EVALUATION)


def test_the_system_prompts_that_evaluations_state_themselves():
    def asks(name, *systems, dataset="e.jsonl", **more):
        messages = tuple({"role": "developer", "content": text} for text in systems)
        question = {"role": "user", "content": "{{item.q}}"}
        return EvalSpec(name=name, dataset=dataset, grader=CHECK, input=(*messages, question), **more)

    evals = (
        asks("own", "Sort it.", "One word."),
        asks("none"),
        asks("intended", "Short.", prompt="intended"),
        asks("filled in", "Read {{item.text}}."),
        asks("elsewhere", "Sum it up.", dataset="other.jsonl"),
        EvalSpec(name="rows", dataset="e.jsonl", grader=CHECK),
    )
    _, (_, own, other, rows) = examinees(tune(evals=evals))
    assert (own.use, own.systems) == (Use.FREE, ("Sort it.\nOne word.", ""))
    assert (other.path, other.systems) == ("other.jsonl", ("Sum it up.",))
    assert (rows.use, rows.systems) == (Use.EVALUATION, ())
