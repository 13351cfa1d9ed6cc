"""Gets answers to many requests: from those kept on this machine, else from a model, several at a time.

Owns concurrency, keeping each answer as it comes, and when to stop asking. It grades nothing. An interrupted run goes on where
it stopped, because answers are kept one by one.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ftops.errors import BackendError, Interrupted, NotFound, Unauthorized
from ftops.ports import BackendSession, Chat, ChatAnswer, ChatRequest, OutputStore

CONCURRENCY: Final = 16

# A backend that fails so often in a row is down: asking thousands of times more helps nobody.
_FAILURES_IN_A_ROW: Final = 20
_STOP_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What came back, by request key: answers, and for the others why there is none. ``called`` went to the model now."""

    answers: Mapping[str, ChatAnswer]
    failures: Mapping[str, str]
    called: frozenset[str]


def kept_answers(keys: Sequence[str], outputs: OutputStore) -> dict[str, ChatAnswer]:
    """Gives the answers that are kept already."""
    found = ((key, outputs.get(key)) for key in dict.fromkeys(keys))
    return {key: answer for key, answer in found if answer is not None}


def answer_all(
    requests: Mapping[str, ChatRequest],
    *,
    session: BackendSession | None,
    outputs: OutputStore,
    concurrency: int = CONCURRENCY,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """Answers requests, given by key; equal requests share a key and are asked once.

    Requests are started in their order. Each answer is kept before ``progress`` (done, all) hears of it. A request that
    fails once the SDK's retries are used up is a failure in words; a model or key that is refused, or many failures in a
    row, end the asking. ``session`` None means that the backend can't be called now. Raises Interrupted when ``stop`` is set.
    """
    answers = kept_answers(tuple(requests), outputs)
    open_requests = {key: request for key, request in requests.items() if key not in answers}
    if not open_requests:
        return Answers(answers=answers, failures={}, called=frozenset())
    if session is None:
        why = "the backend can't be called in this run"
        return Answers(answers=answers, failures=dict.fromkeys(open_requests, why), called=frozenset())
    import asyncio  # takes as long as a tenth of a plan, which asks nobody

    run = _Run(requests=iter(open_requests.items()), outputs=outputs, done=len(answers), total=len(requests))
    run.progress = progress
    chat = session.open_chat()
    asyncio.run(run.all(chat, min(concurrency, len(open_requests)), stop or threading.Event()))
    failures = {key: run.failures.get(key, run.last_failure) for key in open_requests if key not in run.answers}
    return Answers(answers={**answers, **run.answers}, failures=failures, called=frozenset(run.answers))


@dataclass(kw_only=True, slots=True)
class _Run:
    requests: Iterator[tuple[str, ChatRequest]]
    outputs: OutputStore
    done: int
    total: int
    progress: Callable[[int, int], None] | None = None
    answers: dict[str, ChatAnswer] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    last_failure: str = ""
    failures_in_a_row: int = 0
    has_given_up: bool = False

    async def all(self, chat: Chat, workers: int, stop: threading.Event) -> None:
        import asyncio

        working = asyncio.gather(*(self._work(chat, stop) for _ in range(workers)))
        try:
            while not working.done():
                await asyncio.wait([working], timeout=_STOP_SECONDS)
                if stop.is_set():
                    raise Interrupted("interrupted; the answers so far are kept")
            working.result()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await chat.close()

    async def _work(self, chat: Chat, stop: threading.Event) -> None:
        # One iterator for all workers: requests start in order, and each is taken once.
        for key, request in self.requests:
            await self._ask(chat, key, request)
            if self.has_given_up or stop.is_set():
                return

    async def _ask(self, chat: Chat, key: str, request: ChatRequest) -> None:
        try:
            answer = await chat.complete(request)
        except BackendError as error:
            self._fail(key, error)
            return
        self.failures_in_a_row = 0
        self.outputs.put(key, answer)
        self.answers[key] = answer
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)

    def _fail(self, key: str, error: BackendError) -> None:
        self.failures[key] = self.last_failure = str(error)
        self.failures_in_a_row += 1
        if isinstance(error, (NotFound, Unauthorized)) or self.failures_in_a_row >= _FAILURES_IN_A_ROW:
            self.has_given_up = True
