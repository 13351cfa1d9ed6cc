"""Starts a project in a folder: looks, draws, writes what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from ftops.domain.new_project import EXAMPLE, Blueprint, NoName, Survey, Wishes, draw
from ftops.errors import UsageProblem
from ftops.ports.site import Placed, Site
from ftops.version import __version__


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A project that was started, or found complete: ``placed`` tells which."""

    blueprint: Blueprint
    survey: Survey
    placed: Placed

    @property
    def has_new_example(self) -> bool:
        """Whether the example was written now: it trains where the project does, in seconds."""
        return any(path.endswith(EXAMPLE) for path in self.placed.written)


def start_project(site: Site, wishes: Wishes, templates: Mapping[str, str]) -> Started:
    """Writes what a working project needs and the folder lacks; nothing that exists is touched.

    Raises UsageProblem, Invalid (an ``ftops.yaml`` that is there and wrong), OSError; nothing is written then.
    """
    survey = site.survey()
    try:
        blueprint = draw(wishes, survey, templates, version=__version__)
    except NoName as error:
        raise UsageProblem(str(error), remedy="ftops init --name my-project") from error
    return Started(blueprint=blueprint, survey=survey, placed=site.place(blueprint.files))
