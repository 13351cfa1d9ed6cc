"""What webhooks are told of jobs and batches, held against the document's webhooks."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conformance import Published
from document import TOLD
from fields import lost_fields
from mend import mend, read_published
from recorder import Recorder
from world import ROWS, World, batch_line, supervised

from server_process import start_server, wait_for
from shared_data import missing, shared_path

PATH = shared_path("reference/openai-openapi.json.gz")
pytestmark = pytest.mark.skipif(not PATH.is_file(), reason=missing(PATH))

SECRET = f"whsec_{base64.b64encode(b'a secret of thirty-two bytes ...').decode()}"


def test_what_webhooks_are_told_conforms(tmp_path: Path) -> None:
    document, _ = mend(read_published(PATH))
    published = Published(document)
    config = tmp_path / "config.yaml"
    with letterbox() as (url, letters):
        config.write_text(f"webhooks: [{{url: '{url}', secret_env: HOOK}}]\n", encoding="utf-8")
        options = ("--config", str(config), "--min-step-seconds", "0.02")
        with (
            start_server(tmp_path, *options, env={"HOOK": SECRET}) as server,
            closing(Recorder(published, server.base_url)) as recorder,
        ):
            end_all_ways(World(recorder))
            wait_for(lambda: len({letter["type"] for letter in letters}) == 6)
    for letter in letters:
        name = letter["type"].replace(".", "_")
        assert name in TOLD
        schema = document["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert published.fault_of(letter, schema) is None, letter
        assert list(lost_fields(letter, None)) == []
    assert recorder.faults == []


def end_all_ways(world: World) -> None:
    """Jobs and batches that succeed, fail and are cancelled."""
    long = world.job(method=supervised(n_epochs=50, batch_size=1))
    world.finished(world.job())
    world.finished(world.job(ROWS[:7]))
    world.sdk.fine_tuning.jobs.cancel(long)
    line = batch_line("a")
    for lines in ([line], [line, line]):
        world.ended_batch(world.batch(lines))
    world.sdk.batches.cancel(world.batch([batch_line(str(number), n=128) for number in range(500)]))


@contextmanager
def letterbox() -> Iterator[tuple[str, list[Any]]]:
    """An address for webhooks, and the list of what has come there."""
    letters: list[Any] = []

    class Letterbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            letters.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Letterbox) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", letters
        finally:
            server.shutdown()
            thread.join()
