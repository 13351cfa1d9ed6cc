import subprocess
import sys
from pathlib import Path

import pytest

from ftops.adapters.git_repo import GitRepository
from ftops.errors import UsageProblem
from ledger_kit import World, commit_file, declared, git, ledger, started


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


def test_files_of_the_repository_are_no_settings_of_git(repo: Path) -> None:
    """What a pull request can bring along: a folder that git takes for a repository, with the programs it is to run."""
    project, ran, evil = repo / "project", repo.parent / "ran", repo.parent / "evil"
    (project / "below").mkdir(parents=True)
    evil.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    evil.chmod(0o755)
    git(project, "init", "-q", "--bare", ".")
    for name, value in {"bare": "false", "worktree": str(project), "fsmonitor": str(evil)}.items():
        git(project, "config", f"core.{name}", value)
    git(project, "status")
    assert ran.exists()
    ran.unlink()
    for start in (project, project / "below"):
        with pytest.raises(UsageProblem, match="project is a bare git repository, or looks like one"):
            GitRepository(start).is_dirty()
    GitRepository(repo, project_root=project).is_dirty()
    assert not ran.exists()


@pytest.mark.parametrize("others", [("objects", "refs"), ("commondir",)])
def test_what_may_look_like_a_repository_to_git_is_refused(repo: Path, others: tuple[str, ...]) -> None:
    (repo / "below").mkdir()
    for name in others:
        (repo / "below" / name).touch()
    assert GitRepository(repo / "below").root == repo
    (repo / "below" / "HEAD").touch()
    with pytest.raises(UsageProblem, match="looks like one"):
        GitRepository(repo / "below")


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


def test_folders_may_have_line_breaks_in_their_names(tmp_path: Path) -> None:
    top = tmp_path / "a\nb"
    top.mkdir()
    git(top, "init", "-q")
    found = GitRepository(top)
    assert (found.root, found.common_dir) == (top, top / ".git")


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


def test_what_git_will_not_work_in_is_told_in_its_words(repo: Path) -> None:
    git(repo, "config", "core.repositoryFormatVersion", "99")
    with pytest.raises(UsageProblem, match=r"git can't use the repository at .*\.git: fatal: .*99"):
        GitRepository(repo)


def test_a_broken_index_is_told_in_gits_words(repo: Path) -> None:
    found = GitRepository(repo)
    (repo / ".git/index").write_text("x")
    with pytest.raises(UsageProblem, match="index file smaller than expected"):
        found.is_dirty()


def test_a_folder_that_is_not_there_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="not in a git repository"):
        GitRepository(tmp_path / "nowhere")


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


class Deep:
    """A remote with five commits on main and one on a side branch, and a clone of it that has only the last of main."""

    def __init__(self, world: World, *options: str) -> None:
        self.remote, self.seed = world.remote, world.repo.parent / "seed"
        self.line = [git(self.seed, "rev-parse", "HEAD"), *(commit_file(self.seed, "a.txt", str(n)) for n in range(4))]
        git(self.seed, "checkout", "-q", "-b", "side", "HEAD~2")
        self.side = commit_file(self.seed, "b.txt", "side")
        git(self.seed, "push", "-q", "origin", "main", "side")
        self.path = world.clone("shallow", *(options or ("--depth", "1")))
        self.found = GitRepository(self.path)


