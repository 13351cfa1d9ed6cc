"""The manifests of a work tree as values: ``ftops.yaml`` and the fine-tunes beside it.

Owns reading all files, the rules between them, and that all problems of all files come at once. It opens no dataset.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ftops.adapters import manifest_values
from ftops.adapters.findings import Findings, findings_of
from ftops.adapters.kept_manifests import KeptManifests
from ftops.adapters.manifest_bytes import FileBytes, find_manifests, read_bytes
from ftops.adapters.manifest_datasets import dataset_uses
from ftops.adapters.manifest_graders import whole_graders
from ftops.adapters.manifest_paths import resolve_paths
from ftops.adapters.manifest_rules import check_rules, notices_of
from ftops.adapters.plain_values import mapping, member, sequence
from ftops.adapters.project_file import PROJECT_FILE, ProjectFile, project_lines, read_project_file
from ftops.adapters.project_paths import KnownFolders
from ftops.adapters.schema_problems import schema_problems
from ftops.adapters.yaml_documents import YamlDocument, child
from ftops.domain.foreign_text import visible
from ftops.domain.loaded import DatasetUse, LoadedProject
from ftops.domain.manifest import BackendName, FineTune, Project
from ftops.errors import Invalid, Problem

_SCHEMA: Final = "finetune.v1"


def load(root: Path, *, backend_override: str | None = None) -> LoadedProject:
    """Reads the project below ``root``; raises ``Invalid`` with all problems of all files."""
    loaded, problems = read_project(root, backend_override=backend_override)
    if problems:
        raise Invalid(problems)
    return loaded


def read_project(
    root: Path, *, backend_override: str | None = None, kept: KeptManifests | None = None
) -> tuple[LoadedProject, tuple[Problem, ...]]:
    """Reads the project below ``root``: what is valid, and everything that isn't.

    ``backend_override`` is the backend that the command line or the environment redirects to; it lets a project without a
    name rehearse manifests that name another backend. ``kept`` are files found valid before.
    """
    file = read_project_file(root, kept=kept)
    reading = _Reading(root=root, project=file.project, known=KnownFolders(root), kept=kept)
    paths, problems = find_manifests(root, file.project.manifests, file.manifest_places)
    for path in paths:
        reading.read(path)
    problems = [*file.problems, *problems, *reading.problems, *_clashes(reading.stated)]
    fine_tunes = tuple(sorted(reading.fine_tunes, key=lambda one: (one.name, one.path, one.line)))
    problems.extend(_nameless(file, reading.stated, backend_override))
    digests = dict(reading.digests)
    if file.digest is not None:
        digests[PROJECT_FILE] = file.digest
    loaded = LoadedProject(
        project=file.project,
        fine_tunes=fine_tunes,
        datasets=tuple(reading.datasets),
        files={path: frozenset(named) for path, named in reading.files.items()},
        manifest_digests=dict(sorted(digests.items())),
        notices=tuple(notice for one in fine_tunes for notice in notices_of(one)),
    )
    return loaded, tuple(problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stated:
    """The names that one document states, whatever else is wrong with it.

    ``backend`` is the one that the document names, or the project's; None where that can't be told.
    """

    findings: Findings
    name: str | None
    moved_from: tuple[str, ...]
    backend: str | None


@dataclass(kw_only=True, slots=True)
class _Reading:
    """Reads one manifest after the other, and keeps what all of them came to."""

    root: Path
    project: Project
    known: KnownFolders
    kept: KeptManifests | None
    fine_tunes: list[FineTune] = field(default_factory=list)
    datasets: list[DatasetUse] = field(default_factory=list)
    files: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    stated: list[_Stated] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def read(self, path: str) -> None:
        shown = visible(path)
        self.files[shown] = set()
        content = read_bytes(self.root, path, known=self.known)
        if isinstance(content, Problem):
            self.problems.append(content)
            return
        self.digests[path] = content.sha256
        for document, wrong in self._documents(content, shown):
            self._read_document(document, wrong, path, shown)

    def _documents(self, content: FileBytes, shown: str) -> list[tuple[YamlDocument, list[Problem]]]:
        """Gives a file's documents, each with what the schema has against it."""
        kept = self.kept.get(content.sha256, _SCHEMA) if self.kept else None
        if kept is not None:
            return [(document, []) for document in kept]
        from ftops.adapters.yaml_nodes import read_yaml  # not needed where all files were read before

        yaml_file = read_yaml(content.data, shown)
        self.problems.extend(yaml_file.problems)
        checked = [(document, schema_problems(document, _SCHEMA, shown)) for document in yaml_file.documents]
        if self.kept and not yaml_file.problems and not any(wrong for _, wrong in checked):
            self.kept.put(content.sha256, _SCHEMA, yaml_file.documents)
        return checked

    def _read_document(self, document: YamlDocument, wrong: list[Problem], path: str, shown: str) -> None:
        findings = findings_of(document, shown, wrong)
        value = document.value
        self.stated.append(_stated_names(value, findings, self.project))
        paths = resolve_paths(value, self.root, (self.root / path).parent, findings, known=self.known)
        self.files[shown].update(visible(named) for named in paths.values())
        check_rules(value, self.project, findings)
        graders = whole_graders(value, paths, self.root, findings)
        self.datasets.extend(dataset_uses(value, paths, findings))
        if not (wrong or document.broken or findings.problems):
            self.fine_tunes.append(
                manifest_values.fine_tune(value, path=shown, line=document.place.line, paths=paths, graders=graders)
            )
        self.problems.extend((*wrong, *findings.problems))


