"""Which commits lie between two of them, as a main branch was built: its first parents, merges and not what they brought."""

import re
from pathlib import Path
from typing import Final

from ftops.adapters.git_process import GitFailed, GitProcess

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commits_since(root: Path, older: str, newer: str, *, at_most: int) -> tuple[str, ...] | None:
    """Gives the first parents from ``newer`` on back to ``older``, which is left out, newest first.

    None where the history here doesn't lead from one to the other in ``at_most`` steps.
    """
    if not (_COMMIT.fullmatch(older) and _COMMIT.fullmatch(newer)):
        return None
    git = GitProcess(folder=root, environment={**GitProcess(folder=root).environment, "GIT_NO_LAZY_FETCH": "1"})
    try:
        if older != newer and not git.succeeds("merge-base", "--is-ancestor", older, newer):
            return None
        listed = git.line("rev-list", "--first-parent", f"--max-count={at_most + 1}", newer, f"^{older}", "--")
    except GitFailed:
        return None
    commits = tuple(listed.split())
    return commits if len(commits) <= at_most else None
