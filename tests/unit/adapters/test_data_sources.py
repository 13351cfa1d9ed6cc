"""Opening datasets: files of the project, files a person names, and everything that is no file."""

import os
from pathlib import Path

import pytest

from ftops.adapters.data_sources import GivenSource, ProjectSource, SourceRefused


def test_files_are_opened_at_their_beginning(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/one.jsonl").write_bytes(b"{}\n")
    for source in (ProjectSource(tmp_path), GivenSource(tmp_path)):
        with source.open("data/one.jsonl") as stream:
            assert stream.read() == b"{}\n"
    with GivenSource(Path("/")).open(str(tmp_path / "data/one.jsonl")) as stream:
        assert stream.read() == b"{}\n"


@pytest.mark.parametrize("path", ["data", "none.jsonl", "pipe", "na\x00me", "x" * 5000])
def test_what_is_no_file_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for source in (ProjectSource(tmp_path), GivenSource(tmp_path)):
        with pytest.raises(SourceRefused, match="expected"):
            source.open(path)


def test_a_project_keeps_to_its_own_files(tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(b"{}\n")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/link.jsonl").symlink_to(outside)
    for path in ("../outside.jsonl", "link.jsonl", str(outside)):
        with pytest.raises(SourceRefused, match=r"inside the project|relative path"):
            ProjectSource(tmp_path / "project").open(path)
