"""Stand-ins for the actions by GitHub that our workflows use, and for what its API knows of runs and their artifacts."""

import io
import itertools
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from github_standin import Answer, GitHubStandin, Request, failure, page_of

if TYPE_CHECKING:
    from workflow_runner import Event, Run

_REPOSITORY = r"/repos/(?P<repository>[^/]+/[^/]+)/actions"


@dataclass(kw_only=True)
class Artifact:
    id: int
    run: int
    name: str
    content: bytes
    is_expired: bool = False

    def plan(self) -> bytes:
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return archive.read("plan.json")


@dataclass(kw_only=True)
class Artifacts:
    """Runs and artifacts of one repository, which the stand-in's API tells of as soon as they are ``served``.

    ``remote`` is its folder, ``address`` what clones know it by.
    """

    repository: str
    remote: Path
    address: str = ""
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    kept: list[Artifact] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(501))

    def begin(self, path: str, event: "Event") -> int:
        run = next(self._ids)
        pull = event.payload.get("pull_request", {})
        head = pull.get("head", {})
        self.runs[run] = {
            "id": run,
            "path": path,
            "event": event.name,
            "status": "in_progress",
            "conclusion": None,
            "head_sha": head.get("sha", event.commit),
            "head_branch": head.get("ref", "main"),
            "repository": {"full_name": self.repository},
            "head_repository": head.get("repo", {"full_name": self.repository}),
        }
        return run

    def end(self, run: int, conclusion: str) -> None:
        self.runs[run] |= {"status": "completed", "conclusion": conclusion}

    def keep(self, run: int, name: str, files: Mapping[str, bytes]) -> Artifact:
        self.kept = [one for one in self.kept if (one.run, one.name) != (run, name)]
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in files.items():
                archive.writestr(path, data)
        artifact = Artifact(id=next(self._ids), run=run, name=name, content=content.getvalue())
        self.kept.append(artifact)
        return artifact

    def of(self, run: int, name: str) -> Artifact:
        return next(one for one in self.kept if (one.run, one.name) == (run, name))

    def serve(self, standin: GitHubStandin) -> None:
        """Sources: https://docs.github.com/rest/actions/workflow-runs and https://docs.github.com/rest/actions/artifacts."""
        standin.routes += [
            ("GET", rf"{_REPOSITORY}/workflows/(?P<workflow>[\w.-]+)/runs", self._list_runs),
            ("GET", rf"{_REPOSITORY}/runs/(?P<run>\d+)/artifacts", self._list_artifacts),
            ("GET", rf"{_REPOSITORY}/artifacts/(?P<id>\d+)/zip", self._download),
        ]
        standin.open_routes.append(("GET", r"/storage/(?P<id>\d+)", self._store))

    def _list_runs(self, standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
        wanted = {key: request.query[key] for key in ("event", "head_sha") if key in request.query}
        status = request.query.get("status")
        runs = [
            run
            for run in reversed(self.runs.values())
            if run["path"] == f".github/workflows/{found['workflow']}"
            and wanted.items() <= run.items()
            and status in (None, run["status"], run["conclusion"])
        ]
        return _counted(standin, request, "workflow_runs", runs)

    def _list_artifacts(self, standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
        artifacts = [
            {
                "id": one.id,
                "name": one.name,
                "size_in_bytes": len(one.content),
                "expired": one.is_expired,
                "workflow_run": {"id": one.run, "head_sha": self.runs[one.run]["head_sha"]},
            }
            for one in self.kept
            if one.run == int(found["run"]) and request.query.get("name") in (None, one.name)
        ]
        return _counted(standin, request, "artifacts", artifacts)

    def _download(self, standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
        one = next((one for one in self.kept if one.id == int(found["id"])), None)
        if one is None or one.is_expired:
            return failure(404 if one is None else 410, "Not Found" if one is None else "Artifact has expired")
        # GitHub sends to a storage of its own, by an address that holds for a minute and needs no token.
        address = f"{standin.address.replace('127.0.0.1', 'localhost')}/storage/{one.id}"
        return Answer(status=302, headers={"Location": address})

    def _store(self, standin: GitHubStandin, request: Request, found: Mapping[str, str]) -> Answer:
        if request.token is not None:
            return failure(400, "a token came along to another host")
        return Answer(body=next(one.content for one in self.kept if one.id == int(found["id"])))


def _counted(standin: GitHubStandin, request: Request, name: str, items: list[Any]) -> Answer:
    page = page_of(standin, request, items)
    return Answer(body={"total_count": len(items), name: page.body}, headers=page.headers)


def checkout(artifacts: Artifacts, run: "Run", workspace: Path, given: Mapping[str, str]) -> bool:
    """The newest commit alone unless all are asked for, as the action does it, and no credentials left behind."""
    assert given["persist-credentials"] == "false"
    depth = {"1": ["--depth=1"], "0": []}[given.get("fetch-depth", "1")]
    commit = run.event.commit
    for words in (
        ["init", "-q", "-b", "main"],
        ["remote", "add", "origin", artifacts.address],
        ["fetch", "-q", "--no-tags", *depth, f"file://{artifacts.remote}", commit],
        ["checkout", "-q", "--force", "--detach", commit],
    ):
        subprocess.run(["git", *words], cwd=workspace, check=True, capture_output=True)
    return True


def upload(artifacts: Artifacts, run: "Run", workspace: Path, given: Mapping[str, str]) -> bool:
    known = {"name", "path", "include-hidden-files", "if-no-files-found", "overwrite"}
    assert set(given) == known
    assert (given["if-no-files-found"], given["overwrite"]) == ("error", "true")
    path = workspace / given["path"]
    assert given["include-hidden-files"] == "true", "what ftops writes is below .ftops"
    if not path.exists():
        return False
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    top = path.parent if path.is_file() else path
    artifacts.keep(run.id, given["name"], {one.relative_to(top).as_posix(): one.read_bytes() for one in files})
    return True


def download(artifacts: Artifacts, run: "Run", workspace: Path, given: Mapping[str, str]) -> bool:
    assert set(given) == {"name", "path"}
    with zipfile.ZipFile(io.BytesIO(artifacts.of(run.id, given["name"]).content)) as archive:
        archive.extractall(workspace / given["path"])
    return True


ACTIONS: dict[str, Callable[[Artifacts, "Run", Path, Mapping[str, str]], bool]] = {
    "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1": checkout,
    "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f": upload,
    "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c": download,
}
