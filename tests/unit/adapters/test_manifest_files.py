"""Manifests become fine-tunes, or every problem of every file with its place: whole messages are compared."""

# ruff: noqa: E501  (a case is one line)
# ruff: noqa: ISC004

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifest_texts import EVALUATED, MANIFEST, PROJECT, project

from ftops.adapters.manifest_files import load, read_project
from ftops.domain.manifest import (
    AdoptedDataset,
    Baseline,
    Condition,
    DatasetPaths,
    EvalSpec,
    FewShot,
    Method,
    MethodType,
    Override,
    Policy,
    PromptFile,
    Retention,
    Split,
    Test,
)
from ftops.errors import Invalid

M = "finetunes/router.yaml"
GRADER = "{type: string_check, operation: eq, input: a, reference: b}"
RFT_GRADER = "{type: string_check, operation: eq, input: '{{sample.output_text}}', reference: '{{item.a}}'}"


def problems(root, **files) -> list[str]:
    with pytest.raises(Invalid) as caught:
        load(project(root, **files))
    return [str(problem) for problem in caught.value.problems]


def with_spec(*lines: str) -> str:
    return MANIFEST + "".join(f"  {line}\n" for line in lines)


def one(root, manifest: str):
    (fine_tune,) = load(project(root, manifest=manifest)).fine_tunes
    return fine_tune


def test_the_least_manifest(tmp_path):
    loaded = load(project(tmp_path))
    (fine_tune,) = loaded.fine_tunes
    assert (fine_tune.name, fine_tune.path, fine_tune.line) == ("router", M, 1)
    assert fine_tune.dataset == DatasetPaths(train="finetunes/data/train.jsonl")
    assert (fine_tune.method, fine_tune.policy, fine_tune.retention) == (Method(), Policy(), Retention())
    assert fine_tune.spec == {"base_model": "gpt-4.1-mini-2025-04-14", "dataset": {"train": "data/train.jsonl"}}
    assert loaded.manifest_digests == {M: hashlib.sha256(MANIFEST.encode()).hexdigest()}
    assert loaded.project.is_implicit
    assert loaded.notices == ()


def test_the_whole_of_a_manifest(tmp_path):
    text = (
        EVALUATED
        + """\
  backend: openai
  method: {type: dpo, hyperparameters: {beta: 0.1, n_epochs: auto}}
  seed: 42
  retention: {keep: 1, files: delete, protect: true}
  budget: {training_usd: 25}
  policy: {on_superseded: finish, retries: 0, min_days_to_shutdown: 5, suspend: true, override: {revision: "0123456789ab", why: urgent}}
  integrations: [{type: wandb, wandb: {project: p}}]
"""
    )
    text = text.replace(
        "{train: data/train.jsonl}", "{train: data/train.jsonl, validation: {fraction: 0.1, seed: 7.0}}"
    )
    text = text.replace(
        "name: router", "name: router\n  description: d\n  labels: {team: support}\n  moved_from: [old]"
    )
    (fine_tune,) = load(project(tmp_path, manifest=text, file=PROJECT)).fine_tunes
    assert fine_tune.dataset.validation == Split(fraction=0.1, seed=7)
    assert fine_tune.method == Method(type=MethodType.DPO, hyperparameters={"beta": 0.1, "n_epochs": "auto"})
    assert (fine_tune.seed, fine_tune.backend, fine_tune.training_budget_usd) == (42, "openai", 25)
    assert (fine_tune.description, fine_tune.labels, fine_tune.moved_from) == ("d", {"team": "support"}, ("old",))
    assert fine_tune.retention == Retention(keep=1, files="delete", protect=True)
    assert fine_tune.policy.override == Override(revision="0123456789ab", why="urgent")
    assert fine_tune.policy.on_superseded == "finish"
    assert fine_tune.aliases == {"staging": "latest"}
    assert fine_tune.integrations == ({"type": "wandb", "wandb": {"project": "p"}},)
    (evaluation,) = fine_tune.evals
    assert evaluation.gate == (
        Condition(min=0.9, confidence=0.95),
        Condition(baseline=Baseline(base=True), test=Test.SUPERIORITY),
    )


