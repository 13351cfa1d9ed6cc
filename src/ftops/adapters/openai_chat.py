"""Conversations with a model over the ``openai`` SDK. Owns how a request is sent; ``openai_records`` reads the answer."""

import time
from typing import TYPE_CHECKING, Any, Final, cast

from ftops.adapters import openai_records as records
from ftops.adapters.backend_address import Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_client import open_conversations, translated
from ftops.errors import Rejected
from ftops.ports import ChatAnswer, ChatRequest

if TYPE_CHECKING:
    import openai

_CONNECTIONS: Final = 64


class OpenAIChat:
    """Conversations over HTTP, up to 64 at a time over kept connections."""

    def __init__(self, address: Address, timing: Timing) -> None:
        self._address = address
        self._timing = timing
        self._client: openai.AsyncOpenAI | None = None

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Gives one answer. Raises BackendError once the SDK's retries are used up."""
        body = {**request.extra, **request.sampling, "model": request.model, "messages": list(request.messages)}
        if body.get("stream"):
            raise Rejected("stream: an answer is taken whole or not at all", status=400, code="unsupported_parameter")
        started = time.perf_counter()
        with translated(self._address, has_effect=False):
            # Past the SDK's typed method: what is sampled is sent as it is, names that the SDK doesn't know too, and neither
            # request nor answer are turned into objects a thousand times a second.
            answer = await self._opened().post("/chat/completions", cast_to=cast("type[Any]", object), body=body)
            return records.answer_of(answer, seconds=time.perf_counter() - started)

    async def close(self) -> None:
        """Gives back the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _opened(self) -> "openai.AsyncOpenAI":
        # Made at the first call: its connections belong to the loop that runs then.
        if self._client is None:
            self._client = open_conversations(self._address, self._timing, connections=_CONNECTIONS)
        return self._client
