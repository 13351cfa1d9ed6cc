"""Parts of ftops that ``bench/data.py`` runs alone, each in a process of its own: prints what it found as JSON.

Owns the pass for the format, and the search for near duplicates among short rows.

Usage: python bench/data_passes.py format FILE, or near ROWS PLANTED
"""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from data_rows import short_rows
from ftops.datasets.checking.duplicates import DuplicateExamples
from ftops.datasets.examination import Examiner
from ftops.datasets.formats import Use
from ftops.datasets.near_duplicates import similar_groups
from ftops.datasets.normal_text import normal_bytes
from ftops.datasets.text_sketches import Sketches, sketch

_BATCH = 20_000


def format_pass(file: Path) -> Mapping[str, Any]:
    """Format, tools, digest, tokens and exact duplicates, as ``ftops data check`` finds them with all else switched off."""
    with file.open("rb") as stream:
        seen = Examiner(inspections=(DuplicateExamples(),)).examine(stream, path=file.name, use=Use.SUPERVISED)
    (part,) = seen.parts
    found = {key[0]: count for key, count, _ in part.findings.kinds()}
    return {"rows": part.facts.rows, "tokens": part.tokens, "sha256": seen.sha256, "found": found}


def near_pass(count: int, planted: int) -> Mapping[str, Any]:
    """Near duplicates among short rows: sketches in as many processes as there are cores, and the search in one."""
    given = short_rows(count, planted=planted)
    batches = [given.texts[at : at + _BATCH] for at in range(0, count, _BATCH)]
    before, began = os.times(), time.perf_counter()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        sketches = Sketches.joined(list(pool.map(_sketched, batches)))
    groups = similar_groups(sketches)
    seconds, after = time.perf_counter() - began, os.times()
    processor = sum(after[:4]) - sum(before[:4])
    group_of = {text: number for number, group in enumerate(groups) for text in group}
    found = sum(first in group_of and group_of[first] == group_of.get(second) for first, second in given.planted)
    recall = found / max(planted, 1)
    return {"rows": count, "seconds": seconds, "processor": processor, "recall": recall, "groups": len(groups)}


def _sketched(texts: Sequence[str]) -> Sketches:
    return sketch([normal_bytes(text) for text in texts])


def main(arguments: Sequence[str]) -> int:
    """Runs one pass."""
    match arguments:
        case ("format", file):
            found = format_pass(Path(file))
        case ("near", count, planted):
            found = near_pass(int(count), int(planted))
        case _:
            sys.exit(__doc__)
    print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
