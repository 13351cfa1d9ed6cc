"""Starts the real server as a process of its own, for tests that talk HTTP to it.

Every wait is bounded, the process is killed whatever happens, and its output is kept in a file to be shown when it fails.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

START_SECONDS = 60.0
STOP_SECONDS = 30.0

T = TypeVar("T")


@dataclass(kw_only=True)
class ServerProcess:
    """A running server. ``url`` ends with the port, ``base_url`` with ``/v1``."""

    process: "subprocess.Popen[bytes]"
    data_dir: Path
    output_file: Path
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    url: str = ""

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def output(self) -> str:
        """Both of its streams, so far."""
        return self.output_file.read_text(encoding="utf-8", errors="replace")

    def kill9(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def terminate(self) -> int:
        """Asks it to end and gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Waits until it has ended by itself and gives its exit code."""
        return self.process.wait(STOP_SECONDS)

    def restart(self, *args: str) -> "ServerProcess":
        """Another server on the same data folder, after this one has ended; with other options if some are given."""
        return _await_ready(self.spawn(*args))

    def spawn(self, *args: str) -> "ServerProcess":
        """The same without waiting until it answers: it has no ``url``, and may be killed while it starts."""
        assert self.process.poll() is not None, "end the first one before"
        return _spawn(self.data_dir, self.output_file, args or self.args, self.env)


@contextlib.contextmanager
def start_server(tmp_path: Path, *args: str, env: Mapping[str, str] | None = None) -> Iterator[ServerProcess]:
    """A server with data in ``tmp_path/data`` on a free port, ready to answer; killed at the end of the block.

    ``args`` are options of ``ftops serve``; ``env`` is added to the environment. Servers that ``restart`` makes of it are
    killed too.
    """
    data_dir = tmp_path / "data"
    output_file = tmp_path / "server.log"
    server = _await_ready(_spawn(data_dir, output_file, args, _environment(env or {})))
    try:
        yield server
    finally:
        stop_all(data_dir)


def stop_all(data_dir: Path) -> None:
    """Kills every server that was started here on a data folder."""
    for server in _STARTED.pop(data_dir, []):
        if server.process.poll() is None:
            # A clean end first: coverage data is written then.
            server.process.terminate()
            try:
                server.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill9()


def run_server(tmp_path: Path, *args: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Runs a server that is expected to end by itself, as it can't start; gives its exit code and output."""
    done = subprocess.run(
        _command(tmp_path / "data", args),
        env=dict(_environment(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=START_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def wait_for(condition: Callable[[], T], *, seconds: float = 60.0) -> T:
    """Asks again and again until the condition gives something true, which it returns."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


_STARTED: dict[Path, list[ServerProcess]] = {}


def _spawn(data_dir: Path, output_file: Path, args: tuple[str, ...], env: Mapping[str, str]) -> ServerProcess:
    with output_file.open("ab") as output:
        process = subprocess.Popen(
            _command(data_dir, args),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = ServerProcess(process=process, data_dir=data_dir, output_file=output_file, args=args, env=env)
    _STARTED.setdefault(data_dir, []).append(server)
    return server


def _await_ready(server: ServerProcess) -> ServerProcess:
    process, announcement = server.process, server.data_dir / "server.json"

    def url_of_this_process() -> str | None:
        assert process.poll() is None, f"the server ended with code {process.returncode}:\n{server.output}"
        try:
            found = json.loads(announcement.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        # One that was killed leaves its announcement behind.
        return str(found["url"]) if found["pid"] == process.pid else None

    try:
        server.url = wait_for(url_of_this_process, seconds=START_SECONDS) or ""
    except BaseException:
        server.kill9()
        raise
    return server


def _command(data_dir: Path, args: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "ftops.server", "--port", "0", "--data-dir", str(data_dir), *args]


def _environment(added: Mapping[str, str]) -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "FTOPS_"))}
    return {**inherited, **added}
