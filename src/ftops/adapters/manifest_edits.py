"""Manifests edited in place: read as they were when the project was, written as a whole, by one at a time.

Owns which file it is, whether git knows it, and how it is replaced. What is edited in it is ``alias_lines``' to know.
"""

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from ftops.adapters.alias_lines import NotEditable, with_alias
from ftops.adapters.git_process import GitProcess
from ftops.adapters.manifest_bytes import read_bytes
from ftops.adapters.project_paths import PathRefused, file_inside
from ftops.adapters.schemas import load_schema
from ftops.adapters.state_dir import ensure_private_dir
from ftops.domain.foreign_text import quoted, visible
from ftops.domain.manifest import AliasName, FineTune
from ftops.errors import FtopsError, Invalid, Problem, UsageProblem, local_storage_failed
from ftops.ports import ManifestEdit

_LOCK_SECONDS: Final = 10.0


class ManifestFiles:
    """The manifests below ``root``, a folder of the repository at ``top``; fits ``ports.ManifestEdits``.

    ``digests`` has the SHA-256 of each file's bytes as the project was read: one that changed since is edited by nobody.
    """

    def __init__(self, top: Path, root: Path, digests: Mapping[str, str]) -> None:
        self._top, self._root, self._digests = top, root, digests

    def propose(self, fine_tune: FineTune, alias: AliasName, to: str) -> ManifestEdit:
        """Gives the edit that sets an alias; see the port."""
        _check_name(alias)
        path = next((path for path in self._digests if visible(path) == fine_tune.path), fine_tune.path)
        content = read_bytes(self._root, path)
        if isinstance(content, Problem):
            raise Invalid([content])
        if content.sha256 != self._digests.get(path):
            raise _changed(fine_tune.path)
        try:
            after = with_alias(content.data, fine_tune=fine_tune.name, alias=alias, to=to)
        except NotEditable as error:
            message = f"{fine_tune.path}: {alias} can't be written without touching other lines: {error}"
            raise FtopsError(message, remedy=f"write it yourself, below spec.aliases: {alias}: {quoted(to)}") from error
        real = self._real(path).relative_to(self._top.resolve()).as_posix()
        is_tracked = GitProcess(folder=self._top).succeeds(
            "--literal-pathspecs", "ls-files", "--error-unmatch", "--", real
        )
        return ManifestEdit(path=real, is_tracked=is_tracked, before=content.data, after=after)

    def write(self, edit: ManifestEdit) -> None:
        """Replaces the file, its mode kept; a reader finds the old content or the new."""
        target = self._top / edit.path
        try:
            lock = ensure_private_dir(self._root / ".ftops") / "manifests.lock"
            # Between the look and the replacement another run would write what then is lost.
            with FileLock(lock, timeout=_LOCK_SECONDS, poll_interval=0.01):
                if target.read_bytes() != edit.before:
                    raise _changed(edit.path)
                _replace(target, edit.after)
        except Timeout as error:
            raise FtopsError(f"another ftops is writing a manifest: {lock} is locked", remedy="try again") from error
        except OSError as error:
            raise local_storage_failed(error) from error

    def _real(self, path: str) -> Path:
        try:
            return self._root.resolve() / file_inside(self._root, self._root, path)
        except PathRefused as error:
            raise Invalid([Problem(file=visible(path), expected=error.expected, hint=error.hint)]) from error


def _check_name(alias: str) -> None:
    label = load_schema("finetune.v1")["$defs"]["label"]
    if not re.fullmatch(label["pattern"], alias):
        raise UsageProblem(f"an alias can't be called {quoted(alias, limit=60)}: expected {label['x-expected']}")


def _changed(path: str) -> FtopsError:
    return FtopsError(f"{visible(path)} changed meanwhile; nothing was written", remedy="try again")


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            was = target.stat()
            with suppress(OSError):  # root alone can: a container's must not take a person's file
                os.fchown(stream.fileno(), was.st_uid, was.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(was.st_mode))
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
