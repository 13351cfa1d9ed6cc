"""Runs git: one command, its bytes in and out, bounded and never asking anybody anything.

Owns how git is started: which inherited variables it sees, that none of the user's hooks run and no program that a
repository's files name, that it can't wait for a password, and how much it may answer. It knows nothing of what the commands
mean.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from ftops.domain.foreign_text import visible
from ftops.errors import UsageProblem

NETWORK_SECONDS: Final = 180.0
LOCAL_SECONDS: Final = 120.0
OUTPUT_LIMIT: Final = 1 << 30

# What `git rev-parse --local-env-vars` lists (but for configuration, which people pass on purpose), and what hooks set:
# run from a hook of another repository, git would otherwise work on that one.
INHERITED: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_GLOB_PATHSPECS",
        "GIT_GRAFT_FILE",
        "GIT_ICASE_PATHSPECS",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
        "SSH_ASKPASS",
    }
)
_FIXED: Final = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
}
_CONFIGURATION: Final = (
    f"core.hooksPath={os.devnull}",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.bareRepository=explicit",  # as _check_place, from git 2.38 on
)


_TELLING: Final = ("fatal:", "error:", "!", "remote: error:", "remote: fatal:", "ssh:")
_IN_EVERY_FAILURE: Final = ("Could not read from remote repository", "failed to push some refs")
_REMOTE_WORDS: Final = 300


class GitFailed(Exception):
    """Git ended with a status other than 0. ``words`` is what it said, without control characters."""

    def __init__(self, arguments: Sequence[str], status: int, stderr: bytes, stdout: bytes = b"") -> None:
        self.status = status
        said = (stdout + b"\n" + stderr if stdout else stderr).decode("utf-8", "replace")
        self.words = "\n".join(visible(line) for line in said.split("\n"))
        super().__init__(f"git {arguments[0]} ended with {status}: {self.gist}")

    @property
    def gist(self) -> str:
        """The line that says most: the first fatal, error or rejected one that is not in every failure, else the last one.

        What the remote itself said comes after it.
        """
        lines = [line.strip() for line in self.words.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith(_TELLING)]
        special = [line for line in telling if not any(words in line for words in _IN_EVERY_FAILURE)]
        line = (special or telling or lines[-1:] or ["no message"])[0]
        if line.startswith("remote:"):
            return line
        if line.startswith("!"):
            # ``push --porcelain``: a mark, the refs and what became of them, each after a tab.
            line = line.split(visible("\t"))[-1]
        remote = (other.removeprefix("remote:").strip() for other in lines if other.startswith("remote:"))
        said = next((words for words in remote if words), None)
        return f"{line}; remote says: {said[:_REMOTE_WORDS]}" if said else line


class GitTimedOut(GitFailed):
    """Git was stopped because it took too long: whether it took effect is not known."""


class OutputTooLarge(Exception):
    """Git answered more than was allowed."""


def clean_environment() -> dict[str, str]:
    """Gives the environment to run git in: this process's, without what points git elsewhere or lets it ask."""
    kept = {name: value for name, value in os.environ.items() if name not in INHERITED}
    return {**kept, **_FIXED}


