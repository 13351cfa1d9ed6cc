"""What ``ftops data stats`` shows of a file, in a project and without one."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ftops.cli import charts
from ftops.cli.main import run
from scratch_project import rows

MANIFEST = """\
apiVersion: ftops/v1
kind: FineTune
metadata: {name: router}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  dataset: {train: data/train.jsonl, validation: {fraction: 0.2, seed: 7}}
  method: {hyperparameters: {n_epochs: 2}}
  evals:
    - name: e
      dataset: data/test.jsonl
      grader: {type: string_check, operation: eq, input: a, reference: b}
"""


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "train.jsonl").write_text(rows(0, 60))
    return tmp_path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "finetunes/data").mkdir(parents=True)
    (tmp_path / "finetunes/router.yaml").write_text(MANIFEST)
    (tmp_path / "finetunes/data/train.jsonl").write_text(rows(0, 60))
    (tmp_path / "finetunes/data/test.jsonl").write_text(rows(900, 30))
    return tmp_path


@pytest.fixture
def stats(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(folder: Path, *arguments: str, code: int = 0) -> str:
        assert run(["-C", str(folder), "data", "stats", *arguments]) == code
        said = capsys.readouterr()
        return said.out if code == 0 else said.err

    return call


def test_a_file_outside_of_any_project(alone: Path, stats: Any) -> None:
    text = stats(alone, "train.jsonl")
    assert text.startswith("train.jsonl  supervised, 60 rows\n")
    assert "labels  3 different in 60 rows" in text
    assert "no row has more than 65,536 tokens" in text
    for model in ("gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"):
        assert model in text
    assert "× 3 epochs (auto, by the published rule); prices as of 2" in text
    assert "█" in text
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_one_model_may_be_asked_for(alone: Path, stats: Any) -> None:
    text = stats(alone, "train.jsonl", "--base-model", "gpt-4.1-mini")
    assert "gpt-4.1-2025" not in text
    assert "; $5 per million tokens as of" in text
    assert "the price of big-one is not known" in stats(alone, "train.jsonl", "--base-model", "big-one")


def test_the_json_holds_the_same(alone: Path, stats: Any) -> None:
    (found,) = json.loads(stats(alone, "train.jsonl", "--json"))["files"]
    tokens = found["tokens"]
    assert (found["rows"], found["lines_left_out"], found["use"]) == (60, 0, "supervised")
    assert sum(one["rows"] for one in tokens["per_row"]["histogram"]) == 60
    assert tokens["billed_per_epoch"] == tokens["per_row"]["total"]
    assert {one["label"]: one["rows"] for one in found["labels"]} == {"refund": 20, "card": 20, "login": 20}
    assert {one["tokens"] for one in found["trainings"]} == {3 * tokens["billed_per_epoch"]}
    assert found["turns"]["p50"] == 2


def test_rows_with_errors_are_left_out_and_counted(alone: Path, stats: Any) -> None:
    (alone / "train.jsonl").write_text(rows(0, 20) + "oops\n{}\n")
    text = stats(alone, "train.jsonl")
    assert "supervised, 20 rows" in text
    assert "2 lines left out for errors: ftops data check train.jsonl" in text


def test_the_manifest_says_what_is_trained(root: Path, stats: Any) -> None:
    text = stats(root / "finetunes", "data/train.jsonl")
    assert "supervised, train data, 60 rows" in text
    assert "router" in text
    (found,) = json.loads(stats(root, "finetunes/data/train.jsonl", "--json"))["files"]
    (training,) = found["trainings"]
    assert (training["fine_tune"], training["epochs"]) == ("router", 2)
    assert 0 < training["rows"] < 60  # the rest is the split's validation part
    assert training["tokens"] < found["tokens"]["billed_per_epoch"] * training["epochs"]


def test_wrong_manifests_are_told(root: Path, stats: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "finetunes/router.yaml").write_text(MANIFEST.replace("supervised", "").replace("seed: 7", "seed: x"))
    assert run(["-C", str(root), "data", "stats", "finetunes/data/train.jsonl"]) == 0
    said = capsys.readouterr()
    assert "supervised, 60 rows" in said.out
    assert "Manifests are wrong" in said.err


def test_data_that_nobody_trains_on_costs_nothing(root: Path, stats: Any) -> None:
    text = stats(root, "finetunes/data/test.jsonl", "finetunes/data/train.jsonl")
    assert "evaluation, evaluation data, 30 rows" in text
    assert "No manifest trains on this file" in text
    assert "supervised, train data, 60 rows" in text


def test_a_label_that_is_a_secret_is_masked_in_json_too(alone: Path, stats: Any) -> None:
    key = "sk-proj-" + "a1B2c3D4e5F6" * 6
    turns = [{"role": "user", "content": "which key?"}, {"role": "assistant", "content": key[:60]}]
    (alone / "keys.jsonl").write_text((json.dumps({"messages": turns}) + "\n") * 10)
    for text in (stats(alone, "keys.jsonl", "--json"), stats(alone, "keys.jsonl")):
        assert key[:20] not in text
        assert "sk-" in text


def test_tools_prompts_and_hostile_names_are_shown_safely(alone: Path, stats: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    turns = [
        {"role": "system", "content": "\x1b[31mBe \u202eevil."},
        {"role": "user", "content": "q"},
        {"role": "assistant", "tool_calls": [call]},
    ]
    row = json.dumps({"messages": turns, "tools": tools})
    (alone / "train.jsonl").write_text(f"{row}\n" * 12)
    text = stats(alone, "train.jsonl")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[31mBe \u202eevil." in text
    assert "12 rows offer some, the answers of 12 rows call some" in text


def test_more_than_ten_of_a_kind_are_counted(alone: Path, stats: Any) -> None:
    def row(n: int) -> str:
        turns = [("system", f"prompt {n % 15}"), ("user", f"q {n}"), ("assistant", f"label {n % 12}")]
        return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}) + "\n"

    (alone / "train.jsonl").write_text("".join(row(n) for n in range(60)))
    text = stats(alone, "train.jsonl")
    assert "and 2 more, the rarest in 5 rows" in text
    assert "15 different, 0 rows without one" in text
    assert "and 5 more" in text


def test_a_file_of_no_training_format_is_measured_all_the_same(alone: Path, stats: Any) -> None:
    (alone / "free.jsonl").write_text('{"question": "why?"}\n' * 3)
    text = stats(alone, "free.jsonl")
    assert "rows of no training format, 3 rows" in text
    assert "training  estimated" not in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "D002: expected rows, the file is empty"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
            "D003: expected data, got a git-LFS pointer",
        ),
        ("oops\n", "D008: "),
    ],
)
def test_of_a_file_without_a_sound_row_it_is_said_why(alone: Path, stats: Any, content: str, says: str) -> None:
    (alone / "none.jsonl").write_text(content)
    text = stats(alone, "none.jsonl")
    assert text.startswith("none.jsonl  no rows\n")
    assert says in text
    assert "estimated" not in text


def test_a_reinforcement_file_has_no_known_price(alone: Path, stats: Any) -> None:
    (alone / "r.jsonl").write_text('{"messages": [{"role": "user", "content": "q"}], "answer": "a"}\n' * 10)
    text = stats(alone, "r.jsonl")
    assert "\n  reinforcement is billed by training hour and grader tokens: not known before\n" in text
    assert "gpt-4" not in text


def test_a_file_that_is_not_there_is_a_usage_problem(alone: Path, stats: Any) -> None:
    assert "there is no 'none.jsonl'" in stats(alone, "none.jsonl", code=2)


def test_what_costs_less_than_a_cent_does_not_cost_nothing(alone: Path, stats: Any) -> None:
    (alone / "one.jsonl").write_text(rows(0, 1))
    assert "<0.01" in stats(alone, "one.jsonl", "--base-model", "gpt-4o-mini")


def test_the_estimate_says_what_it_assumes(alone: Path, stats: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}
    long = {"role": "user", "content": "so " * 70_000}
    turns = [{"role": "user", "content": [image]}, {"role": "assistant", "tool_calls": [call]}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    rows_ = [{"messages": turns, "tools": [tool]}, {"messages": [long, {"role": "assistant", "content": "x"}]}]
    (alone / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows_))
    assumed = json.loads(stats(alone, "odd.jsonl", "--json"))["files"][0]["trainings"][0]["assumes"]
    assert "(auto, by the published rule), long rows cut at 65,536 tokens, tools and calls counted as JSON" in assumed
    assert "images not counted; $" in assumed


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_number_is_cut_however_narrow_the_terminal(
    alone: Path, stats: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    wanted = json.loads(stats(alone, "train.jsonl", "--json"))["files"][0]
    monkeypatch.setattr(charts, "terminal_width", lambda: width)
    monkeypatch.setattr(charts, "margin", lambda: width)
    text = stats(alone, "train.jsonl")
    for spread in ("tokens", "turns", "prompt_characters", "answer_characters"):
        found = wanted[spread].get("per_row", wanted[spread])
        cells = [f"{found[key]:,}" for key in ("least", "p5", "p25", "p50", "p75", "p95", "p99", "most")]
        assert "".join(f"{cell} " for cell in (*cells, f"{found['mean']:,.1f}", f"{found['total']:,}")) in (
            " ".join(text.split()) + " "
        )
    for label in wanted["labels"]:
        assert any(line.rstrip().endswith(f"{label['rows']}  33.3%") for line in text.splitlines())


def test_a_file_or_pipe_gets_unbroken_lines(alone: Path, stats: Any) -> None:
    folder = alone / ("a name of many words " * 8).strip()
    folder.mkdir()
    (folder / "x.jsonl").write_text(rows(0, 12) + "oops\n")
    path = str(folder / "x.jsonl")
    assert f"  1 line left out for errors: ftops data check {path}\n" in stats(alone, path)


def test_a_terminal_without_block_characters_gets_plain_ones(
    alone: Path, stats: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "shows_blocks", lambda: False)
    text = stats(alone, "train.jsonl")
    assert text.isascii()
    assert "####" in text
