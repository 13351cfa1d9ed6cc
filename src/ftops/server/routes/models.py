"""``/v1/models``: stand-ins for OpenAI's base models, and the models that jobs here have made."""

import sqlite3

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.server import ids, wire
from ftops.server.access import project_of
from ftops.server.errors import ApiError, model_not_found
from ftops.server.faults.retirement import Retirements
from ftops.server.routes.query import refuse_query
from ftops.server.settings import Settings
from ftops.server.shelf import Shelf
from ftops.server.storage import models
from ftops.server.storage.blobs import Blobs
from ftops.server.storage.database import Database

# The base models that OpenAI still fine-tunes in November 2026. Any other plain name answers too; these are listed.
STAND_INS = (
    "gpt-4.1-2025-04-14",
    "gpt-4.1-mini-2025-04-14",
    "gpt-4o-2024-08-06",
    "gpt-4o-2024-11-20",
    "gpt-4o-mini-2024-07-18",
)


class ModelRoutes:
    """The handlers of models."""

    def __init__(
        self, *, settings: Settings, database: Database, blobs: Blobs, shelf: Shelf, retirements: Retirements
    ) -> None:
        self._settings = settings
        self._database = database
        self._blobs = blobs
        self._shelf = shelf
        self._retirements = retirements

    def routes(self) -> list[Route]:
        """What to mount. A name may hold slashes, as those of other makers' models do."""
        return [
            Route("/v1/models", self.list, methods=["GET"]),
            Route("/v1/models/{model:path}", self.retrieve, methods=["GET"]),
            Route("/v1/models/{model:path}", self.delete, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """All models on one page, as OpenAI gives them."""
        refuse_query(request)
        with self._database.read() as connection:
            made = models.all_models(connection, project=project_of(request).id)
        names = dict.fromkeys((*STAND_INS, *self._settings.shutdown_dates))
        shown = [*map(self._stand_in, names), *map(wire.model_object, made)]
        return wire.respond(
            {"object": "list", "data": [each for each in shown if not self._retirements.are_over(each["id"])]}
        )

    async def retrieve(self, request: Request) -> Response:
        """One model; of a base model's name there is always a stand-in."""
        refuse_query(request)
        name = request.path_params["model"]
        self._retirements.refuse(name)
        if ids.is_base_model(name):
            return wire.respond(self._stand_in(name))
        with self._database.read() as connection:
            row = models.find(connection, name, project=project_of(request).id)
        if row is None:
            raise model_not_found(name)
        return wire.respond(wire.model_object(row))

    def delete(self, request: Request) -> Response:
        """Removes a fine-tuned model. Its job stays, and still says that it succeeded."""
        refuse_query(request)
        name = request.path_params["model"]
        if ids.is_base_model(name):
            raise ApiError(
                "You have insufficient permissions for this operation: only fine-tuned models can be deleted.",
                status=403,
                param="model",
                code="insufficient_permissions",
            )

        project = project_of(request).id

        def delete(connection: sqlite3.Connection) -> tuple[str, ...]:
            if models.find(connection, name, project=project) is None:
                raise model_not_found(name)
            return models.delete(connection, name)

        self._blobs.clear(delete)
        self._shelf.forget(name, project=project)
        return wire.respond(wire.deleted("model", name))

    def _stand_in(self, name: str) -> wire.Json:
        return wire.stand_in_object(name, shutdown_date=self._settings.shutdown_dates.get(name))
