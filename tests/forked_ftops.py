"""How tests run ``ftops`` without importing everything anew for each command, which would take most of their time."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from server_process import wait_for

_NURSERY = Path(__file__).with_name("ftops_nursery.py")


def forked_command() -> list[str]:
    """Gives the words that stand for ``ftops``: what follows them runs in a process of its own, forked where all is loaded."""
    return [sys.executable, "-ESs", str(_NURSERY), "call", _address()]


@cache
def _address() -> str:
    """Starts the process that commands are forked from, once; gives its address."""
    folder = Path(tempfile.mkdtemp(prefix="ftops-nursery-"))
    # Coverage would slow it down.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, str(_NURSERY), "serve", str(folder / "nursery")]
    nursery = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**kept, "OPENBLAS_NUM_THREADS": "1"}, start_new_session=True
    )
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(nursery.communicate, timeout=10)
    wait_for((folder / "nursery").exists)
    return str(folder / "nursery")
