"""Measures one model under one evaluation: rows are read, sent, graded and forgotten, several at a time.

Owns the way of an item from its row to its score. Only scores are held: however many items there are, no more of their rows
and answers are in memory than are under way. Each answer is kept before anything else is done with it, so that an interrupted
run goes on where it stopped.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ftops.application.grading import Bench, has_program, open_bench, run_until
from ftops.application.line import CONCURRENCY, Line, Patience
from ftops.application.measured import Measured
from ftops.application.measurements import Item, Items, Measurement, output_digest
from ftops.domain.manifest import BackendName
from ftops.domain.scores import ItemScore, Outcome
from ftops.errors import BackendError
from ftops.evaluation.graders import GraderProblem, parse_grader, with_classes
from ftops.evaluation.pairwise import is_pairwise
from ftops.graders.samples import sample_context
from ftops.ports import BackendSession, ChatAnswer, ChatRequest, OutputStore
from ftops.ports.programs import Programs

if TYPE_CHECKING:
    from ftops.graders.kinds import Grader

# Rows that are read, and looked up among the kept answers, at a time.
_BATCH: Final = 64
# Requests wait for their turn beside those that are under way: what was refused keeps nobody from asking.
_WORKERS_PER_CALL: Final = 2
_NOT_CALLABLE: Final = "the backend can't be called in this run"
_NO_PROGRAMS: Final = "python graders are not run here; allow them with --allow-python-graders"


@dataclass(frozen=True, kw_only=True, slots=True)
class Means:
    """What measuring needs: ``sessions`` that can be called, and where judges are asked (``judging``).

    ``why_not`` says why the model's backend is not among them, where it isn't.
    """

    sessions: Mapping[BackendName, BackendSession]
    judging: BackendName
    outputs: OutputStore
    why_not: str = _NOT_CALLABLE
    programs: Programs | None = None
    concurrency: int = CONCURRENCY
    patience: Patience | None = None
    stop: threading.Event | None = None
    progress: Callable[[int, int], None] | None = None


def measure(
    measurement: Measurement,
    items: Items,
    known: Mapping[tuple[str, int], ItemScore],
    means: Means,
    *,
    contexts: Iterable[Mapping[str, Any]] = (),
) -> Measured:
    """Scores every item: those of ``known`` as they are known, the others by an answer that is kept, or else is asked for now.

    Equal requests are sent once. ``contexts`` are those of all items: label graders learn from them which classes there are.
    Raises Interrupted when ``means.stop`` is set, LocalStorageFailed, Stale.
    """
    try:
        declared = measurement.declared.spec.grader
        # One that compares pairs grades no answer by itself: answers are all that has to be there.
        grader = None if is_pairwise(declared) else with_classes(parse_grader(declared), contexts)
    except GraderProblem as problem:
        return Measured(failed=1, why=str(problem))
    runs_programs = grader is not None and has_program(grader)
    refusal = _NO_PROGRAMS if means.programs is None else means.programs.refusal() if runs_programs else None
    if runs_programs and refusal is not None:
        return Measured(failed=1, why=refusal)  # before the model is asked for answers that nobody could grade
    measured = asyncio.run(_measure(measurement, items, known, means, grader))
    if runs_programs and means.programs is not None:
        measured.isolation = means.programs.isolation
    return measured


async def _measure(
    measurement: Measurement,
    items: Items,
    known: Mapping[tuple[str, int], ItemScore],
    means: Means,
    grader: "Grader | None",
) -> Measured:
    stop = means.stop or threading.Event()
    async with AsyncExitStack() as stack:
        lines: dict[BackendName, Line] = {}
        for backend in {measurement.backend, means.judging}:
            session = means.sessions.get(backend)
            if session is not None:
                lines[backend] = Line(session.open_chat(), concurrency=means.concurrency, patience=means.patience)
                stack.push_async_callback(lines[backend].close)
        bench = await stack.enter_async_context(
            open_bench(
                line=lines.get(means.judging),
                outputs=means.outputs,
                backend=means.judging,
                asked_for=measurement.for_model or measurement.model,
                programs=means.programs,
                threads=means.concurrency,
            )
        )
        run = _Run(
            line=lines.get(measurement.backend),
            why_not=means.why_not,
            bench=bench,
            grader=grader,
            outputs=means.outputs,
            items=items,
            source=iter(items),
            known=known,
            stop=stop,
            progress=means.progress,
        )
        workers = _WORKERS_PER_CALL * means.concurrency
        await run_until(stop, [run.work() for _ in range(workers)])
        return run.result()


@dataclass(kw_only=True, slots=True)
class _Run:
    line: Line | None
    why_not: str
    bench: Bench
    grader: "Grader | None"
    outputs: OutputStore
    items: Items
    source: Iterator[Item]
    known: Mapping[tuple[str, int], ItemScore]
    stop: threading.Event
    progress: Callable[[int, int], None] | None
    measured: Measured = field(default_factory=Measured)
    _scores: list[ItemScore | None] = field(default_factory=list)
    _done: int = 0
    _ready: deque[tuple[str, ChatAnswer | None]] = field(default_factory=deque)
    # Items that wait for the answer to one request, by its key, with their places.
    _waiting: dict[str, list[tuple[int, Item]]] = field(default_factory=dict)
    _counted: set[int] = field(default_factory=set)

    async def work(self) -> None:
        """Takes one request after the other until there are no more."""
        while not self.stop.is_set() and (self._ready or self._read_on()):
            if self._ready:
                await self._settle(*self._ready.popleft())
            else:
                await asyncio.sleep(0)

    def result(self) -> Measured:
        measured, judges = self.measured, self.bench.judges
        measured.items = tuple(score for score in self._scores if score is not None)
        measured.judges_called, measured.judges_kept = judges.called, judges.kept
        return measured

    def _read_on(self) -> bool:
        """Reads the next rows. What needs no answer is settled here; False where no rows are left."""
        batch = list(islice(self.source, _BATCH))
        asked: list[str] = []
        for item in batch:
            place = len(self._scores)
            self._scores.append(None)
            score = self.known.get(item.identity)
            if score is not None:
                self._store(place, msgspec.structs.replace(score, cluster=item.cluster))
            elif item.request is None:
                self._fail(place, item, item.problem)
            elif item.key in self._waiting:
                self._waiting[item.key].append((place, item))
            else:
                self._waiting[item.key] = [(place, item)]
                asked.append(item.key)
        kept = self.outputs.get_all(asked) if asked else {}
        self._ready.extend((key, kept.get(key)) for key in asked)
        return bool(batch)

    async def _settle(self, key: str, answer: ChatAnswer | None) -> None:
        request = self._waiting[key][0][1].request
        problem = ""
        if answer is not None:
            self._count(key, answer, is_called=False)
        elif request is not None:
            answer, problem = await self._ask(key, request)
        for place, item in self._waiting.pop(key):
            if answer is None:
                self._fail(place, item, problem)
            else:
                await self._grade(place, item, answer)

    async def _ask(self, key: str, request: ChatRequest) -> tuple[ChatAnswer | None, str]:
        if self.line is None:
            return None, self.why_not
        try:
            answer = await self.line.ask(request)
        except BackendError as error:
            return None, str(error)
        self.outputs.put(key, answer)
        self._count(key, answer, is_called=True)
        return answer, ""

    async def _grade(self, place: int, item: Item, answer: ChatAnswer) -> None:
        score = ItemScore(
            row=item.digest,
            score=None,
            output=output_digest(answer),
            outcome=answer.outcome,
            repeat=item.repeat,
            milliseconds=round(1000 * answer.seconds),
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cluster=item.cluster,
        )
        if self.grader is None:
            self._store(place, score)
            return
        context: dict[str, Any] = {**item.context, "sample": sample_context(answer.text, answer.tool_calls)}
        graded = await self.bench.grade(self.grader, context)
        outcome = answer.outcome
        if graded.score is None:
            self._count_failure(graded.why)
            outcome = Outcome.ERROR
        score = msgspec.structs.replace(
            score, score=graded.score, outcome=outcome, mark=graded.mark, expected=graded.expected
        )
        self._store(place, score)

    def _fail(self, place: int, item: Item, why: str) -> None:
        self._count_failure(why)
        outcome = Outcome.ERROR
        self._store(
            place,
            ItemScore(
                row=item.digest, score=None, output=None, outcome=outcome, repeat=item.repeat, cluster=item.cluster
            ),
        )

    def _count_failure(self, why: str) -> None:
        self.measured.failed += 1
        self.measured.why = self.measured.why or why

    def _count(self, key: str, answer: ChatAnswer, *, is_called: bool) -> None:
        if hash(key) in self._counted:
            return  # equal rows far apart: the later one finds the answer kept
        self._counted.add(hash(key))
        (self.measured.called if is_called else self.measured.kept).add(answer)

    def _store(self, place: int, score: ItemScore) -> None:
        self._scores[place] = score
        self._done += 1
        if self.progress is not None:
            declared = self.items.measurement.declared
            total = (declared.dataset.rows - self.items.left_out) * declared.spec.repeats
            self.progress(self._done, total)
