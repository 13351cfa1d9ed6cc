"""Which of the document's operations the server really has, read from the routes of the application itself."""

from pathlib import Path

from conformance import template_of
from starlette.routing import Route

from ftops.server.app import open_service
from ftops.server.engines.linear.engine import LinearEngine
from ftops.server.settings import Settings


def served_operations(folder: Path) -> tuple[str, ...]:
    """Method and path, as the document writes them, of each route under ``/v1``; ``folder`` is made for an idle server."""
    folder.mkdir()
    service = open_service(Settings(data_dir=folder), LinearEngine())
    try:
        app = service.app
        while not hasattr(app, "routes"):
            app = vars(app)["_app"]
        routes = [route for route in app.routes if isinstance(route, Route) and route.path.startswith("/v1")]
    finally:
        service.stop()
    return tuple(sorted(operation for route in routes for operation in _operations(route)))


def _operations(route: Route) -> list[str]:
    template = template_of(route.path.replace("{", "").replace("}", ""))
    assert template is not None, f"the document has no {route.path}"
    return [f"{method.lower()} {template}" for method in (route.methods or set()) - {"HEAD"}]
