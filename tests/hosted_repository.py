"""A repository with our workflows at a stand-in of GitHub: a remote behind HTTP that asks for tokens, its API, a runner."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftops import __version__
from git_http import git_server
from github_standin import GitHubStandin, Request, github_standin
from scratch_project import Scratch, git, rows
from workflow_actions import Artifacts
from workflow_runner import Event, Run, Runner

TEMPLATES = Path(__file__).parents[1] / "src/ftops/templates/github"
NAME = "acme/models"
READING_KEY, FULL_KEY = "sk-reading-0123456789", "sk-full-0123456789"
# Which permission a call of the API needs.
_NEEDS = {"/actions/": "actions", "/issues/": "pull-requests", "/pulls": "pull-requests"}


@dataclass(kw_only=True)
class Hosted:
    """``work`` is an engineer's clone. ``wrongs`` are calls that a job's permissions don't cover."""

    work: Scratch
    remote: Path
    standin: GitHubStandin
    runner: Runner
    rights: dict[str, Mapping[str, str]] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)

    # What people do.

    def open_pull_request(self, message: str, *, repository: str = NAME) -> int:
        """Commits what was changed on a branch of its own, and opens a pull request of it."""
        number = len(self.pulls) + 1
        git(self.work.root, "switch", "-q", "-c", f"change-{number}")
        head = self.work.commit(message)
        git(self.work.root, "push", "-q", "origin", f"change-{number}")
        git(self.work.root, "switch", "-q", "main")
        git(self.work.root, "switch", "-q", "--detach", "main")
        git(self.work.root, "merge", "-q", "--no-ff", "-m", f"Merge #{number} into main", head)
        git(self.work.root, "push", "-q", "--force", "origin", f"HEAD:refs/pull/{number}/merge")
        git(self.work.root, "switch", "-q", "main")
        self.pulls[number] = {
            "number": number,
            "user": {"login": "grace"},
            "head": {"ref": f"change-{number}", "sha": head, "repo": {"full_name": repository}},
            "base": {"ref": "main", "repo": {"full_name": NAME}},
        }
        self.standin.add_issue(NAME, number)
        return number

    def merge(self, number: int) -> None:
        """As GitHub's button does; the branch's commits stay as they are."""
        pull = self.pulls[number]
        git(self.work.root, "merge", "-q", "--no-ff", "-m", f"Merge #{number}", pull["head"]["sha"])
        git(self.work.root, "push", "-q", "origin", "main")
        commit = git(self.work.root, "rev-parse", "HEAD")
        self.standin.add_pull_of_commit(NAME, commit, number, head=pull["head"], base=pull["base"])

    # What GitHub does.

    def check(self, number: int, *, assumed: tuple[str, ...] = ("check",)) -> Run:
        """Plays the plan workflow; its first job, which takes no part in what follows, is assumed to have passed."""
        pull = self.pulls[number]
        ref = f"refs/pull/{number}/merge"
        is_foreign = pull["head"]["repo"]["full_name"] != NAME
        event = Event(
            name="pull_request",
            commit=git(self.remote, "rev-parse", ref),
            ref=ref,
            payload={"pull_request": pull, "number": number},
            is_foreign=is_foreign,
        )
        return self._run("ftops-plan", event, assumed)

    def assume_checked(self, number: int) -> None:
        """As if the plan workflow had run for it, and had kept the plan that the first pull request was approved with."""
        pull = self.pulls[number]
        event = Event(name="pull_request", commit=pull["head"]["sha"], payload={"pull_request": pull})
        run = self.runner.artifacts.begin(".github/workflows/ftops-plan.yml", event)
        self.runner.artifacts.end(run, "success")
        first = next(one for one in self.runner.artifacts.kept if one.name == "ftops-plan")
        self.runner.artifacts.keep(run, first.name, {"plan.json": first.plan()})

    def apply(self, event: str = "push") -> Run:
        return self._run("ftops-apply", Event(name=event, commit=git(self.remote, "rev-parse", "main")))

    def go_on(self) -> Run:
        return self._run("ftops-continue", Event(name="schedule", commit=git(self.remote, "rev-parse", "main")))

    def _run(self, workflow: str, event: Event, assumed: tuple[str, ...] = ()) -> Run:
        event.payload.setdefault("repository", {"fork": False})
        file = self.work.root / f".github/workflows/{workflow}.yml"
        run = self.runner.run(file, event, assumed=assumed)
        assert not self.wrongs
        for secret in (READING_KEY, FULL_KEY, *self.rights):
            assert secret not in run.log
        return run

    def comment(self, number: int) -> str:
        """The one comment of a pull request, by the token's own user."""
        (comment,) = self.standin.comments_of(NAME, number)
        assert comment.login == "github-actions[bot]"
        return comment.body

    # Who may do what.

    def grant(self, token: str, permissions: Mapping[str, str], is_foreign: bool) -> None:
        self.rights[token] = dict.fromkeys(permissions, "read") if is_foreign else permissions
        self.standin.add_token(token, may_write=self.rights[token].get("pull-requests") == "write")

    def refuses(self, token: str | None, is_push: bool) -> int | None:
        contents = self.rights.get(token or "", {}).get("contents")
        if contents is None:
            return 401
        return 403 if is_push and contents != "write" else None

    def watch(self, request: Request) -> None:
        for part, permission in _NEEDS.items():
            if part in request.path and permission not in self.rights.get(request.token or "", {}):
                self.wrongs.append(f"{request.method} {request.path} without {permission}")


