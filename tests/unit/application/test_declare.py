"""Manifests and datasets become desired state: revisions, evaluations' digests, and the backend in force."""

import json
from dataclasses import replace

import pytest

from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.manifest_files import load, read_project
from ftops.application.declare import declare, eval_digest
from ftops.domain.desired import adopted_dataset
from ftops.domain.manifest import EvalSpec, Method
from ftops.domain.revision import revision_of
from ftops.errors import Invalid, Problem, UsageProblem

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: NAME}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data/train.jsonl}
"""
PROJECT = """\
apiVersion: ftops/v1
kind: Project
metadata: {name: acme}
spec: {backend: openai, backends: {twin: {type: embedded}}}
"""
GRADER = '{type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{reference}}"}'


class CountingFiles(DatasetFiles):
    """Remembers what was read."""

    def __init__(self, root):
        super().__init__(root)
        self.scanned = []

    def scan(self, path, *, use, split=None):
        self.scanned.append((path, use.value))
        return super().scan(path, use=use, split=split)


def rows(count: int, *, word: str = "question") -> str:
    turns = ([{"role": "user", "content": f"{word} {i}"}, {"role": "assistant", "content": "a"}] for i in range(count))
    return "".join(json.dumps({"messages": messages}) + "\n" for messages in turns)


def test_data_that_is_gone_is_read_nowhere(tmp_path):
    text = MANIFEST.replace("NAME", "router").replace("train: data/train.jsonl", "adopted_job: ftjob-old")
    files = CountingFiles(project(tmp_path, text))
    (declared,) = declare(load(tmp_path), files).fine_tunes
    assert (declared.train, declared.validation, files.scanned) == (adopted_dataset("ftjob-old"), None, [])
    assert declared.train.is_gone
    assert declared.revision == revision_of(
        base_model="gpt-4.1-mini-2025-04-14",
        method=Method(),
        seed=None,
        train_sha256="job:ftjob-old",
        validation_sha256=None,
    )


def project(root, *manifests: str, train: int = 60, file: str | None = None):
    data = root / "finetunes" / "data"
    data.mkdir(parents=True)
    (data / "train.jsonl").write_text(rows(train))
    (data / "valid.jsonl").write_text(rows(5, word="validation"))
    (data / "test.jsonl").write_text(rows(5, word="test"))
    for index, text in enumerate(manifests or (MANIFEST.replace("NAME", "router"),)):
        (root / "finetunes" / f"{index}.yaml").write_text(text)
    if file:
        (root / "ftops.yaml").write_text(file)
    return root


def named(name: str, *lines: str, validation: str = "") -> str:
    text = MANIFEST.replace("NAME", name) + "".join(f"  {line}\n" for line in lines)
    return text.replace("train.jsonl}", f"train.jsonl, validation: {validation}}}") if validation else text


def desired(root, **options):
    return declare(load(root), DatasetFiles(root), **options)


def refusals(root) -> list[str]:
    with pytest.raises(Invalid) as caught:
        desired(root)
    return [str(problem) for problem in caught.value.problems]


def test_one_fine_tune(tmp_path):
    state = desired(project(tmp_path), commit="abc", is_dirty=True)
    (one,) = state.fine_tunes
    assert (one.train.path, one.train.rows) == ("finetunes/data/train.jsonl", 60)
    assert (one.validation, one.evals, one.backend.name) == (None, (), "embedded")
    assert one.revision == revision_of(
        base_model="gpt-4.1-mini-2025-04-14",
        method=one.fine_tune.method,
        seed=None,
        train_sha256=one.train.sha256,
        validation_sha256=None,
    )
    assert (state.commit, state.is_dirty, state.notices) == ("abc", True, ())
    assert list(state.manifest_digests) == ["finetunes/0.yaml"]
    assert state.named("router") is one


def test_a_validation_file_and_a_split_change_the_revision(tmp_path):
    split = named("b", validation="{fraction: 0.2, seed: 1}")
    file = named("c", validation="data/valid.jsonl")
    plain, derived, whole = desired(project(tmp_path, named("a"), split, file)).fine_tunes
    assert len({plain.revision, derived.revision, whole.revision}) == 3
    assert derived.train.rows + derived.validation.rows == plain.train.rows
    assert derived.validation.path == "finetunes/data/train.jsonl#validation[0.2,1]"
    assert whole.validation.rows == 5


def test_every_file_is_read_once_for_each_use(tmp_path):
    evals = ("evals:", f"- {{name: e, dataset: data/test.jsonl, grader: {GRADER}, sampling: {{}}}}")
    root = project(tmp_path, named("a", *evals), named("b", *evals))
    files = CountingFiles(root)
    state = declare(load(root), files)
    assert files.scanned == [("finetunes/data/train.jsonl", "supervised"), ("finetunes/data/test.jsonl", "evaluation")]
    assert "a, b: one revision" in str(state.notices[-1])
    assert "trained 2 times" in str(state.notices[-1])


def test_all_problems_of_manifests_and_datasets_come_together(tmp_path):
    bad = "- {name: e, dataset: data/test.jsonl, grader: " + GRADER + "}"
    root = project(
        tmp_path, named("a", "seed: x"), named("b", "evals:", bad), named("c", validation="data/valid.jsonl")
    )
    (root / "finetunes/data/test.jsonl").write_text("{}\n3\n")
    (root / "finetunes/data/valid.jsonl").write_text("{\n")
    loaded, problems = read_project(root)
    with pytest.raises(Invalid) as caught:
        declare(loaded, DatasetFiles(root), problems=problems)
    assert [str(problem).split(":")[0] for problem in caught.value.problems] == [
        "finetunes/0.yaml",
        "finetunes/data/test.jsonl",
        "finetunes/data/test.jsonl",
        "finetunes/data/valid.jsonl",
    ]


def test_too_few_rows(tmp_path):
    assert refusals(project(tmp_path, train=9)) == [
        "finetunes/0.yaml:6:20 /spec/dataset/train: expected at least 10 rows to train on, finetunes/data/train.jsonl has 9"
    ]


def test_a_split_leaves_both_parts_rows(tmp_path):
    assert refusals(project(tmp_path, named("a", validation="{fraction: 0.000001, seed: 1}"))) == [
        "finetunes/0.yaml:6:50 /spec/dataset/validation: expected a fraction that leaves validation at least one row"
    ]


def test_a_problem_found_before_is_raised_once(tmp_path):
    root = project(tmp_path)
    problem = Problem(file="f", expected="x")
    with pytest.raises(Invalid) as caught:
        declare(load(root), DatasetFiles(root), problems=[problem, problem])
    assert caught.value.problems == (problem,)


def test_free_rows_with_an_input(tmp_path):
    asked = "[{role: user, content: '{{item.q}}'}]"
    grader = GRADER.replace("{{reference}}", "{{item.q}}")
    entry = f"- {{name: e, dataset: data/free.jsonl, grader: {grader}, sampling: {{}}, input: {asked}}}"
    (tmp_path / "finetunes/data").mkdir(parents=True)
    (tmp_path / "finetunes/data/free.jsonl").write_text('{"q": 1}\n')
    (tmp_path / "finetunes/data/train.jsonl").write_text(rows(60))
    (tmp_path / "finetunes/a.yaml").write_text(named("a", "evals:", entry))
    (one,) = desired(tmp_path).fine_tunes
    assert one.evals[0].dataset.rows == 1


def test_the_digest_of_an_evaluation_is_what_is_sent_and_scored():
    spec = EvalSpec(
        name="a", dataset="d", grader={"type": "string_check", "name": "x", "pass_threshold": 1, "input": "i"}
    )
    same = replace(
        spec, name="b", dataset="elsewhere", grader={"type": "string_check", "input": "i", "name": "y"}, gate=()
    )
    assert eval_digest(spec, "0") == eval_digest(same, "0")
    others = [
        eval_digest(spec, "1"),
        eval_digest(replace(spec, sampling={}), "0"),
        eval_digest(replace(spec, sampling={"temperature": 0}), "0"),
        eval_digest(replace(spec, input=({"role": "user", "content": "x"},)), "0"),
        eval_digest(replace(spec, grader={"type": "string_check", "input": "j"}), "0"),
        eval_digest(replace(spec, repeats=2), "0"),
        eval_digest(replace(spec, cluster_by="doc"), "0"),
        eval_digest(spec, "0"),
    ]
    assert len(set(others)) == len(others)


def test_which_backend_is_in_force(tmp_path):
    root = project(tmp_path, named("a"), named("b", "backend: twin"), file=PROJECT)
    assert [one.backend.name for one in desired(root).fine_tunes] == ["openai", "twin"]
    assert [one.backend.name for one in desired(root, backend="embedded", for_apply=True).fine_tunes] == [
        "embedded"
    ] * 2
    assert [one.backend.name for one in desired(root, backend="openai").fine_tunes] == ["openai"] * 2
    with pytest.raises(UsageProblem, match="embedded backend only, and openai is none"):
        desired(root, backend="openai", for_apply=True)
    with pytest.raises(UsageProblem, match="no backend is named box; there are embedded, openai, twin"):
        desired(root, backend="box")


def test_an_unknown_backend_was_said_before(tmp_path):
    root = project(tmp_path, file=PROJECT)
    loaded = load(root)
    lost = replace(loaded, project=replace(loaded.project, backend="lost"))
    assert declare(lost, DatasetFiles(root)).fine_tunes == ()


def test_reinforcement_at_openai_is_noticed(tmp_path):
    text = named(
        "a",
        f"method: {{type: reinforcement, grader: {GRADER.replace('reference}}', 'item.answer}}')}}}",
        validation="data/train.jsonl",
    )
    root = project(tmp_path, text, file=PROJECT)
    turns = "".join(
        json.dumps({"messages": [{"role": "user", "content": f"{i}"}], "answer": "a"}) + "\n" for i in range(60)
    )
    (root / "finetunes/data/train.jsonl").write_text(turns)
    assert tuple(map(str, desired(root).notices)) == (
        "finetunes/0.yaml:1: a: OpenAI has no base model left for reinforcement; other backends may",
    )
    assert desired(root, backend="embedded").notices == ()


FREE = "finetunes/data/free.jsonl"


def with_free_rows(root, *rows: dict, item: str = "q", use_input: bool = True, grader: str | None = None):
    asked = f", input: [{{role: user, content: 'Say {{{{item.{item}}}}}'}}]" if use_input else ""
    grader = grader or GRADER.replace("{{reference}}", "{{item.answer.text}}")
    entry = f"- {{name: e, sampling: {{}}, dataset: data/free.jsonl, grader: {grader}{asked}}}"
    project(root, named("a", "evals:", entry))
    (root / "finetunes/data/free.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def test_a_variable_that_no_row_has(tmp_path):
    assert refusals(with_free_rows(tmp_path, {"question": 1, "answer": {}}, item="questoin")) == [
        (
            f"finetunes/0.yaml:8:198 /spec/evals/0/input/0/content: expected a field of the rows, no row of {FREE} has "
            "'questoin' (did you mean item.question?)"
        )
    ]


def test_a_variable_that_some_rows_lack(tmp_path):
    rows = {"q": 1, "answer": {}}, {"q": 1}, {"q": None, "answer": {}}, {"answer": {}}
    assert [problem.split(": ", 1)[1] for problem in refusals(with_free_rows(tmp_path, *rows))] == [
        "expected a field that every row has, finetunes/data/free.jsonl:2 has no 'answer'",
        "expected a field that every row has, finetunes/data/free.jsonl:3 has no 'q'",
    ]


def test_rows_that_lack_what_they_are_clustered_by(tmp_path):
    entry = f"- {{name: e, sampling: {{}}, dataset: data/free.jsonl, grader: {GRADER}, cluster_by: meta.doc}}"
    root = project(tmp_path, named("a", "evals:", entry))
    chat = json.loads(rows(1))
    (root / FREE).write_text("".join(json.dumps({**chat, **more}) + "\n" for more in ({"meta": {"doc": 1}}, {})))
    (problem,) = refusals(root)
    assert problem.endswith(f"/cluster_by: expected a field that every row has, {FREE}:2 has no 'meta'")


def test_variables_of_chat_rows_are_checked_too(tmp_path):
    chat = json.loads(rows(1))
    root = with_free_rows(tmp_path, chat, use_input=False)
    assert ["no row of finetunes/data/free.jsonl has 'answer'" in problem for problem in refusals(root)] == [True]
    (root / "finetunes/data/free.jsonl").write_text(json.dumps({**chat, "answer": {"text": "a"}}))
    assert desired(root).fine_tunes[0].evals[0].dataset.rows == 1


@pytest.mark.parametrize(
    ("grader", "column"),
    [
        ("{type: label}", 63),
        ("{type: multi, calculate_output: a, graders: {a: {type: tool_call}}}", 111),
        ("{type: multi, calculate_output: label_1, graders: [{type: label, reference: ' {{ reference }}'}]}", 139),
        (GRADER, 143),
    ],
)
def test_free_rows_have_no_reference_of_their_own(tmp_path, grader, column):
    (refusal,) = refusals(with_free_rows(tmp_path, {"q": 1}, grader=grader))
    assert f"expected rows with a reference, no row of {FREE} has messages or preferred_output" in refusal
    assert refusal.startswith(f"finetunes/0.yaml:8:{column} /spec/evals/0/grader")


def test_rows_that_may_have_a_reference_are_left_to_the_evaluation(tmp_path):
    mixed = {"q": 1}, {"q": 2, **json.loads(rows(1))}
    assert desired(with_free_rows(tmp_path / "a", *mixed, grader="{type: label}")).fine_tunes
    stated = "{type: label, reference: '{{item.q}}'}"
    assert desired(with_free_rows(tmp_path / "b", {"q": 1}, grader=stated)).fine_tunes


def test_rows_with_too_many_names_are_left_to_the_evaluation(tmp_path):
    assert desired(with_free_rows(tmp_path, {f"k{i}": 1 for i in range(2_000)})).fine_tunes