@dataclass(frozen=True, kw_only=True, slots=True)
class GitProcess:
    """Runs git commands in one folder. Safe to use from several threads."""

    folder: Path
    environment: dict[str, str] = field(default_factory=clean_environment)

    def run(
        self, *arguments: str, stdin: bytes = b"", seconds: float = LOCAL_SECONDS, limit: int = OUTPUT_LIMIT
    ) -> bytes:
        """Gives what ``git arguments`` wrote. Raises GitFailed, GitTimedOut, OutputTooLarge past ``limit`` bytes."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as complaints:
            source.write(stdin)
            source.seek(0)
            process = self._start(arguments, source, subprocess.PIPE, complaints)
            stdout, has_timed_out = _collect(process, seconds=seconds, limit=limit)
            self._check(process, arguments, complaints, stdout, seconds=seconds if has_timed_out else None)
        return stdout

    def write(self, *arguments: str, into: IO[bytes], seconds: float = LOCAL_SECONDS) -> None:
        """Has ``git arguments`` write into an open file, past this process's memory. Raises GitFailed, GitTimedOut."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as complaints:
            process = self._start(arguments, source, into, complaints)
            try:
                process.wait(timeout=seconds)
                has_timed_out = False
            except subprocess.TimeoutExpired:
                has_timed_out = True
            finally:
                if process.returncode is None:
                    _stop(process)
                    process.wait()
            self._check(process, arguments, complaints, b"", seconds=seconds if has_timed_out else None)

    def _start(
        self, arguments: Sequence[str], source: IO[bytes], target: IO[bytes] | int, complaints: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        _check_place(self.folder)
        options = [word for setting in _CONFIGURATION for word in ("-c", setting)]
        try:
            # A session of its own: Ctrl-C at the terminal doesn't cut a push in two, and ssh finds no terminal to ask.
            return subprocess.Popen(
                ["git", *options, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=source,
                stdout=target,
                stderr=complaints,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise UsageProblem("git is not installed, or not on the PATH", remedy="install git") from error

    @staticmethod
    def _check(
        process: subprocess.Popen[bytes],
        arguments: Sequence[str],
        complaints: IO[bytes],
        stdout: bytes,
        *,
        seconds: float | None,
    ) -> None:
        """Raises where git failed; ``seconds`` is after how many it was stopped, None where it wasn't."""
        complaints.seek(0)
        stderr = complaints.read(1 << 20)
        if seconds is not None:
            late = f"\nfatal: timed out after {seconds:g} s".encode()
            raise GitTimedOut(arguments, process.returncode, stderr + late)
        if process.returncode != 0:
            raise GitFailed(arguments, process.returncode, stderr, stdout)

    def line(self, *arguments: str) -> str:
        """Gives the one line that a command answers."""
        return self.run(*arguments).decode("utf-8", "surrogateescape").rstrip("\n")

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command that answers by its status says yes (0) or no (1). Raises GitFailed at any other."""
        try:
            self.run(*arguments)
        except GitFailed as failure:
            if failure.status == 1:
                return False
            raise
        return True


def _check_place(folder: Path) -> None:
    """Raises UsageProblem where git would take files that somebody can commit for a repository's own.

    Among them are settings, and settings name programs that git runs. Nobody can commit a ``.git``.
    """
    start = folder.resolve()
    for place in (start, *start.parents):
        if os.path.lexists(place / ".git"):
            return
        shared = place / "commondir"
        if os.path.lexists(place / "HEAD") and (
            shared.exists() or ((place / "objects").exists() and (place / "refs").exists())
        ):
            raise UsageProblem(
                f"{visible(str(place))} is a bare git repository, or looks like one: git would obey the settings in it",
                remedy="use a clone of it; in a repository's own files, remove it",
            )


def _collect(process: subprocess.Popen[bytes], *, seconds: float, limit: int) -> tuple[bytes, bool]:
    """Reads all output; gives it and whether the process had to be stopped for its slowness."""
    assert process.stdout is not None  # noqa: S101 - stdout=PIPE above; tells mypy
    late = threading.Event()

    def stop_late() -> None:
        late.set()
        _stop(process)

    timer = threading.Timer(seconds, stop_late)
    timer.daemon = True
    timer.start()
    try:
        with process, process.stdout:
            output = _read(process.stdout, limit)
    except BaseException:
        _stop(process)
        process.wait()
        raise
    finally:
        timer.cancel()
    return output, late.is_set()


def _read(stream: IO[bytes], limit: int) -> bytes:
    output = stream.read(limit + 1)
    if len(output) > limit:
        raise OutputTooLarge(f"git answered more than {limit} bytes")
    return output


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