@contextmanager
def hosted_repository(folder: Path, base_url: str, project: str) -> Iterator[Hosted]:
    """A private repository with one manifest, on a backend of type openai that is at ``base_url`` and asks for a key."""
    remote = folder / "hub" / NAME
    remote.mkdir(parents=True)
    git(remote, "init", "-q", "--bare", "-b", "main")
    git(remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    work = Scratch(folder / "clone", base_url, project)
    work.root.mkdir()
    with ExitStack() as stack:
        standin = stack.enter_context(github_standin())
        artifacts = Artifacts(repository=NAME, remote=remote)
        hosted = Hosted(work=work, remote=remote, standin=standin, runner=None)  # type: ignore[arg-type]
        server_url = stack.enter_context(git_server(folder / "hub", hosted.refuses))
        artifacts.address = f"{server_url}/{NAME}"
        artifacts.serve(standin)
        standin.before = hosted.watch
        hosted.runner = Runner(
            folder=folder / "runs",
            repository=NAME,
            server_url=server_url,
            api_url=standin.address,
            artifacts=artifacts,
            grant=hosted.grant,
            tools=make_tools(folder / "tools"),
            machine={"OPENAI_BASE_URL": base_url},
            secrets={
                "": {"OPENAI_API_KEY": READING_KEY},
                "production": {"OPENAI_API_KEY": FULL_KEY},
                "ftops-continue": {"OPENAI_API_KEY": FULL_KEY},
            },
        )
        _begin(work, remote, project)
        yield hosted


def _begin(work: Scratch, remote: Path, project: str) -> None:
    git(work.root, "init", "-q", "-b", "main")
    git(work.root, "remote", "add", "origin", str(remote))
    work.write(".gitignore", ".ftops/\n")
    work.write(
        "ftops.yaml", f"apiVersion: ftops/v1\nkind: Project\nmetadata: {{name: {project}}}\nspec: {{backend: openai}}\n"
    )
    work.write("finetunes/data/train.jsonl", rows(0, 60))
    work.write("finetunes/data/test.jsonl", rows(1000, 12))
    for template in TEMPLATES.iterdir():
        where = "actions/ftops" if template.name == "action.yml" else "workflows"
        work.write(
            f".github/{where}/{template.name}",
            template.read_text(encoding="utf-8").replace("FTOPS_VERSION", __version__),
        )
    work.commit("Begin")
    git(work.root, "push", "-q", "-u", "origin", "main")


def make_tools(folder: Path) -> Path:
    """What the action's installation leaves behind, made of what these tests run with."""
    folder.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != ".installed":
            (folder / entry.name).symlink_to(entry)
    (folder / ".installed").touch()
    return folder
