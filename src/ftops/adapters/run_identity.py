"""Who this run is: host, process and its start, so that another run can tell whether we are still there."""

import hashlib
import os
import re
import secrets
import socket
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

_OWNER: Final = re.compile(r"^(?P<host>[^/]+)/(?P<pid>\d{1,9})/(?P<started>\d+)$")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES: Final = Path("/proc")
_RUN_URL: Final = re.compile(r"^https://[A-Za-z0-9.:-]+/[A-Za-z0-9._~/-]{1,300}$")


def own_identity() -> str:
    """Gives ``HOST/PID/START``: three words that no other process bears, here or elsewhere."""
    return f"{_host()}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Whether an owner is provably gone: a process of this host that has ended, or whose number another one bears now.

    One that has ended is gone even while nobody has asked for its exit code, as in a container without an init process.

    False for owners on other hosts and for what makes no sense: nothing is proved there.
    """
    match = _OWNER.match(owner)
    if match is None or match["host"] != _host():
        return False
    pid, started = int(match["pid"]), int(match["started"])
    found = _started(pid)
    # A process that there is and that tells nothing (another user's, say) proves nothing.
    return found != started and (found != 0 or _is_ended(pid))


def run_url(environ: Mapping[str, str]) -> str | None:
    """Gives the address of the CI run that this is, where the environment tells one."""
    url = environ.get("CI_JOB_URL", "")
    if environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        url = f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return url if _RUN_URL.fullmatch(url) else None


def new_id() -> str:
    """Gives a random id."""
    return secrets.token_hex(8)


@cache
def _host() -> str:
    """The host's name and a digest of where process numbers count: runners of one name prove nothing of each other."""
    name = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "unknown"
    return f"{name}.{hashlib.sha256(_numbering().encode()).hexdigest()[:8]}"


def _numbering() -> str:
    """Tells apart machines, starts of one machine and, where the system has them, containers."""
    try:
        started, namespace = _BOOT_ID.read_text(encoding="ascii").strip(), (_PROCESSES / "self/ns/pid").readlink()
    except OSError:
        import psutil

        return f"{uuid.getnode()} {psutil.boot_time():.0f}"
    return f"{started} {namespace}"


def _started(pid: int) -> int:
    """When a process started, in units that a change of the clock doesn't touch; 0 where there is none or it has ended."""
    try:
        state, *fields = (_PROCESSES / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0 if (_PROCESSES / "self").exists() else _started_elsewhere(pid)
    # proc(5): the state is field 3, the start since boot in clock ticks field 22. X and Z have ended.
    return 0 if state in {b"X", b"Z"} else int(fields[18])


def _is_ended(pid: int) -> bool:
    import psutil

    try:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _started_elsewhere(pid: int) -> int:
    """The same on systems that don't tell in files: in milliseconds since 1970."""
    import psutil

    try:
        process = psutil.Process(pid)
        return 0 if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time() * 1000)
    except psutil.Error:
        return 0
