"""``docs/commands.md`` is what the command line says of itself."""

import os
import re
import subprocess
import sys

from docs_commands import PAGE
from docs_page import ROOT

from ftops import errors
from ftops.cli.main import _COMMANDS


def test_the_page_is_what_help_prints() -> None:
    # In a process of its own: a command keeps the option --help as whoever called it first had it.
    program = "from docs_commands import page_of_commands; print(page_of_commands(), end='')"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True, encoding="utf-8"
    )
    assert PAGE.read_text(encoding="utf-8") == done.stdout, "make docs-outputs writes it anew"


def test_every_exit_code_of_an_error_is_explained() -> None:
    codes = {
        each.exit_code
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.FtopsError)
    }
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)}
    assert codes <= told == {*range(10), 130}


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| command | does |")[2].partition("\n\n")[0]
    assert [name for name in _COMMANDS if f"`ftops {name}" not in table] == []
