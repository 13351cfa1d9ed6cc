"""The comments of a pull request on GitHub, and which pull request a commit came from.

Owns the paths and shapes of these parts of the API: https://docs.github.com/rest/issues/comments (a pull request is an issue),
https://docs.github.com/rest/commits/commits#list-pull-requests-associated-with-a-commit and
https://docs.github.com/rest/users/users#get-the-authenticated-user.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ftops.adapters.github_api import GitHubApi, check_repository
from ftops.domain.foreign_text import visible
from ftops.errors import HostError, HostForbidden, HostNotFound
from ftops.ports import Comment

_PAGE: Final = 100
_MOST_PAGES: Final = 100


class GitHubDiscussion:
    """Implements ``ports.Discussion`` for one pull request."""

    def __init__(self, api: GitHubApi, repository: str, number: int) -> None:
        self._api = api
        self._repository = f"/repos/{check_repository(repository)}"
        self._comments = f"{self._repository}/issues/{number}/comments"
        self._named = f"pull request #{number} of {repository}"

    def own_login(self) -> str | None:
        """Gives the token's user. An installation's token, as Actions has it, may not ask: 403."""
        try:
            login = _member(self._api.call("GET", "/user").data, "login")
        except HostForbidden as error:
            if error.status == 401:
                raise
            return None
        return login if isinstance(login, str) else None

    def comments(self) -> Sequence[Comment]:
        """Gives all comments, of every page."""
        try:
            found = list(_pages(self._api, self._comments))
        except HostNotFound as error:
            raise HostNotFound(f"there is no {self._named}, or GITHUB_TOKEN may not see it") from error
        return tuple(_comment(one) for one in found)

    def add(self, body: str) -> Comment:
        """Writes a comment."""
        return _comment(self._api.call("POST", self._comments, body={"body": body}).data)

    def change(self, comment: int, body: str) -> None:
        """Replaces a comment's text."""
        self._api.call("PATCH", f"{self._repository}/issues/comments/{comment:d}", body={"body": body})

    def remove(self, comment: int) -> None:
        """Deletes a comment."""
        self._api.call("DELETE", f"{self._repository}/issues/comments/{comment:d}")


def merged_pull_request(api: GitHubApi, repository: str, commit: str) -> int | None:
    """Gives the number of the pull request that was merged as ``commit``, None where there is none."""
    path = f"/repos/{check_repository(repository)}/commits/{commit}/pulls"
    try:
        pulls = [one for one in _pages(api, path) if _member(one, "merged_at")]
    except HostNotFound:
        return None
    numbers = {
        number: _member(one, "merge_commit_sha") == commit
        for one in pulls
        if isinstance(number := _member(one, "number"), int)
    }
    # A commit may be in several: the one that made it counts, else the newest.
    return max(numbers, key=lambda number: (numbers[number], number), default=None)


def _pages(api: GitHubApi, path: str) -> Iterator[Any]:
    """Gives the items of all pages. The address of a next page is ours, not what the answer names: it gets the token."""
    for page in range(1, _MOST_PAGES + 1):
        reply = api.call("GET", path, query={"per_page": _PAGE, "page": page})
        if not isinstance(reply.data, list):
            raise HostError("GitHub's answer is no list", remedy="look at GITHUB_API_URL")
        yield from reply.data
        if not reply.has_next:
            return


def _comment(data: Any) -> Comment:
    number, author, body = _member(data, "id"), _member(_member(data, "user"), "login"), _member(data, "body")
    if not isinstance(number, int):
        raise HostError("GitHub's answer is no comment", remedy="look at GITHUB_API_URL")
    url = _member(data, "html_url")
    return Comment(
        id=number,
        author=author if isinstance(author, str) else "",  # its user is gone
        body=body if isinstance(body, str) else "",
        url=visible(url) if isinstance(url, str) else "",
    )


def _member(data: Any, name: str) -> Any:
    return data.get(name) if isinstance(data, dict) else None
