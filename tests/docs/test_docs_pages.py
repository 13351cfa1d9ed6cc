"""Every page with commands is followed as a reader would: its files are written, its commands run, its outputs compared.

``make docs-outputs`` writes the outputs into the pages anew.
"""

from pathlib import Path

import pytest
from docs_page import Page, all_pages
from docs_running import difference, run_page

PAGES = [page for page in all_pages() if page.has_commands]


@pytest.mark.timeout(280)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_shows_what_its_commands_print(page: Page, tmp_path: Path) -> None:
    outcome = run_page(page, tmp_path)
    shown = difference(page, outcome)
    assert not outcome.faults, "\n".join((*outcome.faults, shown))
    assert not shown, f"\n{shown}"
