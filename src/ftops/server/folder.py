"""The data folder as other processes see it: the lock, the announcement, and the clients that hold the server.

Owns ``server.lock``, ``server.json`` and ``clients/``. One server at a time works on a folder; who wants to reach it reads
``server.json``; who needs it to stay keeps a file in ``clients/``.
"""

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

# A process's start is derived from the clock at boot, which a correction of the clock may shift by a little.
_CLOCK_TOLERANCE_SECONDS = 1.0


class FolderInUse(Exception):
    """Another server works on this folder; ``owner`` describes it as far as is known."""

    def __init__(self, owner: str) -> None:
        super().__init__(owner)
        self.owner = owner


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFolder:
    """A folder that this process has locked."""

    path: Path
    lock: FileLock

    def announce(self, *, url: str, version: str, data_dir_id: str) -> None:
        """Tells other processes of this user where the server listens; call it once it does."""
        me = psutil.Process()
        announcement = {
            "pid": me.pid,
            "create_time": me.create_time(),
            "url": url,
            "version": version,
            "data_dir_id": data_dir_id,
        }
        descriptor, name = tempfile.mkstemp(dir=self.path, prefix="server.json.")  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(announcement, file)
        Path(name).replace(_announcement(self.path))

    def close(self) -> None:
        """Takes the announcement back and lets others have the folder."""
        _announcement(self.path).unlink(missing_ok=True)
        self.lock.release()

    def has_live_clients(self) -> bool:
        """Whether any process that registered in ``clients/`` is alive; files of dead ones are removed."""
        is_anyone_alive = False
        for file in (self.path / "clients").iterdir():
            if _is_alive(file):
                is_anyone_alive = True
            elif not file.is_dir():  # a folder isn't ours
                file.unlink(missing_ok=True)
        return is_anyone_alive


def open_folder(path: Path) -> DataFolder:
    """Makes the folder if need be and locks it; ``FolderInUse`` when another server has it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(path / "server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FolderInUse(_owner(path)) from error
    (path / "clients").mkdir(exist_ok=True)
    for half_written in path.glob("server.json.*"):
        if half_written.is_file():
            half_written.unlink()
    return DataFolder(path=path, lock=lock)


def _announcement(path: Path) -> Path:
    return path / "server.json"


def _owner(path: Path) -> str:
    try:
        found = json.loads(_announcement(path).read_text(encoding="utf-8"))
        return f"process {int(found['pid'])} at {found['url']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that isn't ready yet"


def _is_alive(file: Path) -> bool:
    if not file.name.isascii() or not file.name.isdigit() or file.is_dir():
        return False
    try:
        process = psutil.Process(int(file.name))
        started = process.create_time()
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
    except (psutil.Error, OverflowError, ValueError):
        return False
    try:
        return abs(float(file.read_text(encoding="ascii")) - started) < _CLOCK_TOLERANCE_SECONDS
    except FileNotFoundError:
        return False
    except ValueError:
        return True  # being written: the process is alive, and the next look will tell
