"""Who this run is: host, process and its start, so that another run can tell whether we are still there."""

import os
import re
import secrets
import socket
from collections.abc import Mapping
from typing import Final

import psutil

_OWNER: Final = re.compile(r"^(?P<host>[^/]+)/(?P<pid>\d{1,9})/(?P<started>\d+)$")
_RUN_URL: Final = re.compile(r"^https://[A-Za-z0-9.:-]+/[A-Za-z0-9._~/-]{1,300}$")


def own_identity() -> str:
    """Gives ``HOST/PID/START``, START being the process's start in milliseconds since 1970."""
    return f"{_host()}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Whether an owner is provably gone: a process of this host that has ended, or whose number another one bears now.

    False for owners on other hosts and for what makes no sense: nothing is proved there.
    """
    match = _OWNER.match(owner)
    if match is None or match["host"] != _host():
        return False
    return _started(int(match["pid"])) != int(match["started"])


def run_url(environ: Mapping[str, str]) -> str | None:
    """Gives the address of the CI run that this is, where the environment tells one."""
    url = environ.get("CI_JOB_URL", "")
    if environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        url = f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return url if _RUN_URL.match(url) else None


def new_id() -> str:
    """Gives a random id."""
    return secrets.token_hex(8)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "unknown"


def _started(pid: int) -> int:
    """The start of a process in milliseconds since 1970, 0 where there is none."""
    try:
        return round(psutil.Process(pid).create_time() * 1000)
    except psutil.Error:
        return 0
