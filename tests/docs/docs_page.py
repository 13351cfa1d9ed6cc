"""Reads a page of the documentation: its fenced blocks, the files that it shows, its commands and their outputs.

The convention: a block with ``title="PATH"`` is a file; in a ``console`` block a line ``$ COMMAND`` is run, a ``\\`` at its
end goes on in the next line, a last ``# exit N`` tells its exit code, and the lines below are its output. ``…`` stands for any
text of a line, a line that is only ``…`` for any number of lines. A line ``… [y/N]: y`` or ``… to do it: WORD`` is a question
with the answer that a person types.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_SETTINGS = re.compile(r"^<!-- docs: (.*) -->$", re.MULTILINE)
_EXIT = re.compile(r"\s# exit (\d+)\s*$")
ANSWER = re.compile(r"(?:\[[yY]/[nN]\]|to do it): (\S+)$")
_PROMPT = "$ "


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block. ``begin`` is the place of its first line of content among the page's lines."""

    page: str
    language: str
    title: str
    begin: int
    indent: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.begin}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command of a page with what it prints, whose lines are ``begin`` to ``end`` of the page."""

    script: str
    code: int
    expected: tuple[str, ...]
    begin: int
    end: int
    indent: int

    @property
    def answers(self) -> tuple[str, ...]:
        """What a person types at its questions."""
        return tuple(found[1] for line in self.expected if (found := ANSWER.search(line)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page, by its path below the repository."""

    path: str
    text: str

    @property
    def settings(self) -> dict[str, str]:
        """What the page asks of the harness: ``<!-- docs: folder=acme data=banking77 -->``."""
        found = _SETTINGS.search(self.text)
        return dict(word.split("=", 1) for word in found[1].split()) if found else {}

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All fenced blocks, in order."""
        found: list[Block] = []
        lines = self.text.splitlines()
        at = 0
        while at < len(lines):
            opened = _FENCE.match(lines[at])
            if opened is None:
                at += 1
                continue
            indent = len(opened["indent"])
            end = next(n for n in range(at + 1, len(lines)) if lines[n].strip() == "```")
            title = _TITLE.search(opened["info"])
            found.append(
                Block(
                    page=self.path,
                    language=(opened["info"].split() or [""])[0],
                    title=title[1] if title else "",
                    begin=at + 1,
                    indent=indent,
                    lines=tuple(line[indent:] for line in lines[at + 1 : end]),
                )
            )
            at = end + 1
        return tuple(found)

    @property
    def has_commands(self) -> bool:
        """Whether there is something to run."""
        return any(block.language == "console" for block in self.blocks)

    @property
    def steps(self) -> tuple[Block | Command, ...]:
        """What a reader does from top to bottom: files to write, and commands."""
        made: list[Block | Command] = []
        for block in self.blocks:
            if block.language == "console":
                made += commands_of(block)
            elif block.title:
                made.append(block)
        return tuple(made)


def commands_of(block: Block) -> tuple[Command, ...]:
    """Gives the commands of a console block; AssertionError where an output stands before the first of them."""
    lines = block.lines
    starts = [n for n, line in enumerate(lines) if line.startswith(_PROMPT)]
    assert starts, f"{block.place}: a console block without a command"
    assert starts[0] == 0, f"{block.place}: a console block begins with a command"
    return tuple(_command(block, start, end) for start, end in zip(starts, (*starts[1:], len(lines)), strict=True))


def _command(block: Block, start: int, end: int) -> Command:
    last = start
    while block.lines[last].endswith("\\"):
        last += 1
    script = "\n".join(block.lines[start : last + 1]).removeprefix(_PROMPT)
    stated = _EXIT.search(script)
    return Command(
        script=script,
        code=int(stated[1]) if stated else 0,
        expected=block.lines[last + 1 : end],
        begin=block.begin + last + 1,
        end=block.begin + end,
        indent=block.indent,
    )


def all_pages() -> tuple[Page, ...]:
    """Every page that users read, by path."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return tuple(page_at(file) for file in files)


def page_at(file: Path) -> Page:
    """Reads one page."""
    return Page(path=file.resolve().relative_to(ROOT).as_posix(), text=file.read_text(encoding="utf-8"))
