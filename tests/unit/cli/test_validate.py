"""What ``ftops validate PATH`` selects, says and exits with."""

import json
import subprocess

import pytest

from ftops.cli.main import run
from sound_rows import sound_rows

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: NAME}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data/NAME.jsonl}
"""
ROW = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TURNS = [
    {"role": "user", "content": "q"},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "user", "content": "so?"},
]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
UNANSWERED = json.dumps({"messages": [*TURNS, {"role": "assistant", "content": "a"}], "tools": [TOOL]}) + "\n"
EVAL = """\
  evals:
    - name: e
      dataset: data/test.jsonl
      grader: {type: string_check, operation: eq, input: a, reference: b}
"""


@pytest.fixture
def root(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, "a")
    write(tmp_path, "b", MANIFEST + "  seed: 1\n")
    (tmp_path / "README.md").write_text("x")
    return tmp_path


def write(root, name: str, text: str = MANIFEST, rows: str | None = None) -> None:
    (root / "finetunes/data").mkdir(parents=True, exist_ok=True)
    (root / f"finetunes/{name}.yaml").write_text(text.replace("NAME", name))
    (root / f"finetunes/data/{name}.jsonl").write_text(sound_rows() if rows is None else rows)


@pytest.fixture
def validate(root, capsys):
    def call(*arguments: str, start: str = "."):
        code = run(["-C", str(root / start), "validate", *arguments])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return call


def test_all_is_well(validate):
    assert validate() == (0, ["2 fine-tunes valid: a, b"], [])
    assert validate("finetunes/b.yaml") == (0, ["1 fine-tune valid: b"], [])
    assert validate("b.yaml", "../finetunes", start="finetunes") == (0, ["2 fine-tunes valid: a, b"], [])


def test_a_manifest_brings_its_datasets_along(root, validate):
    write(root, "a", rows=sound_rows() + "nope\n")
    wrong = [
        "finetunes/data/a.jsonl:121:5: expected JSON: invalid character (D008) (write control characters as escapes, as \\n)"
    ]
    for path in ("finetunes/a.yaml", "finetunes", "finetunes/data", "finetunes/data/a.jsonl", "."):
        assert validate(path) == (2, wrong, ["1 problem found"])
    others = ["1 problem in 1 other file: run ftops validate without PATH"]
    assert validate("finetunes/b.yaml") == (0, ["1 fine-tune valid: b"], others)
    assert validate("finetunes/data/b.jsonl") == (0, ["1 file valid: finetunes/data/b.jsonl"], others)
    code, out, err = validate("README.md")
    assert (code, "nothing to check" in out[0], err) == (0, True, others)


def test_a_manifest_that_is_wrong_brings_its_datasets_along_too(root, validate):
    write(root, "a", MANIFEST + "  sede: 1\n" + EVAL)
    (root / "finetunes/data/test.jsonl").write_text("3\n")
    write(root, "b", rows="")
    code, out, err = validate("finetunes/a.yaml")
    assert [line.split(" ")[0] for line in out] == ["finetunes/a.yaml:7:3", "finetunes/data/test.jsonl:1:1:"]
    assert (code, err) == (2, ["2 problems found", "1 problem in 1 other file: run ftops validate without PATH"])


def test_the_project_file_belongs_to_every_manifest(root, validate):
    (root / "ftops.yaml").write_text("apiVersion: ftops/v1\nkind: Project\nspek: {}\n")
    code, out, _ = validate("finetunes/a.yaml")
    assert (code, out) == (2, ["ftops.yaml:3:1 /spek: unknown key (did you mean spec?)"])
    assert validate("finetunes/data/a.jsonl")[0] == 0


def test_findings_of_selected_files_are_told(root, validate):
    write(root, "a", rows=sound_rows() + UNANSWERED * 2)
    write(root, "b", rows=sound_rows())
    (warning,) = [line for line in validate("finetunes/a.yaml")[2] if "D049" in line]
    assert warning.startswith("Warning: finetunes/data/a.jsonl:121:1 /messages/1/tool_calls/0")
    assert "D049 call-without-result, 2 times: " in warning
    assert not any("a.jsonl" in line for line in validate("finetunes/b.yaml")[2])
    code, out, _ = validate("--json")
    said = json.loads("\n".join(out))
    (found,) = [one for one in said["findings"] if one["code"] == "D049"]
    assert (code, said["problems"]) == (0, [])
    assert (found["file"], found["level"], found["count"]) == ("finetunes/data/a.jsonl", "warning", 2)


def test_a_manifest_may_make_findings_errors_or_known(root, validate):
    strict = MANIFEST.replace("jsonl}", "jsonl, checks: {D049: error}}")
    write(root, "a", strict, rows=sound_rows() + UNANSWERED * 9)
    code, out, _ = validate("finetunes/a.yaml")
    assert code == 2
    assert [line.split(" ")[0] for line in out] == [
        f"finetunes/data/a.jsonl:{line}:1" for line in (*range(121, 126), 125)
    ]
    assert out[-1].endswith("4 more like this (D049)")
    (root / "finetunes/known.json").write_text('{"version": 1, "known": [}')
    write(root, "a", strict.replace("error}", "error}, baseline: known.json"), rows=sound_rows())
    code, out, _ = validate("finetunes/a.yaml")
    assert (code, [line.split(" ")[0] for line in out]) == (2, ["finetunes/known.json:1:26:"])


def test_a_finding_of_a_wrong_manifest_s_data_is_told_once(root, validate):
    write(root, "a", rows=sound_rows() + "nope\n")
    write(root, "c", MANIFEST + "  sede: 1\n", rows="nope\n")
    code, out, _ = validate()
    places = ["finetunes/c.yaml:7:3", "finetunes/data/a.jsonl:121:5:", "finetunes/data/c.jsonl:1:5:"]
    assert (code, sorted(line.split(" ")[0] for line in out)) == (2, places)


def test_a_manifest_behind_a_link_goes_by_either_name(root, validate):
    (root / "other/data").mkdir(parents=True)
    (root / "other/c.yaml").write_text(MANIFEST.replace("NAME", "c"))
    (root / "other/data/c.jsonl").write_text("3\n")
    (root / "finetunes/lnk").symlink_to("../other")
    wrong = (2, ["other/data/c.jsonl:1:1: expected a JSON object, got the integer 3 (D011)"], ["1 problem found"])
    for path in ("finetunes/lnk/c.yaml", "other/c.yaml", "finetunes/lnk", "other"):
        assert validate(path) == wrong


def test_json(root, validate):
    write(root, "a", rows="3\n")
    code, out, _ = validate("finetunes/a.yaml", "--json")
    said = json.loads("\n".join(out))
    assert (code, said["valid"], said["fine_tunes"], said["problems_elsewhere"]) == (2, False, [], 0)
    assert (said["problems"][0]["line"], said["problems"][0]["column"]) == (1, 1)
    code, out, err = validate("finetunes/b.yaml", "--json")
    said = json.loads("\n".join(out))
    assert (code, said["valid"], said["fine_tunes"], said["problems_elsewhere"], err) == (0, True, ["b"], 1, [])


def test_no_manifests_are_no_error(root, validate):
    for name in "ab":
        (root / f"finetunes/{name}.yaml").unlink()
    assert validate() == (0, ["no manifests"], [])


@pytest.mark.parametrize("path", ["nowhere.yaml", "..", "/etc"])
def test_a_path_that_is_none(validate, path):
    code, out, err = validate(path)
    assert (code, out, "no file or folder of this project" in err[0]) == (2, [], True)
