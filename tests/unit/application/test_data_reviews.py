"""What several manifests make of the same files: each file is examined once, and what is found for one of them is found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from ftops.application.data_checks import DataReport, Examinee, FileReport
from ftops.application.data_reviews import Review, Reviewer, settings_of
from ftops.datasets.checks import CheckSettings, Level, Setting
from ftops.datasets.findings import Baseline, FindingList, Found, baseline_of
from ftops.datasets.inspections import Inspection
from ftops.domain.manifest import AdoptedDataset, DatasetPaths, EvalSpec, FineTune, FineTuneName, JobId

NO_SETTINGS = CheckSettings()
FOUND = {
    "t.jsonl": (
        Found(code="D101", line=4, says="twice", kind="twice"),
        Found(code="D130", line=2, says="later", kind="later"),
        Found(code="D007", line=9, says="blank", kind="blank"),
    ),
    "e.jsonl": (
        Found(code="D113", says="another system prompt", kind="system"),
        Found(code="D104", line=1, says="trained on", kind="leak"),
    ),
}


@dataclass
class FakeExaminer:
    """Finds what ``FOUND`` says, and remembers what it was asked for."""

    rows: ClassVar[int] = 60
    asked: list[tuple[Examinee | None, tuple[Examinee, ...]]] = field(default_factory=list)

    def examine(
        self,
        train: Examinee | None,
        others: Sequence[Examinee],
        *,
        settings: CheckSettings = NO_SETTINGS,
        extra: Sequence[Inspection] = (),
        told=lambda _: None,
    ) -> DataReport:
        self.asked.append((train, tuple(others)))
        told(7)
        files = []
        for one in (*((train,) if train else ()), *others):
            findings = FindingList(file=one.path)
            for found in FOUND.get(one.path, ()):
                findings.add(found)
            for _ in extra if one is train else ():
                findings.add(Found(code="D160", line=1, says="wrong"))
            files.append(
                FileReport(path=one.path, role=one.role, use=one.use, rows=self.rows, tokens=600, findings=findings)
            )
        return DataReport(files=tuple(files))


class Baselines(dict[str, Baseline]):
    def read(self, path: str) -> Baseline:
        return self[path]


def fine_tune(name: str = "a", train: str = "t.jsonl", *, evals: Sequence[EvalSpec] = (), **dataset) -> FineTune:
    return FineTune(
        name=FineTuneName(name),
        base_model="gpt",
        dataset=DatasetPaths(train=train, **dataset),
        evals=tuple(evals),
        path="a.yaml",
    )


def an_eval(name: str = "e", **more) -> EvalSpec:
    return EvalSpec(name=name, dataset="e.jsonl", grader={}, **more)


def review(*fine_tunes: FineTune, baselines: Baselines | None = None, **more) -> Review:
    return Reviewer(examiner=FakeExaminer(), baselines=baselines or Baselines(), **more).review(fine_tunes)


def codes(found: Review) -> list[str]:
    return [f"{group.check.code} {group.level}" for group in found.groups]


def test_worst_first_in_each_file() -> None:
    found = review(fine_tune(evals=[an_eval()]))
    assert codes(found) == ["D113 warning", "D104 warning", "D007 error", "D101 warning", "D130 advice"]
    assert [found.count(level) for level in Level] == [1, 3, 1]
    assert codes(found.about({"t.jsonl"})) == ["D007 error", "D101 warning", "D130 advice"]
    assert [file.path for file in found.about({"e.jsonl"}).files] == ["e.jsonl"]


def test_a_manifest_sets_levels() -> None:
    found = review(fine_tune(checks={"D101": "off", "D130": "error"}))
    assert codes(found) == ["D130 error", "D007 error"]
    assert found.off == ("D101",)


def test_data_that_is_gone_has_no_settings() -> None:
    gone = FineTune(
        name=FineTuneName("a"),
        base_model="gpt",
        dataset=AdoptedDataset(job=JobId("ftjob-a")),
        path="a",
        evals=(an_eval(),),
    )
    assert settings_of(gone) == CheckSettings()
    assert codes(review(gone)) == ["D113 warning", "D104 warning"]
    assert settings_of(fine_tune(checks={"D101": "off"})).changed == {"D101": Setting.OFF}


def test_the_same_files_are_examined_once() -> None:
    examiner, told = FakeExaminer(), []
    reviewer = Reviewer(examiner=examiner, baselines=Baselines())
    found = reviewer.review([fine_tune("a"), fine_tune("b"), fine_tune("c", "other.jsonl")], told=told.append)
    assert [train.path for train, _ in examiner.asked if train] == ["t.jsonl", "other.jsonl"]
    assert told == [7, 7]
    assert [file.path for file in found.files] == ["t.jsonl", "other.jsonl"]
    assert codes(found) == ["D007 error", "D101 warning", "D130 advice"]


def test_of_two_opinions_the_worse_counts() -> None:
    found = review(fine_tune("a", checks={"D101": "off", "D130": "warning"}), fine_tune("b"))
    assert codes(found) == ["D007 error", "D130 warning", "D101 warning"]
    assert found.off == ("D101",)
    again = review(fine_tune("b"), fine_tune("a", checks={"D101": "error"}))
    assert codes(again) == ["D101 error", "D007 error", "D130 advice"]


def test_what_a_baseline_knows_is_left_out_but_no_error_of_the_format() -> None:
    whole = review(fine_tune())
    known = baseline_of(whole.groups)
    found = review(fine_tune(baseline="known"), baselines=Baselines(known=known))
    assert codes(found) == ["D007 error"]
    assert [group.check.code for group in found.known] == ["D101", "D130"]
    # What one manifest knows and the other doesn't, is found.
    both = review(fine_tune("a", baseline="known"), fine_tune("b"), baselines=Baselines(known=known))
    assert (codes(both), both.known) == (codes(whole), ())
    assert codes(whole.without_known(known)) == ["D007 error"]
    assert [group.check.code for group in whole.without_known(known).known] == ["D101", "D130"]


def test_another_prompt_on_purpose() -> None:
    on_purpose = an_eval(prompt="intended")
    assert codes(review(fine_tune(evals=[on_purpose]))) == ["D104 warning", "D007 error", "D101 warning", "D130 advice"]
    assert "D113 warning" in codes(review(fine_tune(evals=[on_purpose, an_eval("other")])))


@pytest.mark.parametrize(
    ("path", "rows", "more", "told"),
    [
        ("t.jsonl", 5, (), ["D060"]),
        ("t.jsonl", 5, (Found(code="D008", line=6, says="no JSON"),), ["D008", "D060"]),
        ("t.jsonl", 5, (Found(code="D008", line=6, says="no JSON", count=5),), ["D008"]),  # ten, were they right
        ("t.jsonl", 0, (Found(code="D004", says="gzip"),), ["D004"]),
        ("v.jsonl", 5, (), []),
    ],
)
def test_that_rows_are_few_is_told_where_it_matters(monkeypatch, path, rows, more, told) -> None:
    monkeypatch.setitem(FOUND, path, (Found(code="D060", says="few"), *more))
    monkeypatch.setattr(FakeExaminer, "rows", rows)
    found = review(fine_tune(validation="v.jsonl")).about({path})
    assert sorted(one.check.code for one in found.groups) == told


def test_more_to_look_for() -> None:
    class Anything:
        codes = ("D160",)

    found = review(fine_tune("a"), fine_tune("b"), more=lambda one: (Anything(),) if one.name == "b" else ())  # type: ignore[list-item]
    assert "D160 warning" in codes(found)


def test_nothing_to_look_at() -> None:
    assert review() == Review()
