"""The folder ``.ftops``, where ftops keeps what belongs to this machine alone. Owns that git never sees it."""

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_LEFT_BEHIND_SECONDS: Final = 3600.0


def ensure_private_dir(path: Path) -> Path:
    """Makes a folder that only its owner can read, and keeps all of it out of commits by a ``.gitignore``; gives it back."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = path / ".gitignore"
    if not ignore.exists():
        write_privately(ignore, b"*\n")
    return path


def write_privately(path: Path, content: bytes) -> None:
    """Replaces a file as a whole, readable by its owner only: a reader finds the old content or the new."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def clear_left_behind(*folders: Path) -> None:
    """Removes what killed processes left of files that they never finished: nobody finishes one after an hour."""
    for folder in folders:
        for path in folder.glob(".*.????????"):
            with suppress(OSError):
                if path.is_file() and time.time() - path.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                    path.unlink()
