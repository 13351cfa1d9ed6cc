"""Runs a command at a terminal of its own and types answers at its questions: ``docs_terminal.py y -- COMMAND…``.

Prints what a person sees there, and exits with the command's code.
"""

import os
import pty
import re
import select
import sys
import termios
import time

SECONDS = 100.0
ROWS, COLUMNS = 50, 120
QUESTION = re.compile(rb"(?:\[[yY]/[nN]\]|to do it): $")


def main(answers: list[str], command: list[str]) -> int:
    """Gives the command's exit code; it is killed where it takes too long."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    termios.tcsetwinsize(terminal, (ROWS, COLUMNS))
    seen = b""
    left = list(answers)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            read = b""
        if not read:
            break
        seen += read
        if left and QUESTION.search(seen):
            os.write(terminal, f"{left.pop(0)}\n".encode())
    else:
        os.kill(pid, 9)
    sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n"))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    parted = sys.argv.index("--")
    sys.exit(main(sys.argv[1:parted], sys.argv[parted + 1 :]))
