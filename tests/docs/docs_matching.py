"""Compares what a command printed with what a page shows, and writes what the page would have to show.

Of all ways to lay the page's lines over the printed ones, that counts in which most lines agree; so an output that grew by
a line is shown as that line, and wildcards stay where they fit.
"""

import re
from collections.abc import Sequence
from functools import cache

from docs_page import ANSWER

ANY = "…"
# What differs from run to run: ids, moments, durations, ports.
_VARYING = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\b(ftjob|file|int)-\w{6,}", r"\1-…"),
        (r"\bft:([^\s:]+):[^\s:]+:([^\s:]+):\w+", r"ft:\1:…:\2:…"),
        (r"(?<![\w-])20\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z| UTC)?)?", "…"),
        (r"\b\d+(?:\.\d+)? (?:ms|s|seconds?|min|minutes?)\b", "…"),
        (r"\b[0-9a-f]{40}\b", "…"),
        (r"\bcommit [0-9a-f]{7,12}\b", "commit …"),
        (r"\bby \S+/\d+/\d+", "by …"),
        (r"(latency p\d\d) .*", r"\1 …"),
        (r"(?:(?<=\bin )|(?<=\bfor ))20\d\d-\d\d\b", "…"),
        (r"\bftops_[0-9a-f]{32}\b", "ftops_…"),
        (r"(?<= at `)[0-9a-f]{12}(?=`)", "…"),
        # Columns are as wide as what stands in them.
        (r"\s+AGE\b", " …AGE"),
        (r" {2,}…", " …"),
        # How often progress is told depends on how long things take.
        (r"^[a-z0-9-]+: (?:training|evaluating|waiting|queued)\b.*", "…"),
    )
)


def matches(expected: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether the printed lines are what a page shows."""
    return rewritten(expected, printed) == list(expected)


def rewritten(expected: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Gives the lines that a page has to show for what was printed: its own where they agree, printed ones elsewhere."""
    patterns = [_pattern(line) for line in expected]

    @cache
    def best(i: int, j: int) -> tuple[int, str]:
        """The most that can agree from line ``i`` of the page and line ``j`` of the output on, and the step to take."""
        if i == len(expected):
            return -(len(printed) - j), "add" if j < len(printed) else "end"
        ways = [(best(i + 1, j)[0] - (0 if expected[i] == ANY else 1), "drop")]
        if expected[i] == ANY:
            ways[0] = (best(i + 1, j)[0], "close")
        if j < len(printed):
            # A question is shown always: without it the page would hold no answer.
            if expected[i] == ANY:
                if not ANSWER.search(printed[j]):
                    ways.append((best(i, j + 1)[0], "pass"))
            elif patterns[i].fullmatch(printed[j]):
                ways.append((best(i + 1, j + 1)[0] + 2, "keep"))
            ways.append((best(i, j + 1)[0] - 1, "add"))
        return max(ways, key=lambda way: way[0])

    made: list[str] = []
    i = j = 0
    while (step := best(i, j)[1]) != "end":
        if step in {"keep", "close", "add"}:
            line = masked(printed[j]) if step == "add" else expected[i]
            if line != ANY or made[-1:] != [ANY]:
                made.append(line)
        i += step in {"keep", "close", "drop"}
        j += step in {"keep", "add", "pass"}
    return made


def masked(line: str) -> str:
    """Puts ``…`` where a line will read differently next time."""
    for pattern, put in _VARYING:
        line = pattern.sub(put, line)
    return line


def lines_of(output: str) -> list[str]:
    """Gives an output's lines as a page shows them: without spaces at their ends and empty lines at the end."""
    lines = [line.rstrip() for line in output.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(part) for part in line.rstrip().split(ANY)))
