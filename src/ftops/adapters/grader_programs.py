"""Runs python graders, isolated or not, and says in words what became of one that gives no score.

Owns how many processes there are for it, and the limits of OpenAI's guide: 2 minutes and 2 GB for each item. The processes are
``grader_cell``'s.
"""

import ast
import hashlib
import json
import math
import queue
import signal
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from ftops.adapters.grader_cell import CellLost, CellRefused, GraderCell
from ftops.domain.foreign_text import quoted, visible
from ftops.errors import Interrupted
from ftops.graders.problems import Failure, FailureKind, GradingFailed
from ftops.ports import ProgramMode
from ftops.sandbox.wire import MOST_SAID, Ending

SECONDS: Final = 120.0
MEMORY_BYTES: Final = 2 << 30
MOST_CELLS: Final = 4
MOST_LATE: Final = 8
"""How often a grader may take too long before it is run no more: one time is enough for its evaluation to end in error."""

_TRIAL: Final = "def grade(sample, item):\n    return 1.0\n"
_REMEDY: Final = (
    "run where users may make namespaces (docs/evaluation.md, Python graders), or give --unsafe-python-graders, which runs"
    " the repository's code with your rights"
)
# Libraries that take long to import, and modules that most graders use: imported once instead of for each item.
_WELL_KNOWN: Final = frozenset(
    {
        "collections",
        "datetime",
        "decimal",
        "difflib",
        "fractions",
        "functools",
        "itertools",
        "json",
        "jsonschema",
        "math",
    }
    | {"nltk", "numpy", "rapidfuzz", "random", "re", "rouge_score", "sacrebleu", "scipy", "statistics", "string"}
    | {"textwrap", "typing", "unicodedata"}
)
_WALLS: Final = frozenset({"PermissionError", "BlockingIOError", "FileNotFoundError"})
_LONGEST_WORDS: Final = 300
_LAST_LINE: Final = 1_000_000  # a grader may say any number


class GraderPrograms:
    """Fits ``ports.Programs``. Each thread that grades has a process of its own, up to ``most_cells``.

    ``mode`` is what a person allowed; ``stop`` ends a waiting ``run`` by Interrupted.
    """

    def __init__(
        self,
        mode: ProgramMode,
        *,
        stop: threading.Event,
        seconds: float = SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        most_cells: int = MOST_CELLS,
    ) -> None:
        self._mode = mode
        self._stop = stop
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        # A place for each process that may run; None is one that has none yet. The last one used is the first one taken.
        self._places: queue.LifoQueue[GraderCell | None] = queue.LifoQueue()
        for _ in range(most_cells):
            self._places.put(None)
        self._refusal: str | None = None
        self._preloads: dict[str, tuple[str, ...]] = {}
        self._late: Counter[str] = Counter()

    @property
    def isolation(self) -> Literal["isolated", "none"] | None:
        """How they run, for the record; None where they can't."""
        if self._refusal is not None:
            return None
        return "isolated" if self._mode is ProgramMode.ISOLATED else "none"

    def refusal(self) -> str | None:
        """Says why none can run here, and the remedy; finds out by starting a process."""
        if self._refusal is None:
            cell = self._places.get()
            try:
                cell = cell or self._start()
            except GradingFailed as problem:
                return str(problem)
            finally:
                self._places.put(cell)
        return self._refusal

    def run(self, source: str, sample: Mapping[str, Any], item: Mapping[str, Any]) -> float:
        """Gives the score of ``grade(sample, item)``. Raises GradingFailed, and Interrupted when the run is to stop."""
        if self._refusal is not None:
            raise _failed(FailureKind.PROGRAM_HOST, self._refusal)
        program = hashlib.sha256(source.encode(errors="surrogatepass")).hexdigest()
        given = json.dumps({"sample": sample, "item": item}).encode()
        cell = self._places.get()
        try:
            if self._stop.is_set():
                raise Interrupted("interrupted")
            if self._late[program] >= MOST_LATE:
                raise _failed(FailureKind.PROGRAM, f"the python grader took too long {MOST_LATE} times: not run again")
            cell = cell or self._start()
            ending, said = cell.ask(program, source, self._preload(program, source), given, seconds=self._seconds)
        except CellLost as error:
            raise _failed(FailureKind.PROGRAM_HOST, "the process for python graders was ended") from error
        finally:
            self._places.put(None if cell is None or cell.has_ended else cell)
        self._late[program] += ending["how"] == "late"
        return _score(ending, said, seconds=self._seconds, memory_bytes=self._memory_bytes, mode=self._mode)

    def close(self) -> None:
        """Ends the processes; nothing may be running in them."""
        while not self._places.empty():
            cell = self._places.get()
            if cell is not None:
                cell.end()

    def _start(self) -> GraderCell:
        """Starts a process and lets it grade once: not every limit shows before. Raises GradingFailed, Interrupted."""
        is_isolated = self._mode is ProgramMode.ISOLATED
        try:
            cell = GraderCell(is_isolated=is_isolated, memory_bytes=self._memory_bytes, stop=self._stop)
            ending, said = cell.ask("trial", _TRIAL, (), b'{"sample": {}, "item": {}}', seconds=SECONDS)
            try:
                _score(ending, said, seconds=SECONDS, memory_bytes=self._memory_bytes, mode=self._mode)
            except GradingFailed:
                cell.end()
                raise
        except (CellRefused, CellLost, GradingFailed) as problem:
            why = str(problem) or "their process ended at once"
            self._refusal = f"python graders can't be run here: {why}"
            if is_isolated:
                self._refusal = f"python graders can't be isolated here: {why}; {_REMEDY}"
            raise _failed(FailureKind.PROGRAM_HOST, self._refusal) from problem
        return cell

    def _preload(self, program: str, source: str) -> tuple[str, ...]:
        if program not in self._preloads:
            self._preloads[program] = well_known_imports(source)
        return self._preloads[program]


