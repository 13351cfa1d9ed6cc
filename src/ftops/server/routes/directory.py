"""Finds a request's route. Paths without parameters are looked up, where Starlette tries one route after another.

Owns no route.
"""

from collections.abc import Sequence

from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send


class Directory(Router):
    """All routes of the server."""

    def __init__(self, routes: Sequence[Route]) -> None:
        super().__init__(routes, redirect_slashes=False)
        self._plain = {
            (method, route.path): route
            for route in routes
            for method in route.methods or ()
            if not route.param_convertors
        }

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands the request to its route, or to Starlette's search, which answers what has no route."""
        route = self._plain.get((scope["method"], scope["path"]))
        if route is None:
            await super().app(scope, receive, send)
        else:
            scope.update(endpoint=route.endpoint, path_params={})  # as Starlette leaves them
            await route.app(scope, receive, send)

    def methods_of(self, scope: Scope) -> tuple[str, ...]:
        """The methods that a request's path is there for, by any route."""
        found: set[str] = set()
        for route in self.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                found.update(route.methods or ())
        return tuple(sorted(found))