def test_checks_and_a_baseline(tmp_path):
    root = project(tmp_path, manifest=with_dataset("checks: {D101: off, D130: warning}, baseline: data/known.json"))
    (root / "finetunes/data/known.json").write_text("{}")
    (fine_tune,) = load(root).fine_tunes
    assert fine_tune.dataset == DatasetPaths(
        train="finetunes/data/train.jsonl",
        checks={"D101": "off", "D130": "warning"},  # never a boolean: YAML 1.2
        baseline="finetunes/data/known.json",
    )


def test_checks_that_there_are_not(tmp_path):
    stated = "{d101: off, near-duplicate: off, x: off, D007: off, D102: false, D103: fatal}, baseline: data/valid.json"
    where = "/spec/dataset/checks"
    assert problems(tmp_path, manifest=with_dataset(f"checks: {stated}")) == [
        f"{M}:7:53 {where}/d101: expected the code of a check, got 'd101' (did you mean D101?)",
        f"{M}:7:74 {where}/near-duplicate: expected the code of a check, got 'near-duplicate' (did you mean D102?)",
        f"{M}:7:82 {where}/x: expected the code of a check, got 'x' (docs/data-checks.md lists them)",
        f"{M}:7:93 {where}/D007: expected a check beyond the format, D007 (blank-line) can't be changed: a backend refuses such a file",
        f"{M}:7:104 {where}/D102: expected one of off, advice, warning, error, got the boolean false",
        f"{M}:7:117 {where}/D103: expected one of off, advice, warning, error, got the string 'fatal'",
        f"{M}:7:135 /spec/dataset/baseline: expected a file, there is no 'data/valid.json' (did you mean data/valid.jsonl?)",
    ]


def with_dataset(more: str) -> str:
    return MANIFEST.replace("train.jsonl}", f"train.jsonl, {more}}}")


ADOPTED = MANIFEST.replace("{train: data/train.jsonl}", "{adopted_job: ftjob-old}")


def test_a_job_whose_data_is_gone(tmp_path):
    assert one(tmp_path, ADOPTED).dataset == AdoptedDataset(job="ftjob-old")


def test_reinforcement_on_data_that_is_gone_needs_no_validation(tmp_path):
    fine_tune = one(tmp_path, ADOPTED + f"  method: {{type: reinforcement, grader: {RFT_GRADER}}}\n")
    assert fine_tune.method.type is MethodType.REINFORCEMENT


def test_data_that_is_gone_stands_alone(tmp_path):
    beside = ADOPTED.replace("ftjob-old", "ftjob-old, train: data/train.jsonl")
    assert problems(tmp_path, manifest=beside) == [
        f"{M}:7:12 /spec/dataset: expected adopted_job alone: what that job was trained on is gone, got a mapping"
    ]


def test_examples_need_data_that_is_not_gone(tmp_path):
    shots = "{baseline: {base: true, prompt: {few_shot: 3, seed: 1}}, test: superiority}"
    evals = f"  evals: [{{name: a, dataset: data/test.jsonl, sampling: {{}}, grader: {GRADER}, gate: {shots}}}]\n"
    (problem,) = problems(tmp_path, manifest=ADOPTED + evals)
    assert problem.endswith("/few_shot: expected a prompt's file: the adopted job's data is gone")


def test_baselines_and_prompts(tmp_path):
    fine_tune = one(tmp_path, with_spec(
        "aliases: {production: 3f9a1c2b7d10}",
        "evals:",
        f"  - {{name: a, dataset: data/test.jsonl, grader: {GRADER}, prompt: intended,",
        "     input: [{role: user, content: 'Say {{item.x}}'}], gate: {max: 2, shadow: true}}",
        f"  - {{name: b, dataset: data/test.jsonl, grader: {GRADER}, gate: [",
        "      {baseline: {alias: production, prompt: {few_shot: 3, seed: 1}}, test: non_inferiority, margin: 0.01},",
        "      {baseline: {model: gpt-4.1, backend: openai, prompt: data/valid.jsonl}, test: superiority, metric: accuracy}]}",
    ))  # fmt: skip
    first, second = fine_tune.evals
    assert first == EvalSpec(
        name="a", dataset="finetunes/data/test.jsonl", grader=first.grader, prompt="intended",
        input=({"role": "user", "content": "Say {{item.x}}"},), gate=(Condition(max=2, shadow=True),),
    )  # fmt: skip
    assert not first.is_enforced
    assert second.gate[0].baseline == Baseline(alias="production", prompt=FewShot(k=3, seed=1))
    assert second.gate[1].baseline == Baseline(
        model="gpt-4.1", backend="openai", prompt=PromptFile(path="finetunes/data/valid.jsonl")
    )


