"""Grades many answers, several at a time where graders have to ask somebody.

Owns threads and loop for that: graders themselves are ``ftops.graders``'s, how judges are asked is ``judges``'. What asks
nobody is graded on the spot.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ftops.application.line import CONCURRENCY, Line, Patience
from ftops.errors import Interrupted
from ftops.evaluation.graders import grade
from ftops.ports import BackendSession, OutputStore
from ftops.ports.programs import Programs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ftops.application.judges import Judges
    from ftops.graders.grading import Grade
    from ftops.graders.kinds import Grader
    from ftops.graders.similarity import Embed

_STOP_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """Where answers are graded within a loop: in ``threads`` where that may take a while."""

    judges: "Judges"
    programs: Programs | None
    threads: ThreadPoolExecutor
    embed: "Embed | None" = None

    async def grade(self, grader: "Grader", context: Mapping[str, Any]) -> "Grade":
        """Grades one answer. What a judge could not answer is a failure; raises what keeps anything from being kept."""
        if not asks_somebody(grader):
            return grade(grader, context)
        graded = await asyncio.get_running_loop().run_in_executor(self.threads, self._grade, grader, context)
        if self.judges.error is not None:
            raise self.judges.error
        return graded

    def _grade(self, grader: "Grader", context: Mapping[str, Any]) -> "Grade":
        return grade(
            grader,
            context,
            judge=self.judges.judge,
            embed=self.embed or self.judges.embed,
            run_program=None if self.programs is None else self.programs.run,
        )


@asynccontextmanager
async def open_bench(
    *,
    line: Line | None,
    outputs: OutputStore,
    backend: str,
    asked_for: str | None,
    programs: Programs | None = None,
    embed: "Embed | None" = None,
    threads: int = CONCURRENCY,
) -> "AsyncIterator[Bench]":
    """Gives a place to grade at; at the end nobody waits for a judge any more."""
    from ftops.application.judges import Judges

    loop = asyncio.get_running_loop()
    judges = Judges(line=line, loop=loop, outputs=outputs, backend=backend, asked_for=asked_for)
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ftops-grading")
    try:
        yield Bench(judges=judges, programs=programs, threads=pool, embed=embed)
    finally:
        judges.stop()
        pool.shutdown(wait=False, cancel_futures=True)
        await loop.run_in_executor(None, pool.shutdown)


def asks_somebody(grader: "Grader") -> bool:
    """Whether a grader, or a part of one, needs a model, an embedding or a process of its own."""
    from ftops.graders.kinds import Multi, TextSimilarity

    if has_program(grader):
        return True
    match grader:
        case Multi(parts=parts):
            return any(asks_somebody(part.grader) for part in parts)
        case TextSimilarity():
            return grader.embedding_model is not None
        case _:
            return getattr(grader, "model", None) is not None


def has_program(grader: "Grader") -> bool:
    """Whether a grader is, or has as a part, somebody's program."""
    from ftops.graders.kinds import Multi, Python

    parts = [part.grader for part in grader.parts] if isinstance(grader, Multi) else [grader]
    return any(isinstance(part, Python) for part in parts)


def grade_all(
    work: "Iterable[tuple[str, Grader, Mapping[str, Any]]]",
    *,
    session: BackendSession | None,
    outputs: OutputStore,
    programs: Programs | None = None,
    embed: "Embed | None" = None,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
    asked_for: str | None = None,
    concurrency: int = CONCURRENCY,
    patience: Patience | None = None,
    backend: str | None = None,
) -> "dict[str, Grade]":
    """Grades each (key, grader, context) and gives the grades by key, in the order of ``work``.

    ``session`` is where judges and embeddings are asked, None where nobody can be. What they answer is kept in ``outputs``,
    so that nobody is asked twice, under the name ``backend`` (else the session's address); ``asked_for`` keeps apart what
    undated models say, for a candidate or a run. ``progress`` hears how many are graded. Raises Interrupted when ``stop`` is
    set, and LocalStorageFailed.
    """

    async def run() -> "dict[str, Grade]":
        line = None if session is None else Line(session.open_chat(), concurrency=concurrency, patience=patience)
        try:
            async with open_bench(
                line=line,
                outputs=outputs,
                backend=backend or ("" if session is None else session.base_url),
                asked_for=asked_for,
                programs=programs,
                embed=embed,
                threads=concurrency,
            ) as bench:
                return await _grade_each(iter(work), bench, concurrency, stop or threading.Event(), progress)
        finally:
            if line is not None:
                await line.close()

    return asyncio.run(run())


async def _grade_each(
    work: "Iterator[tuple[str, Grader, Mapping[str, Any]]]",
    bench: Bench,
    workers: int,
    stop: threading.Event,
    progress: Callable[[int], None] | None,
) -> "dict[str, Grade]":
    grades: dict[str, Grade | None] = {}
    done = 0

    async def grade_some() -> None:
        nonlocal done
        for key, grader, context in work:
            grades[key] = None  # keeps the order of ``work``
            grades[key] = await bench.grade(grader, context)
            done += 1
            if progress is not None:
                progress(done)
            await asyncio.sleep(0)

    await run_until(stop, [grade_some() for _ in range(workers)])
    return {key: graded for key, graded in grades.items() if graded is not None}


async def run_until(stop: threading.Event, work: "Iterable[Any]") -> None:
    """Runs coroutines side by side to their end. The first one's error ends all; raises Interrupted when ``stop`` is set."""
    tasks = [asyncio.ensure_future(each) for each in work]
    working = asyncio.gather(*tasks)
    try:
        while not working.done():
            await asyncio.wait([working], timeout=_STOP_SECONDS)
            if stop.is_set():
                break
        if stop.is_set():
            raise Interrupted("interrupted; the answers so far are kept")
        working.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, working, return_exceptions=True)
