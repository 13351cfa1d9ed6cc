"""Runs the application in uvicorn until a signal, or until nobody needs it.

Owns the listening socket, signals, and the order of starting and stopping.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType

import uvicorn
from anyio import to_thread
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ftops.server.app import Service, open_service
from ftops.server.engines.interface import Engine
from ftops.server.faults.book import FAULTS_LOG
from ftops.server.faults.connection import hang_up_protocol
from ftops.server.folder import DataFolder
from ftops.server.gate import ACCESS_LOG
from ftops.server.heads import with_bounded_heads
from ftops.server.settings import Settings
from ftops.server.storage.disk import DISK_ERRORS

_IDLE_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_GRACE_SECONDS = 5
# Longer than any client's pool keeps a connection: a request must never meet a server that is just hanging up, since
# a job's creation can't safely be repeated.
_KEEP_ALIVE_SECONDS = 120


def listen(host: str, port: int) -> socket.socket:
    """Binds; port 0 takes a free one. ``OSError`` when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def url_of(listener: socket.socket) -> str:
    """Where clients on this machine reach a listening socket, without the ``/v1``."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def run(
    settings: Settings,
    engine: Engine,
    *,
    folder: DataFolder,
    listener: socket.socket,
    when_ready: Callable[[Service], None],
    until_idle: bool,
) -> None:
    """Serves until SIGINT, SIGTERM or idleness; unfinished jobs go on at the next start."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if settings.logs_access:
        # Bare lines, for programs that read JSON; other lines of the log are for people.
        ACCESS_LOG.addHandler(logging.StreamHandler(sys.stderr))
        ACCESS_LOG.propagate = False
        ACCESS_LOG.setLevel(logging.INFO)
    if settings.faults is not None:
        FAULTS_LOG.setLevel(logging.INFO)
    service = open_service(settings, engine)
    config = uvicorn.Config(
        service.app,
        http=with_bounded_heads(AutoHTTPProtocol if settings.faults is None else hang_up_protocol()),
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    is_idle = partial(_is_idle, folder, service) if until_idle else None
    server = _Server(config, when_ready=lambda: when_ready(service), is_idle=is_idle)
    with server.ended_by_signals():
        try:
            server.run(sockets=[listener])
        finally:
            service.stop()
            if service.faults is not None:
                service.faults.log_summary()


def _is_idle(folder: DataFolder, service: Service) -> bool:
    try:
        return not folder.has_live_clients() and not service.has_unfinished_work()
    except DISK_ERRORS:
        return False  # nothing is known now; the next look may tell


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready, ends when idle, and ends cleanly on signals."""

    def __init__(
        self, config: uvicorn.Config, *, when_ready: Callable[[], None], is_idle: Callable[[], bool] | None
    ) -> None:
        super().__init__(config)
        self._when_ready = when_ready
        self._is_idle = is_idle
        self._watch: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()
        if self._is_idle is not None:
            self._watch = asyncio.create_task(self._end_when_idle(self._is_idle))

    @contextlib.contextmanager
    def ended_by_signals(self) -> Iterator[None]:
        """Within the block a signal ends the server, and a second one keeps it from waiting for requests under way.

        The block reaches beyond ``run``: what follows is short, and to be done whatever comes.
        """

        def end(_: int, __: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.should_exit = True

        before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does nothing: uvicorn's own raises the signal again after its shutdown, which would end the process before ours."""
        yield

    async def _end_when_idle(self, is_idle: Callable[[], bool]) -> None:
        last_needed = time.monotonic()
        while not self.should_exit:
            await asyncio.sleep(_LOOK_SECONDS)
            if not await to_thread.run_sync(is_idle):
                last_needed = time.monotonic()
            if time.monotonic() - last_needed >= _IDLE_SECONDS:
                self.should_exit = True
