"""Models that judge, and models that embed, asked from the threads that grade.

Owns how a judge's request is sent, when it is asked again, and what is kept of it. Answers that can be read are kept like
those of the model that is judged: what was asked once is not asked again. One that can't be read is not kept, so that the
next run may get a better one.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

from ftops.application.line import Line
from ftops.domain.manifest import ModelId
from ftops.domain.scores import Outcome
from ftops.errors import FtopsError
from ftops.evaluation.identity import is_dated, request_key, short_digest
from ftops.graders.judging import JudgeFailed, JudgeReply, JudgeRequest
from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.ports import ChatAnswer, ChatRequest, OutputStore

_READINGS: Final = 3
"""How often a judge is asked in all where its answer can't be read."""

_CUT: Final = frozenset((Outcome.LENGTH, Outcome.CONTENT_FILTER))

Result = TypeVar("Result")


@dataclass(kw_only=True, slots=True)
class Took:
    """What answers took; ``again`` counts those of judges that could not be read and were asked for again."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    again: int = 0

    def add(self, answer: ChatAnswer) -> None:
        """Counts an answer."""
        self.calls += 1
        self.seconds += answer.seconds
        self.input_tokens += answer.input_tokens
        self.output_tokens += answer.output_tokens

    def plus(self, other: "Took") -> "Took":
        """Gives both together."""
        return Took(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            seconds=self.seconds + other.seconds,
            again=self.again + other.again,
        )


@dataclass(kw_only=True, slots=True)
class Judges:
    """Asks over ``line``, which runs in ``loop``; ``judge`` and ``embed`` are for other threads than the loop's.

    ``backend`` tells answers of one backend from those of another, ``asked_for`` those of undated models, which may change
    under their name, from what was asked for another candidate. ``line`` None means that nobody can be asked. ``called`` is
    what was asked now, ``kept`` what was there already.
    """

    line: Line | None
    loop: asyncio.AbstractEventLoop
    outputs: OutputStore
    backend: str
    asked_for: str | None = None
    called: Took = field(default_factory=Took)
    kept: Took = field(default_factory=Took)
    error: FtopsError | None = None
    _open: set["Future[Any]"] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_stopped: bool = False

    def judge(self, request: JudgeRequest) -> JudgeReply:
        """Asks a judge, and again where its answer can't be read. Raises JudgeFailed; see ``graders.judging.Judge``."""
        try:
            answer = self._wait(self._ask(request))
        except (FtopsError, CancelledError) as error:
            raise JudgeFailed(f"{request.model}: {str(error) or 'interrupted'}") from error
        if answer.outcome in _CUT:
            raise JudgeFailed(f"{request.model}: the judge's answer was cut off ({answer.outcome})")
        is_refused = answer.outcome is Outcome.REFUSAL
        return JudgeReply(
            model=request.model,
            text="" if is_refused else answer.text,
            prompt_tokens=answer.input_tokens,
            completion_tokens=answer.output_tokens,
            refusal=answer.text if is_refused else None,
        )

    def embed(self, model: str, text: str) -> Sequence[float]:
        """Gives a text's embedding. Raises GradingFailed; see ``graders.similarity.Embed``."""
        try:
            return self._wait(self._embed(model, text))
        except (FtopsError, CancelledError) as error:
            message = f"{model}: {str(error) or 'interrupted'}"
            raise GradingFailed(Failure(kind=FailureKind.OTHER, message=message)) from error

    def stop(self) -> None:
        """Lets every thread that waits here go on, with a failure, and lets none wait any more."""
        with self._lock:
            self._is_stopped = True
            waiting = tuple(self._open)
        for future in waiting:
            future.cancel()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        with self._lock:
            if self._is_stopped:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(work, self.loop)
            self._open.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._open.discard(future)

    async def _ask(self, request: JudgeRequest) -> ChatAnswer:
        chat = ChatRequest(
            model=ModelId(request.model),
            messages=request.messages,
            sampling=_sampling(request),
            extra={"response_format": request.response_format},
        )
        # One key, whichever reading: an answer that came at the third asking is not asked for again.
        key = request_key(
            namespace=self._namespace(chat.model),
            messages=chat.messages,
            extra=chat.extra,
            sampling=chat.sampling,
            repeat=0,
        )
        kept = self.outputs.get(key)
        if kept is not None:
            self.kept.add(kept)
            return kept
        for reading in range(_READINGS):
            answer = await self._line().ask(chat)
            self.called.add(answer)
            is_read = _can_be_read(answer, request)
            if is_read:
                self._keep(partial(self.outputs.put, key, answer))
            if is_read or answer.outcome is Outcome.REFUSAL:
                break
            self.called.again += reading + 1 < _READINGS
        return answer

    async def _embed(self, model: str, text: str) -> Sequence[float]:
        key = short_digest({**self._namespace(model), "embed": text})
        kept = self.outputs.get_vector(key)
        if kept is not None:
            return kept
        embedding = await self._line().embed(model, text)
        self.called.calls += 1
        self.called.input_tokens += embedding.tokens
        self._keep(partial(self.outputs.put_vector, key, embedding.vector))
        return embedding.vector

    def _namespace(self, model: str) -> Mapping[str, Any]:
        return {
            "judge": True,
            "backend": self.backend,
            "model": model,
            "for": None if is_dated(model) else self.asked_for,
        }

    def _line(self) -> Line:
        if self.line is None:
            raise FtopsError("the backend can't be called in this run")
        return self.line

    def _keep(self, put: Callable[[], None]) -> None:
        try:
            put()
        except FtopsError as error:
            self.error = error  # the disk is full: no grader's failure, and the end of the run
            raise


def _can_be_read(answer: ChatAnswer, request: JudgeRequest) -> bool:
    """What was cut off can't, whatever it looks like: 1 may have been meant to be 10."""
    return answer.outcome is Outcome.OK and request.is_answer(answer.text)


def _sampling(request: JudgeRequest) -> dict[str, Any]:
    """Gives the fields of a chat completion, which spells one of them in its own way."""
    sampling = request.sampling
    fields = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
        "max_completion_tokens": sampling.max_tokens,
        "reasoning_effort": sampling.reasoning_effort,
    }
    return {name: value for name, value in fields.items() if value is not None}
