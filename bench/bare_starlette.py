"""The peer of ``bench/server.py``: what one writes who needs a stand-in for OpenAI's API within ten minutes.

A bare Starlette application under the settings that ``ftops serve`` gives uvicorn. Each handler reads the body's JSON and
writes one answer, which was taken from the real server beforehand; it checks nothing and keeps nothing. Where it is given
weights, it puts what their model says into the answer.

Usage: python bench/bare_starlette.py ANSWERS ANNOUNCEMENT
"""

import json
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ftops.server.engines.interface import Sampling
from ftops.server.engines.linear import LinearEngine


def main() -> None:
    """Serves the answers in the first file, by their paths, and writes the URL to the second."""
    answers: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    app = Starlette(routes=[Route(path, _handler(**given), methods=["GET", "POST"]) for path, given in answers.items()])
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    Path(sys.argv[2]).write_text(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), encoding="utf-8")
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=120,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _handler(answer: Any, weights: str | None) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        if request.method == "POST":
            msgspec.json.decode(await request.body())
        return Response(msgspec.json.encode(answer), media_type="application/json")

    async def ask(request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        (said,) = model.answer(body["messages"], Sampling())
        choice = {**answer["choices"][0], "message": said.message}
        return Response(msgspec.json.encode({**answer, "choices": [choice]}), media_type="application/json")

    if weights is None:
        return handle
    model = LinearEngine().load("gpt-4o", Path(weights).read_bytes())
    return ask


if __name__ == "__main__":
    main()
