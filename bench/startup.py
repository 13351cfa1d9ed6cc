"""How long ``ftops --help`` takes, as a multiple of the interpreter's own start: must be at most 8.

Usage: python bench/startup.py [N]
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

LIMIT = 8.0


def main() -> int:
    """Measures both in turns, N times each; prints the medians and their ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    bare, ours = [sys.executable, "-c", "pass"], [sys.executable, "-m", "ftops", "--help"]
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(count):
        # In turns: what else the machine does then weighs on both.
        times["bare"].append(_seconds(bare))
        times["ours"].append(_seconds(ours))
    bare_median, our_median = statistics.median(times["bare"]), statistics.median(times["ours"])
    ratio = our_median / bare_median
    print(f"python -c pass   {bare_median * 1000:7.1f} ms (median of {count})")
    print(f"ftops --help     {our_median * 1000:7.1f} ms")
    print(f"ratio            {ratio:7.1f} x (limit {LIMIT:g} x)")
    return 0 if ratio <= LIMIT else 1


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