def test_files_in_a_training_grader_count_by_their_content(tmp_path):
    root = project(tmp_path, manifest=MANIFEST.replace("train.jsonl}", "train.jsonl, validation: data/valid.jsonl}") + """\
  method:
    type: reinforcement
    grader:
      type: multi
      calculate_output: a
      pass_threshold: 0.5
      graders:
        a: {type: python, source: {file: grade.py}, pass_threshold: 1}
        b: {type: python, source: 'def grade(s, i): ...'}
""")  # fmt: skip
    (root / "finetunes" / "grade.py").write_bytes(b"def grade(s, i):\r\n    return 1\r\n")
    (fine_tune,) = load(root).fine_tunes
    assert fine_tune.method.grader == {
        "type": "multi",
        "calculate_output": "a",
        "graders": {
            "a": {"type": "python", "source": "def grade(s, i):\n    return 1\n"},
            "b": {"type": "python", "source": "def grade(s, i): ..."},
        },
    }
    (root / "finetunes" / "grade.py").write_bytes(b"\xff")
    assert "f: expected a readable file of UTF-8 text" in str(read_project(root)[1][0]).replace("/file", "f")
    (root / "finetunes" / "grade.py").write_bytes(b"#" * 256_001)
    assert "expected at most 256,000 bytes" in str(read_project(root)[1][0])


