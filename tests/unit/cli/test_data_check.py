"""What ``ftops data check`` looks at, says and exits with, in a project and without one."""

import json
import os
import subprocess

import pytest

from ftops.cli.main import run
from sound_rows import sound_rows

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: NAME, labels: {team: NAME}}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data/NAME.jsonl}
"""
BROKEN = '{"messages": [{"role": "\\u001b[1mboss", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TURNS = [
    {"role": "user", "content": "q"},
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "user", "content": "so?"},
]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
UNANSWERED = json.dumps({"messages": [*TURNS, {"role": "assistant", "content": "a"}], "tools": [TOOL]}) + "\n"
SAID = "expected one of system, developer, user, assistant, tool, got the string"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, "a", sound_rows() + BROKEN)
    write(tmp_path, "b", sound_rows(first=500))
    return tmp_path


@pytest.fixture
def alone(tmp_path_factory, monkeypatch):
    """A folder in no git repository."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    folder = tmp_path_factory.mktemp("alone")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    return folder


def write(root, name: str, lines: str, manifest: str = MANIFEST) -> None:
    (root / "finetunes/data").mkdir(parents=True, exist_ok=True)
    (root / f"finetunes/{name}.yaml").write_text(manifest.replace("NAME", name))
    (root / f"finetunes/data/{name}.jsonl").write_text(lines)


@pytest.fixture
def check(capsys):
    def call(folder, *arguments: str):
        code = run(["-C", str(folder), "data", "check", *arguments])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()

    return call


def found(check, folder, *arguments: str):
    """The exit code, and code, file, level and count of everything that was found."""
    code, out, _ = check(folder, *arguments, "--json")
    data = json.loads("\n".join(out))
    assert data["format_version"] == "1"
    return code, [(one["code"], one["file"], one["level"], one["count"]) for one in data["findings"]], data


def test_a_whole_project(root, check):
    code, out, err = check(root, "--level", "error")
    assert (code, err) == (2, [])
    assert out[0].startswith("Training file finetunes/data/a.jsonl  supervised, 120 rows, ")
    assert out[1:4] == [
        "  D025 error    unknown-role  1 row",
        f"    at finetunes/data/a.jsonl:121:1 /messages/0/role: {SAID} '\\x1b[1mboss'",
        "",
    ]
    assert out[4].startswith("Training file finetunes/data/b.jsonl  supervised, 120 rows, ")
    assert out[5].startswith("Checked 2 files, 240 rows, ")
    assert ": 1 error" in out[5]


def test_some_of_a_project(root, check):
    assert found(check, root, "--target", "b", "--level", "error")[:2] == (0, [])
    assert found(check, root, "--label", "team=a", "--level", "error")[0] == 2
    code, _, err = check(root, "--target", "c")
    assert (code, err[0]) == (2, "Error: no fine-tune matches 'c'")


def test_a_file_that_a_manifest_names_is_checked_as_it_uses_it(root, check):
    dpo = MANIFEST.replace("spec:", "spec:\n  method: {type: dpo}")
    write(root, "b", sound_rows(), dpo)
    wanted = [("D020", "finetunes/data/b.jsonl", "error", 120)]
    assert found(check, root, "finetunes/data/b.jsonl", "--level", "error")[:2] == (2, wanted)
    assert found(check, root / "finetunes/data", "b.jsonl", "--level", "error")[:2] == (2, wanted)
    # As the words say, not as the manifest does.
    assert found(check, root, "finetunes/data/b.jsonl", "--method", "supervised", "--level", "error")[:2] == (0, [])


def test_a_file_outside_of_any_project(alone, check):
    (alone / "x.jsonl").write_text(sound_rows() + BROKEN * 9)
    code, out, err = check(alone, "x.jsonl", "--level", "error")
    assert (code, err) == (2, [])
    assert out[1] == "  D025 error    unknown-role  9 times"
    assert out[2] == f"    at x.jsonl:121:1 /messages/0/role: {SAID} '\\x1b[1mboss'"
    assert out[7] == "    and 4 more"
    assert list(alone.iterdir()) == [alone / "x.jsonl"]  # no cache where there is no project


