"""An evaluation, every answer kept and graded, beside a bare loop over the same SDK that keeps nothing.

Both send the same requests to the same ``ftops serve``, equally many at a time, each from a process of its own. The evaluation
must reach 70 % of the loop's rate, and 85 % where each answer takes 50 ms; its memory must not grow with the items: what is
held of each is its score. A server that throttles at 20 requests a second must be driven at 90 % of that; no item may fail.

Usage: python bench/evals.py [--items N] [--sizes N...] [--rounds N]
"""

import argparse
import asyncio
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai

from ftops.adapters.backend_address import NO_KEY, Address
from ftops.adapters.clock import SystemClock
from ftops.adapters.dataset_files import DatasetFiles
from ftops.adapters.evaluation_files import EvaluationFiles
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.adapters.output_files import OutputFiles
from ftops.application.baselines import Candidate
from ftops.application.evaluate import Evaluations
from ftops.datasets.inputs import input_digest
from ftops.domain.desired import Dataset, Declared, DeclaredEval
from ftops.domain.events import Evaluated
from ftops.domain.manifest import (
    Backend,
    BackendName,
    BackendType,
    DatasetPaths,
    EvalSpec,
    FineTune,
    FineTuneName,
    ModelId,
    Revision,
)
from ftops.domain.records import FineTuneRecord
from server_processes import question, run_ftops, train_model

CONCURRENCY = 32
FLOOR, FLOOR_WHEN_SLOW = 0.70, 0.85
DELAY = 0.05
BYTES_PER_ITEM = 1500
PER_SECOND, THROTTLED_ITEMS, THROTTLED_FLOOR = 20, 400, 0.90
THROTTLED = f"faults:\n  - {{fault: throttle, per_second: {PER_SECOND}, match: {{path: /v1/chat/completions}}}}\n"
DELAYED = f"faults:\n  - {{fault: delay, seconds: {DELAY}, match: {{path: /v1/chat/completions}}}}\n"


def main() -> int:
    """Measures and prints; exits with 1 where a floor or the limit of memory is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--sizes", type=int, nargs="*", default=(1000, 5000, 20_000))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=4, metavar=("KIND", "URL", "MODEL", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_child(*options.child)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        faults = root / "faults.yaml"
        faults.write_text("faults: []\n", encoding="utf-8")
        (root / "server").mkdir()
        with run_ftops(root / "server", "--faults", str(faults)) as server:
            model = train_model(server.sdk())
            place = (server.url, model, root)
            is_fast = _compare("answers at once", place, options.items, options.rounds, floor=FLOOR)
            is_flat = _memory(place, options.sizes)
            faults.write_text(DELAYED, encoding="utf-8")
            title = f"answers after {1000 * DELAY:.0f} ms"
            is_fast_when_slow = _compare(title, place, options.items, options.rounds, floor=FLOOR_WHEN_SLOW)
            faults.write_text(THROTTLED, encoding="utf-8")
            is_driven = _throttled(place)
    return 0 if is_fast and is_fast_when_slow and is_flat and is_driven else 1


def _compare(title: str, place: tuple[str, str, Path], items: int, rounds: int, *, floor: float) -> bool:
    """Lets both take turns, and compares the medians."""
    url, model, root = place
    runs: dict[str, list[dict[str, float]]] = {"bare": [], "eval": []}
    for number in range(rounds):
        for kind, measured in runs.items():
            folder = _dataset(root / f"{title}-{kind}-{number}", items)
            measured.append(_run(kind, url, model, folder))
    bare, ours = (sorted(run["seconds"] for run in each)[len(each) // 2] for each in runs.values())
    used = [1000 * min(run["processor"] for run in each) / items for each in runs.values()]
    share = bare / ours
    print(
        f"{title}: {items} items, bare loop {items / bare:.0f}/s, evaluation {items / ours:.0f}/s: {share:.0%}", end=" "
    )
    print(f"(at least {floor:.0%}); {used[0]:.2f} and {used[1]:.2f} ms of the processor an item", flush=True)
    return share >= floor


def _memory(place: tuple[str, str, Path], sizes: tuple[int, ...]) -> bool:
    """Runs evaluations of several sizes, and compares what an item more takes."""
    url, model, root = place
    peaks = [_run("eval", url, model, _dataset(root / f"memory-{size}", size))["peak"] for size in sizes]
    shown = ", ".join(f"{size:,} items {peak / 1e6:.0f} MB" for size, peak in zip(sizes, peaks, strict=True))
    each = (peaks[-1] - peaks[0]) / max(1, sizes[-1] - sizes[0])
    print(
        f"peak memory: {shown}: {each:.0f} bytes an item (at most {BYTES_PER_ITEM}: its score, and the record's text)"
    )
    return each <= BYTES_PER_ITEM


def _throttled(place: tuple[str, str, Path]) -> bool:
    """Measures how much of the allowance is used: the rate for as long as it took, and a burst of a second's worth before."""
    url, model, root = place
    seconds = _run("eval", url, model, _dataset(root / "throttled", THROTTLED_ITEMS))["seconds"]
    share = THROTTLED_ITEMS / (PER_SECOND * (seconds + 1))
    print(
        f"throttled at {PER_SECOND}/s: {THROTTLED_ITEMS} items in {seconds:.1f} s, none failed: {share:.0%} of the allowance"
    )
    return share >= THROTTLED_FLOOR


