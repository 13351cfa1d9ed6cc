"""Datasets at git revisions: what is opened, and what is refused in words."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from ftops.adapters import revision_source
from ftops.adapters.data_sources import SourceRefused
from ftops.adapters.git_process import GitFailed, GitProcess, GitTimedOut
from ftops.adapters.git_repo import GitRepository
from ftops.adapters.revision_source import RevisionSource
from ledger_kit import commit_file, git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "sub").mkdir()
    commit_file(folder, "sub/train.jsonl", "old\n")
    commit_file(folder, "sub/train.jsonl", "new\n")
    return folder


def read(folder: Path, path: str) -> bytes:
    with RevisionSource(folder).open(path) as stream:
        return stream.read()


def refused(folder: Path, path: str) -> str:
    with pytest.raises(SourceRefused) as caught:
        RevisionSource(folder).open(path)
    return f"{caught.value.says} ({caught.value.hint})"


def test_a_revision_counts_from_the_top_or_from_here(repo: Path) -> None:
    assert read(repo, "HEAD~1:sub/train.jsonl") == b"old\n"
    assert read(repo / "sub", "HEAD:sub/train.jsonl") == b"new\n"
    assert read(repo / "sub", "HEAD~1:./train.jsonl") == b"old\n"
    assert read(repo / "sub", "main~1:../sub/train.jsonl") == b"old\n"


def test_a_path_that_exists_wins(repo: Path) -> None:
    (repo / "HEAD:sub").mkdir()
    (repo / "HEAD:sub/train.jsonl").write_text("odd\n")
    assert read(repo, "HEAD:sub/train.jsonl") == b"odd\n"
    assert read(repo, "sub/train.jsonl") == b"new\n"


def test_what_is_not_there_is_said(repo: Path) -> None:
    assert "nor is there a revision 'nope'" in refused(repo, "nope:sub/train.jsonl")
    assert "nor is there a revision '--help'" in refused(repo, "--help:x")
    assert "there is no 'C:\\x'; nor is there a revision 'C'" in refused(repo, "C:\\x")
    assert "there is no file 'x' at 'HEAD'" in refused(repo, "HEAD:x")
    assert "from here it would be HEAD:./train.jsonl" in refused(repo / "sub", "HEAD:train.jsonl")
    assert "'sub' is a folder at 'HEAD'" in refused(repo, "HEAD:sub")
    assert "leaves the git repository" in refused(repo, "HEAD:../x")
    assert "there is no file" in refused(repo, "HEAD:a\nb")
    assert "there is no ':sub/train.jsonl'" in refused(repo, ":sub/train.jsonl")
    assert "there is no" in refused(repo, "HEAD:" + "x" * 5000)


def test_outside_of_a_repository_there_are_no_revisions(tmp_path: Path) -> None:
    assert "no git repository to look in" in refused(tmp_path, "HEAD:x.jsonl")


def test_links_are_followed_inside_the_revision_only(repo: Path) -> None:
    (repo / "inside").symlink_to("sub/train.jsonl")
    (repo / "outside").symlink_to("/etc/hostname")
    git(repo, "add", "inside", "outside")
    git(repo, "commit", "-q", "-m", "links")
    assert read(repo, "HEAD:inside") == b"new\n"
    assert "there is no file" in refused(repo, "HEAD:outside")


def test_what_is_too_large_is_not_unpacked(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revision_source, "MAX_FILE_BYTES", 3)
    assert "expected at most 3 bytes" in refused(repo, "HEAD:sub/train.jsonl")


def test_a_pointer_of_git_lfs_stands_for_its_content(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"large\n"
    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    commit_file(repo, "data.jsonl", pointer)
    assert "git-LFS pointer" in refused(repo, "HEAD:data.jsonl")
    assert "git lfs fetch" in refused(repo, "HEAD:data.jsonl")
    stored = repo / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(content)
    assert read(repo / "sub", "HEAD:data.jsonl") == content
    commit_file(repo, "data.jsonl", pointer.replace("size 6", "size 999999999999"))
    assert "expected at most" in refused(repo, "HEAD:data.jsonl")


def test_the_repository_gives_files_below_the_project(repo: Path) -> None:
    project = GitRepository(repo / "sub", project_root=repo / "sub")
    old = git(repo, "rev-parse", "HEAD~1").strip()
    stream = project.content(old, "train.jsonl", limit=100)
    assert not isinstance(stream, str)
    with stream:
        assert stream.read() == b"old\n"
    assert project.content(old, "x.jsonl", limit=100) == f"there is no file 'sub/x.jsonl' at '{old}'"
    assert project.content("0" * 40, "train.jsonl", limit=100) == "commit 000000000000 is not in this clone"
    assert "expected at most 3 bytes" in str(project.content(old, "train.jsonl", limit=3))


def test_a_shallow_clone_lacks_old_commits(repo: Path, tmp_path: Path) -> None:
    old = git(repo, "rev-parse", "HEAD~1").strip()
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo}", str(shallow))
    assert GitRepository(shallow).content(old, "sub/train.jsonl", limit=9) == f"commit {old[:12]} is not in this clone"


def test_git_writes_past_memory_and_fails_in_words(repo: Path, tmp_path: Path) -> None:
    process = GitProcess(folder=repo)
    with (tmp_path / "out").open("w+b") as out:
        process.write("cat-file", "blob", "HEAD:sub/train.jsonl", into=out)
        out.seek(0)
        assert out.read() == b"new\n"
        with pytest.raises(GitFailed, match="ended with 128"):
            process.write("cat-file", "blob", "HEAD:nope", into=out)


def test_git_that_takes_too_long_is_stopped(repo: Path, tmp_path: Path) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nsleep 60\n")
    (slow / "git").chmod(0o755)
    environment = {**os.environ, "PATH": f"{slow}{os.pathsep}{os.environ['PATH']}"}
    with (tmp_path / "out").open("w+b") as out, pytest.raises(GitTimedOut, match=r"timed out after 0\.2 s"):
        GitProcess(folder=repo, environment=environment).write("version", into=out, seconds=0.2)
    assert subprocess.run(["git", "version"], check=True, capture_output=True).stdout
