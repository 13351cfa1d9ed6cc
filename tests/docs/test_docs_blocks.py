"""Nothing that the docs show slips through: each fenced block is run, written, checked, or listed here with the reason."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from docs_page import Block, all_pages

from ftops.adapters.schema_problems import fits_schema
from ftops.adapters.yaml_nodes import read_yaml
from ftops.server.faults.reading import parse

PAGES = all_pages()
# What no page can run here, by page and the beginning of the block; the reason stands beside it, and in the page.
NOT_RUN = {
    (
        "docs/adoption.md",
        "ftops import --all --dry-run",
    ): "tests/e2e/test_adopting.py, docs/recipes/brownfield-import.md",
    ("docs/comment.md", "curl --fail"): "needs GitLab",
    ("docs/comment.md", "curl --fail --header"): "needs GitLab",
    ("docs/data-checks.md", "$ ftops data check train.jsonl"): "tests/unit/cli/test_data_shared.py counts the same",
    ("docs/evaluation.md", "def grade(sample, item):"): "a grader's form: tests/e2e/test_python_graders.py",
    ("docs/ledger.md", "$ ftops ledger verify"): "a project as large as that",
    ("README.md", "python3 -m venv"): "tests/package installs; downloads are no page's business",
    ("docs/install.md", "pipx install ."): "tests/package installs; downloads are no page's business",
    ("docs/tutorial.md", "python3 -m venv"): "tests/package installs; downloads are no page's business",
    ("docs/terminal.md", "echo 'eval"): "writes into a shell's own files",
    ("docs/tutorial.md", "git remote add"): "would be paid for",
    ("docs/recipes/pull-request.md", "gh secret set"): "needs GitHub",
    ("docs/server.md", "export HOOK_SECRET="): "draws a secret",
    ("docs/server.md", "export OPENAI_BASE_URL="): "what follows in other languages; tests/interop",
    ("docs/server.md", "api() {"): "what `make interop` does in Python and Node",
    ("docs/server.md", "from openai import OpenAI"): "`make interop` runs tests/interop/life.py",
    ("docs/server.md", "import { createReadStream }"): "`make interop` runs tests/interop/life.mjs",
    ("docs/server.md", "import litellm"): "`make interop` runs litellm",
}
# YAML that is another program's: linters of these programs look at the templates that ftops ships.
FOREIGN_KEYS = {"on", "jobs", "steps", "uses", "include", "stages", "script", "data", "with", "run"}
MANIFEST: dict[str, Any] = {
    "apiVersion": "ftops/v1",
    "kind": "FineTune",
    "metadata": {"name": "shown"},
    "spec": {"base_model": "gpt-4.1-mini-2025-04-14", "dataset": {"train": "data/shown.jsonl"}},
}
PROJECT: dict[str, Any] = {"apiVersion": "ftops/v1", "kind": "Project", "metadata": {"name": "shown"}}
EVAL: dict[str, Any] = {"name": "shown", "dataset": "data/shown.jsonl", "grader": {"type": "label"}}


def blocks(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in page.blocks if block.language in languages]


def is_listed(block: Block) -> bool:
    return any(page == block.page and block.text.startswith(begin) for page, begin in NOT_RUN)


def is_comment(block: Block) -> bool:
    return all(line.startswith("#") for line in block.lines)


def test_every_block_is_run_written_checked_or_listed() -> None:
    followed = {page.path for page in PAGES if page.has_commands}
    loose = [
        f"{block.place} ({block.language or 'no language'}): {block.lines[0]}"
        for page in PAGES
        for block in page.blocks
        if not (
            block.language in {"console", "yaml", "json"}
            or (block.title and page.path in followed)
            or (block.language == "text" and "\n$ " not in f"\n{block.text}")
            or is_listed(block)
        )
    ]
    assert loose == []


def test_a_file_is_named_above_its_block() -> None:
    """The site shows titles of blocks, but a forge that renders the page doesn't."""
    unnamed = []
    for page in PAGES:
        lines = page.text.splitlines()
        for block in page.blocks:
            paragraph = "\n".join(lines[: block.begin - 1]).rstrip().rpartition("\n\n")[2]
            if block.title and f"`{block.title}`" not in paragraph:
                unnamed.append(f"{block.place}: {block.title}")
    assert unnamed == []


def test_whoever_follows_a_page_is_told_to_begin_in_an_empty_folder() -> None:
    silent = []
    for page in PAGES:
        begun = [
            step.begin for step in page.steps if isinstance(step, Block) or re.match(r"(git|ftops) init", step.script)
        ]
        if begun and not re.search(r"empty\s+folder", "\n".join(page.text.splitlines()[: begun[0]])):
            silent.append(page.path)
    assert silent == []


def test_the_list_names_nothing_that_is_gone() -> None:
    shown = [(block.page, block.text) for page in PAGES for block in page.blocks]
    gone = [key for key in NOT_RUN if not any(page == key[0] and text.startswith(key[1]) for page, text in shown)]
    assert gone == []


@pytest.mark.parametrize(
    "block", [block for block in blocks("yaml") if not is_comment(block)], ids=lambda block: block.place
)
def test_yaml_is_what_ftops_takes(block: Block) -> None:
    read = read_yaml(block.text.encode(), block.place)
    assert read.problems == []
    for document in (each.value for each in read.documents):
        if isinstance(document, list) and any(each.keys() & FOREIGN_KEYS for each in document):
            continue  # steps of a workflow
        assert isinstance(document, dict)
        if document.keys() & FOREIGN_KEYS:
            continue
        if "faults" in document:
            assert parse(block.text.encode())
        elif not any(fits_schema(whole, schema) for whole, schema in wholes(document)):
            assert block.page == "docs/server.md", f"neither a manifest nor a part of one:\n{block.text}"


def wholes(shown: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Gives the documents that what is shown may be, or be a part of."""
    if "kind" in shown:
        yield shown, "project.v1" if shown["kind"] == "Project" else "finetune.v1"
        return
    if "spec" in shown or "metadata" in shown:
        more = shown.get("spec", {})
        yield MANIFEST | shown | {"spec": MANIFEST["spec"] | more}, "finetune.v1"
        yield PROJECT | shown, "project.v1"
    yield MANIFEST | {"spec": MANIFEST["spec"] | shown}, "finetune.v1"
    yield PROJECT | {"spec": shown}, "project.v1"
    yield MANIFEST | {"spec": MANIFEST["spec"] | {"evals": [EVAL | shown]}}, "finetune.v1"
    yield MANIFEST | {"metadata": MANIFEST["metadata"] | shown}, "finetune.v1"


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.place)
def test_json_is_json(block: Block) -> None:
    try:
        json.loads(block.text)
    except ValueError:
        assert [json.loads(line) for line in block.lines if line]


@pytest.mark.parametrize("block", blocks("sh", "bash"), ids=lambda block: block.place)
def test_shell_lines_are_shell(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_is_python(block: Block) -> None:
    assert compile(block.text, block.place, "exec")
