"""What ``docs/faults.md`` promises: its examples are read, and its table is whole."""

import re
from pathlib import Path

from ftops.server.faults.reading import parse
from ftops.server.faults.rules import Kind

PAGE = (Path(__file__).parents[3] / "docs/faults.md").read_text(encoding="utf-8")


def test_every_kind_stands_in_the_table_and_has_an_example() -> None:
    examples = [
        rule
        for block in re.findall(r"```yaml(?: title=\"faults.yaml\")?\n(.*?)```", PAGE, re.DOTALL)
        for rule in parse(block.encode())
    ]
    assert {rule.kind for rule in examples} == set(Kind)
    table = PAGE.partition("| `fault` | what happens")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(Kind)