def well_known_imports(source: str) -> tuple[str, ...]:
    """Gives the modules that a grader imports at its top and that can be imported for it: libraries known to be harmless."""
    try:
        program = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    names: set[str] = set()
    for node in program.body:
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return tuple(sorted(name for name in names if _is_well_known(name.split("."))))


def _is_well_known(parts: Sequence[str]) -> bool:
    return parts[0] in _WELL_KNOWN and all(part.isidentifier() and not part.startswith("_") for part in parts)


def _score(ending: Ending, said: bytes | bytearray, *, seconds: float, memory_bytes: int, mode: ProgramMode) -> float:
    """Reads what a child said, as somebody's who may say anything. Raises GradingFailed."""
    match ending["how"]:
        case "late":
            raise _failed(FailureKind.PROGRAM, f"the python grader took longer than {seconds:g} seconds")
        case "flood":
            raise _failed(FailureKind.PROGRAM, f"the python grader said more than {MOST_SAID:,} bytes")
        case _:
            pass
    if not said:
        by = _signal_name(ending["number"]) if ending["how"] == "signal" else f"exit {ending['number']}"
        raise _failed(FailureKind.PROGRAM, f"the python grader ended without a score, by {by}")
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    match answer:
        case {"score": float() as score} if math.isfinite(score):
            return score
        case {"error": "MemoryError"}:
            most = f"{memory_bytes / (1 << 30):g} GB"
            raise _failed(FailureKind.PROGRAM, f"the python grader needed more than {most} of memory")
        case {"error": str() as error, "message": str() as message, "line": int() | None as line} if (
            error.isidentifier()
        ):
            raise _failed(FailureKind.PROGRAM, _told(error, message, line, mode))
        case _:
            raise _failed(FailureKind.PROGRAM, "the python grader said what is neither a score nor an error")


def _told(error: str, message: str, line: int | None, mode: ProgramMode) -> str:
    where = f" in line {line}" if line is not None and 0 < line <= _LAST_LINE else ""
    words = f": {quoted(message, limit=_LONGEST_WORDS)}" if message else ""
    is_at_walls = mode is ProgramMode.ISOLATED and (error in _WALLS or "start new thread" in message)
    why = "; it is isolated: no network, no processes or threads, no files but its own" if is_at_walls else ""
    return f"the python grader failed{where} with {visible(error[:_LONGEST_WORDS])}{words}{why}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _failed(kind: FailureKind, message: str) -> GradingFailed:
    return GradingFailed(Failure(kind=kind, message=message))
