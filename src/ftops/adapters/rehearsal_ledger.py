"""The rehearsal ledger: the branch ``BRANCH-embedded``, never pushed, and bound to the embedded server's data folder.

What the branch says must be about the jobs in that folder. Each data folder has a random id in its file ``ledger-id``, and

    refs/ftops/embedded-bound/BRANCH        a blob: the id of the folder that the branch is about now
    refs/ftops/embedded/BRANCH/ID           the tip that was saved for another folder

When another folder is used, the branch's tip is saved under the id that it was about, and the branch becomes what was saved
for the new one, or is deleted so as to start afresh. All refs move in one transaction, against what they were.
"""

import re
import secrets
from pathlib import Path
from typing import Final

from filelock import FileLock

from ftops.adapters.git_ledger import lock_path
from ftops.adapters.git_process import GitFailed, GitProcess
from ftops.adapters.git_refs import read_ref
from ftops.adapters.ledger_ownership import check_holds_ledger, check_not_checked_out
from ftops.adapters.state_dir import ensure_private_dir, write_privately
from ftops.domain.manifest import REHEARSAL_SUFFIX
from ftops.errors import LedgerError

_ID: Final = re.compile(r"[0-9a-f]{16}")
_LOCK_SECONDS: Final = 60.0


def rehearsal_branch(branch: str) -> str:
    """Gives the name of the branch that holds the rehearsals of a ledger branch."""
    return f"{branch}{REHEARSAL_SUFFIX}"


def bind_rehearsal(repo_root: Path, *, branch: str, ftops_dir: Path) -> str:
    """Makes the rehearsal branch that of ``ftops_dir/embedded``; gives the folder's id.

    To be called before the ledger is read. ``branch`` is the rehearsal branch itself.
    Raises LedgerError where git can't move it, and NotALedger where it is not ftops' own.
    """
    git = GitProcess(folder=repo_root)
    with FileLock(lock_path(git), timeout=_LOCK_SECONDS, poll_interval=0.01):
        folder_id = _folder_id(ftops_dir)
        try:
            _bind(git, branch, folder_id)
        except GitFailed as failure:
            raise LedgerError(f"the rehearsal branch {branch} can't be moved: {failure.gist}") from failure
    return folder_id


def _folder_id(ftops_dir: Path) -> str:
    ensure_private_dir(ftops_dir)
    folder = ftops_dir / "embedded"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "ledger-id"
    known = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    if _ID.fullmatch(known):
        return known
    fresh = secrets.token_hex(8)
    write_privately(path, f"{fresh}\n".encode())
    return fresh


def _bind(git: GitProcess, branch: str, folder_id: str) -> None:
    bound_ref = f"refs/ftops/embedded-bound/{branch}"
    bound_blob = read_ref(git, bound_ref)
    bound_id = git.line("cat-file", "blob", bound_blob) if bound_blob else None
    if bound_id == folder_id:
        return
    branch_ref, saved_ref = f"refs/heads/{branch}", f"refs/ftops/embedded/{branch}/{folder_id}"
    tip, saved = read_ref(git, branch_ref), read_ref(git, saved_ref)
    check_not_checked_out(git, branch)
    if tip is not None:
        check_holds_ledger(git, branch, tip)
    blob = git.run("hash-object", "-w", "--stdin", stdin=folder_id.encode()).decode("ascii").strip()
    nothing = "0" * len(blob)
    # A branch that no folder is known for is saved under an id of its own, so that it is never lost.
    owner = bound_id if bound_id and _ID.fullmatch(bound_id) else "unbound"
    commands = [f"update {bound_ref} {blob} {bound_blob or nothing}"]
    if tip is not None:
        commands.append(f"update refs/ftops/embedded/{branch}/{owner} {tip}")
    if saved is not None:
        commands += [f"update {branch_ref} {saved} {tip or nothing}", f"delete {saved_ref} {saved}"]
    elif tip is not None:
        commands.append(f"delete {branch_ref} {tip}")
    git.run("update-ref", "--no-deref", "--stdin", stdin=("\n".join(commands) + "\n").encode())
