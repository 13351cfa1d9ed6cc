"""What GitHub says of the repository that the ledger is pushed to: protected branches, and what the token may do.

Owns those questions: GETs alone, never repeated, each within seconds. ``github_api`` owns where the token may go.
Sources: https://docs.github.com/rest/repos/repos#get-a-repository, /rest/branches/branches#get-a-branch,
/rest/branches/branch-protection#get-branch-protection (which takes an administrator), and
/rest/repos/rules#get-rules-for-a-branch (which takes anyone who may read).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from ftops.adapters.github_api import access_of
from ftops.adapters.http_questions import Answer, Unanswered, ask
from ftops.domain.diagnosing_hosting import BranchRules, HostFacts
from ftops.domain.diagnosing_machine import Dated
from ftops.domain.diagnosis import Unknown
from ftops.errors import MissingKey, UsageProblem

SECONDS: Final = 5.0
_ADDRESS: Final = re.compile(
    r"(?:https?://(?:[^@/]*@)?|ssh://(?:[^@/]*@)?|(?:[^@/:]+@))(?P<host>[^/:]+(?::\d+)?)[:/]+"
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,38})/(?P<name>[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Repository:
    """A repository of a GitHub: where it is shown, its API, and the token to ask with."""

    page: str
    api: str
    token: str = field(repr=False)

    def get(self, path: str) -> Answer:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return ask(f"{self.api}{path}", headers=headers, seconds=SECONDS)


def ask_host(address: str, branch: str, *, environ: Mapping[str, str]) -> HostFacts | Unknown:
    """Asks GitHub about the repository at a remote's ``address`` and its ledger's ``branch``."""
    repository = _repository(address, environ)
    if isinstance(repository, Unknown):
        return repository
    try:
        about = repository.get("")
        if about.status != 200:
            why = f"GitHub answers {about.status} to GITHUB_TOKEN; look at {repository.page}/settings/rules"
            return Unknown(why=why, is_trouble=True)
        found = _mapping(about.json())
        main = found.get("default_branch")
        permissions = _mapping(found.get("permissions"))
        return HostFacts(
            settings=f"{repository.page}/settings/rules",
            main=main if isinstance(main, str) else None,
            may_push=permissions.get("push") if isinstance(permissions.get("push"), bool) else None,
            ledger_rules=_rules(repository, branch),
            main_rules=_rules(repository, main)
            if isinstance(main, str)
            else Unknown(why="GitHub names no default branch"),
        )
    except Unanswered as error:
        return Unknown(why=f"GitHub's API can't be reached: {error.cause}", is_trouble=True)


def host_clock(address: str) -> Dated | None:
    """Asks the host of a remote that is reached over HTTP for its time, without any login; None where it tells none."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    host = parts.netloc.rpartition("@")[2]
    try:
        answer = ask(f"{parts.scheme}://{host}/", seconds=SECONDS)
    except Unanswered:
        return None
    return None if answer.date is None else Dated(host=parts.hostname, theirs=answer.date, ours=answer.at)


def _repository(address: str, environ: Mapping[str, str]) -> _Repository | Unknown:
    found = _ADDRESS.fullmatch(address)
    server = environ.get("GITHUB_SERVER_URL", "").rstrip("/") or "https://github.com"
    if found is None or found["host"] not in {"github.com", urlsplit(server).netloc}:
        return Unknown(why="the remote is not at GitHub; look at your host's settings for protected branches")
    page = f"{server}/{found['owner']}/{found['name']}"
    if not environ.get("GITHUB_TOKEN"):
        return Unknown(why=f"GitHub is asked with GITHUB_TOKEN alone, which is not set; look at {page}/settings/rules")
    try:
        access = access_of(environ)
    except (MissingKey, UsageProblem) as error:
        return Unknown(why=error.message, is_trouble=True)
    return _Repository(page=page, api=f"{access.url}/repos/{found['owner']}/{found['name']}", token=access.token)


def _rules(repository: _Repository, branch: str) -> BranchRules | Unknown:
    shown = quote(branch, safe="")
    about, rules = repository.get(f"/branches/{shown}"), repository.get(f"/rules/branches/{shown}")
    if about.status not in {200, 404} or rules.status not in {200, 404}:
        why = f"GITHUB_TOKEN may not read the rules of branches; look at {repository.page}/settings/rules"
        return Unknown(why=why)
    is_protected = _mapping(about.json()).get("protected") is True
    listed = rules.json()
    kinds = (_mapping(rule).get("type") for rule in (listed if isinstance(listed, list) else ()))
    return BranchRules(
        exists=about.status == 200,
        is_protected=is_protected,
        allows_force=_allows_force(repository, shown) if is_protected else None,
        rules=frozenset(kind for kind in kinds if isinstance(kind, str)),
    )


def _allows_force(repository: _Repository, branch: str) -> bool | None:
    answer = repository.get(f"/branches/{branch}/protection")
    allowed = _mapping(_mapping(answer.json()).get("allow_force_pushes")).get("enabled")
    return allowed if answer.status == 200 and isinstance(allowed, bool) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
