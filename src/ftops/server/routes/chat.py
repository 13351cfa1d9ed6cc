"""``/v1/chat/completions``."""

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.server import answers, wire
from ftops.server.chat_request import ChatRequest, read_chat_request
from ftops.server.settings import Settings
from ftops.server.shelf import Shelf

# Answers are computed, not waited for: more threads than this only take turns.
_THREADS = 4


class ChatRoutes:
    """The handler of chat completions."""

    def __init__(self, *, settings: Settings, shelf: Shelf) -> None:
        self._settings = settings
        self._shelf = shelf
        self._limiter = CapacityLimiter(_THREADS)

    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route("/v1/chat/completions", self.create, methods=["POST"])]

    async def create(self, request: Request) -> Response:
        """Answers a conversation."""
        arguments = await wire.read_json(request, max_bytes=self._settings.max_json_bytes)
        asked = read_chat_request(arguments)
        return await to_thread.run_sync(self._answer, asked, limiter=self._limiter)

    def _answer(self, asked: ChatRequest) -> Response:
        return wire.respond(answers.complete(self._shelf.take(asked.model), asked))
