"""What is shipped: one version, the schemas, examples that are what they say, pins without addresses."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import ftops
from ftops.adapters.schemas import load_schema

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = [
    line
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_version_has_one_source():
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "src/ftops/version.py"
    assert metadata.version("ftops") == ftops.__version__


def test_schemas_go_into_the_wheel():
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"] == {"schemas": "ftops/schemas"}
    for path in (ROOT / "schemas").glob("*.v1.json"):
        assert load_schema(path.stem) == json.loads(path.read_text(encoding="utf-8"))


def test_types_ship():
    assert (ROOT / "src/ftops/py.typed").is_file()


def test_pins_are_versions_and_nothing_else():
    assert [line for line in PINS if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []


def test_every_direct_dependency_is_pinned():
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
    names = {canonical(re.match(r"[A-Za-z0-9._-]+", text)[0]) for text in wanted} - {"ftops"}
    assert names - {canonical(line.split("==")[0]) for line in PINS} == set()


@pytest.mark.parametrize("name", ["support-triage", "reply-style"])
def test_no_example_is_tested_on_what_it_was_trained_on(name):
    def questions(path):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        messages = [row["input"]["messages"] if "input" in row else row["messages"] for row in rows]
        return [next(m["content"] for m in turns if m["role"] == "user").casefold() for turns in messages]

    data = ROOT / "finetunes/data"
    trained = {q for path in data.glob(f"{name}.train*.jsonl") for q in questions(path)}
    validated, tested = questions(data / f"{name}.valid.jsonl"), questions(data / f"{name}.test.jsonl")
    assert len(set(tested)) == len(tested)
    assert trained.isdisjoint(tested)
    assert trained.isdisjoint(validated)
    assert set(validated).isdisjoint(tested)
