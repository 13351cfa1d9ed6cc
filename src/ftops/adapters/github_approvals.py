"""The plans that pull requests were approved with, as GitHub keeps them: artifacts of the plan workflow's runs.

Owns which of them are believed: those of this repository's own runs of that workflow, for a pull request, at the head commit
of one that was merged as one of the commits asked about. A run of a fork's branch is never one. What they hold is others'
business.
Sources: https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit,
https://docs.github.com/rest/actions/workflow-runs and https://docs.github.com/rest/actions/artifacts.
"""

import io
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ftops.adapters.github_api import Access, GitHubApi, check_repository
from ftops.adapters.github_downloads import download
from ftops.domain.foreign_text import quoted
from ftops.errors import HostError, HostForbidden, HostNotFound

ARTIFACT: Final = "ftops-plan"
PLAN_FILE: Final = "plan.json"
_MOST_BYTES: Final = 64 << 20
_REMEDY: Final = "give the job the permissions actions: read and pull-requests: read"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPlan:
    """What was found for one commit: the pull request's number and its plan's bytes, or ``why`` there is none."""

    number: int | None = None
    content: bytes | None = None
    why: str = ""


class GitHubApprovals:
    """Finds kept plans of one repository. ``workflow`` is the file that makes them, below ``.github/workflows/``."""

    def __init__(self, api: GitHubApi, access: Access, *, repository: str, workflow: str) -> None:
        self._api, self._access = api, access
        self._repository, self._workflow = check_repository(repository), workflow

    def plan_of(self, commit: str, *, among: Collection[str] = ()) -> KeptPlan:
        """Gives the plan of the pull request that this commit came with. Raises HostError.

        It was merged as this commit, or as one ``among`` the others that are asked about: a rebase brings each of a pull
        request's commits, and GitHub names the last one of them.
        """
        merges = {commit, *among}
        pulls = [pull for pull in self._list(f"commits/{commit}/pulls") if self._is_merged_as(pull, merges)]
        if not pulls:
            return KeptPlan(why=f"no pull request was merged as {commit[:12]}")
        number, head = int(pulls[0]["number"]), str(pulls[0]["head"]["sha"])
        query = {"event": "pull_request", "head_sha": head, "status": "success"}
        for run in self._list(f"actions/workflows/{self._workflow}/runs", "workflow_runs", **query):
            if self._is_own(run, head) and (content := self._content(run)) is not None:
                return KeptPlan(number=number, content=content)
        why = f"pull request #{number} has no plan of {quoted(self._workflow)} at its last commit, or it has expired"
        return KeptPlan(number=number, why=why)

    def _is_merged_as(self, pull: Mapping[str, Any], commits: Collection[str]) -> bool:
        return bool(pull.get("merged_at")) and pull.get("merge_commit_sha") in commits and self._is_ours(pull["base"])

    def _is_own(self, run: Mapping[str, Any], head: str) -> bool:
        """The query asked for the same; what comes back is looked at again, as it decides what may be spent."""
        is_as_asked = (run.get("event"), run.get("head_sha"), run.get("conclusion")) == (
            "pull_request",
            head,
            "success",
        )
        # GitHub writes it with or without the ref behind it: `.github/workflows/ftops-plan.yml@main`.
        path = str(run.get("path"))
        is_of_workflow = path.partition("@")[0] == f".github/workflows/{self._workflow}"
        return is_as_asked and is_of_workflow and self._is_ours({"repo": run.get("head_repository")})

    def _is_ours(self, side: Mapping[str, Any]) -> bool:
        repository = side.get("repo") or {}
        return str(repository.get("full_name", "")).lower() == self._repository.lower()

    def _content(self, run: Mapping[str, Any]) -> bytes | None:
        for artifact in self._list(f"actions/runs/{int(run['id'])}/artifacts", "artifacts", name=ARTIFACT):
            if artifact.get("name") == ARTIFACT and not artifact.get("expired"):
                path = f"/repos/{self._repository}/actions/artifacts/{int(artifact['id'])}/zip"
                return _unpacked(download(self._access, path, at_most=_MOST_BYTES))
        return None

    def _list(self, path: str, within: str = "", **query: str) -> list[Mapping[str, Any]]:
        """The newest hundred: a commit has no more runs that count, nor a run more artifacts of one name."""
        try:
            found = self._api.call("GET", f"/repos/{self._repository}/{path}", query={**query, "per_page": 100}).data
        except HostNotFound:
            return []
        except HostForbidden as error:
            raise HostForbidden("GITHUB_TOKEN may not read runs and their artifacts", remedy=_REMEDY) from error
        items = found.get(within) if within and isinstance(found, dict) else found
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise HostError("GitHub's answer is no list", remedy="look at GITHUB_API_URL")
        return items


def _unpacked(archive: bytes) -> bytes | None:
    """Gives the plan in an archive; None where it holds none, or one too large to be one."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed, packed.open(PLAN_FILE) as member:
            content = member.read(_MOST_BYTES + 1)
    except (zipfile.BadZipFile, KeyError, OSError, RuntimeError, NotImplementedError, EOFError, ValueError):
        return None
    return content if len(content) <= _MOST_BYTES else None
