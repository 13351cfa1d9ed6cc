"""What ``ftops init`` writes into a folder: which files, where, and what stands in them.

Owns the choice of name, backend and CI, and that an example comes only where no manifest is. It reads and writes nothing.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final, assert_never

from ftops.domain.manifest import BUILT_IN, EMBEDDED, Backend, BackendName

EXAMPLE: Final = "finetunes/ticket-router.yaml"
MANIFESTS: Final = "finetunes"
_LONGEST: Final = 40
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*|\.")
GITLAB_FILE: Final = ".gitlab-ci.yml"
PLAN_WORKFLOW: Final = ".github/workflows/ftops-plan.yml"
_GITLAB_PART: Final = ".gitlab/ftops.gitlab-ci.yml"


class Ci(StrEnum):
    """Which service runs plan and apply."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What was asked for; None is left to the folder."""

    name: str | None = None
    backend: str | None = None
    ci: Ci | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedProject:
    """What an ``ftops.yaml`` that is there already says."""

    name: str
    backend: Backend
    manifests: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What is there already.

    ``folder`` is the project's folder as a path from the repository's top, empty for the top itself, and ``folder_name``
    its name. ``manifests`` are paths from the project's folder, ``example`` the text of the example's manifest where that
    is one of them. ``branch`` is the repository's main branch. ``remote_host`` is None where no remote is configured,
    ``gitlab_file`` where no ``.gitlab-ci.yml`` is there, ``plan_workflow`` where no workflow of ours is.
    ``has_rehearsed`` tells that the repository has a rehearsals' ledger.
    """

    folder: str = ""
    folder_name: str
    branch: str = "main"
    remote_host: str | None = None
    gitlab_file: str | None = None
    plan_workflow: str | None = None
    has_rehearsed: bool = False
    has_repository: bool = True
    stated: StatedProject | None = None
    manifests: frozenset[str] = frozenset()
    example: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """A project to be written: ``files`` by their paths from the repository's top, in the order to write them.

    ``notes`` are about what is there already: what a person should know, or has to do.
    """

    name: str
    backend: Backend
    ci: Ci
    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


class NoName(ValueError):
    """No project's name can be made of a folder's, or the one asked for is none."""


def draw(wishes: Wishes, survey: Survey, templates: Mapping[str, str], *, version: str) -> Blueprint:
    """Gives the files that a working project in this folder has. ``templates`` are the shipped ones, by their paths.

    Raises NoName.
    """
    stated = survey.stated
    name = stated.name if stated else _name(wishes, survey)
    backend = stated.backend if stated else BUILT_IN[BackendName(wishes.backend or EMBEDDED)]
    ci = wishes.ci or _ci(survey)
    files = {
        _below(survey.folder, path): text
        for path, text in _project_files(survey, templates, name, backend.name).items()
    }
    files |= {path: _filled(text, survey, version) for path, text in _ci_files(ci, templates).items()}
    return Blueprint(name=name, backend=backend, ci=ci, files=files, notes=_notes(ci, survey))


def project_name(folder: str) -> str:
    """Makes a DNS label of a folder's name. Raises NoName where nothing of it can stand in one."""
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode().lower()
    label = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].rstrip("-")
    if not label:
        raise NoName("no project's name can be made of this folder's name")
    return label


def _name(wishes: Wishes, survey: Survey) -> str:
    if wishes.name is None:
        return project_name(survey.folder_name)
    if not _LABEL.fullmatch(wishes.name):
        raise NoName("a project's name is a DNS label: up to 40 lower-case letters, digits and inner hyphens")
    return wishes.name


def _ci(survey: Survey) -> Ci:
    if survey.remote_host is None:
        return Ci.GITLAB if survey.gitlab_file is not None else Ci.GITHUB
    return Ci.GITLAB if "gitlab" in survey.remote_host else Ci.GITHUB


def _project_files(survey: Survey, templates: Mapping[str, str], name: str, backend: str) -> dict[str, str]:
    """Gives the project's own files. Data comes before the manifest that names it, that before the project."""
    files = _example_files(survey, templates)
    files |= {path: text for path, text in sorted(templates.items()) if path.startswith("schemas/")}
    files[".gitignore"] = templates["project/gitignore"]
    project = templates["project/ftops.yaml"]
    files["ftops.yaml"] = project.replace("name: my-project", f"name: {_word(name)}").replace(
        "backend: embedded\n", f"backend: {backend}\n"
    )
    return files


def _example_files(survey: Survey, templates: Mapping[str, str]) -> dict[str, str]:
    """Gives the example, or what is missing of it; nothing where the project has manifests of its own."""
    folders = survey.stated.manifests if survey.stated else (MANIFESTS,)
    # A file that is called as the folder counts as a manifest: the example is drawn, and finds it in its way.
    if survey.manifests - {EXAMPLE, MANIFESTS} or MANIFESTS not in folders:
        return {}
    named = survey.example if survey.example is not None else templates[f"project/{EXAMPLE}"]
    data = {
        path.removeprefix("project/"): text
        for path, text in sorted(templates.items())
        if path.startswith(f"project/{MANIFESTS}/data/") and PurePosixPath(path).name in named
    }
    return {**data, EXAMPLE: templates[f"project/{EXAMPLE}"]}


def _ci_files(ci: Ci, templates: Mapping[str, str]) -> dict[str, str]:
    shipped = {path: text for path, text in sorted(templates.items()) if path.startswith(f"{ci}/")}
    match ci:
        case Ci.GITHUB:
            return {_github_place(PurePosixPath(path).name): text for path, text in shipped.items()}
        case Ci.GITLAB:
            parts = {f".gitlab/{PurePosixPath(path).name}": text for path, text in shipped.items()}
            return {**parts, GITLAB_FILE: f"include:\n  - local: {_GITLAB_PART}\n"}
        case Ci.NONE:
            return {}
        case _:
            assert_never(ci)


def _github_place(name: str) -> str:
    return ".github/actions/ftops/action.yml" if name == "action.yml" else f".github/workflows/{name}"


def _notes(ci: Ci, survey: Survey) -> tuple[str, ...]:
    notes = []
    if survey.has_rehearsed and survey.stated is None:
        notes.append("rehearsals so far stand in the ledger under the name local; the next apply trains anew")
    gitlab, workflow = survey.gitlab_file, survey.plan_workflow
    if ci is Ci.GITLAB and gitlab is not None and _GITLAB_PART not in gitlab:
        notes.append(f"{GITLAB_FILE} was there; add to it: include: [{{local: {_GITLAB_PART}}}]")
    if ci is Ci.GITHUB and workflow is not None and _project_line(survey) not in workflow:
        notes.append(
            f"the workflows are another project's; copy .github/workflows/ftops-*.yml, with {_project_line(survey)}"
        )
    return tuple(notes)


def _filled(text: str, survey: Survey, version: str) -> str:
    """Puts in what a workflow can't find out: the release to install, the project's folder, and the main branch."""
    filled = text.replace("FTOPS_VERSION", version)
    filled = filled.replace("FTOPS_PROJECT: .", _project_line(survey))
    return filled.replace("branches: [main]", f"branches: [{_word(survey.branch)}]")


def _project_line(survey: Survey) -> str:
    return f"FTOPS_PROJECT: {_word(survey.folder or '.')}"


def _word(text: str) -> str:
    """Gives a text as YAML that reads as this very text, in a list, too."""
    is_plain = _PLAIN.fullmatch(text) and text not in {"true", "false", "null"}
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def _below(folder: str, path: str) -> str:
    return f"{folder}/{path}" if folder else path
