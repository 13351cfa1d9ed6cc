"""What is kept of datasets and verdicts holds for the code that made it, also where that changes without a new version."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftops import datasets, evaluation
from ftops.adapters.kept_examinations import KeptExaminations
from ftops.adapters.kept_row_changes import KeptRowChanges
from ftops.adapters.kept_verdicts import KeptVerdicts
from ftops.adapters.package_code import package_code
from ftops.domain.dataset_changes import LabelChange, RowChanges
from ftops.domain.judgement import Verdict
from ftops.evaluation.known_verdicts import Judged

SEAL = b"s" * 32
FOUND = RowChanges(
    added=1, removed=2, changed=3, tokens=-4, labels=(LabelChange(label="'a'", old_share=0.5, new_share=0.25),)
)
JUDGED = Judged(
    verdict=Verdict.INSUFFICIENT_EVIDENCE,
    observed=1 / 3,
    low=0.1,
    high=None,
    threshold=-0.0,
    n=40,
    needed_n=47,
    mcnemar_p=5e-324,
    sentence="not shown",
)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "check.py").write_text("LIMIT = 1\n")
    monkeypatch.setattr(datasets, "__path__", [str(folder)])
    monkeypatch.setattr(evaluation, "__path__", [str(folder)])
    package_code.cache_clear()
    yield folder
    package_code.cache_clear()


def change(code: Path, how: str) -> None:
    match how:
        case "size":
            (code / "check.py").write_text("LIMIT = 10\n")
        case "time":
            os.utime(code / "check.py", ns=(1, 1))
        case "name":
            (code / "check.py").rename(code / "other.py")
        case "more":
            (code / "checking").mkdir()
            (code / "checking/more.py").write_text("")
    package_code.cache_clear()


@pytest.mark.parametrize("how", ["nothing", "size", "time", "name", "more"])
def test_a_changed_check_finds_anew(code: Path, tmp_path: Path, how: str) -> None:
    examinations = KeptExaminations(tmp_path, seal=SEAL)
    examinations.put("key", ())
    examinations.save()
    changes = KeptRowChanges(tmp_path, seal=SEAL)
    changes["key"] = FOUND
    changes.save()
    verdicts = KeptVerdicts(tmp_path, seal=SEAL)
    verdicts["key"] = JUDGED
    verdicts.save()
    change(code, how)
    is_known = how == "nothing"
    assert KeptExaminations(tmp_path, seal=SEAL).get("key") == (() if is_known else None)
    assert KeptRowChanges(tmp_path, seal=SEAL).get("key") == (FOUND if is_known else None)
    assert KeptVerdicts(tmp_path, seal=SEAL).get("key") == (JUDGED if is_known else None)
    assert KeptVerdicts(tmp_path, seal=b"x" * 32).get("key") is None


def test_what_was_kept_is_not_written_again(tmp_path: Path) -> None:
    changes = KeptRowChanges(tmp_path, seal=SEAL)
    changes["key"] = FOUND
    changes.save()
    file = tmp_path / "cache/differences"
    file.write_bytes(before := file.read_bytes())
    os.utime(file, ns=(1, 1))
    again = KeptRowChanges(tmp_path, seal=SEAL)
    again["key"] = FOUND
    again.save()
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, 1)
