"""Every link of the docs leads somewhere, on GitHub too: to a file of the repository, and to a heading that it has."""

import re
from collections import Counter
from pathlib import Path

import pytest
from docs_page import ROOT, Page, all_pages, page_at

PAGES = (*all_pages(), page_at(ROOT / "CHANGELOG.md"))
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def anchors(page: Page) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    made = set()
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", _FENCED.sub("", page.text), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        made.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_links_lead_somewhere(page: Page) -> None:
    lost = []
    for link in _LINK.findall(_FENCED.sub("", page.text)):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        file = (ROOT / page.path).parent / path if path else ROOT / page.path
        has_anchor = not anchor or (file.suffix == ".md" and file.exists() and anchor in anchors(page_at(file)))
        if not file.exists() or not file.resolve().is_relative_to(ROOT) or not has_anchor:
            lost.append(link)
    assert lost == []


def test_every_page_is_reached_from_the_site_and_the_readme_leads_to_existing_pages() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r": (\S+\.md)$", nav, re.MULTILINE)
    there = [file.relative_to(ROOT / "docs").as_posix() for file in sorted(Path(ROOT / "docs").rglob("*.md"))]
    assert sorted(listed) == there
