"""Drives an HTTP/1.1 server over kept connections, from a process of its own.

Owns connections, framing and the counting of answers; knows no route. What is asked is told by scripts: generators that
yield a request's bytes, are sent the answer, and yield the next. Answers are framed by ``Content-Length`` alone, so that the
generator takes far less of a core than any server in Python does.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from types import TracebackType
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes


Script = Generator[bytes, Answer, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a drive came to: answers between its warm-up and its end, by status, with their latencies in seconds, sorted.

    ``busy`` is the generator's own use of a core: near 1 it is the generator that was measured. ``returned`` is what the
    scripts returned that came to their end.
    """

    seconds: float
    statuses: Mapping[int, int]
    latencies: Sequence[float]
    busy: float
    returned: Sequence[Any]

    @property
    def answers(self) -> int:
        """How many there were."""
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        """The throughput."""
        return self.answers / self.seconds

    def latency(self, quantile: float) -> float:
        """The latency, in seconds, that this part of the answers stayed within."""
        return self.latencies[min(int(len(self.latencies) * quantile), len(self.latencies) - 1)]


class Driver:
    """The process that generates the load; one drive at a time."""

    def __init__(self) -> None:
        # A fresh interpreter: a fork would share the caller's threads and sockets.
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))

    def __enter__(self) -> "Driver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def start(
        self,
        url: str,
        make_script: Callable[..., Script],
        args: Sequence[Any] = (),
        *,
        connections: int,
        warmup: float = 0.0,
        seconds: float | None = None,
    ) -> "Future[Outcome]":
        """Runs ``make_script(number, *args)`` on each connection, until all have ended or ``seconds`` are over."""
        return self._pool.submit(_drive, url, make_script, tuple(args), connections, warmup, seconds)


def request(method: str, path: str, body: bytes = b"", *, content_type: str = "application/json") -> bytes:
    """A request's bytes, with the headers that any client sends."""
    head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\nauthorization: Bearer none\r\n"
    if body:
        head += f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


@dataclass(kw_only=True)
class _Tally:
    begin: float
    end: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    last: float = 0.0


class _Connection(asyncio.Protocol):
    def __init__(self, script: Script, tally: _Tally) -> None:
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._script = script
        self._tally = tally
        self._buffer = bytearray()
        self._missing = 0  # of the answer that is arriving; 0 while its head is
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._send(next(self._script))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) < self._missing:
            return
        try:
            answer = self._take()
            if answer is not None:
                self._go_on(answer)
        except Exception as error:  # noqa: BLE001 - a protocol has no caller: whoever waits for the end gets it
            self._end(error=error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(error=exc or ConnectionError("the server hung up"))

    def _take(self) -> Answer | None:
        head_end = self._buffer.find(_HEAD_END)
        if head_end < 0:
            return None
        length = _LENGTH.search(self._buffer, 0, head_end + 2)
        if length is None:
            raise ValueError(f"an answer without Content-Length: {bytes(self._buffer[:head_end])!r}")
        self._missing = head_end + len(_HEAD_END) + int(length[1])
        if len(self._buffer) < self._missing:
            return None
        answer = Answer(status=int(self._buffer[9:12]), body=bytes(self._buffer[head_end + 4 :]))
        self._buffer.clear()
        self._missing = 0
        return answer

    def _go_on(self, answer: Answer) -> None:
        now, tally = time.perf_counter(), self._tally
        if tally.begin <= now < tally.end:
            tally.statuses[answer.status] += 1
            tally.latencies.append(now - self._sent)
            tally.last = now
        try:
            following = self._script.send(answer)
        except StopIteration as stop:
            self._end(stop.value)
            return
        if now >= tally.end:
            self._end()
        else:
            self._send(following)

    def _send(self, content: bytes) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(content)

    def _end(self, returned: object = None, *, error: Exception | None = None) -> None:
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(returned)
        else:
            self.ended.set_exception(error)
        if self._transport is not None:
            self._transport.close()


def _drive(
    url: str,
    make_script: Callable[..., Script],
    args: Sequence[Any],
    connections: int,
    warmup: float,
    seconds: float | None,
) -> Outcome:
    return uvloop.run(_run(url, [make_script(number, *args) for number in range(connections)], warmup, seconds))


async def _run(url: str, scripts: Sequence[Script], warmup: float, seconds: float | None) -> Outcome:
    loop, address = asyncio.get_running_loop(), urlsplit(url)
    began, began_cpu = time.perf_counter(), time.process_time()
    longest = _LONGEST_SECONDS if seconds is None else seconds
    tally = _Tally(begin=began + warmup, end=began + warmup + longest)
    made = [
        await loop.create_connection(partial(_Connection, script, tally), address.hostname or "", address.port or 80)
        for script in scripts
    ]
    async with asyncio.timeout(warmup + longest + 60):
        returned = await asyncio.gather(*(protocol.ended for _, protocol in made))
    if not tally.latencies:
        raise RuntimeError("no answer within the time measured")
    ended = time.perf_counter()
    return Outcome(
        seconds=tally.last - tally.begin if seconds is None else seconds,
        statuses=dict(tally.statuses),
        latencies=sorted(tally.latencies),
        busy=(time.process_time() - began_cpu) / (ended - began),
        returned=returned,
    )
