import os
import time
from pathlib import Path

import pytest

from ftops.adapters.state_dir import clear_left_behind, ensure_private_dir, write_privately


def test_private_dir_ignores_itself_and_keeps_what_is_there(tmp_path: Path) -> None:
    path = ensure_private_dir(tmp_path / "a" / ".ftops")
    assert path.stat().st_mode & 0o777 == 0o700
    assert (path / ".gitignore").read_text() == "*\n"
    (path / ".gitignore").write_text("mine")
    ensure_private_dir(path)
    assert (path / ".gitignore").read_text() == "mine"


def test_write_privately_replaces_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_privately(path, b"old")
    write_privately(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError):
        write_privately(tmp_path / "folder", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_what_a_kill_left_behind_is_removed_after_an_hour(tmp_path: Path) -> None:
    long_ago = time.time() - 4000
    for name in (".kept.json.abcd1234", ".fresh.json.abcd1234", "kept.json", ".gitignore", "outputs"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time(), time.time()) if "fresh" in name else (long_ago, long_ago))
    clear_left_behind(tmp_path, tmp_path / "not there")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".fresh.json.abcd1234",
        ".gitignore",
        "kept.json",
        "outputs",
    ]
