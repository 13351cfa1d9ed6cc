"""Examining files: what is compared with what, what is remembered, and that nothing is raised for what files hold."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from ftops.adapters import examining_processes
from ftops.adapters.data_sources import GivenSource
from ftops.adapters.dataset_examiner import FileExaminer
from ftops.adapters.examining_processes import ExaminingProcesses
from ftops.adapters.kept_digests import KeptDigests
from ftops.adapters.kept_examinations import KeptExaminations
from ftops.application.data_checks import DataReport, Examinee
from ftops.datasets import reading
from ftops.datasets.checking.registry import INSPECTIONS
from ftops.datasets.checks import CheckSettings, Setting
from ftops.datasets.formats import Use
from ftops.datasets.inspections import Inspection
from ftops.domain.loaded import Role
from ftops.domain.manifest import Split
from question_inspection import Questions

SEAL = b"s" * 32
TRAIN = Examinee(path="train.jsonl", role=Role.TRAIN, use=Use.SUPERVISED)
VALID = Examinee(path="valid.jsonl", role=Role.VALIDATION, use=Use.SUPERVISED)
TEST = Examinee(path="test.jsonl", role=Role.EVALUATION, use=Use.EVALUATION)


def rows(*questions: str) -> str:
    turns = '{"messages":[{"role":"user","content":"%s"},{"role":"assistant","content":"yes"}]}\n'
    return "".join(turns % question for question in questions)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_text(rows("a", "b", "b"))
    (tmp_path / "valid.jsonl").write_text(rows("b", "x"))
    (tmp_path / "test.jsonl").write_text(rows("y", "z"))
    for file in tmp_path.iterdir():
        os.utime(file, ns=(1, 1))
    return tmp_path


def examiner(folder: Path, *, limit: int = 1, inspections: tuple[Inspection, ...] = (Questions(),)) -> FileExaminer:
    return FileExaminer(
        GivenSource(folder),
        digests=KeptDigests(folder / ".ftops", seal=SEAL),
        kept=KeptExaminations(folder / ".ftops", seal=SEAL),
        processes=ExaminingProcesses(limit),
        inspections=inspections,
    )


def found_in(report: DataReport, settings: CheckSettings | None = None) -> list[tuple[str, str, int]]:
    return [(group.file, group.check.code, group.count) for group in report.groups(settings or CheckSettings())]


WANTED = [("train.jsonl", "D101", 1), ("valid.jsonl", "D104", 1)]


def test_each_file_is_compared_with_the_training_file(folder: Path) -> None:
    report = examiner(folder).examine(TRAIN, (VALID, TEST))
    assert found_in(report) == WANTED
    assert [(file.path, file.role, file.rows) for file in report.files] == [
        ("train.jsonl", Role.TRAIN, 3),
        ("valid.jsonl", Role.VALIDATION, 2),
        ("test.jsonl", Role.EVALUATION, 2),
    ]
    assert all(file.tokens > 0 for file in report.files)


def test_a_split_is_compared_within(folder: Path) -> None:
    whole = Examinee(path="train.jsonl", role=Role.TRAIN, use=Use.SUPERVISED, split=Split(fraction=0.5, seed=1))
    report = examiner(folder).examine(whole, (TEST,))
    assert [file.role for file in report.files] == [Role.TRAIN, Role.VALIDATION, Role.EVALUATION]
    assert sum(file.rows for file in report.files[:2]) == 3


def test_without_a_training_file_nothing_is_compared(folder: Path) -> None:
    assert found_in(examiner(folder).examine(None, (VALID, TEST))) == []


def test_what_cannot_be_read_is_a_finding_and_the_others_are_examined(folder: Path) -> None:
    (folder / "train.jsonl").unlink()
    report = examiner(folder).examine(TRAIN, (VALID,))
    assert found_in(report) == [("train.jsonl", "D001", 1)]
    assert [file.rows for file in report.files] == [0, 2]


@pytest.mark.parametrize("empty", ["train.jsonl", "valid.jsonl", "test.jsonl"])
@pytest.mark.parametrize("content", ["", "\n", "{\n", '{"messages":[]}\n'])
def test_under_all_checks_files_without_sound_rows_are_compared_with_nothing(
    folder: Path, empty: str, content: str
) -> None:
    (folder / empty).write_text(content)
    report = examiner(folder, inspections=INSPECTIONS).examine(TRAIN, (VALID, TEST))
    assert empty in {file for file, code, _ in found_in(report) if code < "D060"}
    assert [file.rows for file in report.files if file.path == empty] == [0]


@pytest.mark.parametrize(("fraction", "shares"), [(0.000001, [3, 0]), (0.999999, [0, 3])])
def test_under_all_checks_either_part_of_a_split_may_be_empty(folder: Path, fraction: float, shares: list[int]) -> None:
    split = Split(fraction=fraction, seed=1)
    whole = Examinee(path="train.jsonl", role=Role.TRAIN, use=Use.SUPERVISED, split=split)
    report = examiner(folder, inspections=INSPECTIONS).examine(whole, (TEST,))
    assert [file.rows for file in report.files] == [*shares, 2]


def test_the_same_bytes_are_examined_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = examiner(folder)
    wanted = one.examine(TRAIN, (VALID, TEST))
    one.close()
    monkeypatch.setattr(Questions, "look", lambda *_: pytest.fail("rows were looked at"))
    again = examiner(folder).examine(TRAIN, (VALID, TEST))
    assert found_in(again) == found_in(wanted) == WANTED
    assert again.groups(CheckSettings())[0].shown == wanted.groups(CheckSettings())[0].shown
    assert [(file.rows, file.tokens) for file in again.files] == [(file.rows, file.tokens) for file in wanted.files]


@pytest.mark.parametrize("change", ["content", "settings", "files", "extra"])
def test_what_findings_depend_on_makes_them_anew(folder: Path, change: str) -> None:
    one = examiner(folder)
    one.examine(TRAIN, (VALID, TEST))
    one.close()
    other = examiner(folder)
    if change == "content":
        (folder / "valid.jsonl").write_text(rows("b", "b"))
        assert found_in(other.examine(TRAIN, (VALID, TEST)))[1:] == [
            ("valid.jsonl", "D104", 2),
            ("valid.jsonl", "D101", 1),
        ]
    elif change == "settings":
        off = CheckSettings(changed={"D101": Setting.OFF, "D104": Setting.OFF})
        assert found_in(other.examine(TRAIN, (VALID, TEST), settings=off)) == []
        assert found_in(other.examine(TRAIN, (VALID, TEST))) == WANTED
    elif change == "files":
        assert found_in(other.examine(TEST, (VALID,))) == []
    else:
        twice = other.examine(TRAIN, (VALID,), extra=(Questions(),))
        assert found_in(twice) == [("train.jsonl", "D101", 2), ("valid.jsonl", "D104", 1)]


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(examining_processes, "_WORTH_BYTES", 1)
    return


@pytest.mark.usefixtures("several")
def test_processes_find_the_same_and_end(folder: Path) -> None:
    one = examiner(folder, limit=2)
    assert found_in(one.examine(TRAIN, (VALID, TEST))) == WANTED
    one.close()


@pytest.mark.usefixtures("several")
def test_processes_leave_interrupts_to_this_one_and_end_with_it() -> None:
    processes = ExaminingProcesses(2)
    pool = processes.for_file(10)
    assert isinstance(pool, ProcessPoolExecutor)
    assert pool.submit(signal.getsignal, signal.SIGINT).result(60) is signal.SIG_IGN
    children = list(pool._processes.values())
    processes.close()
    assert not any(child.is_alive() for child in children)


def test_a_file_that_no_backend_takes_is_looked_through_all_the_same(folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(reading, "MAX_FILE_BYTES", 10)
        report = examiner(folder).examine(TRAIN, ())
    assert found_in(report) == [("train.jsonl", "D014", 1), ("train.jsonl", "D101", 1)]
    size = (folder / "train.jsonl").stat().st_size
    assert report.groups(CheckSettings())[0].shown[0].says == f"expected at most 10 bytes, got {size}"
