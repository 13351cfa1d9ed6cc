"""The three measurements of ``bench/server.py``: throughput beside a peer, long lists by pages, memory under load.

Owns what is asked, how often, and which numbers are taken; judges nothing.
"""

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from http_load import Driver, Outcome, request
from server_processes import (
    BASE_MODEL,
    COMMON,
    RARE,
    Peer,
    Running,
    fill_jobs,
    run_bare,
    run_ftops,
    train_model,
    weights_of,
)
from server_scripts import CONNECTIONS, JOBS, chat, mixed_script, once_script, repeat_script, turns_script, walk_script

_PROMPTS = 2_000
_WARMUP_SECONDS = 0.5
_LISTED_JOBS, _LISTED_FILES = 1_000, 20
_SAMPLE_SECONDS = 0.25
_PAGES_A_TENTH = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Requests of one kind. The peer gives the first one's answer to all, or asks the same model, if ``has_model``."""

    name: str
    asked: tuple[bytes, ...]
    has_model: bool = False
    is_demanded: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One server under one kind of request: medians over the rounds. Latencies in milliseconds."""

    per_second: float
    cpu_microseconds: float
    p50: float
    p99: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Throughput:
    """A kind of request, at both servers. ``ratio`` is the median of the rounds' ratios, ``lowest`` and ``highest`` its range.

    ``generator_busy`` is the largest part of a core that the load generator used.
    """

    name: str
    is_demanded: bool
    ftops: Side
    bare: Side
    ratio: float
    lowest: float
    highest: float
    answer_bytes: int
    generator_busy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Walk:
    """A list read to its end by pages of 100, several times: medians of the ``seconds``, the mean of the server's processor.

    ``first_tenth`` and ``last_tenth`` are medians per page, in ms, of pages asked for in turns.
    """

    name: str
    stored: int
    listed: int
    seconds: float
    cpu_microseconds_a_job: float
    first_tenth: float
    last_tenth: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Resident memory, in MiB, under ``requests`` of all kinds; ``growth`` is the trend over the second half."""

    requests: int
    seconds: float
    statuses: Mapping[int, int]
    start: float
    middle: float
    end: float
    growth: float


def measure_throughput(folder: Path, driver: Driver, *, rounds: int, seconds: float) -> tuple[Throughput, ...]:
    """Both servers in turns, since what else the machine does weighs on both then."""
    data_dir = folder / "throughput"
    fill_jobs(data_dir, _LISTED_JOBS)
    with run_ftops(data_dir) as ftops:
        client = ftops.sdk()
        for number in range(_LISTED_FILES):
            client.files.create(file=(f"{number}.jsonl", b"{}\n"), purpose="fine-tune")
        tuned = train_model(client)
        cases = _cases(tuned)
        answers = [_answer(driver, ftops, case.asked[0]) for case in cases]
        peers = {
            f"/{place}": Peer(
                answer=json.loads(answer), weights=weights_of(data_dir, tuned) if case.has_model else None
            )
            for place, (case, answer) in enumerate(zip(cases, answers, strict=True))
        }
        with run_bare(folder, peers) as bare:
            return tuple(
                _compare(case, driver, ftops, bare, path, rounds=rounds, seconds=seconds, answer_bytes=len(answer))
                for case, path, answer in zip(cases, peers, answers, strict=True)
            )


def _cases(tuned: str) -> tuple[Case, ...]:
    # More prompts than any cache of theirs holds: real ones don't come again either.
    untuned_chats, tuned_chats = (
        tuple(chat(model, number) for number in range(_PROMPTS)) for model in (BASE_MODEL, tuned)
    )
    return (
        Case(name="chat, untuned model", asked=untuned_chats),
        Case(name="chat, tuned, same model", asked=tuned_chats, has_model=True),
        Case(name="chat, tuned, fixed answer", asked=tuned_chats, is_demanded=False),
        Case(name="jobs, limit=20", asked=(request("GET", f"{JOBS}?limit=20"),)),
        Case(name="jobs, limit=100", asked=(request("GET", f"{JOBS}?limit=100"),)),
        Case(name=f"files, {_LISTED_FILES} and 2 of a job", asked=(request("GET", "/v1/files"),)),
        Case(name="models", asked=(request("GET", "/v1/models"),)),
    )