def objects(repo: Path, kind: str) -> int:
    listing = git(repo, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
    return listing.split().count(kind)


@pytest.mark.parametrize("has_filter", [True, False])
def test_missing_history_is_fetched(world: World, *, has_filter: bool) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", str(has_filter).lower())
    deep = Deep(world)
    refs = git(deep.path, "for-each-ref")
    assert deep.found.is_ancestor(deep.line[0], deep.line[-1]) is None
    deep.found.fetch_history(deep.line[0], remote="origin")
    assert deep.found.is_ancestor(deep.line[0], deep.line[-1]) is True
    assert deep.found.is_ancestor(deep.side, deep.line[-1]) is False
    assert not deep.found.is_shallow
    assert git(deep.path, "for-each-ref") == refs
    assert not (deep.path / ".git" / "FETCH_HEAD").exists()
    assert (objects(deep.path, "tree") == 1) == has_filter, "commits are enough"
    commit_file(deep.seed, "new.txt", "new")
    git(deep.seed, "push", "-q", "origin", "HEAD")
    git(deep.path, "fetch", "-q", "origin", "side")
    git(deep.path, "checkout", "-q", "FETCH_HEAD")
    assert (deep.path / "new.txt").exists(), "the clone goes on as before"
    deep.found.fetch_history(deep.line[0], remote="origin")


def test_commit_that_diverged_or_came_later_is_fetched_too(world: World) -> None:
    deep = Deep(world)
    newer = commit_file(deep.seed, "c.txt", "c")
    git(deep.seed, "push", "-q", "origin", "HEAD:refs/heads/newer")
    for commit in (deep.side, newer):
        assert deep.found.is_ancestor(deep.line[2], commit) is None
        deep.found.fetch_history(commit, remote="origin")
        assert deep.found.is_ancestor(deep.line[2], commit) is True
        assert deep.found.is_ancestor(deep.line[-1], commit) is False


def test_commit_that_the_remote_does_not_have(world: World) -> None:
    deep = Deep(world)
    for commit in ("0" * 40, "--upload-pack=touch hacked", "main"):
        deep.found.fetch_history(commit, remote="origin")
    assert deep.found.is_ancestor(deep.line[0], deep.line[-1]) is True
    assert deep.found.is_ancestor("0" * 40, deep.line[-1]) is False
    assert not (deep.path / "hacked").exists()


def test_checkout_of_a_ci_run_is_deepened(world: World) -> None:
    """As actions/checkout does it: one fetch of one commit, and a detached head."""
    deep = Deep(world)
    path = world.repo.parent / "ci"
    git(world.repo.parent, "init", "-q", str(path))
    git(path, "remote", "add", "origin", f"file://{world.remote}")
    git(path, "fetch", "-q", "--no-tags", "--depth=1", "origin", f"+{deep.line[-1]}:refs/remotes/origin/main")
    git(path, "checkout", "-q", "--detach", "refs/remotes/origin/main")
    found = GitRepository(path)
    assert found.is_ancestor(deep.line[1], deep.line[-1]) is None
    found.fetch_history(deep.line[1], remote="origin")
    assert found.is_ancestor(deep.line[1], deep.line[-1]) is True


def test_partial_clone_of_the_users_own_stays_one(world: World) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", "true")
    deep = Deep(world, "--depth", "1", "--filter=blob:none")
    deep.found.fetch_history(deep.line[0], remote="origin")
    assert git(deep.path, "config", "remote.origin.partialclonefilter") == "blob:none"
    assert deep.found.is_ancestor(deep.line[0], deep.line[-1]) is True


def test_remote_out_of_reach_leaves_the_question_open(world: World) -> None:
    deep = Deep(world)
    world.remote.rename(world.remote.with_suffix(".away"))
    deep.found.fetch_history(deep.line[0], remote="origin")
    assert deep.found.is_ancestor(deep.line[0], deep.line[-1]) is None
    with pytest.raises(UsageProblem):
        deep.found.fetch_history(deep.line[0], remote="--upload-pack=x")


def test_ledger_is_read_whole_after_the_history_was_fetched(world: World) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", "true")
    deep = Deep(world)
    ledger(world.repo).record([started(), declared()])
    deep.found.fetch_history(deep.line[0], remote="origin")
    at = ledger(deep.path)
    at.read()
    git(deep.path, "config", "remote.origin.url", "file:///nowhere")
    assert at.read_cached().state.fine_tunes, "nothing of it is left to be fetched"


def test_files_that_changed_are_told_below_the_project_alone(repo: Path) -> None:
    (repo / "project").mkdir()
    first = commit_file(repo, "project/a.yaml", "1")
    commit_file(repo, "outside.yaml", "1")
    git(repo, "mv", "project/a.yaml", "project/é b.yaml")
    last = commit_file(repo, "project/c.yaml", "1")
    found = GitRepository(repo, project_root=repo / "project")
    assert found.changed_files(first, last) == {"a.yaml", "é b.yaml", "c.yaml"}
    assert found.changed_files(last, last) == frozenset()
    assert found.changed_files("0" * 40, last) is None
    assert found.changed_files("--output=x", last) is None


def test_files_that_changed_are_told_after_history_was_fetched_without_them(world: World) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", "true")
    deep = Deep(world)
    assert deep.found.changed_files(deep.line[1], deep.line[-1]) is None
    deep.found.fetch_history(deep.line[1], remote="origin")
    assert deep.found.changed_files(deep.line[1], deep.line[-1]) == {"a.txt"}


def test_files_whose_listing_can_not_be_fetched_are_unknown(world: World) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", "true")
    deep = Deep(world)
    deep.found.fetch_history(deep.line[1], remote="origin")
    world.remote.rename(world.remote.with_name("gone"))
    assert deep.found.changed_files(deep.line[1], deep.line[-1]) is None
