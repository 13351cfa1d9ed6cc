"""The embedded backend's server as a process: started by the first command that needs it, shared by all, ended by itself.

Owns the client's half of the agreement in the data folder: ``clients/PID`` (holding the process's start time) keeps the server
alive, ``server.json`` says where it listens, ``start.lock`` makes two commands start one server. The folder may have been
committed by somebody: nothing in it is believed that the running process doesn't confirm.
"""

import atexit
import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ftops.adapters.backend_address import is_loopback
from ftops.adapters.server_process import ServerStart, is_alive
from ftops.errors import BackendError
from ftops.version import __version__

_HEALTH_SECONDS: Final = 5.0
_END_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.03

# How often this process registered with each data folder: its file goes with the last one that needs it.
_registered: Final[Counter[Path]] = Counter()
_registering: Final = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """``server.json`` of a process that lives. ``url`` is without the ``/v1``."""

    pid: int
    create_time: float
    url: str
    version: str
    data_dir_id: str


class EmbeddedServer:
    """The server of one data folder, as one client sees it."""

    def __init__(
        self, data_dir: Path, *, environ: Mapping[str, str] | None = None, start_seconds: float = 30.0
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._environ = os.environ if environ is None else environ
        self._start_seconds = start_seconds
        self._is_client = False
        self._found: Announcement | None = None

    @property
    def pid(self) -> int | None:
        """The process that was acquired last."""
        return self._found.pid if self._found else None

    def running(self) -> str | None:
        """Gives the base URL of a healthy server, None where there is none; starts and writes nothing."""
        found = self._healthy()
        return f"{found.url}/v1" if found else None

    def lasting(self) -> str | None:
        """Gives the base URL of a healthy server that somebody started by hand: one that doesn't end by itself."""
        found = self._healthy()
        return f"{found.url}/v1" if found and not _ends_by_itself(found.pid) else None

    def acquire(self) -> str:
        """Gives the base URL of a healthy server, started if need be, that stays until ``release`` or our end.

        May be called again when the server seems dead. Raises BackendError where none can be had.
        """
        from filelock import FileLock, Timeout

        try:
            self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Before the look at the server: one that sees a client doesn't end.
            self._register()
            with FileLock(self._data_dir / "start.lock", timeout=self._start_seconds + _END_SECONDS):
                self._found = self._healthy_of_our_version() or self._start()
        except Timeout as error:
            self.release()
            raise BackendError(
                f"another process has been starting the server in {self._data_dir} for too long"
            ) from error
        except OSError as error:
            self.release()
            raise BackendError(
                f"can't use {self._data_dir} for the embedded backend: {error.strerror or error}",
                remedy="make that folder writable",
            ) from error
        except BackendError:
            self.release()
            raise
        return f"{self._found.url}/v1"

    def release(self) -> None:
        """Lets the server end once nobody else needs it."""
        if self._is_client:
            self._is_client = False
            _unregister(self._data_dir)

    def _register(self) -> None:
        if not self._is_client:
            _register(self._data_dir)
            self._is_client = True

    def _healthy(self) -> Announcement | None:
        found = _announced(self._data_dir)
        return found if found and _is_healthy(found) else None

    def _healthy_of_our_version(self) -> Announcement | None:
        found = self._healthy()
        if found is None or found.version == __version__:
            return found
        self._end(found)
        return None

    def _start(self) -> Announcement:
        deadline = time.monotonic() + self._start_seconds
        obstacle: BackendError | None = None
        while True:
            start = ServerStart(self._data_dir, self._environ)
            while start.is_alive() and time.monotonic() < deadline:
                found = self._healthy()
                if found is not None:
                    return found
                time.sleep(_LOOK_SECONDS)
            is_late = time.monotonic() >= deadline
            if start.met_another():
                # One that is just ending holds the folder for a moment.
                obstacle = start.failure()
                time.sleep(_LOOK_SECONDS)
            elif not is_late or obstacle is None:
                raise start.failure()
            if is_late and obstacle is not None:
                start.end()
                raise obstacle

    def _end(self, found: Announcement) -> None:
        """Ends a server of another version that nobody uses; its unfinished jobs go on in the next one."""
        import psutil

        refusal = BackendError(
            f"the embedded server that runs is of ftops {found.version}, and this is {__version__}",
            remedy=f"let the commands that use it end, or end process {found.pid}",
        )
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(found.pid)
            # One that somebody started by hand is theirs to end.
            if not _ends_by_itself(found.pid) or _has_other_clients(self._data_dir):
                raise refusal
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except psutil.TimeoutExpired as error:
                raise refusal from error


def _ends_by_itself(pid: int) -> bool:
    import psutil

    try:
        return "--until-idle" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return True


def _announced(data_dir: Path) -> Announcement | None:
    try:
        said = json.loads((data_dir / "server.json").read_text(encoding="utf-8"))
        found = Announcement(
            pid=int(said["pid"]),
            create_time=float(said["create_time"]),
            url=str(said["url"]),
            version=str(said["version"]),
            data_dir_id=str(said["data_dir_id"]),
        )
        is_ours = found.url.startswith("http://") and is_loopback(found.url)
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None
    # Training data goes to that address: it must be this machine's, and of the process that announced it.
    return found if is_ours and is_alive(found.pid, found.create_time) else None


def _is_healthy(found: Announcement) -> bool:
    import http.client
    import urllib.request

    # No proxy: it could not reach this machine's own addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{found.url}/healthz", timeout=_HEALTH_SECONDS) as answer:
            said: Any = json.loads(answer.read(65536))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return isinstance(said, dict) and said.get("data_dir_id", found.data_dir_id) == found.data_dir_id


def _client_file(data_dir: Path) -> Path:
    return data_dir / "clients" / str(os.getpid())


def _register(data_dir: Path) -> None:
    import psutil

    with _registering:
        if not _registered:
            atexit.register(_unregister_all)
        file = _client_file(data_dir)
        file.parent.mkdir(exist_ok=True)
        file.write_text(repr(psutil.Process().create_time()), encoding="ascii")
        _registered[data_dir] += 1


def _unregister(data_dir: Path) -> None:
    with _registering:
        _registered[data_dir] -= 1
        if _registered[data_dir] <= 0:
            del _registered[data_dir]
            with contextlib.suppress(OSError):
                _client_file(data_dir).unlink()


def _unregister_all() -> None:
    for data_dir in tuple(_registered):
        with contextlib.suppress(OSError):
            _client_file(data_dir).unlink()


def _has_other_clients(data_dir: Path) -> bool:
    return any(is_alive(pid, create_time) for pid, create_time in _clients(data_dir) if pid != os.getpid())


def _clients(data_dir: Path) -> Iterator[tuple[int, float]]:
    for file in (data_dir / "clients").iterdir():
        with contextlib.suppress(OSError, ValueError):
            yield int(file.name), float(file.read_text(encoding="ascii"))