def test_a_file_elsewhere_seen_from_a_project(root, alone, check):
    (alone / "x.jsonl").write_text(sound_rows() + "nope\n")
    path = str(alone / "x.jsonl")
    assert found(check, root, path, "--level", "error")[:2] == (2, [("D008", path, "error", 1)])


def test_no_project_and_no_file(alone, check):
    code, out, err = check(alone)
    assert (code, out) == (2, [])
    assert err == ["Error: there is no project here, and no file is named", "  ftops data check FILE"]


@pytest.mark.parametrize("name", ["none.jsonl", ".", "x.gz", "pipe"])
def test_what_is_no_dataset_is_a_finding(alone, check, name):
    import gzip
    import os

    (alone / "x.gz").write_bytes(gzip.compress(b"{}"))
    os.mkfifo(alone / "pipe")
    code, codes, _ = found(check, alone, name)
    assert code == 2
    assert [(one[0], one[1]) for one in codes] == [("D004" if name == "x.gz" else "D001", name)]


def test_wrong_manifests_are_told_of_and_the_others_checked(root, check):
    (root / "finetunes/b.yaml").write_text("nope: 1\n")
    (root / "finetunes/data/a.jsonl").write_text(sound_rows())
    code, out, err = check(root, "--level", "error")
    assert code == 2
    assert out[0].startswith("Training file finetunes/data/a.jsonl")
    assert "ftops validate" in err[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--eval", "x"], "--validation and --eval are compared with one FILE"),
        (["a", "b", "--validation", "x"], "--validation and --eval are compared with one FILE"),
        (["--method", "dpo"], "--method is for a FILE: without one the manifests tell"),
        (["a", "--target", "a"], "--target, --exclude and --label select manifests: leave FILE away"),
        (["a", "--write-baseline"], "it isn't said which baseline to write"),
    ],
)
def test_words_that_don_t_go_together(alone, check, arguments, said):
    code, _, err = check(alone, *arguments)
    assert code == 2
    assert err[-1].endswith(said) or err[-2].endswith(said)


def test_settings_of_a_manifest(root, check):
    checked = MANIFEST.replace("jsonl}", "jsonl, checks: {D101: off, D102: off}}")
    write(root, "b", sound_rows() + sound_rows(20), checked)
    code, _, data = found(check, root, "finetunes/data/b.jsonl", "--level", "error")
    assert (code, data["summary"]["switched_off"]) == (0, ["D101", "D102"])
    _, out, _ = check(root, "finetunes/data/b.jsonl")
    assert out[-1] == "Switched off: D101 duplicate-example, D102 near-duplicate-example."


class TestAnnotations:
    def test_in_a_github_workflow(self, root, check, monkeypatch):
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        _, out, _ = check(root, "--level", "error")
        where = "file=finetunes/data/a.jsonl,line=121,col=1,title=D025 unknown-role"
        assert out[-1] == f"::error {where}::/messages/0/role: {SAID} '\\x1b[1mboss'"
        assert not any(line.startswith("::") for line in check(root, "--annotations", "none")[1])

    def test_a_project_below_the_repository(self, root, check):
        sub = root / "models"
        write(sub, "c", BROKEN)
        (sub / "ftops.yaml").write_text("apiVersion: ftops/v1\nkind: Project\nmetadata: {name: c}\n")
        _, out, _ = check(sub, "--level", "error", "--annotations", "github")
        assert any(line.startswith("::error file=models/finetunes/data/c.jsonl,line=1,") for line in out)

    def test_for_gitlab(self, root, check):
        code, out, _ = check(root, "--level", "error", "--annotations", "gitlab")
        (one,) = json.loads("\n".join(out))
        assert (code, one["location"]) == (2, {"path": "finetunes/data/a.jsonl", "lines": {"begin": 121}})


