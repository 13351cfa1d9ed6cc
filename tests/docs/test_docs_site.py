"""The documentation builds as a site without a warning, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs_page import ROOT

# What a browser fetches by itself; a link that somebody follows is none of it.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?\b(?:src|data|srcset)=["']?([^"'\s>]+)"""
    r"""|<link\b[^>]*?\bhref=["']?([^"'\s>]+)|url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # The theme advertises its successor; nothing of that concerns these pages.
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    fetched = {
        (file.relative_to(site).as_posix(), address)
        for file in (*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg"))
        for found in _FETCHED.finditer(file.read_text(encoding="utf-8"))
        for address in found.groups()
        if address
    }
    assert fetched
    assert {each for each in fetched if each[1].startswith(("http:", "https:", "//"))} == set()


def test_the_site_can_be_searched_and_shows_what_pages_link_to(site: Path) -> None:
    assert "ftops promote" in (site / "search/search_index.js").read_text(encoding="utf-8")
    assert (site / "source/schemas/ledger.v1.json").read_bytes() == (ROOT / "schemas/ledger.v1.json").read_bytes()
    assert (site / "assets/iframe-worker.js").is_file()
    assert not (site / "assets/site_hooks.py").exists()
