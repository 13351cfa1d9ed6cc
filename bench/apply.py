"""First apply of many small fine-tunes: seconds for each one at 1,000 must be at most 1.5 times those at 100.

Each fine-tune has training data of its own and a gated evaluation; all are trained, scored and promoted by ``ftops apply``
as a process of its own, against ``ftops serve`` as another one, with a bare repository as the ledger's remote.

Usage: python bench/apply.py [COUNT...] [--parallelism N] [--local]
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

LIMIT = 1.5
COUNTS = (100, 300, 1000)
LABELS = {"refund": "I want my money back for order", "card": "my card was swallowed near street"}
LOCAL_REF, SHARED_REF = "refs/heads/ftops-ledger", "refs/ftops/ledger/origin"
GRADER = '{type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{reference}}"}'


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one first apply took. ``client_seconds`` and ``server_seconds`` are of the processor, git's among the client's."""

    count: int
    seconds: float
    client_seconds: float
    server_seconds: float
    commits: int
    requests: Counter[str]


def main() -> int:
    """Measures each count in turn and prints a table; exits with 1 where the limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", metavar="COUNT", type=int, nargs="*", default=COUNTS)
    parser.add_argument("--parallelism", type=int, default=4)
    parser.add_argument("--local", action="store_true", help="no remote: the ledger stays in the clone")
    options = parser.parse_args()
    runs = []
    print(f"{'count':>6}{'seconds':>9}{'ms each':>9}{'client':>9}{'server':>9}{'commits':>9}  requests for each")
    for count in options.counts:
        run = _measure(count, parallelism=options.parallelism, is_local=options.local)
        runs.append(run)
        each = ", ".join(f"{what} {n / count:.2f}" for what, n in sorted(run.requests.items()))
        print(
            f"{count:>6}{run.seconds:>9.1f}{1000 * run.seconds / count:>9.1f}{1000 * run.client_seconds / count:>9.1f}"
            f"{1000 * run.server_seconds / count:>9.1f}{run.commits:>9}  {each}",
            flush=True,
        )
    ratio = (runs[-1].seconds / runs[-1].count) / (runs[0].seconds / runs[0].count)
    print(f"time for each at {runs[-1].count} / at {runs[0].count}: {ratio:.2f} (limit {LIMIT:g})")
    return 0 if ratio <= LIMIT else 1


def _measure(count: int, *, parallelism: int, is_local: bool) -> Run:
    with tempfile.TemporaryDirectory(prefix="ftops-bench-") as folder, _server(Path(folder)) as (server, url):
        clone = _project(Path(folder), url, count, is_local=is_local)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        words = ["apply", "--auto-approve", "--parallelism", str(parallelism), "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "ftops", *words], cwd=clone, env=_environment(), capture_output=True, check=False
        )
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            sys.exit(f"apply ended with {done.returncode}\n{done.stderr.decode()[-3000:]}")
        promoted = sum(step["kind"] == "promote" for step in json.loads(done.stdout)["steps"])
        assert promoted == count, f"{promoted} of {count} promoted"
        return Run(
            count=count,
            seconds=seconds,
            client_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            server_seconds=_processor_seconds(server.pid),
            commits=int(_git(clone, "rev-list", "--count", LOCAL_REF if is_local else SHARED_REF)),
            requests=_requests(Path(folder) / "server.log"),
        )


@contextmanager
def _server(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    with (folder / "server.log").open("wb") as log:
        words = ["--port", "0", "--data-dir", str(folder / "data"), "--access-log"]
        server = subprocess.Popen([sys.executable, "-m", "ftops.server", *words], stderr=log, stdout=log)
    try:
        announcement = folder / "data/server.json"
        while not announcement.exists():
            time.sleep(0.05)
            assert server.poll() is None, "the server ended"
        yield server, json.loads(announcement.read_text(encoding="utf-8"))["url"]
    finally:
        server.terminate()
        server.wait(60)


def _project(folder: Path, url: str, count: int, *, is_local: bool) -> Path:
    clone = folder / "clone"
    data = clone / "finetunes/data"
    data.mkdir(parents=True)
    (clone / ".gitignore").write_text(".ftops/\n", encoding="utf-8")
    (clone / "ftops.yaml").write_text(
        "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: many}\nspec:\n  backend: lab\n"
        f"  backends: {{lab: {{type: openai, base_url: '{url}/v1', settle_seconds: 3}}}}\n",
        encoding="utf-8",
    )
    (data / "test.jsonl").write_text(_rows(1_000_000, 12), encoding="utf-8")
    for number in range(count):
        (data / f"{number:04}.jsonl").write_text(_rows(100 * number, 20), encoding="utf-8")
        (clone / f"finetunes/{number:04}.yaml").write_text(_manifest(number), encoding="utf-8")
    _git(clone, "init", "-q", "-b", "main")
    _git(clone, "add", "-A")
    _git(clone, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", "Begin")
    if not is_local:
        _git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
        _git(clone, "remote", "add", "origin", str(folder / "remote.git"))
        _git(clone, "push", "-q", "-u", "origin", "main")
    return clone


def _manifest(number: int) -> str:
    return f"""\
apiVersion: ftops/v1
kind: FineTune
metadata: {{name: tune-{number:04}}}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  seed: 7
  method: {{type: supervised, hyperparameters: {{n_epochs: 1}}}}
  dataset: {{train: data/{number:04}.jsonl}}
  evals:
    - {{name: intent, dataset: data/test.jsonl, grader: {GRADER}, sampling: {{temperature: 0}}, gate: [{{min: 0.0}}]}}
  aliases: {{production: latest}}
"""


def _rows(first: int, count: int) -> str:
    lines = []
    for number in range(first, first + count):
        label, words = list(LABELS.items())[number % len(LABELS)]
        turns = [{"role": "user", "content": f"{words} {number}"}, {"role": "assistant", "content": label}]
        lines.append(json.dumps({"messages": turns}))
    return "\n".join(lines) + "\n"


def _requests(log: Path) -> Counter[str]:
    counted: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        found = re.search(r'"method":"(\w+)","path":"/v1/([^"]*)"', line)
        if found:
            path = re.sub(r"(ftjob-|file-|ft:)[^/]+", "ID", found[2].removeprefix("fine_tuning/"))
            counted[f"{found[1]} {path}"] += 1
    return counted


def _processor_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "FTOPS_", "GIT_"))}


if __name__ == "__main__":
    sys.exit(main())