@pytest.mark.parametrize(
    "name", ["::error::x.jsonl", "##[add-mask]x.jsonl", "\x1b[2J\r\n::warning::.jsonl", "a,b:c%0A.jsonl"]
)
def test_no_line_begins_with_what_a_file_says(alone, check, name):
    hostile = json.dumps({"messages": [{"role": f"\n::set-output name={name}::\x1b]0;", "content": name}]})
    (alone / name).write_text(f"{hostile}\n::error::nope\n")
    for annotations in ("none", "github"):
        code, out, err = check(alone, name, "--annotations", annotations)
        assert code == 2
        text = "\n".join((*out, *err))
        assert "\x1b" not in text
        assert "##[" not in text
        told = [line for line in out if not line.startswith(("Training file ", "Checked ", "  ", "::error file="))]
        assert [line for line in told if line] == []
        assert not any(line.strip().startswith("::") for line in out if not line.startswith("::error file="))


def test_a_name_that_is_no_utf_8(alone, check):
    name = b"\xff.jsonl".decode("utf-8", "surrogateescape")
    try:
        (alone / name).write_text("nope\n")
    except OSError:
        pytest.skip("this file system takes no such name")
    code, codes, _ = found(check, alone, name, "--level", "error")
    assert (code, {one[1] for one in codes}) == (2, {"\\udcff.jsonl"})
    assert check(alone, name)[0] == 2


class TestBaselines:
    """A call without a result (D049) is a warning, and so can be known."""

    @pytest.fixture
    def few(self, alone):
        (alone / "x.jsonl").write_text(sound_rows() + UNANSWERED)
        return alone

    def test_what_is_known_is_left_out(self, few, check, warnings_of):
        assert ("D049", 1) in warnings_of(few, "x.jsonl")
        code, _, err = check(few, "x.jsonl", "--baseline", "known.json", "--write-baseline")
        assert (code, err[0].partition(" ")[2]) == (0, "findings are known from now on: known.json")
        assert warnings_of(few, "x.jsonl", "--baseline", "known.json") == []
        _, out, _ = check(few, "x.jsonl", "--baseline", "known.json")
        assert out[-2].endswith(": nothing new.")
        assert out[-1].startswith("Known from the baseline: ")
        (few / "x.jsonl").write_text(sound_rows() + UNANSWERED * 2)
        assert ("D049", 2) in warnings_of(few, "x.jsonl", "--baseline", "known.json")

    def test_errors_of_the_format_are_never_known(self, few, check):
        (few / "x.jsonl").write_text(sound_rows() + BROKEN)
        assert check(few, "x.jsonl", "--baseline", "known.json", "--write-baseline")[0] == 2
        assert "D025" not in (few / "known.json").read_text()

    def test_what_is_known_of_other_files_stays(self, few, check):
        (few / "y.jsonl").write_text(sound_rows(first=400) + UNANSWERED)
        check(few, "x.jsonl", "--baseline", "known.json", "--write-baseline")
        check(few, "y.jsonl", "--baseline", "known.json", "--write-baseline")
        assert self.known(few) == ["x.jsonl", "y.jsonl"]
        (few / "x.jsonl").write_text(sound_rows())
        check(few, "x.jsonl", "--baseline", "known.json", "--write-baseline")
        assert self.known(few) == ["y.jsonl"]

    @staticmethod
    def known(folder) -> list[str]:
        entries = json.loads((folder / "known.json").read_text())["known"]
        return [one["file"] for one in entries if one["code"] == "D049"]

    def test_the_manifest_names_it(self, root, check, warnings_of):
        write(root, "a", sound_rows() + UNANSWERED, MANIFEST.replace("jsonl}", "jsonl, baseline: data/known.json}"))
        (root / "finetunes/data/known.json").write_text('{"version": 1, "known": []}')
        assert ("D049", 1) in warnings_of(root, "--target", "a")
        assert check(root, "--target", "a", "--write-baseline")[0] == 0
        assert warnings_of(root, "--target", "a") == []
        assert warnings_of(root, "finetunes/data/a.jsonl") == []
        # Written again, what is known already stays known.
        before = (root / "finetunes/data/known.json").read_text()
        assert check(root, "--target", "a", "--write-baseline")[0] == 0
        assert (root / "finetunes/data/known.json").read_text() == before

    def test_one_that_is_broken(self, few, check):
        (few / "known.json").write_text("<<<")
        code, out, err = check(few, "x.jsonl", "--baseline", "known.json")
        assert (code, out) == (2, [])
        assert err[0].startswith("known.json:1:1: expected JSON")

    def test_warnings_count_where_it_is_strict(self, few, check):
        assert check(few, "x.jsonl")[0] == 0
        assert check(few, "x.jsonl", "--strict")[0] == 2
        assert check(few, "x.jsonl", "--strict", "--baseline", "known.json", "--write-baseline")[0] == 0