def _run(kind: str, url: str, model: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", kind, url, model, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    return dict(json.loads(done.stdout))


def _dataset(folder: Path, items: int) -> Path:
    folder.mkdir()
    with (folder / "test.jsonl").open("w", encoding="utf-8") as file:
        for number in range(items):
            turns = [*question("refund", number), {"role": "assistant", "content": "refund"}]
            file.write(json.dumps({"messages": turns}) + "\n")
    return folder


def _child(kind: str, url: str, model: str, folder: str) -> dict[str, float]:
    run = _bare if kind == "bare" else _evaluate
    started, right = run(f"{url}/v1", model, Path(folder))
    seconds = time.perf_counter() - started
    if right == 0:
        raise SystemExit("nothing was answered right: this measures no evaluation")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": seconds, "peak": used.ru_maxrss * 1024, "processor": used.ru_utime + used.ru_stime}


def _bare(base_url: str, model: str, folder: Path) -> tuple[float, int]:
    """What people write: the SDK's client, some tasks, and a comparison. Gives its start, and how many items were right."""

    right = 0

    async def work(client: openai.AsyncOpenAI, rows: Iterator[Mapping[str, Any]]) -> None:
        nonlocal right
        for row in rows:
            answer = await client.chat.completions.create(model=model, messages=row["messages"][:-1])
            right += answer.choices[0].message.content == row["messages"][-1]["content"]

    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none") as client:
            with (folder / "test.jsonl").open(encoding="utf-8") as file:
                rows = (json.loads(line) for line in file)
                await asyncio.gather(*(work(client, rows) for _ in range(CONCURRENCY)))

    started = time.perf_counter()
    asyncio.run(run())
    return started, right


def _evaluate(base_url: str, model: str, folder: Path) -> tuple[float, int]:
    """The evaluation that apply runs. Gives its start, and how many items were right."""

    started = time.perf_counter()
    backend = BackendName("bench")
    session = OpenAIBackend(Address(base_url=base_url, key=NO_KEY, is_loopback=True))
    outputs = OutputFiles(folder / "outputs")
    evaluations = Evaluations(
        files=EvaluationFiles(folder, DatasetFiles(folder)),
        outputs=outputs,
        sessions={backend: session},
        clock=SystemClock(threading.Event()),
        input_digest=input_digest,
        concurrency=CONCURRENCY,
    )
    record = FineTuneRecord(format_version="1", name="bench")
    candidate = Candidate(model=ModelId(model), backend=backend)
    (event,) = evaluations.evaluate(record, _declared(folder), candidate=candidate)
    assert isinstance(event, Evaluated)
    if event.evaluation.error is not None:
        raise SystemExit(event.evaluation.error)
    outputs.close()
    session.close()
    return started, sum(item.score == 1.0 for item in event.evaluation.items)


def _declared(folder: Path) -> Declared:
    content = (folder / "test.jsonl").read_bytes()
    dataset = Dataset(
        path="test.jsonl",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        rows=content.count(b"\n"),
    )
    spec = EvalSpec(
        name="intent",
        dataset="test.jsonl",
        grader={
            "type": "string_check",
            "operation": "eq",
            "input": "{{sample.output_text}}",
            "reference": "{{reference}}",
        },
    )
    return Declared(
        fine_tune=FineTune(
            name=FineTuneName("bench"), base_model="base", dataset=DatasetPaths(train="test.jsonl"), path="m.yaml"
        ),
        backend=Backend(name=BackendName("bench"), type=BackendType.OPENAI),
        revision=Revision("b" * 12),
        train=dataset,
        evals=(DeclaredEval(spec=spec, dataset=dataset, digest=f"{datetime.now(UTC).timestamp():064.0f}"),),
    )


if __name__ == "__main__":
    sys.exit(main())
