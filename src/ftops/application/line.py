"""A line to one backend: requests to its models go through here, several at a time, as fast as they are let through.

Owns concurrency, pacing, repeating what may be repeated, and when a model is not asked any more. It keeps no answer.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ftops.application.request_rate import RequestRate
from ftops.domain.durations import ASKED_AT_ONCE
from ftops.errors import AnswerLost, BackendError, NotFound, Rejected, Throttled, Unauthorized, Unreachable
from ftops.ports import Allowance, Chat, ChatAnswer, ChatRequest, Embedding

CONCURRENCY: Final = ASKED_AT_ONCE

# A backend that fails so often in a row is down: asking thousands of times more helps nobody.
_FAILURES_IN_A_ROW: Final = 20
_TOO_MANY: Final = 429

Answer = TypeVar("Answer", ChatAnswer, Embedding)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How often a failed request is asked in all, and the seconds between: ``pause``, doubled each time up to ``longest``.

    What is refused as too fast (429) is no failure: it is asked again as long as anything was let through in the last
    ``throttled`` seconds.
    """

    tries: int = 5
    pause: float = 0.5
    longest: float = 8.0
    throttled: float = 300.0

    def pause_after(self, tries: int) -> float:
        """Gives the pause after so many tries, between half and all of it by chance, so that not all come back at once."""
        return min(self.longest, self.pause * 2.0 ** (tries - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 no secret


@dataclass(kw_only=True, slots=True)
class _Lane:
    """What is known of one model."""

    heard_at: float
    rate: RequestRate = field(default_factory=RequestRate)
    failures_in_a_row: int = 0
    end: BackendError | None = None


class Line:
    """Asks one backend over ``chat``, at most ``concurrency`` requests at a time. For one event loop."""

    def __init__(self, chat: Chat, *, concurrency: int = CONCURRENCY, patience: Patience | None = None) -> None:
        self._chat = chat
        self._patience = patience or Patience()
        self._free = asyncio.Semaphore(concurrency)
        self._turn = asyncio.Lock()
        self._lanes: dict[str, _Lane] = {}

    async def ask(self, request: ChatRequest) -> ChatAnswer:
        """Gives an answer. Raises BackendError once asking again is of no use.

        A model that is not there or refused, an exhausted quota, and many failures in a row end the asking of that model: it
        is not asked again, and every later request fails with the same error.
        """
        return await self._carry(request.model, lambda: self._chat.complete(request))

    async def embed(self, model: str, text: str) -> Embedding:
        """Gives a text's embedding; see ``ask``."""
        return await self._carry(model, lambda: self._chat.embed(model, text))

    async def close(self) -> None:
        """Gives back the connections."""
        await self._chat.close()

    async def _carry(self, model: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
        lane = self._lanes.get(model) or self._lanes.setdefault(model, _Lane(heard_at=_now()))
        tries = refusals = 0
        while True:
            try:
                return await self._send(lane, call)
            except Throttled as error:
                refusals += 1
                pause = self._pause_after_refusal(lane, error, refusals)
            except (Unreachable, AnswerLost) as error:
                tries += 1
                if tries >= self._patience.tries or lane.end is not None:
                    raise _failed(lane, error) from error
                pause = self._patience.pause_after(tries)
            except BackendError as error:
                raise _failed(lane, error) from error
            # Outside of ``_free``: what waits keeps nobody else from asking.
            await asyncio.sleep(pause)

    async def _send(self, lane: _Lane, call: Callable[[], Awaitable[Answer]]) -> Answer:
        async with self._free:
            await self._take_turn(lane)
            if lane.end is not None:
                raise lane.end
            sent_at = _now()
            try:
                answer = await call()
            except Throttled as error:
                lane.rate.refused(_now(), sent_at=sent_at, wait=error.wait)
                raise
        lane.failures_in_a_row = 0
        lane.heard_at = _now()
        lane.rate.answered(lane.heard_at, _allowance_of(answer))
        return answer

    async def _take_turn(self, lane: _Lane) -> None:
        wait = lane.rate.seconds_until_free(_now())
        if wait <= 0:
            return
        async with self._turn:  # one after the other, so that the first who came goes first
            while lane.end is None:
                wait = lane.rate.seconds_until_free(_now())
                if wait <= 0:
                    return
                await asyncio.sleep(wait)

    def _pause_after_refusal(self, lane: _Lane, error: Throttled, refusals: int) -> float:
        """Gives for how long a refused request waits; raises where it has waited long enough."""
        quiet = _now() - lane.heard_at
        asked = error.wait or 0.0
        if lane.end is not None or max(quiet, asked) > self._patience.throttled:
            raise _failed(lane, error, is_end=True) from error
        return asked if error.wait is not None else min(2.0, self._patience.pause_after(refusals))


def _failed(lane: _Lane, error: BackendError, *, is_end: bool = False) -> BackendError:
    """Counts a failure that nothing helped against, and gives it."""
    lane.failures_in_a_row += 1
    is_final = isinstance(error, NotFound | Unauthorized) or (
        isinstance(error, Rejected)
        and error.status == _TOO_MANY  # a 429 that waiting doesn't help: the quota is used up
    )
    if lane.end is None and (is_end or is_final or lane.failures_in_a_row >= _FAILURES_IN_A_ROW):
        lane.end = error
    return error


def _allowance_of(answer: ChatAnswer | Embedding) -> Allowance | None:
    return answer.allowance if isinstance(answer, ChatAnswer) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
