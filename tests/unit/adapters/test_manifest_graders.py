"""Graders that can't work are told with their place, before anything is called."""

import pytest

from ftops.adapters.manifest_files import load, read_project
from ftops.application.training_graders import unasked_graders
from ftops.domain.desired import wire_grader
from ftops.graders.reading import parse_grader
from ftops.graders.rules import require_usable_in_reinforcement

HEAD = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: router}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data.jsonl, validation: data.jsonl}
"""


def project(tmp_path, text):
    folder = tmp_path / "finetunes"
    folder.mkdir()
    (tmp_path / "ftops.yaml").write_text("apiVersion: ftops/v1\nkind: Project\nmetadata: {name: p}\nspec: {}\n")
    (folder / "data.jsonl").write_text("{}\n")
    (folder / "router.yaml").write_text(HEAD + text)
    return tmp_path


def evaluated(tmp_path, grader):
    return project(tmp_path, f"  evals:\n  - {{name: a, dataset: data.jsonl, grader: {grader}}}\n")


def said(root):
    return [str(problem).removeprefix("finetunes/router.yaml:") for problem in read_project(root)[1]]


TEXTS = "input: '{{sample.output_text}}', reference: '{{reference}}'"
WRONG = [
    ("{type: regex, pattern: '(a'}", ["/pattern: RE2 can't read this pattern: missing ): (a"]),
    ("{type: regex, pattern: '(?=a)b'}", ["/pattern: RE2 can't read this pattern: invalid perl operator: (?="]),
    ("{type: json_schema, schema: {type: strin}}", ["/schema: it is no JSON Schema: "]),
    (
        "{type: json_schema, schema: {$ref: 'https://example.com/s.json'}}",
        ["/schema: references within it must be pointers, as #/$defs/name"],
    ),
    ("{type: label, labels: [card_arrival, Card arrival]}", ["/labels/1: it is the same class as 'card_arrival'"]),
    ("{type: label, labels: ['...']}", ["/labels/0: it can't be told from an answer without a class"]),
    ("{type: outcome}", [": expected patterns of answers that abstain, or a model that judges"]),
    ("{type: outcome, abstained: ['x', '*']}", ["/abstained/1: RE2 can't read this pattern: "]),
    ("{type: outcome, abstained: [x], model: m}", ["/abstained: a model judges here"]),
    (
        "{type: scorecard, model: m, criteria: [{name: a, description: b}, {name: a, description: c}]}",
        ["/criteria/1/name: another criterion has this name"],
    ),
    (f"{{type: text_similarity, evaluation_metric: cosine, {TEXTS}}}", ["/embedding_model: required, but missing"]),
    (
        f"{{type: text_similarity, evaluation_metric: bleu, embedding_model: m, {TEXTS}}}",
        ["/embedding_model: only cosine compares embeddings, not bleu"],
    ),
    (
        "{type: label_model, model: m, input: [{role: user, content: x}], labels: [a], passing_labels: [b]}",
        ["/passing_labels/0: it is none of the labels"],
    ),
    (
        "{type: score_model, model: m, input: [{role: user, content: x}], sampling_params: {max_tokens: 3}}",
        ["/sampling_params/max_tokens: unknown key"],
    ),
    (
        "{type: score_model, model: m, input: [{role: user, content: [{type: text, text: x}]}]}",
        ["/input/0/content/0/type: expected one of input_text, output_text, input_image, input_audio, got"],
    ),
    (
        "{type: score_model, model: m, input: [{role: user, content: 3}]}",
        ["/input/0/content: expected text, a content part or a list of them, got the integer 3"],
    ),
    (
        "{type: score_model, model: m, input: [{role: user, content: [{type: input_text}]}]}",
        ["/input/0/content/0/text: required, but missing"],
    ),
    (
        "{type: score_model, model: m, input: [{role: user, content: [{type: input_audio, input_audio: {data: x}}]}]}",
        ["/input/0/content/0/input_audio/format: required, but missing"],
    ),
    ("{type: python, source: 'def grade(sample): ...'}", ["/source: 'grade' must take two arguments, sample and item"]),
    (
        "{type: multi, calculate_output: x, graders: {x: {type: regex, pattern: '('}, 'y.z[0]': {type: label, labels: [.]}}}",
        ["/graders/x/pattern: RE2 can't", "/graders/y.z[0]/labels/0: "],
    ),
    (
        "{type: multi, calculate_output: x + y, graders: {x: {type: regex, pattern: a}}}",
        ["/calculate_output: there is no grader named 'y'"],
    ),
    (
        "{type: multi, calculate_output: x, graders: {x: {type: regex, pattern: a, pass_threshold: 1}}}",
        ["/graders/x/pass_threshold: inside a multi grader the score counts as it is"],
    ),
    (
        "{type: multi, calculate_output: x, graders: [{name: x, type: regex, pattern: a}, {name: x, type: label}]}",
        ["/graders/1/name: another grader has this name"],
    ),
]


@pytest.mark.parametrize(("grader", "expected"), WRONG, ids=[case[0][:60] for case in WRONG])
def test_what_an_evaluation_can_not_grade_with_is_told(tmp_path, grader, expected):
    found = said(evaluated(tmp_path, grader))
    assert len(found) == len(expected), found
    for message, start in zip(found, expected, strict=True):
        place, rest = message.split(" ", 1)
        assert rest.startswith(f"/spec/evals/0/grader{start}")
        assert place.startswith("8:")


PARTS = "[x, {type: input_text, text: '{{sample.output_text}}'}, {type: input_image, image_url: '{{item.url}}', detail: low}]"
RIGHT = [
    f"{{type: score_model, model: m, input: [{{type: message, role: user, content: {PARTS}}}], range: [0, 5]}}",
    "{type: score_model, model: m, input: [{role: user, content: {type: output_text, text: '{{reference}}'}}]}",
    "{type: regex, pattern: '^[A-Z]', pass_threshold: 1}",
    "{type: numeric}",
    "{type: tool_call}",
    "{type: label}",
    "{type: json_schema, schema: {type: object, properties: {a: {$ref: '#/$defs/a'}}, $defs: {a: {type: string}}}}",
    f"{{type: text_similarity, evaluation_metric: cosine, embedding_model: m, {TEXTS}}}",
    "{type: outcome, model: m, sampling_params: {temperature: 0}}",
    "{type: multi, calculate_output: regex_1 + label_score, graders: [{type: regex, pattern: a}, {type: label}]}",
]


@pytest.mark.parametrize("grader", RIGHT, ids=[case[:40] for case in RIGHT])
def test_what_can_grade_has_nothing_against_it(tmp_path, grader):
    assert said(evaluated(tmp_path, grader)) == []


def test_a_program_in_a_file_counts_by_its_content(tmp_path):
    root = evaluated(tmp_path, "{type: python, source: {file: grade.py}, pass_threshold: 0.5}")
    (root / "finetunes" / "grade.py").write_bytes(b"def grade(sample, item):\r\n    return 1\r\n")
    (fine_tune,) = load(root).fine_tunes
    source = "def grade(sample, item):\n    return 1\n"
    assert fine_tune.evals[0].grader == {"type": "python", "source": source, "pass_threshold": 0.5}
    assert list(unasked_graders([fine_tune])) == ["router, a: python runs a program, and checks run none"]
    (root / "finetunes" / "grade.py").write_text("1 +")
    assert said(root)[0].startswith("8:67 /spec/evals/0/grader/source: it is no Python program in line 1")


TRAINED = """\
  method:
    type: reinforcement
    grader: {type: multi, calculate_output: a, pass_threshold: 0.5, graders: {a: %s}}
