"""A process that imports the SDK as soon as it is started, and is told later whom to ask.

Owns that process, and how messages go to and fro: through pipes, as a key on a command line could be read by others. It
imports little, so that it can be started before all else. What the messages mean is ``early_look``'s.
"""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

_LENGTH: Final = 4


def write_message(pipe: BinaryIO, content: bytes) -> None:
    """Writes a message behind its length."""
    pipe.write(len(content).to_bytes(_LENGTH, "big") + content)
    pipe.flush()


def read_message(pipe: BinaryIO) -> bytes | None:
    """Reads a message as ``write_message`` writes it; None at the end."""
    head = pipe.read(_LENGTH)
    content = pipe.read(int.from_bytes(head, "big"))
    return content if head and len(content) == int.from_bytes(head, "big") else None


class EarlyProcess:
    """The process, started at once; ``close`` it at the end. Where it can't be started, nothing is ever heard of it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # By its path: with -m, a folder called ftops where the command is run would come first.
        program = str(Path(__file__).with_name("early_answers.py"))
        with suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-P", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    @property
    def pid(self) -> int | None:
        """The process's number; None where there is none, or none any more."""
        return self._process.pid if self._process is not None else None

    def say(self, content: bytes) -> None:
        """Sends a message. One that doesn't arrive is never answered."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                write_message(cast("BinaryIO", self._process.stdin), content)

    def hear(self) -> bytes | None:
        """Waits for the next message; None where there will be none."""
        if self._process is None or self._process.stdout is None:
            return None
        return read_message(cast("BinaryIO", self._process.stdout))

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(OSError), process:
                pass
