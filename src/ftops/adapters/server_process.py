"""Starts ``python -m ftops.server`` as a process that outlives us, and tells whether a process lives.

Owns what the process inherits: no key, no token, none of the repository's modules, and a log of bounded size.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ftops.domain.foreign_text import visible
from ftops.errors import BackendError

# What a Python process needs of the environment; everything else, secrets above all, stays here.
_INHERITED: Final = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP",
        "TMP", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
        "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    }
)  # fmt: skip
_INHERITED_PREFIXES: Final = ("LC_", "PYTHON", "COVERAGE_", "OMP_", "OPENBLAS_", "MKL_")
_LOG_LIMIT: Final = 1_000_000
_TAIL: Final = 2_000
# The processor's clock at boot may be corrected a little between two looks at a process's start.
_CLOCK_TOLERANCE_SECONDS: Final = 1.0


class ServerStart:
    """One try to start the server on a data folder; its output goes to ``server.log`` there."""

    def __init__(self, data_dir: Path, environ: Mapping[str, str]) -> None:
        self._log = data_dir / "server.log"
        self._offset = _make_room(self._log)
        # -P: nothing is imported from the current folder, which is somebody's repository.
        command = [
            sys.executable,
            "-P",
            "-m",
            "ftops.server",
            "--port",
            "0",
            "--data-dir",
            str(data_dir),
            "--until-idle",
        ]
        with self._log.open("ab") as log:
            self._process = _Detached(
                command,
                cwd=data_dir,
                env=_inherited(environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **_detachment(),
            )

    def is_alive(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def met_another(self) -> bool:
        """Whether it ended because another server has the folder."""
        return not self.is_alive() and "another server works on" in self._said()

    def end(self) -> None:
        """Ends a process that hangs."""
        if self.is_alive():
            self._process.kill()
            self._process.wait()

    def failure(self) -> BackendError:
        """Gives what went wrong in its own words."""
        self.end()
        said = self._said()
        is_incomplete = "which this installation lacks" in said or "No module named" in said
        lines = "\n".join(f"  {visible(line)}" for line in said.splitlines()) or "  (it said nothing)"
        return BackendError(
            f"the embedded server did not start:\n{lines}",
            remedy="install it anew: pip install --force-reinstall ftops" if is_incomplete else f"see {self._log}",
        )

    def _said(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._offset)
            return log.read().decode(errors="replace")[-_TAIL:].strip()


class _Detached(subprocess.Popen[bytes]):
    """A process that is meant to outlive us: being collected while it runs is no leak worth a warning."""

    def __del__(self) -> None:
        self.poll()


def is_alive(pid: int, create_time: float) -> bool:
    """Whether the process that started at ``create_time`` (seconds since 1970) still runs."""
    import psutil

    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - create_time) < _CLOCK_TOLERANCE_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return False


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name.upper() in _INHERITED or name.upper().startswith(_INHERITED_PREFIXES)
    }


def _detachment() -> dict[str, Any]:
    # A Ctrl-C at our terminal is not meant for a server that others may use.
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _make_room(log: Path) -> int:
    """Sets a full log aside; gives the size of what is left."""
    size = log.stat().st_size if log.exists() else 0
    if size <= _LOG_LIMIT:
        return size
    log.replace(log.with_suffix(".log.1"))
    return 0
