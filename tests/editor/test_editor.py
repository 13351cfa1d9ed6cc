"""Editors complete, explain and check manifests by their schemas: asked of yaml-language-server as VS Code and others do.

``make editor`` installs the server from npm and runs this; without it these tests are skipped, or failed where
``FTOPS_EDITOR`` demands them.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from language_server import LanguageServer

from ftops.cli.main import run

HERE = Path(__file__).parent
SERVER = HERE / "node_modules/yaml-language-server"
MANIFEST = "finetunes/ticket-router.yaml"
HEAD = """\
# yaml-language-server: $schema=../schemas/finetune.v1.json
apiVersion: ftops/v1
kind: FineTune
metadata: {name: x}
spec:
"""
PROJECT_HEAD = """\
# yaml-language-server: $schema=schemas/project.v1.json
apiVersion: ftops/v1
kind: Project
spec:
  """


def missing(what: str) -> NoReturn:
    if os.environ.get("FTOPS_EDITOR"):
        pytest.fail(what)
    pytest.skip(f"{what}: make editor")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editor") / "acme"
    assert run(["init", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[LanguageServer]:
    node = shutil.which("node") or missing("there is no node")
    pinned = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["yaml-language-server"]
    package = SERVER / "package.json"
    if not package.exists() or json.loads(package.read_text(encoding="utf-8"))["version"] != pinned:
        missing(f"yaml-language-server {pinned} is not installed")
    with LanguageServer([node, str(SERVER / "bin/yaml-language-server"), "--stdio"], project) as running:
        yield running


def completions(server: LanguageServer, name: str, body: str) -> dict[str, str]:
    """What is offered at the end of a manifest whose spec begins with ``body``."""
    return offered_at_the_end(server, f"finetunes/{name}.yaml", HEAD + body)


def offered_at_the_end(server: LanguageServer, path: str, text: str) -> dict[str, str]:
    server.open(path, text)
    lines = text.split("\n")
    return server.completions(path, len(lines) - 1, len(lines[-1]))


@pytest.mark.parametrize("path", [MANIFEST, "ftops.yaml"])
def test_nothing_is_wrong_with_what_init_writes(server: LanguageServer, project: Path, path: str) -> None:
    assert server.open(path, (project / path).read_text(encoding="utf-8")) == []


def test_our_keys_are_offered_with_their_meaning(server: LanguageServer) -> None:
    offered = completions(server, "keys", "  ")
    keys = {"backend", "base_model", "method", "seed", "dataset", "evals", "aliases", "retention", "budget", "policy"}
    assert keys <= offered.keys()
    assert all(offered[key] for key in keys)


@pytest.mark.parametrize(
    ("name", "body", "value", "words"),
    [
        ("method", "  method:\n    type: ", "dpo", "pairs of answers"),
        ("grader", "  evals:\n    - grader:\n        type: ", "tool_call", "the right tools"),
        ("alias", "  aliases:\n    production: ", "latest", ""),
        ("policy", "  policy:\n    checkpoints: ", "best_validation_loss", "lowest loss"),
    ],
)
def test_values_are_offered_with_their_meaning(
    server: LanguageServer, name: str, body: str, value: str, words: str
) -> None:
    assert words in completions(server, name, body)[value]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", {"manifests", "backend", "backends", "ledger", "budget", "prune"}),
        ("backend: ", {"embedded", "openai"}),
        ("backends:\n    box:\n      ", {"type", "base_url", "api_key_env", "settle_seconds", "price"}),
    ],
)
def test_the_project_is_completed_too(server: LanguageServer, body: str, words: set[str]) -> None:
    text = PROJECT_HEAD + body
    assert words <= offered_at_the_end(server, f"project-{len(body)}.yaml", text).keys()


def test_what_a_method_takes_follows_from_its_type(server: LanguageServer) -> None:
    dpo = completions(server, "dpo", "  method:\n    type: dpo\n    hyperparameters:\n      ")
    supervised = completions(server, "sft", "  method:\n    type: supervised\n    hyperparameters:\n      ")
    assert "beta" in dpo
    assert "beta" not in supervised
    assert "n_epochs" in supervised


def test_a_hover_explains(server: LanguageServer, project: Path) -> None:
    text = (project / MANIFEST).read_text(encoding="utf-8")
    server.open(MANIFEST, text)
    line = next(number for number, words in enumerate(text.split("\n")) if words.startswith("  base_model:"))
    assert "as the API names it" in server.hover(MANIFEST, line, 4)


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("typed", "  base_model: 3\n  dataset: {train: a}\n", 'Expected "string"'),
        ("unknown", "  base_model: x\n  dataset: {train: a}\n  polcy: {}\n", "polcy is not allowed"),
        ("absent", "  base_model: x\n", 'Missing property "dataset"'),
        ("chosen", "  base_model: x\n  dataset: {train: a}\n  method: {type: sft}\n", "Valid values"),
    ],
)
def test_what_is_wrong_is_marked(server: LanguageServer, name: str, body: str, words: str) -> None:
    messages = [found["message"] for found in server.open(f"finetunes/wrong-{name}.yaml", HEAD + body)]
    assert any(words in message for message in messages), messages
