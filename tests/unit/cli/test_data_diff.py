"""What ``ftops data diff`` shows of two versions, by path and by git revision."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ftops.cli.main import run
from ledger_kit import git
from scratch_project import rows

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: router}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data/train.jsonl, validation: {fraction: 0.2, seed: 7}}
"""


def row(asked: str, answer: str, **more: Any) -> str:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns, **more}) + "\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "finetunes/data").mkdir(parents=True)
    (tmp_path / "finetunes/router.yaml").write_text(MANIFEST)
    train = tmp_path / "finetunes/data/train.jsonl"
    train.write_text(rows(0, 60))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    lines = rows(0, 60).splitlines(keepends=True)
    train.write_text("".join(lines[2:]).replace('"refund"', '"card"', 3) + rows(60, 5))
    return tmp_path


@pytest.fixture
def diff(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(folder: Path, *arguments: str, code: int = 0) -> str:
        assert run(["-C", str(folder), "data", "diff", *arguments]) == code
        said = capsys.readouterr()
        return said.err if code == 2 else said.out

    return call


def test_a_revision_and_the_work_tree(root: Path, diff: Any) -> None:
    text = diff(root, "HEAD:finetunes/data/train.jsonl", "finetunes/data/train.jsonl")
    assert "+5 −2 ~3 rows (changed: 3 by answer)" in text
    assert "labels  total variation distance" in text
    assert "line 60: 'I want my money back" not in text
    assert "line 59: " in text  # the first row that was added
    assert "- 'refund'" in text
    assert "+ 'card'" in text
    assert "router" in text  # its manifest says what is trained
    assert all(len(line) <= 100 for line in text.splitlines())


def test_two_revisions_from_another_folder(root: Path, diff: Any) -> None:
    git(root, "commit", "-q", "-a", "-m", "two")
    there = root / "finetunes"
    found = json.loads(diff(there, "HEAD~1:./data/train.jsonl", "HEAD:./data/train.jsonl", "--json", "--show", "1"))
    assert (found["added"], found["removed"], found["changed"]) == (5, 2, 3)
    assert [len(found["shown"][kind]) for kind in ("added", "removed", "changed")] == [1, 1, 1]
    assert found["shown"]["changed"][0]["old"]["answer"] == "'refund'"
    assert found["shown"]["removed"][0]["line"] == 1
    assert found["new"]["tokens_per_epoch"] > found["old"]["tokens_per_epoch"]
    (training,) = found["trainings"]
    assert training["new"]["fine_tune"] == "router"
    assert training["new"]["rows"] < found["new"]["rows"]  # the split's validation part is not trained on
    assert sum(shift["change"] for shift in found["labels"]) == pytest.approx(0)


def test_the_exit_code_tells_where_it_is_asked_to(root: Path, diff: Any) -> None:
    old, new = "HEAD:finetunes/data/train.jsonl", "finetunes/data/train.jsonl"
    diff(root, old, new, "--detailed-exitcode", code=3)
    text = diff(root, old, old, "--detailed-exitcode")
    assert "The same content." in text


def test_another_order_is_told_as_such(root: Path, diff: Any) -> None:
    lines = rows(0, 60).splitlines(keepends=True)
    (root / "x.jsonl").write_text("".join(reversed(lines)).replace(": ", ":"))
    text = diff(root, "HEAD:finetunes/data/train.jsonl", "x.jsonl", "--detailed-exitcode", "--base-model", "gpt-4.1")
    assert "The same rows: their order or their spelling as JSON differs." in text


def test_a_label_that_is_a_secret_is_masked_in_json_too(root: Path, diff: Any) -> None:
    key = "sk-proj-" + "a1B2c3D4e5F6" * 4
    (root / "a.jsonl").write_text(rows(0, 12))
    (root / "b.jsonl").write_text(rows(0, 12).replace('"refund"', f'"{key}"'))
    for text in (diff(root, "a.jsonl", "b.jsonl", "--json"), diff(root, "a.jsonl", "b.jsonl")):
        assert key[:20] not in text
        assert "sk-" in text


def test_the_estimates_say_what_they_assume(root: Path, diff: Any) -> None:
    (root / "a.jsonl").write_text(rows(0, 12))
    (root / "b.jsonl").write_text(rows(0, 13))
    assert "× 7 epochs (auto, by the published rule); prices as of" in diff(root, "a.jsonl", "b.jsonl")
    for name in "ab":
        (root / f"{name}.jsonl").write_text('{"messages": [{"role": "user", "content": "q"}], "answer": "a"}\n' * 10)
    text = diff(root, "a.jsonl", "b.jsonl")
    assert "\n  reinforcement is billed by training hour and grader tokens: not known before\n" in text


def test_what_can_not_be_read_is_said(root: Path, diff: Any) -> None:
    assert "there is no 'nope:x.jsonl'; nor is there a revision 'nope'" in diff(root, "nope:x.jsonl", "x.jsonl", code=2)
    assert "there is no 'C:\\x.jsonl'" in diff(root, "C:\\x.jsonl", "x.jsonl", code=2)
    assert "from here it would be HEAD:./data/train.jsonl" in diff(
        root / "finetunes", "HEAD:data/train.jsonl", "data/train.jsonl", code=2
    )


def test_rows_with_errors_are_left_out_of_both(root: Path, diff: Any) -> None:
    (root / "a.jsonl").write_text(rows(0, 12) + "oops\n")
    (root / "b.jsonl").write_text(rows(0, 12) + "oops\n{}\n")
    text = diff(root, "a.jsonl", "b.jsonl")
    assert "1 line is left out for errors: ftops data check a.jsonl" in text
    assert "2 lines are left out for errors: ftops data check b.jsonl" in text


def test_of_a_version_without_a_sound_row_it_is_said_why(root: Path, diff: Any) -> None:
    (root / "a.jsonl").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    (root / "b.jsonl").write_text(rows(0, 12))
    assert "D003: expected data, got a git-LFS pointer" in diff(root, "a.jsonl", "b.jsonl")
    (root / "a.jsonl").write_text("")
    assert "D002: expected rows, the file is empty" in diff(root, "b.jsonl", "a.jsonl")


def test_every_aspect_is_shown_and_nothing_hostile_gets_through(tmp_path: Path, diff: Any) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
    system = [{"role": "system", "content": "Be \x1b[31mbrief."}]
    asked = [{"role": "user", "content": "q \u202e1"}]

    def written(name: str, turns: list[dict[str, Any]], **more: Any) -> None:
        (tmp_path / name).write_text(json.dumps({"messages": turns, **more}) + "\n" + rows(0, 11))

    written("a.jsonl", [*asked, {"role": "assistant", "content": "yes"}])
    written("b.jsonl", [*system, *asked, {"role": "assistant", "tool_calls": [call]}], tools=[tool])
    text = diff(tmp_path, "a.jsonl", "b.jsonl")
    assert "line 1: 'q \\u202e1': answer and system prompt and tools" in text
    assert "+ look('{\"a\": 1}')" in text
    assert r"+ 'Be \x1b[31mbrief.'" in text
    assert "- nothing" in text
    assert "+ look\n" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_preference_rows_show_both_answers(tmp_path: Path, diff: Any) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    def pair(number: int, rejected: str) -> str:
        asked = {"messages": [{"role": "user", "content": f"q {number}"}]}
        answers = {"preferred_output": "good", "non_preferred_output": rejected}
        return json.dumps({"input": asked} | {k: [{"role": "assistant", "content": v}] for k, v in answers.items()})

    (tmp_path / "a.jsonl").write_text("".join(pair(n, "bad") + "\n" for n in range(12)))
    (tmp_path / "b.jsonl").write_text("".join(pair(n, "bad" if n else "worse") + "\n" for n in range(13)))
    text = diff(tmp_path, "a.jsonl", "b.jsonl")
    assert "+1 −0 ~1 rows" in text
    assert "+ 'good' rather than 'worse'" in text
    assert "total variation" not in text