"""


def test_thresholds_do_not_reach_a_job(tmp_path):
    check = "{type: string_check, operation: eq, input: '{{sample.output_text}}', reference: b, pass_threshold: 1}"
    (fine_tune,) = load(project(tmp_path, TRAINED % check)).fine_tunes
    sent = wire_grader(fine_tune.method.grader)
    assert "pass_threshold" not in str(sent)
    assert sent["graders"]["a"]["name"] == "a"
    require_usable_in_reinforcement(parse_grader(sent))


@pytest.mark.parametrize(
    ("grader", "expected"),
    [
        (
            "{type: regex, pattern: a}",
            "/graders/a/type: Invalid value: 'regex'. Supported values are: 'string_check', ",
        ),
        (
            f"{{type: text_similarity, evaluation_metric: cosine, {TEXTS.replace('reference}', 'item.a}')}}}",
            "/graders/a/evaluation_metric: Invalid value: 'cosine'. This metric is available in evaluations only",
        ),
        ("{type: python, source: 'x = 1'}", "/graders/a/source: it defines no function 'grade(sample, item)'"),
    ],
)
def test_what_a_job_can_not_grade_with_is_told(tmp_path, grader, expected):
    (message,) = said(project(tmp_path, TRAINED % grader))
    assert f" /spec/method/grader{expected}" in message


def test_a_metric_that_a_grader_never_has_is_told_before_anything_is_paid_for(tmp_path):
    gate = "[{metric: mean, min: 0.5}, {metric: macro_f1, min: 0.5}, {metric: 3, min: 0.5}]"
    root = evaluated(tmp_path, "{type: numeric}, gate: " + gate)
    schemas, rules = said(root)
    wrong = "expected a metric that this grader's scores have: macro_f1 needs a grader of type label"
    assert rules.endswith("/gate/1/metric: " + wrong)
    assert "/gate/2/metric: expected one of mean, " in schemas
