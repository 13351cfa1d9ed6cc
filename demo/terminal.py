"""Draws what ftops shows on a terminal of some columns, from real runs in tmux: ``python demo/terminal.py COLUMNS FILE.svg``.

The examples of this repository are planned, applied (one look in the middle of it) and listed, in a scratch repository on the
embedded backend. What is shown is what stood on the screen. Needs tmux.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.ansi import AnsiDecoder
from rich.console import Console
from run import Stage, end_server

HEIGHT: Final = 60
SECONDS: Final = 60.0
PROMPT: Final = "$ "
PLAIN: Final = "\x1b[0m"
ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")


class Screen:
    """A terminal in tmux, of its own server and settings."""

    def __init__(self, folder: Path, columns: int) -> None:
        self._socket = str(folder / "tmux.sock")
        words = ["new-session", "-d", "-x", str(columns), "-y", str(HEIGHT), "-c", str(folder / "work")]
        bin_folder = str(Path(sys.executable).parent)
        foreign = ("FTOPS_", "OPENAI_", "GIT_", "TMUX")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        environment = {**kept, "PATH": f"{bin_folder}:{kept['PATH']}", "NO_COLOR": "", "LC_ALL": "C.UTF-8"}
        self._tmux(*words, "bash --norc --noprofile", environment=environment)
        self._tmux("send-keys", f"PS1='{PROMPT}'", "Enter")
        self.wait(lambda lines: lines[-1] == PROMPT.strip())

    def run(self, command: str, *, until: Callable[[Sequence[str]], bool] | None = None) -> list[str]:
        """Types a command on an empty screen; gives the lines once it has ended, or once ``until`` says so."""
        self._tmux("send-keys", "clear", "Enter")
        time.sleep(0.5)
        self._tmux("send-keys", "-l", command)
        self._tmux("send-keys", "Enter")
        return self.wait(until or (lambda lines: len(lines) > 1 and lines[-1].strip() == PROMPT.strip()))

    def wait(self, until: Callable[[Sequence[str]], bool]) -> list[str]:
        """Gives the lines on the screen, with their colours, once ``until`` is true of them without."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            lines = self._tmux("capture-pane", "-e", "-p").rstrip().split("\n")
            plain = [ESCAPE.sub("", line) for line in lines]
            if until(plain):
                return lines
            time.sleep(0.05)
        sys.exit("nothing more came:\n" + "\n".join(lines))

    def close(self) -> None:
        """Ends it."""
        self._tmux("kill-server")

    def _tmux(self, *words: str, environment: dict[str, str] | None = None) -> str:
        command = ["tmux", "-f", os.devnull, "-S", self._socket, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30).stdout


def main() -> int:
    """Plays the examples on a screen and writes the picture."""
    columns, target = int(sys.argv[1]), Path(sys.argv[2])
    folder = Path(tempfile.mkdtemp(prefix="ftops-picture-"))
    stage = Stage(folder / "work")
    try:
        stage.prepare()
        # Long enough to be looked at in the middle.
        stage.edit(Path("finetunes/support-triage.yaml"), "n_epochs: 3", "n_epochs: 50")
        screen = Screen(folder, columns)
        try:
            shown = _play(screen)
        finally:
            screen.close()
    finally:
        end_server(folder / "work")
        shutil.rmtree(folder, ignore_errors=True)
    _draw(shown, columns, target)
    return 0


def _play(screen: Screen) -> list[str]:
    plan = screen.run("ftops plan 2>/dev/null")[:-1]
    live = screen.run("ftops apply --auto-approve", until=_is_underway)
    rows = [line for line in live if _is_row(ESCAPE.sub("", line))]
    screen.wait(lambda lines: lines[-1].strip() == PROMPT.strip())
    status = screen.run("ftops status")[:-1]
    running = f"{PROMPT}ftops apply --auto-approve"
    return [*plan, PLAIN, running, "\x1b[2m… (while it runs)", PLAIN + rows[0], *rows[1:], PLAIN, *status]


def _is_underway(lines: Sequence[str]) -> bool:
    return sum(" training " in line and "/" in line for line in lines) >= 1 and any(
        "elapsed" in line for line in lines[-4:]
    )


def _is_row(line: str) -> bool:
    return re.match(r"[a-z-]+ +(train|evaluat|promot|upload)", line) is not None or " elapsed" in line


def _draw(lines: Sequence[str], columns: int, target: Path) -> None:
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="standard")
    for line in AnsiDecoder().decode("\n".join(lines)):  # colours go on from line to line
        console.print(line, soft_wrap=False, highlight=False)
    # Without the web fonts: a picture should call nobody. Every reader has some monospaced font.
    template = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("<svg ", '<svg xml:space="preserve" ', 1)  # some viewers drop indents otherwise
    picture = console.export_svg(title=f"{columns} columns", code_format=template, unique_id=f"terminal-{columns}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
