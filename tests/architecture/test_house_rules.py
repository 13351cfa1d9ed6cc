"""The house's rules: who may import whom, how long things may be, what --help may load, what errors lead to."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import warnings
from collections import Counter
from pathlib import Path

import pytest

from ftops import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src/ftops").rglob("*.py"))
FILE_LINES, FUNCTION_LINES, PREFERRED_LINES = 300, 50, 40
# Longer than they should be; a list that may only shrink.
KNOWN_LONG_FILES: dict[str, int] = {}
KNOWN_LONG_FUNCTIONS: dict[str, int] = {}
HEAVY = frozenset(
    {
        "asyncio",
        "deepdiff",
        "filelock",
        "git",
        "httpx",
        "jsonschema",
        "msgspec",
        "nltk",
        "numpy",
        "openai",
        "psutil",
        "rapidfuzz",
    }
    | {"rfc8785", "rich", "sacrebleu", "scipy", "sqlite3", "starlette", "uvicorn", "yaml"}
)
MAY_PRINT = {"cli", "server", "sandbox"}


def name_of(file: Path) -> str:
    return file.relative_to(ROOT / "src/ftops").as_posix()


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_the_import_contracts_hold() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert len(config["tool"]["importlinter"]["contracts"]) >= 6
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_a_file_is_not_too_long(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= KNOWN_LONG_FILES.get(name_of(file), FILE_LINES)


def test_functions_are_not_too_long() -> None:
    lengths = {
        f"{name_of(file)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file in SOURCES
        for node in ast.walk(parse(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for name, lines in sorted(lengths.items(), key=lambda item: -item[1]):
        if lines > PREFERRED_LINES:
            sys.stdout.write(f"{lines:4} {name}\n")
    long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    commands = {name for name in long if name.startswith(("cli/", "server/main.py"))}
    assert {name for name in long if name not in commands and long[name] > KNOWN_LONG_FUNCTIONS.get(name, 0)} == set()
    # A command's signature lists its options; its body is short all the same.
    assert all(long[name] <= FUNCTION_LINES + 20 for name in commands), commands


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_every_public_module_says_what_it_owns(file: Path) -> None:
    assert ast.get_docstring(parse(file)), f"{name_of(file)} has no docstring"


def test_libraries_neither_print_nor_exit() -> None:
    found = [
        f"{name_of(file)}:{node.lineno}"
        for file in SOURCES
        if name_of(file).split("/")[0] not in MAY_PRINT
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.exit", "exit", "os._exit"}
    ]
    assert found == []


def test_a_broad_except_stands_at_the_boundary_and_where_threads_hand_errors_over() -> None:
    broad = {
        name_of(file)
        for file in SOURCES
        for node in ast.walk(parse(file))
        if isinstance(node, ast.ExceptHandler) and is_swallowing(node) and not name_of(file).startswith("server/")
    }
    threads = {"application/workers.py", "application/doctor.py", "adapters/ledger_batches.py"}
    assert broad == {"cli/main.py", *threads, "sandbox/item.py"}  # a grader's errors end in the process that runs it


def is_swallowing(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does not raise it again."""
    is_broad = handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
    return is_broad and not (isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None)


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['ftops', '--help']\n"
        "from ftops.cli.main import run\n"
        "code = run(['--help'])\n"
        "sys.stderr.write(','.join(sorted(sys.modules)))\n"
        "sys.exit(code)"
    )
    # Measuring coverage loads modules of its own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split(",")}
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY), loaded & HEAVY
    assert "resolve" in done.stdout


def commands() -> list[str]:
    from ftops.cli.main import _COMMANDS

    return list(_COMMANDS)


@pytest.mark.parametrize("command", commands())
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from ftops.cli.main import run

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: ftops {command}") or f" {command} " in said.splitlines()[0]
    assert "--help" in said


def test_exit_codes_are_those_of_the_drawing() -> None:
    drawn = dict(re.findall(r"^[ │├└─]*(\w+) +(\d+)(?: |$)", errors.__doc__ or "", re.MULTILINE))
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.FtopsError)
    }
    assert set(drawn) == set(classes)
    assert {name: int(code) for name, code in drawn.items()} == {name: c.exit_code for name, c in classes.items()}


def test_the_drawing_shows_who_descends_from_whom() -> None:
    parents: list[tuple[int, str]] = []
    for indent, name in re.findall(r"^( *[│├└─ ]*)(\w+) +\d+(?: |$)", errors.__doc__ or "", re.MULTILINE):
        while parents and parents[-1][0] >= len(indent):
            parents.pop()
        if parents:
            assert getattr(errors, name).__mro__[1].__name__ == parents[-1][1]
        parents.append((len(indent), name))


def test_every_test_module_has_a_name_of_its_own() -> None:
    """pytest imports them by their bare names."""
    names = Counter(file.name for file in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in file.parts)
    assert [name for name, count in names.items() if count > 1] == []
