"""The text of a comment and of a step's summary: pages of a plan and of an outcome, between a marker and a last line.

Owns the limits. GitHub says that a comment has at most 65,536 characters; people have found it to count otherwise
(https://github.com/dead-claudia/github-limits). In UTF-8 bytes a text is at least as long as it is in any other way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ftops.application.one_comment import marker_of
from ftops.cli.markdown_page import Item, Page, Section
from ftops.cli.markdown_text import code
from ftops.cli.outcome_file import SavedOutcome
from ftops.cli.render_markdown import plan_page
from ftops.cli.render_markdown_outcome import outcome_page
from ftops.domain.plan import Plan
from ftops.version import __version__

COMMENT_LIMIT: Final = 65_535  # UTF-8 bytes: below 65,536 characters, however they are counted


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What there is to tell: a plan, what became of an apply, or both; of one project."""

    project: str
    plan: Plan | None
    outcome: SavedOutcome | None

    @property
    def page(self) -> Page:
        """The outcome first, where there is one, and the plan behind it. Raises ValueError where there is neither."""
        if self.outcome is None:
            if self.plan is None:
                raise ValueError("neither a plan nor an outcome")
            return plan_page(self.plan)
        page = outcome_page(self.outcome)
        if self.plan is None:
            return page
        planned = plan_page(self.plan)
        title = Item(fine_tune=None, lines=("---", "", f"#{planned.title}", "", *planned.below, ""))
        sections = (*page.sections, Section(what="what was planned", items=(title,)), *planned.sections)
        return Page(title=page.title, below=page.below, sections=sections)


def comment_text(told: Told, *, run_url: str | None, has_summary: bool) -> str:
    """Gives the whole comment, within what GitHub takes. ``has_summary``: the rest goes into a step's summary."""
    summary = f"[The step summary of this run]({run_url})" if run_url else "The step summary of this run"
    has = f"{summary} has it." if has_summary else _kept(told)
    marker = f"{marker_of(told.project)}\n"
    return told.page.cut(COMMENT_LIMIT, has, before=marker, behind=_last_line(run_url)).rstrip("\n") + "\n"


def summary_text(told: Told, *, room: int) -> str:
    """Gives what goes into a step's summary, within ``room`` bytes; nothing where that is too little for a page.

    A runner takes nothing at all of a summary that is too long.
    """
    text = told.page.cut(max(0, room - 2), _kept(told)).rstrip("\n") + "\n\n"
    return text if len(text.encode("utf-8", "replace")) <= room else ""


def outputs_of(told: Told, plan_file: Path | None) -> dict[str, str]:
    """Gives a step's outputs: of the plan where there is one, else of what an apply has left to do."""
    plan = told.plan or (told.outcome.remaining if told.outcome else None)
    cost = None if plan is None else plan.cost_usd
    return {
        "changes": "true" if plan is not None and plan.has_changes else "false",
        "cost": "unknown" if cost is None else f"{cost:.2f}",
        **({"plan-file": str(plan_file)} if plan_file is not None else {}),
    }


def _kept(told: Told) -> str:
    return "The saved plan has it." if told.outcome is None else "The saved files have it."


def _last_line(run_url: str | None) -> str:
    run = f" in [this run]({run_url})" if run_url else ""
    return f"\n<sub>Written by {code(f'ftops {__version__}')}{run}; it is kept up to date here.</sub>\n"
