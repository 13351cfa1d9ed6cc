"""A plan reads no dataset that was not written since the last one: neither to look for what is wrong, nor to count tokens."""

import os
from pathlib import Path

import pytest

from ftops.adapters import kept_digests
from ftops.adapters.dataset_files import DatasetFiles
from ftops.cli.main import run
from ftops.datasets.examination import Examiner
from scratch_project import Scratch, make_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.setattr(kept_digests, "_SETTLED_NS", -(10**9))  # else files would have to lie still for two seconds
    scratch = make_project(tmp_path, None)
    scratch.manifest(validation="{fraction: 0.2, seed: 7}")
    scratch.manifest("second", file="second")
    scratch.commit()
    return scratch


def plan(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["-C", str(scratch.root), "plan"]) == 0
    return capsys.readouterr().out


def forbid_reading(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kept_digests, "_sha256", lambda _: pytest.fail("a dataset was digested"))
    patch.setattr(DatasetFiles, "_reopened", lambda *_: pytest.fail("a dataset was counted"))
    patch.setattr(Examiner, "examine", lambda *_, **__: pytest.fail("a dataset was examined"))


def test_what_was_not_written_is_not_read(project: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    cold = plan(project, capsys)
    assert "2 to train" in cold
    assert "D102" in cold
    with pytest.MonkeyPatch.context() as patch:
        forbid_reading(patch)
        assert plan(project, capsys) == cold


def test_a_change_of_the_same_size_is_read_whatever_its_time_says(
    project: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    cold = plan(project, capsys)
    file = project.root / "finetunes/data/train.jsonl"
    before = file.stat()
    file.write_text(file.read_text().replace('"login"', '"other"'))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert plan(project, capsys) != cold


@pytest.mark.parametrize("name", ["datasets", "digests", "findings"])
def test_a_damaged_cache_changes_nothing(project: Scratch, capsys: pytest.CaptureFixture[str], name: str) -> None:
    cold = plan(project, capsys)
    kept = project.root / ".ftops/cache" / name
    kept.write_bytes(kept.read_bytes()[:-1])
    assert plan(project, capsys) == cold
    kept.unlink()
    kept.mkdir()
    assert plan(project, capsys) == cold
