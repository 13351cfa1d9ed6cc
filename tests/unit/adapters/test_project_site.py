"""The folder that ``ftops init`` writes into: real folders, real repositories."""

import os
from pathlib import Path

import pytest

from ftops.adapters.project_site import ProjectSite
from ftops.errors import Invalid, UsageProblem
from scratch_project import git


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def everything(folder: Path) -> list[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".git" not in path.parts)
    return sorted(found)


def test_a_folder_that_is_not_there_is_made_and_becomes_a_repository(tmp_path: Path) -> None:
    site = ProjectSite(tmp_path / "a/b")
    survey = site.survey()
    assert (survey.folder, survey.folder_name, survey.has_repository, survey.branch) == ("", "b", False, "main")
    assert not (tmp_path / "a").exists()
    placed = site.place({"x/y.txt": "ä\n", "z": ""})
    assert (placed.written, placed.kept, placed.folders) == (("x/y.txt", "z"), (), ("x",))
    assert (tmp_path / "a/b/x/y.txt").read_bytes() == "ä\n".encode()
    assert git(tmp_path / "a/b", "symbolic-ref", "--short", "HEAD") == "main"
    assert git(tmp_path / "a/b", "status", "--porcelain") == "?? x/\n?? z"


def test_the_users_own_name_for_main_branches_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings").write_text("[init]\n\tdefaultBranch = trunk\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    site = ProjectSite(tmp_path / "p")
    assert site.survey().branch == "trunk"
    site.place({"a": ""})
    assert ProjectSite(tmp_path / "p").survey().branch == "trunk"


def test_what_exists_is_left_as_it_is(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("mine")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    placed = ProjectSite(tmp_path).place({"a": "theirs", "gone": "theirs", "b": "new"})
    assert (placed.written, placed.kept) == (("b",), ("a", "gone"))
    assert (tmp_path / "a").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_project_below_the_top_of_its_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "master")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "remote", "add", "origin", "git@gitlab.example.com:a/b.git")
    (tmp_path / ".gitlab-ci.yml").write_text("stages: []")
    site = ProjectSite(tmp_path / "teams/a")
    survey = site.survey()
    assert (survey.folder, survey.folder_name, survey.branch) == ("teams/a", "a", "master")
    assert (survey.remote_host, survey.gitlab_file) == ("gitlab.example.com", "stages: []")
    site.place({"teams/a/f": "", ".github/w": ""})
    assert everything(tmp_path) == [".github", ".github/w", ".gitlab-ci.yml", "teams", "teams/a", "teams/a/f"]


def test_the_remotes_main_branch_is_the_main_branch(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "feature")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "remote", "add", "origin", "https://user@github.com/a/b")
    assert ProjectSite(tmp_path).survey().branch == "feature"  # there is no other
    git(tmp_path, "update-ref", "refs/remotes/origin/master", "HEAD")
    assert ProjectSite(tmp_path).survey().branch == "master"
    git(tmp_path, "update-ref", "-d", "refs/remotes/origin/master")
    git(tmp_path, "checkout", "-q", "--detach")
    assert ProjectSite(tmp_path).survey().branch == "main"
    git(tmp_path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop")
    survey = ProjectSite(tmp_path).survey()
    assert (survey.branch, survey.remote_host) == ("develop", "github.com")


def test_what_a_project_has_already(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "ftops.yaml").write_text(
        "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: shop}\nspec: {backend: openai}\n"
    )
    (tmp_path / "finetunes").mkdir()
    (tmp_path / "finetunes/ticket-router.yaml").write_text("mine")
    survey = ProjectSite(tmp_path).survey()
    assert survey.stated is not None
    assert (survey.stated.name, survey.stated.backend.name, survey.example) == ("shop", "openai", "mine")
    assert survey.manifests == {"finetunes/ticket-router.yaml"}


def test_workflows_and_rehearsals_that_are_there(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert (ProjectSite(tmp_path).survey().plan_workflow, ProjectSite(tmp_path).survey().has_rehearsed) == (None, False)
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/ftops-plan.yml").write_text("on: push")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "branch", "ftops-ledger-embedded")
    survey = ProjectSite(tmp_path / "below").survey()
    assert (survey.plan_workflow, survey.has_rehearsed) == ("on: push", True)


def test_a_project_file_that_is_wrong_is_told(tmp_path: Path) -> None:
    (tmp_path / "ftops.yaml").write_text("kind: Projekt\n")
    with pytest.raises(Invalid):
        ProjectSite(tmp_path).survey()


def test_a_folder_of_another_project_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "ftops.yaml").write_text("apiVersion: ftops/v1\nkind: Project\n")
    with pytest.raises(UsageProblem, match="lies in the project of"):
        ProjectSite(tmp_path / "finetunes").survey()
    (tmp_path / "own").mkdir()
    (tmp_path / "own/ftops.yaml").write_text("apiVersion: ftops/v1\nkind: Project\n")
    assert ProjectSite(tmp_path / "own").survey().folder == "own"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_place_of_the_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageProblem, match="is a file"):
        ProjectSite(tmp_path / place)


def test_nothing_is_written_where_a_file_or_a_link_is_in_the_way(tmp_path: Path) -> None:
    project = tmp_path / "p"
    project.mkdir()
    (project / "x").write_text("")
    (project / "out").symlink_to(tmp_path)
    (project / "d").mkdir()
    before = everything(project)
    for path, words in (("x/y", "should be a folder"), ("out/y", "leads out"), ("d", "should be a file")):
        with pytest.raises(UsageProblem, match=words):
            ProjectSite(project).place({"a/b": "", path: ""})
    assert everything(project) == before
    assert not (tmp_path / "y").exists()
    assert not (project / ".git").exists()


def test_nothing_is_left_of_a_writing_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, linked = os.link, []

    def full(source: Path, target: Path) -> None:
        if linked:
            raise FileExistsError(17, "File exists", str(target))
        linked.append(target)
        real(source, target)

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(FileExistsError):
        ProjectSite(tmp_path / "p").place({"a/b": "1", "c": "2"})
    assert not (tmp_path / "p").exists()


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", never)
    ProjectSite(tmp_path).place({"a": "1"})
    assert (tmp_path / "a").read_text() == "1"


def test_nothing_is_left_where_git_can_start_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    (tmp_path / "settings").write_text("[init]\n\tdefaultBranch = 'a b'\n")
    with pytest.raises(UsageProblem, match="git init failed"):
        ProjectSite(tmp_path / "p").place({"a": "1"})
    assert everything(tmp_path / "p") == []
