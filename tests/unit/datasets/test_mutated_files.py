"""Files of mutated rows, and of texts that no one would write, under all checks at once: something may be found, nothing is
raised, and what is told can be printed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ftops.adapters.data_sources import GivenSource
from ftops.adapters.dataset_examiner import FileExaminer
from ftops.adapters.examining_processes import ExaminingProcesses
from ftops.adapters.kept_digests import KeptDigests
from ftops.adapters.kept_examinations import KeptExaminations
from ftops.application.data_checks import Examinee
from ftops.application.data_reviews import reviewed
from ftops.cli.annotations import github_lines, gitlab_report
from ftops.cli.render_findings import brief_lines, finding_lines, review_to_json
from ftops.cli.style import safe
from ftops.datasets.checking.graded import GradedAnswers
from ftops.datasets.checks import CheckSettings, Level
from ftops.datasets.findings import Baseline
from ftops.datasets.formats import Demands, Use
from ftops.domain.foreign_text import visible
from ftops.domain.loaded import Role
from ftops.domain.manifest import Split
from mutated_rows import mutated

GRADER = {
    "type": "text_similarity",
    "evaluation_metric": "fuzzy_match",
    "input": "{{sample.output_text}}",
    "reference": "{{item.messages.0.content}}",
    "pass_threshold": 0.5,
}
# Halves of numbers, addresses, keys and words in many scripts: what patterns stumble over.
PIECES = st.sampled_from(
    [
        *(" ", "\n", "\x00", "\u2028", "\u202e", "\ufeff", "\u0301", "İ", "ß", "ﬁ", "漢字", "👩\u200d👩", "٣", "½", "²"),
        *("0", "7", "1,234.50", "1.000.000,5", "-", "+", "$", "€ ", "%", "1e308", "9" * 400, "NaN", "inf", "(12)", "0x1F"),
        *("+49 151 2345678", "4242 4242 4242 4242", "DE89 3704 0044 0532 0130 00", "078-05-1120", "a@b.co", "@", "://u:p@h"),
        *("sk-proj-", "AKIA", "eyJhbGciOiJIUzI1NiJ9.", "-----BEGIN RSA PRIVATE KEY-----\n", "ghp_" + "a1B2" * 9, "xoxb-1"),
        *("As an AI", "I'll get back to you", "yes", "n/a", "Bank of America", "{", "}", '{"a": 1}', '{"a": 1e999}', "[" * 99),
        *("the quick brown fox jumps over the lazy dog ", "a" * 5_000, "%0A::error::", "##[group]", "\x1b[31m", "Refund"),
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=5).map("".join)


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


@st.composite
def odd_rows(draw: st.DrawFn, use: Use) -> bytes:
    """A row of the right shape, whatever its texts."""
    asked = [message("system", draw(TEXTS))] if draw(st.booleans()) else []
    asked.append(message("user", draw(TEXTS)))
    answer = message("assistant", draw(TEXTS))
    if draw(st.booleans()):
        arguments = json.dumps(
            draw(st.dictionaries(TEXTS, TEXTS | st.integers() | st.floats(allow_nan=False), max_size=3))
        )
        call = {"id": "c", "type": "function", "function": {"name": draw(TEXTS), "arguments": arguments}}
        answer = {"role": "assistant", "tool_calls": [call]}
    match use:
        case Use.DPO:
            row: Any = {
                "input": {"messages": asked},
                "preferred_output": [answer],
                "non_preferred_output": [message("assistant", draw(TEXTS))],
            }
        case Use.REINFORCEMENT:
            row = {"messages": asked, "answer": draw(TEXTS | st.integers() | st.none())}
        case _:
            row = {"messages": [*asked, answer]}
    return json.dumps(row).encode("utf-8", "surrogatepass")


def files(use: Use) -> st.SearchStrategy[bytes]:
    rows = st.lists(odd_rows(use) | mutated(use), min_size=1, max_size=14)
    # Some rows stand more than once, so that files have duplicates, labels and leaks.
    return rows.flatmap(lambda some: st.lists(st.sampled_from(some), min_size=1, max_size=40)).map(b"\n".join)


def told_of(folder: Path, use: Use, split: Split | None) -> Sequence[str]:
    """Everything that the commands print of what is found, in every form."""
    examiner = FileExaminer(
        GivenSource(folder),
        digests=KeptDigests(None, seal=None),
        kept=KeptExaminations(None, seal=None),
        processes=ExaminingProcesses(1),
    )
    train = Examinee(path="train", role=Role.TRAIN, use=use, split=split, demands=Demands(item_paths=("answer",)))
    others = (
        Examinee(path="valid", role=Role.VALIDATION, use=use),
        Examinee(path="test", role=Role.EVALUATION, use=Use.EVALUATION),
    )
    report = examiner.examine(train, others, extra=(GradedAnswers(GRADER, "echo"),))
    review = reviewed(report.files, CheckSettings(), Baseline())
    lines = [*finding_lines(review, least=Level.ADVICE), *brief_lines(review.groups)]
    lines += github_lines(review.groups, path_of=str)
    lines += [safe(str(problem)) for group in review.groups for problem in group.problems()]
    json.dumps([review_to_json(review, least=Level.ADVICE), gitlab_report(review.groups, path_of=str)], allow_nan=False)
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated")


@pytest.mark.parametrize("use", [Use.SUPERVISED, Use.DPO, Use.REINFORCEMENT])
@given(st.data())
@settings(max_examples=30, phases=(Phase.reuse, Phase.generate))  # to shrink such files takes minutes
def test_all_checks_stand_whatever_files_hold(folder: Path, use: Use, data: st.DataObject) -> None:
    for name in ("train", "valid", "test"):
        (folder / name).write_bytes(data.draw(files(use)))
    split = Split(fraction=0.3, seed=1) if data.draw(st.booleans()) else None
    for line in told_of(folder, use, split):
        assert visible(line) == line
        assert "##[" not in line
        line.encode()
