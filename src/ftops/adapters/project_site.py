"""The folder that ``ftops init`` is called for: what lies in it, and new files placed in it, all or none.

Owns that nothing that exists is written over, that nothing is written outside the repository, and that ``git init`` is all
that is done to git: nothing is staged and nothing committed.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.git_refs import read_ref
from ftops.adapters.git_repo import GitRepository, NoRepository
from ftops.adapters.manifest_bytes import find_manifests
from ftops.adapters.project_file import PROJECT_FILE, read_project_file
from ftops.adapters.run_identity import new_id
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.manifest import REHEARSAL_SUFFIX
from ftops.domain.new_project import EXAMPLE, GITLAB_FILE, PLAN_WORKFLOW, StatedProject, Survey
from ftops.errors import Invalid, UsageProblem
from ftops.ports.site import Placed


class ProjectSite:
    """Implements ``ports.Site`` for a folder, which need not exist. Raises UsageProblem where it is none."""

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()
        ground = next(place for place in (self._root, *self._root.parents) if place.exists())
        if not ground.is_dir():
            raise UsageProblem(f"{visible(str(ground))} is a file", remedy="name a folder: ftops init DIR")
        try:
            self._top = GitRepository(ground).root
            self._has_repository = True
        except NoRepository:
            self._top, self._has_repository = self._root, False
        self._ground = ground

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._root

    def survey(self) -> Survey:
        """Looks at what is there. Raises UsageProblem inside another project, Invalid for a project file that is wrong."""
        self._check_no_project_above()
        file = read_project_file(self._root)
        if file.problems:
            raise Invalid(file.problems)
        project = file.project
        stated = StatedProject(
            name=project.name, backend=project.backends[project.backend], manifests=project.manifests
        )
        manifests = find_manifests(self._root, project.manifests, {})[0] if self._root.is_dir() else []
        below = self._root.relative_to(self._top).as_posix()
        return Survey(
            folder="" if below == "." else below,
            folder_name=self._root.name,
            branch=self._main_branch(),
            remote_host=self._remote_host(),
            gitlab_file=_text(self._top / GITLAB_FILE),
            plan_workflow=_text(self._top / PLAN_WORKFLOW),
            has_rehearsed=self._has_rehearsed(project.ledger.branch),
            has_repository=self._has_repository,
            stated=None if project.is_implicit else stated,
            manifests=frozenset(manifests),
            example=_text(self._root / EXAMPLE) if EXAMPLE in manifests else None,
        )

    def place(self, files: Mapping[str, str]) -> Placed:
        """Writes files where none are, and starts the repository where there is none: all or nothing."""
        missing = {path: text for path, text in files.items() if self._is_free(path)}
        placing = _Placing()
        try:
            placing.make_folder(self._root)
            for path, text in missing.items():
                placing.prepare(self._top / path, text.encode())
            placing.finish()
            if not self._has_repository:
                self._start_repository()
        except BaseException:
            placing.undo()
            raise
        made = tuple(
            folder.relative_to(self._top).as_posix() for folder in placing.folders if self._top in folder.parents
        )
        kept = tuple(path for path in files if path not in missing)
        return Placed(written=tuple(missing), kept=kept, folders=made)

    def _check_no_project_above(self) -> None:
        for folder in self._root.parents:
            if not folder.is_relative_to(self._top):
                return
            if (folder / PROJECT_FILE).exists() and not (self._root / PROJECT_FILE).exists():
                raise UsageProblem(
                    f"{visible(str(self._root))} lies in the project of {visible(str(folder / PROJECT_FILE))}",
                    remedy=f"a manifest in that project is enough; for a project in a project write its {PROJECT_FILE} first",
                )

    def _is_free(self, path: str) -> bool:
        """Whether nothing is there. Raises UsageProblem where a file can't be put there, nor can one be there."""
        target = self._top / path
        for folder in reversed(Path(path).parents[:-1]):
            place = self._top / folder
            if not place.resolve().is_relative_to(self._top):
                raise UsageProblem(
                    f"{quoted(str(folder))} leads out of the repository", remedy="make it a folder of its own"
                )
            if os.path.lexists(place) and not place.is_dir():
                raise UsageProblem(f"{quoted(str(folder))} should be a folder", remedy="move it away")
        if target.is_dir():
            raise UsageProblem(f"{quoted(path)} should be a file, and is a folder", remedy="move it away")
        return not os.path.lexists(target)

    def _main_branch(self) -> str:
        """The branch that others start from: the remote's; else main, master, or the one that is checked out."""
        if not self._has_repository:
            return _configured(GitProcess(folder=self._ground), "init.defaultBranch") or "main"
        git = GitProcess(folder=self._top)
        with suppress(GitFailed):
            return git.line("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
        for usual in ("main", "master"):
            if any(read_ref(git, f"refs/{kind}/{usual}") for kind in ("heads", "remotes/origin")):
                return usual
        with suppress(GitFailed):
            return git.line("symbolic-ref", "--quiet", "--short", "HEAD")
        return "main"

    def _remote_host(self) -> str | None:
        if not self._has_repository:
            return None
        url = _configured(GitProcess(folder=self._top), "remote.origin.url")
        if url is None:
            return None
        host = urlsplit(url).hostname if "://" in url else url.partition(":")[0].rpartition("@")[2]
        return host or None

    def _has_rehearsed(self, branch: str) -> bool:
        rehearsals = f"refs/heads/{branch}{REHEARSAL_SUFFIX}"
        return self._has_repository and read_ref(GitProcess(folder=self._top), rehearsals) is not None

    def _start_repository(self) -> None:
        git = GitProcess(folder=self._root)
        branch = () if _configured(git, "init.defaultBranch") else ("-c", "init.defaultBranch=main")
        try:
            git.run(*branch, "init", "--quiet")
        except GitFailed as failure:
            raise UsageProblem(f"git init failed: {failure.gist}") from failure


@dataclass(kw_only=True, slots=True)
class _Placing:
    """Files under way: each is written under a name of its own first, and none is left where one fails."""

    folders: list[Path] = field(default_factory=list)
    prepared: dict[Path, Path] = field(default_factory=dict)
    placed: list[Path] = field(default_factory=list)

    def make_folder(self, folder: Path) -> None:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        for place in reversed(missing):
            place.mkdir()
            self.folders.append(place)

    def prepare(self, target: Path, content: bytes) -> None:
        self.make_folder(target.parent)
        draft = target.with_name(f".{target.name}.{new_id()}")
        self.prepared[target] = draft
        with draft.open("xb") as stream:
            stream.write(content)

    def finish(self) -> None:
        """Gives each file its name, as long as nobody else took it meanwhile."""
        for target, draft in self.prepared.items():
            _give_name(draft, target)
            self.placed.append(target)
            draft.unlink(missing_ok=True)

    def undo(self) -> None:
        for path in (*self.placed, *self.prepared.values()):
            path.unlink(missing_ok=True)
        for folder in reversed(self.folders):
            with suppress(OSError):  # somebody put something there meanwhile
                folder.rmdir()


def _give_name(draft: Path, target: Path) -> None:
    """Raises FileExistsError where the name is taken, which renaming would not notice."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise
        draft.rename(target)


def _text(path: Path) -> str | None:
    return path.read_text("utf-8", "replace") if path.is_file() else None


def _configured(git: GitProcess, key: str) -> str | None:
    try:
        return git.line("config", "--get", key) or None
    except GitFailed:
        return None
