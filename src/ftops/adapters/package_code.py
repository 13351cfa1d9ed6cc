"""Which code came to what is kept: the cache of what datasets or scores were found to be holds for that code alone.

Owns telling it by names, sizes and times of a package's files, as reading them would take longer than a warm plan has. A
version tells it too, but stays the same in a source tree where somebody changes a check, or pulls what others changed.
"""

import hashlib
from functools import cache
from pathlib import Path
from types import ModuleType


@cache
def package_code(package: ModuleType) -> str:
    """Gives 16 hex digits that change when a module of a package does."""
    folder = Path(package.__path__[0])
    hashed = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        found = file.stat()
        hashed.update(f"{file.relative_to(folder)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return hashed.hexdigest()[:16]
