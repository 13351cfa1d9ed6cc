"""Wires what writes a comment into a pull request, and what tells which pull request this run is about."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ftops.adapters.github_api import GitHubApi, access_of
from ftops.adapters.github_comments import GitHubDiscussion, merged_pull_request
from ftops.adapters.manifest_lines import ManifestLines, manifest_lines
from ftops.bootstrap_place import find_place
from ftops.errors import UsageProblem
from ftops.ports import Discussion


@contextmanager
def open_discussion(environ: Mapping[str, str], repository: str, number: int) -> Iterator[Discussion]:
    """Opens the comments of a pull request. Raises MissingKey and UsageProblem."""
    with GitHubApi(access_of(environ)) as api:
        yield GitHubDiscussion(api, repository, number)


def find_lines(folder: Path) -> Mapping[str, ManifestLines]:
    """Gives where the fine-tunes of the project that ``folder`` lies in are declared; nothing where there is no project."""
    try:
        place = find_place(folder)
    except UsageProblem:
        return {}
    return manifest_lines(place.root, place.top)


def find_merged(environ: Mapping[str, str], repository: str, commit: str) -> int | None:
    """Gives the pull request that was merged as ``commit``, None where there is none. Raises HostError, MissingKey."""
    with GitHubApi(access_of(environ)) as api:
        return merged_pull_request(api, repository, commit)