@pytest.fixture
def warnings_of(check):
    def call(folder, *arguments: str) -> list[tuple[str, int]]:
        _, findings, _ = found(check, folder, "--level", "warning", *arguments)
        return [(code, count) for code, _, _, count in findings]

    return call


def test_graders_over_training_answers(root, check):
    shape = "{type: string_check, operation: like, input: '{{sample.output_text}}', reference: r}"
    evals = f"""\
  evals:
    - {{name: shape, dataset: data/NAME.jsonl, sampling: {{}}, grader: {shape}}}
    - {{name: same, dataset: data/NAME.jsonl, sampling: {{}}, grader: {shape.replace("r}", "'{{reference}}'}")}}}
"""
    write(root, "b", sound_rows(), MANIFEST + evals)
    _, findings, _ = found(check, root, "finetunes/data/b.jsonl", "--with-graders", "--level", "warning")
    ((code, _, level, count),) = [one for one in findings if one[0] == "D160"]
    assert (code, level) == ("D160", "warning")
    assert 0 < count < 120
    _, _, err = check(root, "--target", "b", "--with-graders")
    assert err == [
        "Not asked of training answers: b, same: it compares with the reference, which in a training row is the answer itself"
    ]
    assert "D160" not in str(found(check, root, "finetunes/data/b.jsonl")[1])
    assert check(root, "README", "--with-graders")[2] == [
        "Not asked of training answers: README: no manifest trains on it"
    ]


@pytest.mark.parametrize(
    "command", [("data", "check"), ("data", "check", "--json"), ("validate",), ("validate", "--json")]
)
def test_nothing_that_rows_say_is_a_command_to_a_ci_runner(root, command, capsys):
    role = "##[error]::warning::"
    rows = json.dumps({"messages": [{"role": role, "content": "q"}, {"role": "assistant", "content": "a"}]}) + "\n"
    write(root, "a", sound_rows() + rows)
    assert run(["-C", str(root), *command]) == 2
    out = capsys.readouterr().out
    assert "[error]::warning::" in out
    assert "##[" not in out
    assert not any(line.lstrip().startswith("::") for line in out.splitlines())
    if command == ("validate", "--json"):
        assert role in json.loads(out)["problems"][0]["expected"]


def test_a_file_that_may_not_be_read_is_a_finding(alone, check, monkeypatch):
    (alone / "x.jsonl").write_text(sound_rows())
    opened, allowed = os.open, os.access

    def refused(path, *options, **more):
        if str(path).endswith("x.jsonl"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *options, **more)

    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("x.jsonl") and allowed(path, mode))
    monkeypatch.setattr(os, "open", refused)
    monkeypatch.chdir(alone)
    code, out, err = check(alone, "x.jsonl")
    assert (code, err) == (2, [])
    assert out[1:3] == [
        "  D001 error    unreadable-file",
        "    at x.jsonl: expected a readable file: Permission denied",
    ]
