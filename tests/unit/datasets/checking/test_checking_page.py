"""The page of checks names every check as the code has it, and explains what it lists."""

import re
from pathlib import Path

from ftops.datasets.checks import CHECKS

PAGE = (Path(__file__).parents[4] / "docs/data-checks.md").read_text(encoding="utf-8")


def test_the_table_has_every_check_in_order_with_its_name_and_level() -> None:
    rows = re.findall(r"^\| (D\d{3}) \| ([a-z0-9-]+) \| (\w+)( \(format\))? \| .+ \|$", PAGE, re.MULTILINE)
    named = [
        (check.code, check.name, check.level.value, " (format)" if check.is_format else "") for check in CHECKS.values()
    ]
    assert rows == named


def test_every_check_has_its_section_in_order() -> None:
    headings = re.findall(r"^### (D\d{3}) (\S+)\n\n\S", PAGE, re.MULTILINE)
    assert headings == [(code, check.name) for code, check in CHECKS.items()]
