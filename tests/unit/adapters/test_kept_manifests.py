"""Files that were found valid once are not read as YAML again, and say the same; all others are looked at each time."""

from pathlib import Path

import pytest
from manifest_texts import MANIFEST, PROJECT, project

from ftops.adapters import yaml_nodes
from ftops.adapters.kept_manifests import KeptManifests
from ftops.adapters.manifest_files import read_project
from ftops.adapters.project_file import read_project_file
from ftops.adapters.yaml_nodes import YamlFile

BACKENDS = (
    PROJECT + "  manifests: [finetunes]\n  backends:\n    lab: {type: openai, base_url: 'https://lab.example/v1'}\n"
)


def opened(root: Path) -> KeptManifests:
    return KeptManifests(root / ".ftops", seal=b"s" * 32)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose YAML was read."""
    names: list[str] = []
    original = yaml_nodes.read_yaml

    def noting(data: bytes, file: str) -> YamlFile:
        names.append(file)
        return original(data, file)

    monkeypatch.setattr(yaml_nodes, "read_yaml", noting)
    return names


def test_valid_files_are_read_once(tmp_path: Path, read: list[str]) -> None:
    root = project(tmp_path, file=BACKENDS, router=MANIFEST)
    first = opened(root)
    found = read_project(root, kept=first)
    assert not found[1]
    first.save()
    assert read == ["ftops.yaml", "finetunes/router.yaml"]
    assert read_project(root, kept=opened(root)) == found
    assert len(read) == 2, "read again"
    assert read_project(root) == found


def test_a_file_that_changed_is_read(tmp_path: Path, read: list[str]) -> None:
    root = project(tmp_path, file=BACKENDS)
    kept = opened(root)
    before = read_project_file(root, kept=kept)
    (root / "ftops.yaml").write_text(BACKENDS.replace("lab.example", "lab2.example"))
    after = read_project_file(root, kept=kept)
    assert (after.project != before.project, len(read)) == (True, 2)


@pytest.mark.parametrize(
    "text", [BACKENDS.replace("type: openai", "type: opena"), BACKENDS + "---\n" + PROJECT, BACKENDS + "  - {\n"]
)
def test_a_file_that_is_wrong_is_read_each_time(tmp_path: Path, read: list[str], text: str) -> None:
    root = project(tmp_path, file=text)
    kept = opened(root)
    found = [read_project_file(root, kept=kept) for _ in range(2)]
    assert found[0].problems
    assert found[0] == found[1]
    assert len(read) == 2


def test_what_is_wrong_beside_the_schema_is_found_in_kept_files_too(tmp_path: Path, read: list[str]) -> None:
    root = project(tmp_path, file=BACKENDS.replace("https:", "http:"))
    kept = opened(root)
    found = [read_project_file(root, kept=kept) for _ in range(2)]
    assert "expected https" in str(found[0].problems)
    assert found[0] == found[1]
    assert len(read) == 1


def test_a_valid_manifest_is_no_valid_project_file(tmp_path: Path) -> None:
    root = project(tmp_path, file=PROJECT, router=MANIFEST)
    kept = opened(root)
    assert not read_project(root, kept=kept)[1]
    (root / "ftops.yaml").write_text(MANIFEST)
    assert read_project_file(root, kept=kept).problems
