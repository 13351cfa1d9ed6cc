"""Reads a request's query string, as strictly as a body."""

import re
from collections.abc import Mapping, Sequence

from starlette.requests import Request

from ftops.server.arguments import Arguments, duplicate_parameter
from ftops.server.errors import ApiError

_NUMBER = re.compile(r"-?[0-9]{1,9}")
_METADATA = re.compile(r"metadata\[(.+)\]", re.DOTALL)


class Query:
    """The parameters after the question mark, each given once. ``finish`` refuses those that nothing has asked for."""

    def __init__(self, request: Request) -> None:
        pairs = request.query_params.multi_items() if request.scope["query_string"] else []
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise duplicate_parameter(name)
            seen.add(name)
        self._arguments = Arguments(dict(pairs))
        self._names = tuple(name for name, _ in pairs)

    def text(self, name: str) -> str | None:
        """A parameter; None when absent or empty."""
        return self._arguments.take_text(name) or None

    def choice(self, name: str, values: Sequence[str]) -> str | None:
        """One of the values given."""
        return self._arguments.take_choice(name, values)

    def limit(self, *, default: int, most: int) -> int:
        """How many objects a page may have: 1 to ``most``."""
        text = self._arguments.take_text("limit")
        if text is None:
            return default
        if _NUMBER.fullmatch(text) is None:
            raise ApiError("Invalid type for 'limit': expected an integer.", param="limit", code="invalid_type")
        return Arguments({"limit": int(text)}).take_whole("limit", least=1, most=most) or default

    def metadata(self) -> Mapping[str, str] | None:
        """The pairs ``metadata[k]=v``; None where ``metadata=null`` asks for what has none."""
        whole = self._arguments.take_text("metadata")
        if whole is not None:
            if whole != "null" or any(name.startswith("metadata[") for name in self._names):
                raise ApiError(
                    "Invalid 'metadata': give pairs as metadata[k]=v, or metadata=null alone for objects without any.",
                    param="metadata",
                    code="invalid_value",
                )
            return None
        found = ((name, _METADATA.fullmatch(name)) for name in self._names)
        return {match[1]: self._arguments.take_text(name) or "" for name, match in found if match is not None}

    def finish(self) -> None:
        """Refuses unknown parameters."""
        self._arguments.finish()


def refuse_query(request: Request) -> None:
    """For routes that have no such parameters."""
    if request.scope["query_string"]:
        Query(request).finish()