def measure_pages(folder: Path, driver: Driver, *, jobs: int) -> tuple[Walk, ...]:
    """A tenth of the jobs, then all of them: without a filter, with one that all of them bear, with rare ones."""
    walks: list[Walk] = []
    for count in (jobs // 10, jobs):
        data_dir = folder / f"pages-{count}"
        fill_jobs(data_dir, count)
        with run_ftops(data_dir) as server:
            for name, metadata in (
                ("all", ()),
                ("metadata that all bear", (COMMON,)),
                ("metadata that 1 % bear", (RARE,)),
                ("both of them", (COMMON, RARE)),
            ):
                # Short lists more often: the processor's time is counted in hundredths of a second.
                repeats = 3 * jobs // count * (10 if RARE in metadata else 1)
                walks.append(_walk(driver, server, name, metadata, stored=count, repeats=repeats))
    return tuple(walks)


def measure_memory(folder: Path, driver: Driver, *, requests: int) -> Memory:
    """Requests of all kinds over all connections, while the server's memory is looked at."""
    data_dir = folder / "memory"
    fill_jobs(data_dir, _LISTED_JOBS)
    with run_ftops(data_dir) as server:
        tuned = train_model(server.sdk())
        job_ids = tuple(job.id for job in server.sdk().fine_tuning.jobs.list(limit=100).data)
        args = (tuned, job_ids, requests // CONNECTIONS)
        running = driver.start(server.url, mixed_script, args, connections=CONNECTIONS)
        samples: list[tuple[float, float]] = []
        began = time.perf_counter()
        while not running.done():
            samples.append((time.perf_counter() - began, server.resident() / 2**20))
            time.sleep(_SAMPLE_SECONDS)
        outcome = running.result()
    half = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([at for at, _ in half], [size for _, size in half]).slope
    return Memory(
        requests=outcome.answers,
        seconds=outcome.seconds,
        statuses=dict(sorted(outcome.statuses.items())),
        start=samples[0][1],
        middle=half[0][1],
        end=samples[-1][1],
        growth=slope * (half[-1][0] - half[0][0]),
    )


def _compare(
    case: Case,
    driver: Driver,
    ftops: Running,
    bare: Running,
    path: str,
    *,
    rounds: int,
    seconds: float,
    answer_bytes: int,
) -> Throughput:
    sides = ((ftops, case.asked), (bare, tuple(_readdressed(each, path) for each in case.asked)))
    outcomes: tuple[list[Outcome], list[Outcome]] = ([], [])
    costs: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for (server, asked), measured, spent in zip(sides, outcomes, costs, strict=True):
            before = server.cpu_seconds()
            outcome = driver.start(
                server.url, repeat_script, (asked,), connections=CONNECTIONS, warmup=_WARMUP_SECONDS, seconds=seconds
            ).result()
            used = server.cpu_seconds() - before
            # The warm-up is in the one and not in the other: its answers are taken to come as fast as the rest.
            spent.append(used / (outcome.per_second * (seconds + _WARMUP_SECONDS)) * 1e6)
            measured.append(outcome)
    ratios = [ours.per_second / theirs.per_second for ours, theirs in zip(*outcomes, strict=True)]
    ours, theirs = (_side(measured, spent) for measured, spent in zip(outcomes, costs, strict=True))
    return Throughput(
        name=case.name,
        is_demanded=case.is_demanded,
        ftops=ours,
        bare=theirs,
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        answer_bytes=answer_bytes,
        generator_busy=max(outcome.busy for measured in outcomes for outcome in measured),
    )


def _side(measured: Sequence[Outcome], spent: Sequence[float]) -> Side:
    return Side(
        per_second=statistics.median(outcome.per_second for outcome in measured),
        cpu_microseconds=statistics.median(spent),
        p50=statistics.median(outcome.latency(0.5) for outcome in measured) * 1000,
        p99=statistics.median(outcome.latency(0.99) for outcome in measured) * 1000,
    )


def _walk(
    driver: Driver, server: Running, name: str, metadata: Sequence[tuple[str, str]], *, stored: int, repeats: int
) -> Walk:
    def walk() -> Outcome:
        return driver.start(server.url, walk_script, (metadata,), connections=1).result()

    # The first time doesn't count: it reads the disk.
    ((pages, listed),) = walk().returned
    tenth = max(len(pages) // 10, 1)
    before = server.cpu_seconds()
    seconds = [walk().seconds for _ in range(repeats)]
    used = server.cpu_seconds() - before
    groups = (pages[:tenth], pages[-tenth:])
    often = tuple(tuple(group) * (_PAGES_A_TENTH // tenth + 1) for group in groups)
    ((first, last),) = driver.start(server.url, turns_script, (often,), connections=1).result().returned
    return Walk(
        name=name,
        stored=stored,
        listed=listed,
        seconds=statistics.median(seconds),
        cpu_microseconds_a_job=used / repeats / listed * 1e6,
        first_tenth=first * 1000,
        last_tenth=last * 1000,
    )


def _answer(driver: Driver, server: Running, asked: bytes) -> bytes:
    (answer,) = driver.start(server.url, once_script, (asked,), connections=1).result().returned
    assert isinstance(answer, bytes)
    return answer


def _readdressed(asked: bytes, path: str) -> bytes:
    method, _, rest = asked.split(b" ", 2)
    return b" ".join((method, path.encode(), rest))
