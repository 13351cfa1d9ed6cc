import subprocess
import sys
from pathlib import Path

import pytest
from ledger_kit import World, commit_file, git

from ftops.adapters.git_repo import GitRepository
from ftops.errors import UsageProblem


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    return path


def test_no_repository_names_git_init(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem) as caught:
        GitRepository(tmp_path)
    assert caught.value.remedy == "git init"


def test_bare_repository_has_no_work_tree(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "b.git")
    with pytest.raises(UsageProblem, match="bare"):
        GitRepository(tmp_path / "b.git")


def test_without_git_says_so(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\nfrom ftops.adapters.git_repo import GitRepository\nfrom ftops.errors import UsageProblem\n"
        "try: GitRepository(pathlib.Path(sys.argv[1]))\nexcept UsageProblem as e: print(e.message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        check=False,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "git is not installed, or not on the PATH", done.stderr


def test_finds_the_top_from_a_folder_below(repo: Path) -> None:
    below = repo / "a" / "b"
    below.mkdir(parents=True)
    found = GitRepository(below)
    assert (found.root, found.common_dir, found.is_shallow) == (repo, repo / ".git", False)


def test_head(repo: Path) -> None:
    assert GitRepository(repo).head() is None
    commit = commit_file(repo, "a", "1")
    assert GitRepository(repo).head() == commit


def test_linked_work_tree(repo: Path, tmp_path: Path) -> None:
    commit = commit_file(repo, "a", "1")
    git(repo, "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    found = GitRepository(tmp_path / "tree")
    assert (found.root, found.common_dir, found.head()) == (tmp_path / "tree", repo / ".git", commit)


@pytest.mark.parametrize(
    ("path", "is_dirty"), [("project/new", True), ("project/a", True), ("outside", False), ("project/x.log", False)]
)
def test_is_dirty_below_the_project_only(repo: Path, path: str, is_dirty: bool) -> None:
    (repo / "project").mkdir()
    commit_file(repo, "project/a", "1")
    commit_file(repo, ".gitignore", "*.log\n")
    found = GitRepository(repo, project_root=repo / "project")
    assert not found.is_dirty()
    (repo / path).write_text("changed")
    assert found.is_dirty() == is_dirty


def test_is_dirty_takes_the_project_literally(repo: Path) -> None:
    (repo / "a*").mkdir()
    commit_file(repo, "a*/file", "1")
    (repo / "ab").write_text("untracked")
    assert not GitRepository(repo / "a*").is_dirty()


def test_is_ancestor(repo: Path) -> None:
    first, second = commit_file(repo, "a", "1"), commit_file(repo, "a", "2")
    git(repo, "checkout", "-q", "-b", "side", first)
    side = commit_file(repo, "b", "1")
    found = GitRepository(repo)
    assert found.is_ancestor(first, second) is True
    assert found.is_ancestor(second, second) is True
    assert found.is_ancestor(second, first) is False
    assert found.is_ancestor(side, second) is False
    assert found.is_ancestor("0" * 40, second) is False, "all of its history is here"
    assert found.is_ancestor(first, "0" * 40) is None
    assert found.is_ancestor("--all", second) is False
    assert found.is_ancestor(first, "main") is None, "only commits are taken, no names"


def test_shallow_clone_cannot_tell(world: World) -> None:
    seed = world.repo.parent / "seed"
    first = git(seed, "rev-parse", "HEAD")
    middle, last = commit_file(seed, "a.txt", "2"), commit_file(seed, "a.txt", "3")
    git(seed, "push", "-q", "origin", "HEAD:main")
    shallow = GitRepository(world.clone("shallow", "--depth", "2"))
    assert shallow.is_shallow
    assert shallow.is_ancestor(middle, last) is True
    assert shallow.is_ancestor(first, last) is None
    assert shallow.is_ancestor(last, middle) is None


def test_remotes(world: World) -> None:
    found = GitRepository(world.repo)
    assert found.remotes() == ("origin",)
    assert found.remote_exists("origin")
    assert not found.remote_exists("upstream")


def test_inherited_git_variables_point_nowhere_else(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = commit_file(repo, "a", "1")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    found = GitRepository(repo)
    assert (found.root, found.head(), found.is_dirty()) == (repo, commit, False)


def test_reading_runs_no_hook(repo: Path) -> None:
    commit_file(repo, "a", "1")
    git(repo, "config", "core.fsmonitor", "false")
    hook = repo / ".git" / "hooks" / "post-index-change"
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    GitRepository(repo).is_dirty()
    assert not (repo / "hooked").exists()


def test_repository_that_git_will_not_use(repo: Path) -> None:
    (repo / ".git" / "config").write_text("[broken")
    with pytest.raises(UsageProblem):
        GitRepository(repo)
