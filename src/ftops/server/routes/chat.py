"""``/v1/chat/completions``."""

from collections.abc import AsyncIterator, Iterator

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ftops.server import wire
from ftops.server.access import project_of
from ftops.server.chat import answers, streaming
from ftops.server.chat.request import FORMS, ChatRequest, read_chat_request
from ftops.server.gate import tell_with_answer
from ftops.server.rate_limits import RateLimiter, request_tokens
from ftops.server.routes.query import refuse_query
from ftops.server.settings import Settings
from ftops.server.shelf import Shelf

# Answers are computed, not waited for: more threads than this only take turns.
_THREADS = 4
# Hundreds of thousands of messages take seconds to check, in which nobody else would be served; a schema may take one as well.
# Most requests are small, and checked sooner than a thread is found for them.
_SMALL_BYTES = 256 * 1024
# A model that is quick at prompts as short as these is asked at once: a thread would take longer to find than the answer.
_SHORT_BYTES = 16 * 1024


class ChatRoutes:
    """The handler of chat completions."""

    def __init__(self, *, settings: Settings, shelf: Shelf) -> None:
        self._settings = settings
        self._shelf = shelf
        self._limiter = CapacityLimiter(_THREADS)
        self._rates = RateLimiter(settings.rate_limits)

    def routes(self) -> list[Route]:
        """What to mount."""
        return [Route("/v1/chat/completions", self.create, methods=["POST"])]

    async def create(self, request: Request) -> Response:
        """Answers a conversation."""
        refuse_query(request)
        body = await wire.read_body(request, max_bytes=self._settings.max_json_bytes)
        asked = await self._read(body)
        project = project_of(request)
        is_short = len(body) <= _SHORT_BYTES and asked.sampling.n == 1 and asked.is_plain
        is_quick = is_short and self._shelf.is_quick(asked.model, project=project.id)
        if not is_quick and not self._shelf.is_loaded(asked.model, project=project.id):
            # Before it is counted: what is left of a minute is kept for models, not for any name that comes by.
            await to_thread.run_sync(self._shelf.require, asked.model, project.id, limiter=self._limiter)
        wanted = request_tokens(body, max_tokens=asked.sampling.max_tokens, n=asked.sampling.n)
        tell_with_answer(request, self._rates.take(project, asked.model, tokens=wanted))
        if is_quick:
            return self._answer(asked, project.id)
        return await to_thread.run_sync(self._answer, asked, project.id, limiter=self._limiter)

    async def _read(self, body: bytes) -> ChatRequest:
        if len(body) > _SMALL_BYTES:
            return await to_thread.run_sync(_parse, body, limiter=self._limiter)
        arguments = wire.parse_json(body)
        if arguments.lacks(FORMS):
            return read_chat_request(arguments)
        return await to_thread.run_sync(read_chat_request, arguments, limiter=self._limiter)

    def _answer(self, asked: ChatRequest, project: str) -> Response:
        model = self._shelf.take(asked.model, project=project)
        completion = answers.complete(model, asked, engine=self._shelf.engine_name)
        if asked.stream is None:
            return wire.respond(completion)
        # The engine has answered before the first event goes out: what goes wrong has a status of its own.
        return StreamingResponse(
            _each(streaming.events(completion, asked.stream)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache"},
        )


async def _each(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


def _parse(body: bytes) -> ChatRequest:
    return read_chat_request(wire.parse_json(body))
