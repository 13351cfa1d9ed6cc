"""What mkdocs asks while it builds the site: links that leave ``docs`` lead to copies, as no repository lies beside a site."""

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parents[2]
_OUTSIDE = re.compile(r"\]\((?P<up>(?:\.\./)+)(?P<path>[^)#]+)(?P<anchor>#[^)]*)?\)")


def on_files(files: Files, *, config: Any) -> Files:
    """Adds a copy of each file outside of ``docs`` that a page links to."""
    for page in list(files.documentation_pages()):
        for path in _linked(page):
            copy = File.generated(config, _copy_of(path), content=(_ROOT / path).read_bytes())
            if files.get_file_from_path(copy.src_uri) is None:
                files.append(copy)
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Points such links to the copies."""
    depth = page.file.src_uri.count("/")

    def pointed(found: re.Match[str]) -> str:
        if found["up"].count("../") <= depth:
            return found[0]
        return f"]({'../' * depth}{_copy_of(found['path'])}{found['anchor'] or ''})"

    return _OUTSIDE.sub(pointed, markdown)


def _linked(page: File) -> list[str]:
    depth = page.src_uri.count("/")
    found = _OUTSIDE.finditer(page.content_string)
    return [each["path"] for each in found if each["up"].count("../") == depth + 1]


def _copy_of(path: str) -> str:
    """Programs are shown as text, not offered to be kept."""
    suffix = PurePosixPath(path).suffix
    return f"source/{path}" if suffix in {".json", ".txt", ".svg", ".png"} else f"source/{path}.txt"
