"""The recipes of the documentation on real data: their own files are written, and their own commands run."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scratch_project import Scratch, git, opened
from shared_data import missing, shared_path

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
FILE = re.compile(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", re.DOTALL)
SAID = re.compile(r"```text\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def files_in(recipe: str) -> dict[str, str]:
    """Gives the files that a recipe shows, by the name in their first line."""
    return dict(FILE.findall(recipe))


def commands_in(recipe: str) -> list[list[str]]:
    """Gives the commands of ftops that a recipe shows, without the word ``ftops``."""
    lines = [line for block in CONSOLE.findall(recipe) for line in block.splitlines()]
    return [shlex.split(line)[2:] for line in lines if line.startswith("$ ftops ")]


@pytest.fixture
def cook(tmp_path: Path) -> Iterator[Callable[..., Scratch]]:
    """Gives a project that holds what a recipe shows, prepared from a folder of real data."""
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")

    def prepared(name: str, data: Path) -> Scratch:
        if not data.is_dir():
            pytest.skip(missing(data))
        for path, text in files_in((RECIPES / f"{name}.md").read_text(encoding="utf-8")).items():
            scratch.write(path, text)
        subprocess.run([sys.executable, "prepare.py", str(data)], cwd=root, check=True, timeout=60)
        scratch.commit("Follow the recipe")
        return scratch

    with opened(Scratch(root)) as scratch:
        yield prepared


def follow(scratch: Scratch, recipe: str, *, withheld: bool = False) -> Any:
    """Runs a recipe's commands one after the other; gives the judgement that ``show`` has of it at the end."""
    commands = commands_in((RECIPES / f"{recipe}.md").read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        done = scratch.ftops(*command)
        may_be = {0, 4} if withheld and command[0] in {"apply", "eval"} else {0}
        assert done.code in may_be, f"ftops {shlex.join(command)}: exit {done.code}\n{done.text}"
    name = next(command[1] for command in commands if command[0] == "show")
    shown = scratch.ftops("show", name).out
    for line in "".join(SAID.findall((RECIPES / f"{recipe}.md").read_text(encoding="utf-8"))).splitlines():
        assert line in shown, shown
    return json.loads(scratch.ftops("show", name, "--json").out)["judgement"]


def test_classification(cook: Callable[..., Scratch]) -> None:
    scratch = cook("classification", shared_path("data/banking77"))
    judgement = follow(scratch, "classification")
    (judged,) = judgement["evals"]
    assert judgement["verdict"] == "pass"
    assert [each["verdict"] for each in judged["conditions"]] == ["pass"] * 3


def test_function_calling(cook: Callable[..., Scratch]) -> None:
    scratch = cook("function-calling", shared_path("data/tool-calling"))
    judgement = follow(scratch, "function-calling", withheld=True)
    (judged,) = judgement["evals"]
    assert judged["n"] == 32
    assert judgement["verdict"] == "fail"


def test_numeric_answers(cook: Callable[..., Scratch]) -> None:
    scratch = cook("numeric-answers", shared_path("data/gsm8k-chat"))
    judgement = follow(scratch, "numeric-answers", withheld=True)
    (judged,) = judgement["evals"]
    assert judgement["verdict"] == "fail"
    assert judged["n"] >= 45
