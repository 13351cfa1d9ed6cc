"""Runs a whole page and tells what it would have to say instead; ``make docs-outputs`` writes that into the pages.

``python tests/docs/docs_running.py [PAGE…]`` does it for some pages; without any, for all that have commands.
"""

import difflib
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs_commands import PAGE, page_of_commands
from docs_matching import lines_of, rewritten
from docs_page import Block, Command, Page, all_pages, page_at
from docs_session import session_for


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a page: its text with the outputs as they are, and the commands that ended otherwise than stated."""

    text: str
    faults: tuple[str, ...]


def run_page(page: Page, folder: Path) -> Outcome:
    """Follows a page from top to bottom in an empty folder, until a command ends with another exit code than stated."""
    lines = page.text.splitlines()
    faults: list[str] = []
    replaced: list[tuple[Command, list[str]]] = []
    with session_for(page, folder) as session:
        for step in page.steps:
            if isinstance(step, Block):
                session.write(step)
                continue
            printed = session.run(step)
            replaced.append((step, rewritten(step.expected, lines_of(printed.text))))
            if printed.code != step.code:
                ended = "took too long" if printed.code is None else f"exit {printed.code} instead of {step.code}"
                faults.append(f"{page.path}:{step.begin}: {ended}: {step.script}\n{printed.text}")
                break
    for command, shown in reversed(replaced):
        lines[command.begin : command.end] = [" " * command.indent * bool(line) + line for line in shown]
    return Outcome(text="".join(f"{line}\n" for line in lines), faults=tuple(faults))


def difference(page: Page, outcome: Outcome) -> str:
    """Gives the difference between what a page says and what is so; empty where there is none."""
    old, new = (text.splitlines(keepends=True) for text in (page.text, outcome.text))
    return "".join(difflib.unified_diff(old, new, f"{page.path} (as it stands)", f"{page.path} (as it ran)", n=6))


def main(names: list[str]) -> int:
    """Writes real outputs into pages; gives 1, and leaves the page alone, where a command ended otherwise than stated."""
    if not names:
        PAGE.write_text(page_of_commands(), encoding="utf-8")
    chosen = [page_at(Path(name)) for name in names] or [page for page in all_pages() if page.has_commands]
    code = 0
    for page in chosen:
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_page(page, Path(folder))
        changed = outcome.text != page.text and not outcome.faults
        if changed:
            Path(page_file(page)).write_text(outcome.text, encoding="utf-8")
        sys.stdout.write(f"{'written' if changed else 'left as it was'}: {page.path}\n")
        for fault in outcome.faults:
            code = 1
            sys.stdout.write(f"{fault}\n")
    return code


def page_file(page: Page) -> Path:
    """Where a page is kept."""
    return Path(__file__).parents[2] / page.path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
