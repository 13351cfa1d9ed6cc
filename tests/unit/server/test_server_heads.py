"""Requests whose heads never end."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ftops.server import heads
from server_process import start_server

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]
REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"


def test_a_head_has_a_longest_length(tmp_path: Path) -> None:
    with start_server(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx-long: ")
            answer = b""
            with contextlib.suppress(ConnectionError):  # the server hangs up with bytes unread
                for _ in range(1000):
                    connection.sendall(b"a" * 10_000)
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(1000):
                    answer += piece
            assert not answer or answer.startswith(b"HTTP/1.1 400 ")
        headers = {"x-long": "a" * 60_000}
        assert httpx2.get(f"{server.base_url}/models", headers=headers).status_code == 200


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> Callable[[Talk], bytes]:
    """Lets a client talk to an application whose requests' heads may take a short while."""
    monkeypatch.setattr(heads, "_MOST_SECONDS", 0.3)
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("done"))])
    protocol = heads.with_bounded_heads(HttpToolsProtocol)
    config = uvicorn.Config(app, http=protocol, log_config=None, lifespan="off")
    config.load()

    async def serve(client: Talk) -> bytes:
        state, loop = ServerState(), asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: protocol(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]
            "127.0.0.1",
            0,
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await asyncio.wait_for(client(reader, writer), 30)
            finally:
                writer.close()

    return lambda client: asyncio.run(serve(client))


@pytest.mark.parametrize("start", [b"", REQUEST[:20]])
def test_a_head_has_a_longest_time(talk: Callable[[Talk], bytes], start: bytes) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(start)
        return await reader.read()

    assert talk(client) == b""


def test_each_byte_gains_no_time(talk: Callable[[Talk], bytes]) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(REQUEST[:-2] + b"x-slow: ")
        answer = asyncio.create_task(reader.read())
        while not answer.done():
            writer.write(b"a")
            await asyncio.sleep(0.01)
        try:
            return answer.result()
        except ConnectionResetError:
            return b""  # a byte was under way when the server hung up

    assert talk(client) == b""


def test_a_connection_in_use_has_all_the_time(talk: Callable[[Talk], bytes]) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        answers = b""
        for pieces in ([REQUEST], [REQUEST[:10], REQUEST[10:]], [REQUEST]):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.05)
            answers += await reader.readuntil(b"done")
            await asyncio.sleep(0.5)
        return answers

    assert talk(client).count(b"200 OK") == 3
