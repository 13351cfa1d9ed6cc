"""Real data, read whole: what ``ftops data check`` finds in it, as ``docs/data-checks.md`` tells."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftops.cli.main import run
from shared_data import missing, shared_path

BANKING = shared_path("data/banking77/train.csv")
TOOLS = shared_path("data/tool-calling/train.jsonl")
MATHS = shared_path("data/gsm8k-chat/train.jsonl")
PAIRS = shared_path("data/orca-dpo/validation.jsonl")


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Checks files outside of any project; gives the rows of each, and the findings by file and code."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def call(*arguments: object) -> Any:
        code = run(["-C", str(tmp_path), "data", "check", *map(str, arguments), "--json"])
        told = json.loads(capsys.readouterr().out)
        assert (code, told["summary"]["error"]) == (0, 0)
        rows = [(Path(one["path"]).name, one["use"], one["rows"]) for one in told["files"]]
        return rows, {(Path(one["file"]).name, one["code"]): one for one in told["findings"]}

    return call


def counts(findings: Any, *codes: str) -> dict[tuple[str, str], int]:
    return {key: one["count"] for key, one in findings.items() if key[1] in codes}


def chats(path: Path, to: Path) -> Path:
    """Writes a table of texts and labels in chat form."""
    with path.open(encoding="utf-8", newline="") as table, to.open("w", encoding="utf-8") as rows:
        for one in csv.DictReader(table):
            turns = [{"role": "user", "content": one["text"]}, {"role": "assistant", "content": one["category"]}]
            rows.write(json.dumps({"messages": turns}) + "\n")
    return to


@pytest.mark.skipif(not BANKING.exists(), reason=missing(BANKING))
def test_banking77(found: Callable[..., Any], tmp_path: Path) -> None:
    train = chats(BANKING, tmp_path / "train.jsonl")
    test = chats(BANKING.with_name("test.csv"), tmp_path / "test.jsonl")
    rows, findings = found(train, "--eval", test)
    assert rows == [("train.jsonl", "supervised", 10_003), ("test.jsonl", "evaluation", 3_080)]
    assert counts(findings, "D101", "D103", "D104") == {
        ("train.jsonl", "D101"): 32,
        ("train.jsonl", "D103"): 1,
        ("test.jsonl", "D101"): 4,
        ("test.jsonl", "D103"): 1,
        ("test.jsonl", "D104"): 29,
    }
    assert {code for _, code in findings} == {"D101", "D102", "D103", "D104", "D105"}


@pytest.mark.skipif(not TOOLS.exists(), reason=missing(TOOLS))
def test_tool_calling(found: Callable[..., Any]) -> None:
    rows, findings = found(TOOLS, "--validation", TOOLS.with_name("validation.jsonl"))
    assert rows == [("train.jsonl", "supervised", 86), ("validation.jsonl", "supervised", 10)]
    assert {one["level"] for one in findings.values()} == {"advice"}
    assert counts(findings, "D062", "D130") == {
        ("train.jsonl", "D062"): 1,
        ("train.jsonl", "D130"): 2,
        ("validation.jsonl", "D130"): 1,
    }
    assert ("train.jsonl", "D134") in findings


@pytest.mark.skipif(not MATHS.exists(), reason=missing(MATHS))
def test_gsm8k(found: Callable[..., Any]) -> None:
    rows, findings = found(MATHS, "--validation", MATHS.with_name("validation.jsonl"))
    assert rows == [("train.jsonl", "supervised", 449), ("validation.jsonl", "supervised", 50)]
    assert findings == {}


@pytest.mark.skipif(not PAIRS.exists(), reason=missing(PAIRS))
def test_orca(found: Callable[..., Any]) -> None:
    rows, findings = found(PAIRS)
    assert rows == [("validation.jsonl", "dpo", 284)]
    assert {code: one["level"] for (_, code), one in findings.items()} == {"D152": "warning", "D130": "advice"}
    assert counts(findings, "D130") == {("validation.jsonl", "D130"): 2}
    (bias,) = findings["validation.jsonl", "D152"]["shown"]
    assert "shorter one in 232 of 284 pairs" in bias["says"]
