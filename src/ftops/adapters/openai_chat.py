"""Conversations with a model over the ``openai`` SDK. Owns how a request is sent; ``openai_records`` reads the answer."""

import time
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from ftops.adapters import openai_records as records
from ftops.adapters.backend_address import Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_client import open_conversations, translated
from ftops.adapters.rate_headers import allowance_of
from ftops.errors import Rejected
from ftops.ports import ChatAnswer, ChatRequest, Embedding

if TYPE_CHECKING:
    import openai

_CONNECTIONS: Final = 64
# What the SDK's ``with_raw_response`` sets: an answer comes as it is, with its headers.
_RAW: Final = cast("Any", {"headers": {"X-Stainless-Raw-Response": "true"}})


class OpenAIChat:
    """Conversations over HTTP, up to 64 at a time over kept connections. Nothing is repeated here."""

    def __init__(self, address: Address, timing: Timing) -> None:
        self._address = address
        self._timing = timing
        self._client: openai.AsyncOpenAI | None = None

    async def complete(self, request: ChatRequest) -> ChatAnswer:
        """Gives one answer, asked for once. Raises BackendError: Throttled and Unreachable where asking again may help."""
        body = {**request.extra, **request.sampling, "model": request.model, "messages": list(request.messages)}
        if body.get("stream"):
            raise Rejected("stream: an answer is taken whole or not at all", status=400, code="unsupported_parameter")
        started = time.perf_counter()
        with translated(self._address, has_effect=False):
            answer, headers = await self._post("/chat/completions", body)
            seconds = time.perf_counter() - started
            return records.answer_of(answer, seconds=seconds, allowance=allowance_of(headers))

    async def embed(self, model: str, text: str) -> Embedding:
        """Gives a text's embedding, asked for once. Raises BackendError as ``complete`` does."""
        with translated(self._address, has_effect=False):
            answer, _ = await self._post("/embeddings", {"model": model, "input": text, "encoding_format": "float"})
            return records.embedding_of(answer)

    async def close(self) -> None:
        """Gives back the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[object, Any]:
        """Gives the answer's JSON and its headers."""
        # Past the SDK's typed methods: what is sampled is sent as it is, names that the SDK doesn't know too, and neither
        # request nor answer are turned into objects a thousand times a second.
        response = await self._opened().post(path, cast_to=cast("type[Any]", object), body=body, options=_RAW)
        try:
            return msgspec.json.decode(response.content), response.headers
        except msgspec.DecodeError as error:
            raise records.UnreadableRecord(f"no JSON: {error}") from error

    def _opened(self) -> "openai.AsyncOpenAI":
        # Made at the first call: its connections belong to the loop that runs then.
        if self._client is None:
            self._client = open_conversations(self._address, self._timing, connections=_CONNECTIONS)
        return self._client
