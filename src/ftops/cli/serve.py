"""``ftops serve``: the embedded server, which stands alone; this only names it."""

from ftops.server.main import serve as command

__all__ = ["command"]
