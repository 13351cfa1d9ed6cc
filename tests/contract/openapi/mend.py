"""Mends the published OpenAPI document, so that the server's answers can be held against it.

    python tests/contract/openapi/mend.py PUBLISHED.json.gz OUT.json    writes the mended document and lists the mends

What is mended, and why, stands in ``mends``. The document is version 2.3.0 of 2026-08-21.
"""

import copy
import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from document import Json
from mends import MENDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """What one mend did: the fault in a line, and in how many places."""

    fault: str
    places: int


def read_published(path: Path) -> Json:
    """The document as it was published."""
    document: Json = json.loads(gzip.decompress(path.read_bytes()))
    return document


def mend(published: Json) -> tuple[Json, tuple[Mended, ...]]:
    """The mended document, and what each mend did. The one given stays as it is."""
    document = copy.deepcopy(published)
    done = tuple(Mended(fault=(each.__doc__ or "").splitlines()[0], places=each(document)) for each in MENDS)
    return document, done


def main(published: str, out: str) -> None:
    """Writes the mended document; prints the mends."""
    document, done = mend(read_published(Path(published)))
    Path(out).write_text(json.dumps(document, indent=1), encoding="utf-8")
    sys.stdout.writelines(f"{each.places:5}  {each.fault}\n" for each in done)


if __name__ == "__main__":
    main(*sys.argv[1:])
