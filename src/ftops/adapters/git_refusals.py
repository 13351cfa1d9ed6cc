"""What git's refusals mean, read from its words in the C locale: somebody was faster, this may not be, or the network failed.

Owns the words alone. Both lists are of git's own messages and of those that GitHub, GitLab and Bitbucket answer a push with.
"""

import re
from typing import Final

from ftops.adapters.git_process import GitFailed

# Another writer holds the ref, or was faster: what to do about it shows in where the tip is now.
_CONTENTION: Final = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to lock|failed to update ref"
    r"|unable to create '[^']*\.lock'|incorrect old value|reference already exists|is at [0-9a-f]+ but expected",
    re.IGNORECASE,
)
_FORBIDDEN: Final = re.compile(
    r"\[remote rejected\]|hook declined|permission denied|permission to .* denied|insufficient permission|not allowed"
    r"|authentication failed|access denied|write access|read-only|read only|protected branch"
    r"|could not read (?:username|password)|unable to create temporary object directory|returned error: 40[13]"
    r"|HTTP 40[13]|invalid credentials|dubious ownership",
    re.IGNORECASE,
)


def is_contention(failure: GitFailed) -> bool:
    """Whether another writer held the ref or was faster, so that trying again on the newest tip may help."""
    return _CONTENTION.search(failure.words) is not None


def is_forbidden(failure: GitFailed) -> bool:
    """Whether a permission or a hook said no, so that trying again never helps. To be asked after ``is_contention``."""
    return _FORBIDDEN.search(failure.words) is not None
