"""ftops as a step of a GitHub Actions job: ``python -P -m ftops.cli.ci_step WORDS…``, which ``action.yml`` execs.

Owns what an exit code means there: which ones are a success, what is annotated, and the output ``exit-code``. It is the step's
last process, as a shell that waited for ftops would keep an interruption from it; so what a shell would do afterwards is done
here. While ftops runs, the runner obeys no workflow command: whatever a manifest, an API or git says is text. Errors in
manifests are shown at their lines all the same: the runner looks for them by a pattern (``github_problems.json``).
Sources: https://docs.github.com/actions/reference/workflow-commands-for-github-actions and
https://github.com/actions/toolkit/blob/main/docs/problem-matchers.md.
"""

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ftops.cli.main import main

# Commands that annotate: what they print is escaped, and meant for the runner.
_ANNOTATING: Final = frozenset({"comment", "data"})
_PROBLEMS: Final = Path(__file__).with_name("github_problems.json")
_SAYS: Final = {
    1: "failed",
    2: "wrong usage, or an invalid manifest or dataset",
    3: "changes are pending",
    4: "a gate did not pass, so an alias stays where it is",
    5: "refused by a guard",
    6: "not begun: the plan is stale, goes beyond what was approved, or a newer commit was applied",
    7: "a job failed",
    8: "jobs still run; the next run goes on with them",
    9: "no key, no permission, or the wrong organisation",
    130: "interrupted; jobs go on, and the next run picks them up",
}
_STILL_RUNNING: Final = 8


def step(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs ftops with these words, tells the runner how it ended, and gives the step's own exit code.

    ``FTOPS_SUCCESS_CODES`` holds the exit codes besides 0 that count as a success, separated by blanks.
    """
    token = secrets.token_hex(16)
    is_silent = not words or words[0] not in _ANNOTATING
    _command(f"::add-matcher::{_PROBLEMS}")
    _command(f"::stop-commands::{token}" * is_silent)
    code = _run(words)
    _command(f"::{token}::" * is_silent)
    if "GITHUB_OUTPUT" in environ:
        with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
            outputs.write(f"exit-code={code}\n")
    is_success = code == 0 or str(code) in environ.get("FTOPS_SUCCESS_CODES", "").split()
    if code != 0:
        level = "error" if not is_success else "notice" if code == _STILL_RUNNING else "warning"
        _command(f"::{level} title=ftops {_name(words)}::exit {code}: {_SAYS.get(code, 'failed')}")
    return 0 if is_success else code


def _run(words: Sequence[str]) -> int:
    try:
        main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _command(line: str) -> None:
    if line:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _name(words: Sequence[str]) -> str:
    return next((word for word in words if word.isascii() and word.isalpha()), "")


if __name__ == "__main__":
    sys.exit(step(sys.argv[1:], os.environ))
