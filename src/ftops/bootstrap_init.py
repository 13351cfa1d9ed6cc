"""Wires adapters for ``ftops init``, beside ``bootstrap``: there is no project yet to open."""

from pathlib import Path

from ftops.adapters.project_site import ProjectSite
from ftops.adapters.templates import load_templates
from ftops.application.new_project import Started, start_project
from ftops.domain.new_project import Wishes


def start(folder: Path, wishes: Wishes) -> Started:
    """Writes what a working project in ``folder`` lacks. Raises UsageProblem, Invalid, OSError; nothing is written then."""
    return start_project(ProjectSite(folder), wishes, load_templates())