def _stated_names(value: Any, findings: Findings, project: Project) -> _Stated:
    metadata, spec = member(value, "metadata"), member(value, "spec")
    name = member(metadata, "name")
    backend = mapping(spec).get("backend", project.backend if isinstance(spec, dict) else None)
    return _Stated(
        findings=findings,
        name=name if isinstance(name, str) else None,
        moved_from=tuple(old for old in sequence(member(metadata, "moved_from")) if isinstance(old, str)),
        backend=backend if isinstance(backend, str) else None,
    )


def _clashes(stated: list[_Stated]) -> Iterator[Problem]:
    """Gives the names that two manifests declare, and former names that are declared or listed elsewhere."""
    declared: dict[str, _Stated] = {}
    listed: dict[str, _Stated] = {}
    for one in stated:
        if one.name is None:
            continue
        if one.name in declared:
            wrong = f"expected a name used once, {_place(declared[one.name], '/metadata/name')} has it too"
            yield from _found(one, "/metadata/name", wrong)
        declared.setdefault(one.name, one)
    for one in stated:
        for index, old in enumerate(one.moved_from):
            pointer = child("/metadata/moved_from", index)
            if old in declared and old != one.name:
                owner = _place(declared[old], "/metadata/name")
                yield from _found(one, pointer, f"expected a name that nothing declares, {owner} declares it")
            if old in listed and listed[old] is not one:
                yield from _found(
                    one, pointer, f"expected a name listed once, {listed[old].findings.file} lists it too"
                )
            listed.setdefault(old, one)


def _found(one: _Stated, pointer: str, expected: str) -> Iterator[Problem]:
    findings = Findings(file=one.findings.file, document=one.findings.document)
    findings.add(pointer, expected)
    yield from findings.problems


def _place(one: _Stated, pointer: str) -> str:
    return f"{one.findings.file}:{one.findings.document.at(pointer).line}"


def _nameless(file: ProjectFile, stated: list[_Stated], override: str | None) -> Iterator[Problem]:
    """Gives the problem of a project without a name whose fine-tunes go to a backend that other projects use too."""
    if file.has_name:
        return
    project = file.project
    for one in stated:
        name = override or one.backend
        backend = project.backends.get(BackendName(name)) if name else None
        if backend is not None and not backend.is_rehearsal:
            where = f"{one.findings.file}:{one.findings.document.place.line}"
            if project.is_implicit:
                lines = project_lines(backend.name)
                wrong = f"required for backend {backend.name} of {where}; write\n{lines}"
            else:
                wrong = f"required for backend {backend.name} of {where}, but missing"
            yield Problem(file=PROJECT_FILE, field="/metadata/name", expected=wrong)
            return
