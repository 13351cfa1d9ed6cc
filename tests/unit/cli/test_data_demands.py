"""What a manifest demands of rows beyond their format: fields that its grader names, and images for its model alone."""

import json
import subprocess

import pytest

from ftops.cli.main import run
from sound_rows import sound_rows

REWARD = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: r}
spec:
  base_model: any-base
  method:
    type: reinforcement
    grader: {type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{item.intent.name}}"}
  dataset: {train: t.jsonl, validation: v.jsonl}
"""
SHOWN = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: r}
spec: {base_model: MODEL, dataset: {train: t.jsonl}}
"""
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def prompts(count: int, **more) -> str:
    rows = (json.loads(line)["messages"][:1] for line in sound_rows(count).splitlines())
    return "".join(json.dumps({"messages": row, **more}) + "\n" for row in rows)


@pytest.fixture
def found(tmp_path, monkeypatch, capsys):
    """Writes a project, and gives what a command finds in it, with the exit code."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("FTOPS_BACKEND", "embedded")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    folder = tmp_path / "finetunes"
    folder.mkdir()

    def call(manifest: str, files: dict[str, str], *command: str):
        (folder / "r.yaml").write_text(manifest)
        for name, text in files.items():
            (folder / name).write_text(text)
        capsys.readouterr()
        code = run(["-C", str(tmp_path), *command])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


GOOD = prompts(120, intent={"name": "yes"})


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("data", "check"), "t.jsonl"),
        (("data", "check"), "v.jsonl"),
        (("validate",), "t.jsonl"),
        (("plan",), "v.jsonl"),
    ],
)
def test_a_field_that_the_grader_names_and_a_row_lacks(found, command, name):
    files = {"t.jsonl": GOOD, "v.jsonl": prompts(8, intent={"name": "yes"})}
    assert found(REWARD, files, "data", "check", "--level", "error")[0] == 0
    code, out = found(REWARD, {**files, name: files[name] + prompts(1, intent={"nome": "no"})}, *command)
    line = (files[name]).count("\n") + 1
    said = "expected the field that the grader names, got no 'intent.name'"
    assert code == 2, out
    assert any(f"{name}:{line}:1" in one and said in one and "D034" in out for one in out.splitlines()), out


@pytest.mark.parametrize("command", [("data", "check"), ("data", "check", "finetunes/t.jsonl"), ("validate",)])
def test_an_image_for_a_model_that_takes_none(found, command):
    turns = [{"role": "user", "content": [PICTURE]}, {"role": "assistant", "content": "a cat"}]
    files = {"t.jsonl": sound_rows() + json.dumps({"messages": turns}) + "\n"}
    for model, wanted in (("gpt-4o-2024-08-06", 0), ("another-makers", 0), ("gpt-4.1-mini-2025-04-14", 2)):
        code, out = found(SHOWN.replace("MODEL", model), files, *command)
        assert code == wanted, out
    assert "D031" in out
    assert "t.jsonl:121:1" in out
