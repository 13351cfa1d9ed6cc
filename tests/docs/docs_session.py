"""Does what a page tells its reader to do: writes its files and runs its commands, one after the other, in one bash.

The reader has a home of their own with an empty folder in it, the real ``ftops``, no key, and no network but this
machine's. The port 8400 of a page is a free one in truth, as pages run side by side. Every wait is bounded, and no process is
left behind.
"""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from docs_page import Block, Command, Page

from forked_ftops import forked_command
from scratch_project import end_process
from shared_data import missing, shared_path

COMMAND_SECONDS = 120.0
PORT = "8400"
READERS_HOME = "/home/you"
_TERMINAL = Path(__file__).with_name("docs_terminal.py")
_DEAD_PROXY = "http://127.0.0.1:9"


@dataclass(frozen=True, kw_only=True, slots=True)
class Printed:
    """What a command printed, on both streams as a person sees them, and its exit code; None where it took too long."""

    code: int | None
    text: str


@dataclass(kw_only=True)
class Session:
    """A reader at work. ``folder`` is where they began."""

    home: Path
    folder: Path
    port: str
    bash: "subprocess.Popen[bytes]"
    count: int = field(default=0)

    def write(self, block: Block) -> None:
        """Writes a file that a page shows."""
        file = self.folder / block.title
        assert file.resolve().is_relative_to(self.home), f"{block.place}: {block.title} leaves the project"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text.replace(PORT, self.port), encoding="utf-8")

    def run(self, command: Command) -> Printed:
        """Runs a command; at a terminal where the page shows a question with its answer."""
        self.count += 1
        script, out, code = (self.home / f".said/{self.count}.{kind}" for kind in ("sh", "out", "code"))
        script.write_text(command.script.replace(PORT, self.port) + "\n", encoding="utf-8")
        call = f"source {script}"
        if command.answers:
            call = shlex.join([sys.executable, str(_TERMINAL), *command.answers, "--", "bash", str(script)])
        line = f"{call} >{out} 2>&1 </dev/null; echo $? >{code}.part; mv {code}.part {code}\n"
        assert self.bash.stdin is not None
        self.bash.stdin.write(line.encode())
        self.bash.stdin.flush()
        ended = self._wait_for(code)
        text = out.read_text(encoding="utf-8", errors="replace") if out.exists() else ""
        return Printed(
            code=int(code.read_text()) if ended else None,
            text=text.replace(str(self.home), READERS_HOME).replace(self.port, PORT),
        )

    def _wait_for(self, file: Path) -> bool:
        deadline = time.monotonic() + COMMAND_SECONDS
        while not file.exists():
            if time.monotonic() > deadline or self.bash.poll() is not None:
                return False
            time.sleep(0.02)
        return True


@contextlib.contextmanager
def session_for(page: Page, folder: Path) -> Iterator[Session]:
    """Opens a session for a page in an empty folder; skips where the data that it needs isn't there."""
    settings = page.settings
    home = (folder / "home").resolve()
    place = home / settings.get("folder", "acme")
    place.mkdir(parents=True)
    (home / ".said").mkdir()
    env = _environment(home)
    if name := settings.get("data"):
        if not shared_path(f"data/{name}").is_dir():
            pytest.skip(missing(shared_path(f"data/{name}")))
        env["DATA"] = str(shared_path(f"data/{name}").resolve())
    bash = subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        cwd=place,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Session(home=home, folder=place, port=str(_free_port()), bash=bash)
    finally:
        _end(bash, home)


def _environment(home: Path) -> dict[str, str]:
    """A reader's own environment: nothing of this machine's configuration, and proxies that lead nowhere."""
    commands = home / ".local/bin"
    commands.mkdir(parents=True)
    for name, words in {"ftops": shlex.join(forked_command()), "python3": shlex.quote(sys.executable)}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        (commands / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        "[user]\nname = Ada\nemail = ada@example.com\n[init]\ndefaultBranch = main\n[advice]\ndetachedHead = false\n",
        encoding="utf-8",
    )
    foreign = ("OPENAI_", "FTOPS_", "GIT_", "CI", "GITHUB_", "COLUMNS", "LINES", "PYTHON", "FORCE_COLOR", "XDG_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"), _DEAD_PROXY)
    return {
        **kept,
        **proxies,
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
        "HOME": str(home),
        "PATH": f"{commands}:{os.environ['PATH']}",
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "TZ": "UTC",
        # Both streams go into one file: in the order in which they are written, as at a terminal.
        "PYTHONUNBUFFERED": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(bash: "subprocess.Popen[bytes]", home: Path) -> None:
    """Ends bash with all that it started, and the embedded servers of the page's projects."""
    started = psutil.Process(bash.pid).children(recursive=True) if bash.poll() is None else []
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
    for process in psutil.wait_procs(started, timeout=10)[1]:
        process.kill()
    bash.kill()
    bash.wait(10)
    if bash.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            bash.stdin.close()
    for file in home.rglob("server.json"):
        with contextlib.suppress(OSError, ValueError, KeyError):
            announced = json.loads(file.read_text(encoding="utf-8"))
            end_process(int(announced["pid"]), float(announced["create_time"]))
