"""Which code looks at datasets: what is kept of them holds for that code alone.

Owns telling it by names, sizes and times of its files, as reading them would take longer than a warm plan has. A version tells
it too, but stays the same in a source tree where somebody changes a check, or pulls what others changed.
"""

import hashlib
from functools import cache
from pathlib import Path

from ftops import datasets


@cache
def datasets_code() -> str:
    """Gives 16 hex digits that change when a module of ``ftops.datasets`` does."""
    folder = Path(datasets.__file__).parent
    hashed = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        found = file.stat()
        hashed.update(f"{file.relative_to(folder)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return hashed.hexdigest()[:16]
