"""The files that one manifest names: datasets, baselines of findings, prompts, and code of graders.

Owns where paths stand in a manifest, and what a grader with files in it comes to.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ftops.adapters.findings import Findings
from ftops.adapters.plain_values import member, sequence
from ftops.adapters.project_paths import KnownFolders, PathRefused, file_inside
from ftops.adapters.yaml_documents import child

_MAX_SOURCE: Final = 256_000


def resolve_paths(
    value: Any, root: Path, folder: Path, findings: Findings, *, known: KnownFolders
) -> Mapping[str, str]:
    """Gives the file behind each path of a manifest by JSON pointer; what can't be used goes into ``findings``."""
    found: dict[str, str] = {}
    for pointer, written in _written_paths(value):
        try:
            found[pointer] = file_inside(root, folder, written, known=known)
        except PathRefused as error:
            findings.add(pointer, error.expected, error.hint)
    return found


def _written_paths(value: Any) -> Iterator[tuple[str, str]]:
    """Gives (JSON pointer, text) of each path, also in a manifest that is wrong elsewhere."""
    spec = member(value, "spec")
    dataset = member(spec, "dataset")
    candidates = [
        ("/spec/dataset/train", member(dataset, "train")),
        ("/spec/dataset/validation", member(dataset, "validation")),
        ("/spec/dataset/baseline", member(dataset, "baseline")),
    ]
    candidates.extend(_grader_files(member(member(spec, "method"), "grader"), "/spec/method/grader"))
    for index, entry in enumerate(sequence(member(spec, "evals"))):
        pointer = child("/spec/evals", index)
        candidates.append((f"{pointer}/dataset", member(entry, "dataset")))
        candidates.extend(_grader_files(member(entry, "grader"), f"{pointer}/grader"))
        gate = member(entry, "gate")
        conditions = (
            [(child(f"{pointer}/gate", i), one) for i, one in enumerate(gate)]
            if isinstance(gate, list)
            else [(f"{pointer}/gate", gate)]
        )
        for place, condition in conditions:
            candidates.append((f"{place}/baseline/prompt", member(member(condition, "baseline"), "prompt")))
    yield from ((pointer, text) for pointer, text in candidates if isinstance(text, str) and text)


def _grader_files(grader: Any, pointer: str) -> list[tuple[str, Any]]:
    found = [(f"{pointer}/source/file", member(member(grader, "source"), "file"))]
    inner = member(grader, "graders")
    items = inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
    for key, one in items:
        found.extend(_grader_files(one, child(f"{pointer}/graders", key)))
    return found


def with_sources(grader: Any, pointer: str, paths: Mapping[str, str], root: Path, findings: Findings) -> Any:
    """Gives a grader with its files read in. What is no grader is given back as it is: the schema says so."""
    if not isinstance(grader, dict):
        return grader
    whole = dict(grader)
    source = f"{pointer}/source"
    if isinstance(whole.get("source"), dict) and f"{source}/file" in paths:
        whole["source"] = _source_text(root / paths[f"{source}/file"], f"{source}/file", findings)
    inner = whole.get("graders")
    if isinstance(inner, dict):
        whole["graders"] = {
            key: with_sources(one, child(f"{pointer}/graders", key), paths, root, findings)
            for key, one in inner.items()
        }
    elif isinstance(inner, list):
        whole["graders"] = [
            with_sources(one, child(f"{pointer}/graders", i), paths, root, findings) for i, one in enumerate(inner)
        ]
    return whole


def _source_text(path: Path, pointer: str, findings: Findings) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_SOURCE + 1)
        text = data.decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        findings.add(pointer, "expected a readable file of UTF-8 text")
        return ""
    if len(data) > _MAX_SOURCE:
        findings.add(pointer, f"expected at most {_MAX_SOURCE:,} bytes")
    return text
