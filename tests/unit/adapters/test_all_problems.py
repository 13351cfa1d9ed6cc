"""What is wrong in one place of a manifest hides nothing that is wrong in another, nor in its datasets."""

# ruff: noqa: E501  (a case is one line)

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifest_texts import EVALUATED, MANIFEST, PROJECT, project

from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.manifest_files import read_project
from ftops.adapters.yaml_documents import MAX_BYTES
from ftops.application.declare import declare
from ftops.errors import Invalid

M = "finetunes/router.yaml"
BAD = "finetunes/data/bad.jsonl"
ROW = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
GRADER = "{type: string_check, operation: eq, input: '%s', reference: b}"
UNKNOWN = f"{M}:8:3 /spec/sede: unknown key (did you mean seed?)"
BAD_ROWS = [
    f"{BAD}:1:1 /messages: expected a list of messages that is not empty, got an empty list (D026)",
    f"{BAD}:2:5: expected JSON: invalid character (D008) (write control characters as escapes, as \\n)",
]


def found(root) -> list[str]:
    loaded, problems = read_project(root)
    try:
        declare(loaded, DatasetFiles(root), problems=problems)
    except Invalid as error:
        return [str(problem) for problem in error.problems]
    return []


def filled(root, manifest: str, **more: str):
    root = project(root, manifest=manifest, **more)
    for name in ("train", "valid", "test"):
        (root / f"finetunes/data/{name}.jsonl").write_text(ROW * 60)
    (root / BAD).write_text('{"messages": []}\nnope\n')
    return root


def entry(name: str = "e", text: str = "a") -> str:
    return f"- {{name: {name}, dataset: data/test.jsonl, grader: {GRADER % text}}}"


CASES = [
    (["sede: 1", "backend: opneai"], [UNKNOWN, f"{M}:9:12 /spec/backend: expected a backend (embedded, openai), got 'opneai' (did you mean openai?)"]),
    (["sede: 1", "evals:", entry(), entry()], [UNKNOWN, f"{M}:11:12 /spec/evals/1/name: expected a name used once, 'e' is taken"]),
    (["sede: 1", "evals:", entry(text="{{sample.outputtext}}")], [UNKNOWN, f"{M}:10:92 /spec/evals/0/grader/input: expected one of {{{{sample.output_text}}}}, {{{{sample.output_json}}}}, {{{{sample.output_tools}}}}, {{{{sample.choices}}}}, {{{{reference}}}}, {{{{reference_tools}}}}, {{{{rejected}}}}, {{{{rejected_tools}}}}, {{{{item.FIELD}}}}, got 'sample.outputtext' (did you mean sample.output_text?)"]),
    (["sede: 1", "train: bad"], [*BAD_ROWS, UNKNOWN]),
    (["backend: opneai", "train: bad"], [*BAD_ROWS, f"{M}:8:12 /spec/backend: expected a backend (embedded, openai), got 'opneai' (did you mean openai?)"]),
    (["method: {type: reinforcement}"], [f"{M}:7:12 /spec/dataset/validation: required for reinforcement, but missing", f"{M}:8:11 /spec/method/grader: required, but missing"]),
    (["sede: 1", "backend: openai"], [UNKNOWN, "ftops.yaml:1:1 /metadata/name: required for backend openai of finetunes/router.yaml:1; write\n  apiVersion: ftops/v1\n  kind: Project\n  metadata: {name: my-project}\n  spec: {backend: openai}"]),
    (["sede: 1", "policy: {checkpoints: best}"], [UNKNOWN, f"{M}:9:25 /spec/policy/checkpoints: expected one of last, best_validation_loss, evaluate, got the string 'best'"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), CASES, ids=[" + ".join(case[0])[:60] for case in CASES])
def test_one_problem_hides_no_other(tmp_path, lines, expected):
    text = MANIFEST + "".join(f"  {line}\n" for line in lines if line != "train: bad")
    if "train: bad" in lines:
        text = text.replace("data/train.jsonl", "data/bad.jsonl")
    messages = found(filled(tmp_path, text))
    if "method" in lines[0]:  # its rows are held against reinforcement too
        messages = [message for message in messages if message.startswith(M)]
    assert messages == expected


def test_what_the_schema_refuses_is_said_once(tmp_path):
    text = MANIFEST + "  backend: 'A B'\n  evals:\n    - {name: 3, repeats: 0, dataset: '', grader: '{{x}}'}\n    - 3\n"
    messages = [message.split(" ")[1].rstrip(":") for message in found(filled(tmp_path, text))]
    assert messages == [
        "/spec/backend",
        "/spec/evals/0/name",
        "/spec/evals/0/repeats",
        "/spec/evals/0/dataset",
        "/spec/evals/0/grader",
        "/spec/evals/1",
    ]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("{type: dpo}", ["expected a preference row"]),
        ("{type: dpoo}", []),  # nobody knows what the rows should be: only JSON is checked
        ("3", []),
    ],
)
def test_rows_are_held_against_the_method_if_it_is_known(tmp_path, method, expected):
    root = filled(tmp_path, MANIFEST + f"  sede: 1\n  method: {method}\n")
    (root / "finetunes/data/train.jsonl").write_text(ROW * 10 + "3\n")
    of_data = [message for message in found(root) if "train.jsonl" in message]
    assert sum("expected a JSON object" in message for message in of_data) == 1
    assert all(any(text in message for message in of_data) for text in expected)
    assert len(of_data) == 1 + 6 * len(expected)  # five rows, and a count of the others


