"""The server killed again and again under load: nothing acknowledged is lost or doubled, and every job ends.

Twenty times, a hundred with ``FTOPS_KILLS=all``, at moments drawn at random: amidst the requests of many clients, or while the
next server starts and takes up what the last one left. ``FTOPS_SEED`` draws the same moments and requests again; what the
threads of clients and server make of them may still differ.
"""

import base64
import csv
import hashlib
import io
import itertools
import json
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from kill_load import BATCH_LINES, DEEDS, ENDED, JOBS, REFUSED_EVERY, UNTOUCHED, WATCHED, Client, Record

from server_process import ServerProcess, start_server, wait_for

KILLS = 100 if os.environ.get("FTOPS_KILLS") == "all" else 20
AT_START = 0.35
"""The share of kills that strike a server that has just been started."""


def load(
    client: Client, deed: Callable[[Client], None], stop: threading.Event, killed: threading.Event, faults: list[str]
) -> None:
    with client:
        try:
            while not stop.is_set():
                deed(client)
                stop.wait(client.random.uniform(0, DEEDS[deed]))
        except httpx2.TransportError as error:
            if not killed.is_set():
                faults.append(f"{deed.__name__}: {error!r}")
        except Exception as error:  # noqa: BLE001 - shown by the test, which fails
            faults.append(f"{deed.__name__}: {error!r}")


def kill_under_load(server: ServerProcess, record: Record, moments: random.Random, *, watched: str, name: str) -> None:
    """Lets every kind of client loose on a server, and kills it while a request of the kind watched is done, or soon after.

    Requests are counted, so that something has happened however slow the machine.
    """
    count, after = moments.randint(1, WATCHED[watched]), moments.choice((0, 0.01, 0.1)) * moments.random()
    record.watched, record.counts_answers = watched, moments.random() < 0.5
    record.counted = threading.Semaphore(0)
    stop, killed, faults = threading.Event(), threading.Event(), list[str]()
    threads = [
        threading.Thread(
            target=load,
            args=(Client(server.url, record, name=f"{name}-{deed.__name__}"), deed, stop, killed, faults),
        )
        for deed in DEEDS
    ]
    for thread in threads:
        thread.start()
    has_worked = all(record.counted.acquire(timeout=60) for _ in range(count))
    time.sleep(after)
    killed.set()
    server.kill9()
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not faults, faults
    assert has_worked


def kill_at_start(server: ServerProcess, *, after: float) -> ServerProcess:
    """Starts the next server, and kills it before it has announced itself or thereabouts."""
    started = server.spawn()
    time.sleep(after)
    assert started.process.poll() is None, started.output
    started.kill9()
    return started


def check_acknowledged(client: Client, record: Record) -> None:
    """What clients were told exists does, once; what they were told nothing of exists at most once."""
    files = {each["id"]: each for each in client.everything("/v1/files", 10_000)}
    assert record.files.keys() <= files.keys()
    assert not record.deleted & files.keys()
    names = Counter(each["filename"] for each in files.values() if each["filename"].startswith("request-"))
    assert record.names <= names.keys()
    assert all(count == 1 for count in names.values()), names.most_common(3)
    for path, acknowledged in ((JOBS, record.jobs), ("/v1/batches", record.batches)):
        found = client.everything(path)
        requests = {each["id"]: each["metadata"]["request"] for each in found}
        assert acknowledged.items() <= requests.items()
        assert all(count == 1 for count in Counter(requests.values()).values())
        check_statuses(found, record)


def check_statuses(found: list[Any], record: Record) -> None:
    """Nothing stands where nobody has put it, and what has ended once isn't changed any more."""
    for each in found:
        if each["id"] in record.ended:
            assert each == record.ended[each["id"]]
        elif each["object"] == "fine_tuning.job":
            may_be = record.may_be.get(each["id"], UNTOUCHED)
            assert each["status"] in may_be, f"{each['id']} is {each['status']}, not one of {may_be}"
        else:
            assert each["status"] in {"validating", "in_progress", "finalizing", "completed"}, each
        if each["status"] in ENDED | {"completed"}:
            record.ended[each["id"]] = each


def check_jobs(client: Client, record: Record) -> None:
    """Jobs have ended, each with what its end says: every step told once, and models and metrics if it succeeded."""
    models = {each["id"] for each in client.ask("GET", "/v1/models")["data"]}
    finals = set()
    for job in client.everything(JOBS):
        messages = [each["message"] for each in reversed(client.everything(f"{JOBS}/{job['id']}/events"))]
        total = record.steps[job["metadata"]["request"]]
        told = [message.split(":")[0] for message in messages if message.startswith("Step ")]
        has_succeeded = job["status"] == "succeeded"
        assert told == [f"Step {number}/{total}" for number in range(1, (total if has_succeeded else len(told)) + 1)]
        assert messages.count("The job has successfully completed") == has_succeeded
        assert messages.count("Fine-tuning job cancelled") == (job["status"] == "cancelled")
        assert (job["fine_tuned_model"] is not None) == has_succeeded
        if has_succeeded:
            check_results(client, job, total, models)
            finals.add(job["fine_tuned_model"])
    assert {name for name in models if name.startswith("ft:") and ":ckpt-step-" not in name} == finals


