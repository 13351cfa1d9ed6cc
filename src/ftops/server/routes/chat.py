"""``/v1/chat/completions``."""

from collections.abc import AsyncIterator, Iterator, Mapping

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ftops.server import wire
from ftops.server.access import project_of
from ftops.server.chat import answers, streaming
from ftops.server.chat.request import ChatRequest, read_chat_request
from ftops.server.rate_limits import RateLimiter, request_tokens
from ftops.server.routes.query import refuse_query
from ftops.server.settings import Settings
from ftops.server.shelf import Shelf

# Answers are computed, not waited for: more threads than this only take turns.
_THREADS = 4
# Hundreds of thousands of messages take seconds to check, in which nobody else would be served. Most requests are small, and
# checked sooner than a thread is found for them.
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
        if len(body) <= _SMALL_BYTES:
            asked = _parse(body)
        else:
            asked = await to_thread.run_sync(_parse, body, limiter=self._limiter)
        project = project_of(request)
        wanted = request_tokens(body, max_tokens=asked.sampling.max_tokens, n=asked.sampling.n)
        headers = self._rates.take(project, asked.model, tokens=wanted)
        is_short = len(body) <= _SHORT_BYTES and asked.sampling.n == 1
        if is_short and self._shelf.is_quick(asked.model, project=project.id):
            return self._answer(asked, project.id, headers)
        return await to_thread.run_sync(self._answer, asked, project.id, headers, limiter=self._limiter)

    def _answer(self, asked: ChatRequest, project: str, headers: Mapping[str, str]) -> Response:
        model = self._shelf.take(asked.model, project=project)
        completion = answers.complete(model, asked, engine=self._shelf.engine_name)
        if asked.stream is None:
            return wire.respond(completion, headers=headers)
        # The engine has answered before the first event goes out: what goes wrong has a status of its own.
        return StreamingResponse(
            _each(streaming.events(completion, asked.stream)),
            media_type="text/event-stream",
            headers={**headers, "cache-control": "no-cache"},
        )


async def _each(events: Iterator[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


def _parse(body: bytes) -> ChatRequest:
    return read_chat_request(wire.parse_json(body))