def test_evaluations_and_sizes_of_a_wrong_manifest_are_checked_too(tmp_path):
    text = MANIFEST.replace("train.jsonl}", "train.jsonl, validation: {fraction: 1.0e-300, seed: 7}}") + "  sede: 1\n"
    root = filled(tmp_path, text + "  evals:\n    - {name: e, dataset: data/bad.jsonl}\n")
    (root / "finetunes/data/train.jsonl").write_text(ROW * 9)
    assert found(root) == [
        *BAD_ROWS,
        f"{M}:7:20 /spec/dataset/train: expected at least 10 rows to train on, finetunes/data/train.jsonl#train[1e-300,7] has 9",
        f"{M}:7:50 /spec/dataset/validation: expected a fraction that leaves validation at least one row",
        UNKNOWN,
        f"{M}:10:7 /spec/evals/0/grader: required, but missing",
    ]


@pytest.mark.parametrize("split", ["{fraction: 2, seed: 7}", "{fraction: x, seed: 7}", "{fraction: 0.1}", "{a: 1}"])
def test_a_wrong_split_leaves_the_rows_to_be_read(tmp_path, split):
    text = MANIFEST.replace("train.jsonl}", f"bad.jsonl, validation: {split}}}")
    messages = found(filled(tmp_path, text))
    assert messages[:2] == BAD_ROWS
    assert all("/spec/dataset/validation" in message for message in messages[2:])
    assert len(messages) > 2


def test_a_wrong_project_file_hides_none_of_its_own_rules(tmp_path):
    backends = "{x: {type: openai, base_url: 'http://h/v1', kee: 1}, y: 3, openai: {type: embedded}}"
    root = filled(
        tmp_path,
        MANIFEST,
        file=PROJECT.replace("openai\n", f"opneai\n  backends: {backends}\n  ledger: {{outputs: push}}\n"),
    )
    assert [message.split(" ")[1].rstrip(":") for message in found(root)] == [
        "/spec/backend",
        "/spec/backends/x/base_url",
        "/spec/backends/x/kee",
        "/spec/backends/y",
        "/spec/backends/openai/type",
        "/spec/ledger/outputs",
    ]


@pytest.mark.parametrize("kind", ["empty", "large", "outside", "fifo", "outer folder"])
def test_every_problem_has_a_line_and_a_column(tmp_path, kind):
    root = filled(tmp_path / "root", MANIFEST)
    manifest = root / "finetunes/other.yaml"
    match kind:
        case "empty":
            manifest.write_text("")
        case "large":
            manifest.write_text("#" * (MAX_BYTES + 1))
        case "outside":
            (tmp_path / "m.yaml").write_text(MANIFEST)
            manifest.symlink_to(tmp_path / "m.yaml")
        case "fifo":
            os.mkfifo(manifest)
        case "outer folder":
            manifest.symlink_to(tmp_path)
    (message,) = found(root)
    assert message.startswith("finetunes/other.yaml:1:1: expected ")


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["3", "[]", "{}", "~", "x", "[3, {}]", "{x: y}"])), max_size=4
    )
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_of_any_kind_give_no_traceback(tmp_path_factory, changes):
    lines = (EVALUATED + "  method: {type: reinforcement, grader: 3}\n").splitlines()
    for place, value in changes:
        line = place % (len(lines) - 1)  # the last one is what is wrong in any case
        key, colon, _ = lines[line].partition(": ")
        if colon and "- {" not in key:
            lines[line] = f"{key}: {value}"
    root = filled(tmp_path_factory.mktemp("any"), "\n".join(lines) + "\n")
    messages = found(root)
    assert messages
    assert len(messages) == len(set(messages))
