"""Which kept plans count: of this repository's own runs of the plan workflow, for what was merged as that commit."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters.git_commits import commits_since
from ftops.adapters.github_api import GitHubApi, access_of
from ftops.adapters.github_approvals import GitHubApprovals, KeptPlan
from ftops.errors import HostError, HostForbidden, UsageProblem
from github_standin import Answer, GitHubStandin, failure, github_standin
from scratch_project import git
from workflow_actions import Artifacts
from workflow_runner import Event

OURS, FORK = "acme/models", "mallory/models"
MERGED, HEAD = "a" * 40, "b" * 40
PLAN = b'{"project": "acme"}'


class Place:
    """A repository with one merged pull request, and what its runs kept."""

    def __init__(self, standin: GitHubStandin) -> None:
        self.standin, self.artifacts = standin, Artifacts(repository=OURS, remote=Path("/nowhere"))
        self.artifacts.serve(standin)
        standin.add_token("token")

    def merge(self, number: int = 7, **others: Any) -> None:
        side = {"ref": "change", "sha": HEAD, "repo": {"full_name": OURS}}
        self.standin.add_pull_of_commit(OURS, MERGED, number, **{"head": side, **others})

    def run(
        self, content: bytes | None = PLAN, *, repository: str = OURS, conclusion: str = "success", **others: Any
    ) -> int:
        payload = {"pull_request": {"head": {"sha": HEAD, "ref": "change", "repo": {"full_name": repository}}}}
        event = Event(name="pull_request", commit="c" * 40, payload=payload)
        run = self.artifacts.begin(".github/workflows/ftops-plan.yml", event)
        self.artifacts.end(run, conclusion)
        self.artifacts.runs[run] |= others
        if content is not None:
            self.artifacts.keep(run, "ftops-plan", {"plan.json": content})
        return run

    def find(
        self, commit: str = MERGED, *, token: str = "token", repository: str = OURS, among: tuple[str, ...] = ()
    ) -> KeptPlan:
        access = access_of({"GITHUB_API_URL": self.standin.address, "GITHUB_TOKEN": token})
        with GitHubApi(access) as api:
            approvals = GitHubApprovals(api, access, repository=repository, workflow="ftops-plan.yml")
            return approvals.plan_of(commit, among=among)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr("ftops.adapters.github_api.time.sleep", lambda _seconds: None)
    with github_standin() as standin:
        yield Place(standin)


def test_the_plan_of_the_merged_pull_request_is_found(place: Place) -> None:
    place.merge()
    place.run()
    assert place.find() == KeptPlan(number=7, content=PLAN)
    assert not place.standin.writes()


def test_the_newest_run_counts(place: Place) -> None:
    place.merge()
    place.run(b"older")
    place.run(b"newer")
    assert place.find().content == b"newer"


def test_a_run_without_a_plan_is_passed_over(place: Place) -> None:
    place.merge()
    place.run(b"older")
    place.run(None)
    assert place.find().content == b"older"


@pytest.mark.parametrize(
    "wrong",
    [
        {"repository": FORK},
        {"repository": "acme/models-2"},
        {"conclusion": "failure"},
        {"event": "push"},
        {"event": "pull_request_target"},
        {"head_sha": "d" * 40},
        {"path": ".github/workflows/other.yml"},
        {"head_repository": None},
    ],
)
def test_other_runs_are_not_believed_even_where_the_query_lets_them_through(
    place: Place, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    place.merge()
    run = place.run(**wrong)
    every = Answer(body={"workflow_runs": [place.artifacts.runs[run]]})
    place.standin.routes.insert(0, ("GET", r".*/workflows/[\w.-]+/runs", lambda *_: every))
    found = place.find()
    assert found.content is None
    assert "pull request #7 has no plan" in found.why


@pytest.mark.parametrize(
    "wrong",
    [
        {"merged_at": None},
        {"merge_commit_sha": "e" * 40},
        {"base": {"ref": "main", "repo": {"full_name": FORK}}},
    ],
)
def test_a_pull_request_that_was_not_merged_as_that_commit_approves_nothing(
    place: Place, wrong: dict[str, Any]
) -> None:
    place.merge(**wrong)
    place.run()
    assert place.find() == KeptPlan(why=f"no pull request was merged as {MERGED[:12]}")


def test_all_commits_of_a_rebase_came_with_its_pull_request(place: Place) -> None:
    last = "e" * 40
    place.merge(merge_commit_sha=last)
    place.run()
    assert place.find(among=(last, MERGED)) == KeptPlan(number=7, content=PLAN)
    assert place.find(among=(MERGED,)).content is None


@pytest.mark.parametrize(
    ("path", "counts"), [("ftops-plan.yml@refs/heads/main", True), ("ftops-plan.yml.other", False)]
)
def test_a_workflow_is_named_with_or_without_its_ref(
    place: Place, monkeypatch: pytest.MonkeyPatch, path: str, counts: bool
) -> None:
    place.merge()
    run = place.run(path=f".github/workflows/{path}")
    every = Answer(body={"workflow_runs": [place.artifacts.runs[run]]})
    place.standin.routes.insert(0, ("GET", r".*/workflows/[\w.-]+/runs", lambda *_: every))
    assert (place.find().content == PLAN) is counts


def test_a_commit_without_a_pull_request_has_none(place: Place) -> None:
    assert place.find().why.startswith("no pull request")


def test_what_has_expired_is_gone(place: Place) -> None:
    place.merge()
    place.artifacts.of(place.run(), "ftops-plan").is_expired = True
    assert place.find().content is None


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("plan.json", b" " * (65 << 20))
    return packed.getvalue()


@pytest.mark.parametrize("content", [b"", b"no archive", bomb()], ids=["empty", "garbage", "bomb"])
def test_what_is_no_archive_of_a_plan_is_passed_over(place: Place, content: bytes) -> None:
    place.merge()
    place.artifacts.of(place.run(), "ftops-plan").content = content
    assert place.find().content is None


def test_an_archive_without_a_plan_is_passed_over(place: Place) -> None:
    place.merge()
    place.artifacts.keep(place.run(), "ftops-plan", {"other.json": PLAN, "../plan.json": PLAN})
    assert place.find().content is None


def test_a_token_without_permission_is_told_which_it_needs(place: Place) -> None:
    place.merge()
    place.run()
    place.standin.refuse(failure(403, "Resource not accessible by integration"), path=".*/runs")
    with pytest.raises(HostForbidden) as refused:
        place.find()
    assert refused.value.exit_code == 9
    assert "actions: read" in str(refused.value.remedy)
    place.standin.refuse(failure(403), path=".*/zip")
    with pytest.raises(HostForbidden, match="may not download artifacts"):
        place.find()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=302, headers={"Location": "http://storage.invalid/1"}),
        Answer(status=302, headers={"Location": "file:///etc/passwd"}),
        Answer(status=302),
        Answer(status=200, body=b"bytes"),
        failure(500),
    ],
)
def test_a_download_goes_nowhere_else(place: Place, answer: Answer) -> None:
    place.merge()
    place.run()
    place.standin.refuse(answer, path=".*/zip", times=9)
    with pytest.raises(HostError, match="to a download"):
        place.find()


def test_a_storage_that_fails_is_told(place: Place) -> None:
    place.merge()
    place.run()
    place.standin.open_routes.insert(0, ("GET", r"/storage/\d+", lambda *_: failure(503)))
    with pytest.raises(HostError, match="the storage answered 503"):
        place.find()
    place.standin.refuse(None, path=".*/zip")
    with pytest.raises(HostError, match="can't be downloaded") as lost:
        place.find()
    assert "token" not in str(lost.value)


@pytest.mark.parametrize("body", [{"workflow_runs": 7}, {"workflow_runs": [7]}, [], {}])
def test_what_is_no_list_is_told(place: Place, body: Any) -> None:
    place.merge()
    place.standin.routes.insert(0, ("GET", r".*/workflows/[\w.-]+/runs", lambda *_: Answer(body=body)))
    if body == []:
        assert place.find().content is None
        return
    with pytest.raises(HostError, match="is no list"):
        place.find()


def test_a_repository_is_a_name(place: Place) -> None:
    with pytest.raises(UsageProblem):
        place.find(repository="acme/models/../../user")


def test_commits_since_another_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    for word in ("one", "two"):
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", word)
    one, two = git(tmp_path, "rev-parse", "HEAD^"), git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "switch", "-q", "-c", "side")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "three")
    side = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "switch", "-q", "main")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "four", "side")
    four = git(tmp_path, "rev-parse", "HEAD")
    assert commits_since(tmp_path, one, four, at_most=2) == (four, two)
    assert commits_since(tmp_path, two, four, at_most=9) == (four,)
    assert commits_since(tmp_path, four, four, at_most=9) == ()
    assert commits_since(tmp_path, one, four, at_most=1) is None
    assert commits_since(tmp_path, four, side, at_most=9) is None
    assert commits_since(tmp_path, "f" * 40, four, at_most=9) is None
    assert commits_since(tmp_path, "--all", four, at_most=9) is None
