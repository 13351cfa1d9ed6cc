"""An evaluation, killed with SIGKILL again and again: it ends as one that nobody killed does.

Nothing is sent twice whose answer was kept. ``make kills`` kills one of 500 items 50 times, the suite a smaller one twice.
"""

import json
import os
import random
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fault_server import Exchange, FaultServer, start_fault_server
from scratch_project import LABELS, Scratch, make_project, opened, rows
from server_process import wait_for

IS_ALL = os.environ.get("FTOPS_KILLS") == "all"
KILLS, ITEMS = (50, 500) if IS_ALL else (2, 200)
MODEL = "ft:gpt-4.1-mini-2025-04-14:acme:router:k1ll3d"
EVAL = ("eval", "router", "--model", MODEL, "--auto-approve", "--json")
SEED = 20261121


def answer(exchange: Exchange) -> None:
    """Gives each question a label and its number, so that what was kept can be told; two of three labels are right."""
    body = exchange.read()
    exchange.remember(body)
    if exchange.command != "POST":
        model = {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "acme", "data": []}
        exchange.send(200, json.dumps(model).encode(), {"content-type": "application/json"})
        return
    if not body.endswith(b"}"):
        return  # who sent it was killed
    time.sleep(0.01)
    number = number_in(json.loads(body)["messages"][-1]["content"])
    label = list(LABELS)[number % len(LABELS)] if number % 3 else "none"
    message = {"role": "assistant", "content": f"{label} {number}"}
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    completion = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
    exchange.send(200, json.dumps(completion).encode(), {"content-type": "application/json"})


def number_in(text: str) -> int:
    return int(re.findall(r"\d+$", text)[0])


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with start_fault_server(answer) as running:
        yield running


def project(folder: Path, server: FaultServer) -> Scratch:
    folder.mkdir()
    scratch = make_project(folder, server.base_url, name="killed")
    scratch.write("finetunes/data/test.jsonl", rows(1000, ITEMS))
    scratch.manifest()
    manifest = (scratch.root / "finetunes/router.yaml").read_text(encoding="utf-8")
    loose = manifest.replace("operation: eq", "operation: like")  # the answers bear numbers
    scratch.write("finetunes/router.yaml", loose)
    scratch.commit("Evaluate many items")
    return scratch


def kept(scratch: Scratch) -> set[int]:
    """The numbers of the questions whose answers are kept."""
    file = scratch.root / ".ftops/outputs/outputs.sqlite3"
    if not file.exists():
        return set()
    connection = sqlite3.connect(file, timeout=30)
    try:
        table = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'output'").fetchone()[0]
        blobs = connection.execute("SELECT answer FROM output").fetchall() if table else []
    finally:
        connection.close()
    return {number_in(msgspec.msgpack.decode(blob)["text"]) for (blob,) in blobs}


def sent(server: FaultServer, first: int = 0) -> list[int]:
    """The numbers of the questions that arrived, in their order; what a killed process sent half is none."""
    posts = [seen for seen in server.seen[first:] if seen.method == "POST" and seen.body.endswith(b"}")]
    return [number_in(seen.json["messages"][-1]["content"]) for seen in posts]


def report(scratch: Scratch) -> Any:
    """What the command says at the end, without what a clock decides."""
    done = scratch.ftops(*EVAL)
    assert done.code in {0, 4}, done.text
    return without_times(json.loads(done.out))


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: without_times(each) for key, each in value.items() if not re.search("second|latency|_ms$|at$", key)
        }
    return [without_times(each) for each in value] if isinstance(value, list) else value


def await_requests(process: "subprocess.Popen[str]", server: FaultServer, count: int) -> None:
    """Waits until so many arrived in all (some GETs come first), or the process has ended."""
    wait_for(lambda: len(server.seen) >= count or process.poll() is not None, seconds=60)


def test_a_killed_evaluation_ends_with_the_same_report_and_sends_nothing_twice(
    tmp_path: Path, server: FaultServer
) -> None:
    chance = random.Random(SEED)
    with opened(project(tmp_path / "whole", server)) as whole:
        expected = report(whole)
    assert sorted(sent(server)) == list(range(1000, 1000 + ITEMS))
    kills = 0
    with opened(project(tmp_path / "killed", server)) as scratch:
        for left in range(KILLS, 0, -1):
            before, known = len(server.seen), kept(scratch)
            wanted = chance.randint(1, max(1, 2 * (ITEMS - len(known)) // (left + 1)))
            process = scratch.start(*EVAL)
            await_requests(process, server, before + wanted)
            kills += process.poll() is None
            process.kill()
            process.communicate(timeout=30)
            again = set(sent(server, before)) & known
            assert not again, f"kill {kills}: sent although kept: {sorted(again)}"
        before, known = len(server.seen), kept(scratch)
        assert report(scratch) == expected
        last = sent(server, before)
        assert sorted(last) == sorted(set(range(1000, 1000 + ITEMS)) - known)
        assert len(kept(scratch)) == ITEMS
    assert kills == KILLS
