"""Lists that come in pages. Owns when a list is over, which backends say in different ways or not at all."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ftops.adapters.openai_records import UnreadableRecord

# A bound for backends that never say that a list is over.
_MOST_PAGES: Final = 1_000


def items_of(fetch: Callable[[str | None], object]) -> Iterator[Any]:
    """Gives the items of all pages, each once; ``fetch`` takes the id to go on after.

    Some backends ignore ``after`` and give the first page for ever. Raises UnreadableRecord where a page is no list.
    """
    seen: set[str] = set()
    after: str | None = None
    for _ in range(_MOST_PAGES):
        page = fetch(after)
        fresh = [item for item in data_of(page) if getattr(item, "id", None) not in seen]
        seen.update(item.id for item in fresh if isinstance(getattr(item, "id", None), str))
        yield from fresh
        after = getattr(fresh[-1], "id", None) if fresh else None
        if after is None or getattr(page, "has_more", None) is False:
            return


def data_of(page: object) -> list[Any]:
    """Gives the items of one page. Raises UnreadableRecord where it is no list."""
    data = page.get("data") if isinstance(page, Mapping) else getattr(page, "data", None)
    if not isinstance(data, list):
        raise UnreadableRecord("a list without data")
    return data
