"""Manifests as text: written as a person would, and read back before anybody relies on them.

Owns the form of what ftops writes. What a manifest says is decided elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ftops.adapters import manifest_values
from ftops.adapters.findings import findings_of
from ftops.adapters.manifest_graders import whole_graders
from ftops.adapters.manifest_rules import check_rules
from ftops.adapters.schema_problems import schema_problems
from ftops.adapters.yaml_documents import YamlDocument
from ftops.adapters.yaml_nodes import read_yaml
from ftops.domain.foreign_text import visible
from ftops.domain.manifest import FineTune, Project

_WIDTH = 120


class _Quoted(str):
    """Text that is written in quotes, whatever it looks like."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Blocks for what holds something, one line for what doesn't; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def manifest_text(document: Mapping[str, Any], comments: tuple[str, ...] = ()) -> str:
    """Gives a document as YAML, keys in their order, under comment lines.

    The YAML library reads version 1.1, ftops 1.2: texts that the two take for different things are put in quotes.
    """
    head = "".join(f"# {visible(line)}\n" for line in comments)
    plain = head + _dump(document)
    read = read_yaml(plain.encode(), "")
    if not read.problems and [found.value for found in read.documents] == [document]:
        return plain
    return head + _dump(_in_quotes(document))


def read_back(
    text: str, *, path: str, root: Path, project: Project, paths: Mapping[str, str]
) -> tuple[FineTune | None, tuple[str, ...]]:
    """Gives the fine-tune that a manifest declares, or all that is wrong with it.

    ``paths`` maps the JSON pointers of its datasets to files below ``root``, which need not exist yet.
    """
    read = read_yaml(text.encode(), path)
    problems = list(read.problems)
    if problems:
        return None, tuple(str(problem) for problem in problems)
    document: YamlDocument = read.documents[0]
    wrong = schema_problems(document, "finetune.v1", path)
    findings = findings_of(document, path, wrong)
    check_rules(document.value, project, findings)
    graders = whole_graders(document.value, paths, root, findings)
    if wrong or findings.problems:
        return None, tuple(str(problem) for problem in (*wrong, *findings.problems))
    line = document.place.line
    return manifest_values.fine_tune(document.value, path=path, line=line, paths=paths, graders=graders), ()


def quoted_text(text: str) -> str:
    """Gives text that ``manifest_text`` writes in quotes."""
    return _Quoted(text)


def _dump(document: Any) -> str:
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None
    )
    return text


def _in_quotes(value: Any) -> Any:
    match value:
        case str():
            return _Quoted(value)
        case Mapping():
            return {key: _in_quotes(item) for key, item in value.items()}
        case list() | tuple():
            return [_in_quotes(item) for item in value]
        case _:
            return value
