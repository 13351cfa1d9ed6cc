"""Draws the picture in the README from a real run of the demo at a pseudo-terminal: ``python demo/picture.py FILE.svg``.

Progress, which ftops writes to standard error, is left out, and so are some commands; what is shown is shown as it came.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

WIDTH: Final = 120
ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
LEFT_OUT: Final = ("$ ftops status", "$ ftops history", "$ git commit")


def main() -> int:
    """Runs the demo and writes the picture."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="standard")
    for line in shown_lines(run_demo().splitlines()):
        console.print(Text.from_ansi(line), soft_wrap=False, highlight=False)
    # Without the web fonts: a picture should call nobody. Every reader has some monospaced font.
    template = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("<svg ", '<svg xml:space="preserve" ', 1)  # some viewers drop indents otherwise
    picture = console.export_svg(title="make demo", code_format=template, unique_id="demo")
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")
    return 0


def run_demo() -> str:
    """Gives what the demo writes to a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": ""}
    script = Path(__file__).with_name("run.py")
    demo = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    os.close(theirs)
    text = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    if demo.wait() != 0:
        sys.exit("the demo failed; run make demo to see why")
    return text.decode().replace("\r\n", "\n")


def shown_lines(lines: list[str]) -> Iterator[str]:
    """Leaves out commands that the picture has no room for, and the plan that apply repeats."""
    is_shown, is_plan = True, False
    for line in lines[2:-1]:
        plain = ESCAPE.sub("", line)
        if plain.startswith(("$ ", "# ")):
            is_shown = not plain.startswith((*LEFT_OUT, "# What happened"))
            is_plan = plain.startswith("$ ftops apply")
            if is_shown:
                yield line
            if is_plan:
                yield "\x1b[2m… (shows the plan again, and progress)\x1b[0m"
        elif is_plan:
            is_plan = not plain.startswith("Plan:")
        elif is_shown:
            yield line


def _read(stream: int) -> bytes:
    try:
        return os.read(stream, 65536)
    except OSError:  # Linux's way to say that the other end is closed
        return b""


if __name__ == "__main__":
    sys.exit(main())
