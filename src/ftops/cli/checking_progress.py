"""How far a look through datasets has come: on a terminal, and nowhere else.

Owns that display, on standard error.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting_bytes() -> Iterator[Callable[[int], None]]:
    """Gives what is told of the bytes done, each time some are."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    done = 0
    with Console(stderr=True).status("Checking") as status:

        def told(count: int) -> None:
            nonlocal done
            done += count
            status.update(f"Checked {done / 1e6:,.0f} MB")

        yield told
