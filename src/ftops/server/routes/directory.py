"""Finds a request's route. Paths without parameters are looked up, where Starlette tries one route after another.

Owns no route.
"""

from collections.abc import Sequence

from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send


class Directory(Router):
    """All routes of the server."""

    def __init__(self, routes: Sequence[Route]) -> None:
        super().__init__(routes, redirect_slashes=False)
        plain = {route.path for route in routes if not route.param_convertors}
        self._plain = {
            path: Router([route for route in routes if route.path == path], redirect_slashes=False) for path in plain
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request to its route, or to Starlette's answers to what has none."""
        looked_up = self._plain.get(scope["path"])
        await (super().app if looked_up is None else looked_up.app)(scope, receive, send)