def check_results(client: Client, job: Any, total: int, models: set[str]) -> None:
    """A job that has succeeded leaves the metrics of each step, and checkpoints that are models."""
    (result,) = job["result_files"]
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(client.content(result)).decode())))
    assert [int(row["step"]) for row in rows] == list(range(1, total + 1))
    checkpoints = client.everything(f"{JOBS}/{job['id']}/checkpoints")
    assert {each["fine_tuned_model_checkpoint"] for each in checkpoints} <= models
    assert checkpoints[0]["fine_tuned_model_checkpoint"] == job["fine_tuned_model"]
    steps = [each["step_number"] for each in checkpoints]
    assert steps[0] == total
    assert steps == sorted(set(steps), reverse=True)


def check_batches(client: Client) -> None:
    """Each request of a batch is answered or refused, once."""
    refused = {str(number) for number in range(0, BATCH_LINES, REFUSED_EVERY)}
    for batch in client.everything("/v1/batches"):
        kept = [client.content(batch[kind]).splitlines() for kind in ("output_file_id", "error_file_id")]
        outputs, errors = ([json.loads(line)["custom_id"] for line in lines] for lines in kept)
        assert sorted([*outputs, *errors]) == sorted(str(number) for number in range(BATCH_LINES))
        assert set(errors) == refused
        assert batch["request_counts"] == {
            "total": BATCH_LINES,
            "completed": BATCH_LINES - len(refused),
            "failed": len(refused),
        }


def check_folder(data_dir: Path) -> None:
    """The database is sound, and the blobs are exactly those that it knows, each what its name says."""
    with closing(sqlite3.connect(data_dir / "server.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        known = {row[0] for row in connection.execute("SELECT DISTINCT sha256 FROM blob_uses")}
    kept = {path.name: path for path in (data_dir / "blobs").rglob("*") if path.is_file()}
    assert kept.keys() == known
    for name, path in kept.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == name
    assert not [*(data_dir / "spool").iterdir(), *(data_dir / "batches").iterdir()]


def is_over(client: Client) -> bool:
    unfinished = [job for job in client.everything(JOBS) if job["status"] not in ENDED]
    for job in unfinished:
        if job["status"] == "paused":
            client.turn(job["id"], "resume")
    return not unfinished and all(each["status"] == "completed" for each in client.everything("/v1/batches"))


def finish(client: Client, record: Record) -> None:
    """Lets everything come to its end, and looks at what has come of it."""
    for upload in sorted(record.uploads):
        while upload in record.uploads:
            client.go_on(upload)
    wait_for(lambda: is_over(client), seconds=300)
    check_acknowledged(client, record)
    check_jobs(client, record)
    check_batches(client)
    for file, name in record.files.items():
        assert client.content(file) == record.contents[name]


@pytest.mark.timeout(1200)
def test_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path) -> None:
    seed = int(os.environ.get("FTOPS_SEED", "0")) or random.randrange(2**31)
    print(f"FTOPS_SEED={seed}")  # noqa: T201 - shown when the test fails, to draw the same moments again
    moments = random.Random(seed)
    record = Record()
    start_seconds = 0.8
    with start_server(tmp_path, "--min-step-seconds", "0.001") as first:
        server, is_up = first, True
        kinds = itertools.cycle(moments.sample(sorted(WATCHED), len(WATCHED)))
        for number in range(KILLS):
            if not is_up and moments.random() < AT_START:
                # As a share of the time that a start takes here, so that it falls into all of it however slow the machine.
                server = kill_at_start(server, after=moments.uniform(0, 1.1) * start_seconds)
                continue
            if not is_up:
                began = time.monotonic()
                server = server.restart()
                start_seconds = time.monotonic() - began
                with Client(server.url, record, name="check") as client:
                    check_acknowledged(client, record)
            kill_under_load(server, record, moments, watched=next(kinds), name=f"{seed}-{number}")
            is_up = False
        server = server.restart()
        with Client(server.url, record, name="check") as client:
            finish(client, record)
        server.terminate()
    check_folder(tmp_path / "data")
    assert record.jobs
    assert record.batches
    # What is to be survived has happened.
    assert record.counts.keys() == {"cancel", "pause", "resume", "completed", "chat"}