BAD_SPECS = [
    (["bakend: openai"], [f"{M}:8:3 /spec/bakend: unknown key (did you mean backend?)"]),
    (["zzz: 1"], [f"{M}:8:3 /spec/zzz: unknown key (known: aliases, backend, base_model, budget, dataset, evals, integrations, method, policy, retention, seed)"]),
    (["seed: '3'"], [f"{M}:8:9 /spec/seed: expected an integer from 0 to 2147483647, got the string '3'"]),
    (["seed: yes"], [f"{M}:8:9 /spec/seed: expected an integer from 0 to 2147483647, got the string 'yes'"]),
    (["seed: -1"], [f"{M}:8:9 /spec/seed: expected an integer from 0 to 2147483647, got the integer -1"]),
    (["seed: .nan"], [f"{M}:8:9 /spec/seed: expected a finite number, or text in quotes, got .nan"]),
    (["base_model: other"], [f"{M}:8:3 /spec/base_model: duplicate key (the first one is in line 6)"]),
    (["backend: nowhere"], [f"{M}:8:12 /spec/backend: expected a backend (embedded, openai), got 'nowhere'"]),
    (["backend: embeded"], [f"{M}:8:12 /spec/backend: expected a backend (embedded, openai), got 'embeded' (did you mean embedded?)"]),
    (["method: {hyperparameters: {n_epochs: 51}}"], [f"{M}:8:40 /spec/method/hyperparameters/n_epochs: expected an integer from 1 to 50, or auto, got the integer 51"]),
    (["method: {hyperparameters: {n_epochs: aut}}"], [f"{M}:8:40 /spec/method/hyperparameters/n_epochs: expected an integer from 1 to 50, or auto, got the string 'aut' (did you mean auto?)"]),
    (["method: {hyperparameters: {beta: 1}}"], [f"{M}:8:30 /spec/method/hyperparameters/beta: unknown key (known: batch_size, learning_rate_multiplier, n_epochs)"]),
    (["method: {type: dpo, hyperparameters: {beta: 0}}"], [f"{M}:8:47 /spec/method/hyperparameters/beta: expected a number above 0 and at most 2, or auto, got the integer 0"]),
    (["method: {type: superviced}"], [f"{M}:8:18 /spec/method/type: expected one of supervised, dpo, reinforcement, got the string 'superviced' (did you mean supervised?)"]),
    (["method: {type: reinforcement}"], [f"{M}:7:12 /spec/dataset/validation: required for reinforcement, but missing", f"{M}:8:11 /spec/method/grader: required, but missing"]),
    ([f"method: {{type: reinforcement, grader: {RFT_GRADER}}}"], [f"{M}:7:12 /spec/dataset/validation: required for reinforcement, but missing"]),
    (["method: {type: reinforcement, grader: {type: label}}"], [f"{M}:7:12 /spec/dataset/validation: required for reinforcement, but missing", f"{M}:8:48 /spec/method/grader/type: expected one of string_check, text_similarity, python, score_model, multi, got the string 'label'"]),
    (["aliases: {staging: lates}"], [f"{M}:8:22 /spec/aliases/staging: expected latest, or the 12 hex digits of a revision in quotes, got the string 'lates'"]),
    (["aliases: {staging: 123456789012}"], [f"{M}:8:22 /spec/aliases/staging: expected latest, or the 12 hex digits of a revision in quotes, got the integer 123456789012 (put it in quotes)"]),
    (["aliases: {Staging: latest}"], [f"{M}:8:13 /spec/aliases/Staging: expected a DNS label: up to 40 lower-case letters, digits and inner hyphens, got 'Staging'"]),
    (["policy: {override: {revision: abc, why: ''}}"], [f"{M}:8:33 /spec/policy/override/revision: expected the 12 hex digits of a revision in quotes, got the string 'abc'", f"{M}:8:43 /spec/policy/override/why: expected text that is not empty, got the string ''"]),
    (["budget: {training_usd: -1}"], [f"{M}:8:26 /spec/budget/training_usd: expected a number of at least 0, got the integer -1"]),
    (["retention: {keep: 1.5}"], [f"{M}:8:21 /spec/retention/keep: expected an integer, got the number 1.5"]),
    (["integrations: {}"], [f"{M}:8:17 /spec/integrations: expected a list, got an empty mapping"]),
    (["integrations: [{type: wandb, wandb: {project: p, tags: [1]}}]"], [f"{M}:8:59 /spec/integrations/0/wandb/tags/0: expected text, got the integer 1 (put it in quotes)"]),
    (["<<: {seed: 1}"], [f"{M}:8:3 /spec/<<: unknown key (known: aliases, backend, base_model, budget, dataset, evals, integrations, method, policy, retention, seed)"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), BAD_SPECS, ids=[case[0][0][:60] for case in BAD_SPECS])
def test_a_wrong_spec(tmp_path, lines, expected):
    assert problems(tmp_path, manifest=with_spec(*lines)) == expected


BAD_EVALS = [
    ("gate: 3", ["/gate: expected a condition or a list of conditions, got the integer 3"]),
    ("gate: {min: 1, max: 2}", ["/gate: expected exactly one of min, max and baseline, got min, max"]),
    ("gate: [{}]", ["/gate/0: expected exactly one of min, max and baseline, got none of them"]),
    ("gate: [null]", ["/gate/0: expected exactly one of min, max and baseline, got null"]),
    ("gate: [{min: 1}, 3]", ["/gate/1: expected exactly one of min, max and baseline, got the integer 3"]),
    ("gate: {baseline: null, test: superiority}", ["/gate/baseline: expected exactly one of base, alias and model, got null"]),
    ("gate: {baseline: {base: true}}", ["/gate/test: required beside baseline, but missing"]),
    ("gate: {min: 1, margin: 1}", ["/gate/baseline: required beside margin, but missing"]),
    ("gate: {baseline: {base: false}, test: superiority}", ["/gate/baseline/base: expected true, got the boolean false"]),
    ("gate: {baseline: {base: true, alias: a}, test: superiority}", ["/gate/baseline: expected exactly one of base, alias and model, got base, alias", "/gate/baseline/alias: expected an alias of this manifest (none is declared), got 'a'"]),
    ("gate: {baseline: {base: true, backend: openai}, test: superiority}", ["/gate/baseline/model: required beside backend, but missing"]),
    ("gate: {baseline: {alias: stagin}, test: superiority}", ["/gate/baseline/alias: expected an alias of this manifest (none is declared), got 'stagin'"]),
    ("gate: {baseline: {model: m, backend: x}, test: superiority}", ["/gate/baseline/backend: expected a backend (embedded, openai), got 'x'"]),
    ("gate: {baseline: {base: true, prompt: {few_shot: 0, seed: 1}}, test: superiority}", ["/gate/baseline/prompt/few_shot: expected a number of at least 1, got the integer 0"]),
    ("gate: {baseline: {base: true, prompt: none.md}, test: superiority}", ["/gate/baseline/prompt: expected a file, there is no 'none.md'"]),
    ("gate: {min: 1, confidence: 95}", ["/gate/confidence: expected a number between 0.5 and 1, got the integer 95"]),
    ("repeats: 0", ["/repeats: expected a number of at least 1, got the integer 0"]),
    ("cluster_by: ''", ["/cluster_by: expected text that is not empty, got the string ''"]),
    ("sampling: {model: m}", ["/sampling/model: expected a parameter other than model, messages, stream, stream_options and n, which ftops sets, got 'model'"]),
    ("input: [{role: user, content: '{{sample.output_text}}'}]", ["/input/0/content: expected one of {{item.FIELD}}, got 'sample.output_text'"]),
    ("input: []", ["/input: expected at least 1 item, got an empty list"]),
    ("prompt: intend", ["/prompt: expected intended, got the string 'intend' (did you mean intended?)"]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), BAD_EVALS, ids=[case[0] for case in BAD_EVALS])
def test_a_wrong_eval(tmp_path, line, expected):
    text = with_spec("evals:", f"- {{name: a, dataset: data/test.jsonl, grader: {GRADER}, {line}}}")
    found = [message.split(" ", 1) for message in problems(tmp_path, manifest=text)]
    assert [message for _, message in found] == [f"/spec/evals/0{message}" for message in expected]
    assert all(place.startswith(f"{M}:9:") for place, _ in found)


BAD_GRADERS = [
    ("{type: string_chek}", ["/type: expected one of string_check, text_similarity, score_model, label_model, python, multi, regex, json_schema, numeric, tool_call, label, outcome, scorecard, got the string 'string_chek' (did you mean string_check?)"]),
    ("{type: string_check}", ["/input: required, but missing", "/operation: required, but missing", "/reference: required, but missing"]),
    ("{type: regex, pattern: ''}", ["/pattern: expected text that is not empty, got the string ''"]),
    ("{type: string_check, operation: eq, input: '{{sample.text}}', reference: b}", ["/input: expected one of {{sample.output_text}}, {{sample.output_json}}, {{sample.output_tools}}, {{sample.choices}}, {{reference}}, {{reference_tools}}, {{rejected}}, {{rejected_tools}}, {{item.FIELD}}, got 'sample.text' (did you mean sample.output_text?)"]),
    ("{type: string_check, operation: eq, input: '{{sample.output_text', reference: '{{a b}}'}", ["/input: expected }} after {{", "/reference: expected a variable between {{ and }}, got 'a b'"]),
    ("{type: multi, calculate_output: a, graders: 3}", ["/graders: expected a mapping or a list of graders, got the integer 3"]),
    ("{type: multi, calculate_output: a, graders: {a: {type: string_check, operation: x, input: a, reference: b}}}", ["/graders/a/operation: expected one of eq, ne, like, ilike, got the string 'x'"]),
    ("{type: python, source: {path: x}}", ["/source/file: required, but missing", "/source/path: unknown key (known: file)"]),
]  # fmt: skip


@pytest.mark.parametrize(("grader", "expected"), BAD_GRADERS, ids=[case[0][:50] for case in BAD_GRADERS])
def test_a_wrong_grader(tmp_path, grader, expected):
    text = with_spec("evals:", "- name: a", "  dataset: data/test.jsonl", f"  grader: {grader}")
    found = [message.split(" ", 1)[1] for message in problems(tmp_path, manifest=text)]
    assert found == [f"/spec/evals/0/grader{message}" for message in expected]


def test_indexes_and_fields_of_variables_are_known(tmp_path):
    grader = "{type: string_check, operation: eq, input: '{{ item.a[0].b }}', reference: '{{sample.output_json.x}} {{reference}}'}"
    one(tmp_path, with_spec("evals:", "- name: a", "  dataset: data/test.jsonl", f"  grader: {grader}"))


def test_a_job_knows_no_reference(tmp_path):
    text = with_spec(
        "method: {type: reinforcement, grader: {type: string_check, operation: eq, input: a, reference: '{{reference}}'}}"
    )
    text = text.replace("train.jsonl}", "train.jsonl, validation: data/valid.jsonl}")
    assert problems(tmp_path, manifest=text) == [
        f"{M}:8:98 /spec/method/grader/reference: expected one of {{{{sample.output_text}}}}, {{{{sample.output_json}}}}, "
        "{{sample.output_tools}}, {{sample.choices}}, {{item.FIELD}}, got 'reference'"
    ]


def test_two_evals_of_one_name(tmp_path):
    entry = f"- {{name: a, dataset: data/test.jsonl, grader: {GRADER}}}"
    assert problems(tmp_path, manifest=with_spec("evals:", entry, entry)) == [
        f"{M}:10:12 /spec/evals/1/name: expected a name used once, 'a' is taken"
    ]


def test_all_problems_of_all_files_come_at_once(tmp_path):
    found = problems(
        tmp_path,
        manifest=MANIFEST.replace("kind: FineTune", "kind: FineTun").replace("train.jsonl", "tran.jsonl"),
        other="a: [1\n",
        third="--- 3\n---\n" + MANIFEST.replace("base_model", "base_modell"),
        file=PROJECT.replace("backend", "bakend"),
    )
    assert found == [
        "finetunes/other.yaml:2:1: expected YAML: did not find expected ',' or ']'",
        f"{M}:2:7 /kind: expected FineTune, got the string 'FineTun' (did you mean FineTune?)",
        f"{M}:7:20 /spec/dataset/train: expected a file, there is no 'data/tran.jsonl' (did you mean data/train.jsonl?)",
        "finetunes/third.yaml:1:5: expected a mapping, got the integer 3",
        "finetunes/third.yaml:6:9 /metadata/name: expected a name used once, finetunes/router.yaml:4 has it too",
        "finetunes/third.yaml:8:3 /spec/base_model: required, but missing",
        "finetunes/third.yaml:8:3 /spec/base_modell: unknown key (did you mean base_model?)",
        "ftops.yaml:5:3 /spec/bakend: unknown key (did you mean backend?)",
    ]


def test_names_of_a_manifest_that_is_wrong_elsewhere_count(tmp_path):
    found = problems(
        tmp_path,
        a=MANIFEST.replace("name: router", "name: a\n  moved_from: [router, a, old]"),
        b=MANIFEST.replace("name: router", "name: b\n  moved_from: [old]") + "  seed: x\n",
    )
    assert found == [
        "finetunes/a.yaml:5:15 /metadata/moved_from: expected earlier names, got the present one",
        "finetunes/a.yaml:5:16 /metadata/moved_from/0: expected a name that nothing declares, finetunes/router.yaml:4 declares it",
        "finetunes/b.yaml:5:16 /metadata/moved_from/0: expected a name listed once, finetunes/a.yaml lists it too",
        "finetunes/b.yaml:9:9 /spec/seed: expected an integer from 0 to 2147483647, got the string 'x'",
    ]


def test_several_documents_are_several_fine_tunes_sorted_by_name(tmp_path):
    loaded = load(project(tmp_path, manifest=MANIFEST + "---\n" + MANIFEST.replace("router", "answers")))
    assert [(one.name, one.line) for one in loaded.fine_tunes] == [("answers", 9), ("router", 1)]


def test_no_manifests_at_all(tmp_path):
    assert load(tmp_path).fine_tunes == ()


def test_notices(tmp_path):
    text = with_spec(
        "aliases: {staging: latest}", "evals:", f"- {{name: a, dataset: data/test.jsonl, grader: {GRADER}}}"
    )
    assert tuple(map(str, load(project(tmp_path, manifest=text)).notices)) == (
        f"{M}:1: router: no gate is enforced, so staging follows every trained revision unmeasured",
        f"{M}:1: router: no sampling stated for a; the backend's own defaults apply",
        f"{M}:1: router: no gate compares with a baseline, so nothing shows that tuning beats prompting",
    )


def test_notices_of_python_graders(tmp_path):
    program = '{name: p, type: python, source: "def grade(s, i): return 1.0"%s}'
    multi = "{type: multi, calculate_output: p, graders: %s}"
    text = with_spec(
        "evals:",
        *(
            f"- {{name: {name}, dataset: data/test.jsonl, grader: {grader}, sampling: {{}}}}"
            for name, grader in {
                "a": program % ", image_tag: x",
                "b": GRADER,
                "c": multi % f"[{program % ''}]",
                "d": multi % f"{{p: {program % ', image_tag: y'}}}",
            }.items()
        ),
    )
    assert tuple(map(str, load(project(tmp_path, manifest=text)).notices))[:2] == (
        f"{M}:1: router: code of this repository grades a, c, d; apply and eval run it only with --allow-python-graders",
        f"{M}:1: router: image_tag in a, d is for OpenAI alone: evaluations run the Python that ftops runs in",
    )


TWO_EVALS = (
    "evals:",
    *(f"- {{name: {n}, dataset: data/test.jsonl, grader: {GRADER}, sampling: {{}}, select: true}}" for n in "ab"),
)


def test_one_evaluation_selects(tmp_path):
    text = with_spec(*TWO_EVALS, "policy: {checkpoints: evaluate}")
    says = "/spec/evals/1/select: expected one evaluation that selects, an earlier one does"
    assert [message.split(" ", 1)[1] for message in problems(tmp_path, manifest=text)] == [says]


CHOOSING = [
    (
        [*TWO_EVALS[:2]],
        "a has select: true, which chooses nothing without policy.checkpoints: evaluate",
    ),
    (
        ["policy: {checkpoints: best_validation_loss}"],
        "policy.checkpoints: best_validation_loss has no validation set to choose by: the last checkpoint is taken",
    ),
    (
        ["policy: {checkpoints: evaluate}"],
        "policy.checkpoints: evaluate has no validation set to choose by, and no evaluation has select: true: "
        "the last checkpoint is taken",
    ),
    ([*TWO_EVALS[:2], "policy: {checkpoints: evaluate}"], None),
    (["policy: {checkpoints: last}"], None),
]


@pytest.mark.parametrize(("lines", "notice"), CHOOSING)
def test_notices_of_what_chooses_no_checkpoint(tmp_path, lines, notice):
    said = map(str, load(project(tmp_path, manifest=with_spec(*lines))).notices)
    found = [one for one in said if "checkpoint" in one]
    assert found == ([f"{M}:1: router: {notice}"] if notice else [])


def test_a_good_manifest_has_no_notices(tmp_path):
    assert load(project(tmp_path, manifest=EVALUATED)).notices == ()


def test_openai_needs_a_project_file(tmp_path):
    assert problems(tmp_path, manifest=with_spec("backend: openai")) == [
        f"ftops.yaml:1:1 /metadata/name: required for backend openai of {M}:1; write\n"
        "  apiVersion: ftops/v1\n  kind: Project\n  metadata: {name: my-project}\n  spec: {backend: openai}"
    ]


def test_openai_needs_a_name_in_the_project_file(tmp_path):
    assert problems(tmp_path, file=PROJECT.replace("metadata: {name: acme}\n", "")) == [
        f"ftops.yaml:1:1 /metadata/name: required for backend openai of {M}:1, but missing"
    ]


def test_a_rehearsal_needs_no_name(tmp_path):
    root = project(tmp_path, manifest=with_spec("backend: openai"))
    assert load(root, backend_override="embedded").fine_tunes[0].backend == "openai"


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(EVALUATED)),
            st.sampled_from(["{", "]", ": ", "\n", "- ", "x", "~", "3", "*a", "'", " ", "\x07", "{{"]),
        ),
        max_size=4,
    )
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_manifest_gives_problems_and_no_traceback(tmp_path_factory, damages):
    text = EVALUATED
    for place, fragment in damages:
        text = text[:place] + fragment + text[place:]
    root = project(tmp_path_factory.mktemp("damaged"), manifest=text)
    loaded, found = read_project(root)
    assert loaded.fine_tunes or found
    assert all("\x07" not in str(problem) for problem in found)


def test_a_list_made_to_be_compared_pair_by_pair(tmp_path):
    items = ", ".join(f"{{a: {i}}}, [{i}], x" for i in range(3_000))
    found = problems(tmp_path, manifest=MANIFEST.replace("name: router", f"name: router\n  moved_from: [{items}]"))
    assert len(found) == 1_000
    assert found[1].endswith("got a mapping")
